/* What an operating system must supply. Statuses are those of wmmf.h. */
#ifndef WMMF_PLATFORM_H
#define WMMF_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "atomic.h"
#include "layout.h"
#include "wmmf.h"

/* A mapping and the kernel objects that belong to it. */
struct platform_mapping;

/* Creates and maps `size` zeroed bytes, or as many as the pages have that options->flags ask for, and reserves the
 * first ones; WMMF_E_NO_MEMORY unless there is room for all of them now. `addresses`, if they are more, are for
 * platform_commit. On POSIX the name appears with platform_publish, on Windows at once: openers may see it before
 * anything is stored. It ends, name and all, once nobody has it open, dead or alive. */
int32_t platform_create(const char *name, const wmmf_options *options, uint64_t size, uint64_t reserved,
                        uint64_t addresses, struct platform_mapping **out);
/* Bytes of the pages of this mapping, as far as the system says that they are not the ordinary ones. */
uint64_t platform_page_size(const struct platform_mapping *mapping);
/* Maps it once more, in the large pages that it claims to have, where the system has to be asked for that; as it is if
 * the system refuses. platform_base may change. */
void platform_map_large(struct platform_mapping *mapping, bool read_only);
/* Keeps all of the mapping in memory as long as this process has it. */
int32_t platform_keep(struct platform_mapping *mapping);
/* Tells the system how mapped bytes are going to be used: enum wmmf_advice. */
int32_t platform_advise(uint8_t *data, uint64_t length, uint32_t advice);
/* How many bytes it could have in all: more than platform_mapped_size where it is only reserved behind that. */
uint64_t platform_addresses(const struct platform_mapping *mapping);
/* Has addresses for so many bytes, of which more than are there must not be used. platform_base may change. */
int32_t platform_extend(struct platform_mapping *mapping, uint64_t addresses);
/* Gives the first `size` bytes memory, for all who have it open; there are addresses for them. Those that are new are
 * zero. A failure, or a death, may leave a part done, which the next try then finds. */
int32_t platform_commit(struct platform_mapping *mapping, uint64_t size);
/* How many bytes have memory, from the first on: all of them, or at least `enough`. */
int32_t platform_committed(struct platform_mapping *mapping, uint64_t enough, uint64_t *size);
/* Reserves more: to touch what is not reserved ends the program, if there is no memory left by then. */
int32_t platform_reserve(struct platform_mapping *mapping, uint64_t offset, uint64_t length);
int32_t platform_publish(struct platform_mapping *mapping);
/* Does not wait: WMMF_E_NOT_READY if somebody is removing it right now. */
int32_t platform_open(const char *name, const wmmf_options *options, struct platform_mapping **out);
/* The same for a section without a name, only a random number: *id. Its access follows from the outer section:
 * the same users in the same way, or, for its readers, all users who may read it may write this. */
int32_t platform_create_inner(const struct platform_mapping *outer, bool for_readers, uint64_t size, uint64_t reserved,
                              uint64_t *id, struct platform_mapping **out);
/* WMMF_E_ACCESS unless the outer section's owner has made it. */
int32_t platform_open_inner(const struct platform_mapping *outer, bool for_readers, uint64_t id, bool read_only,
                            struct platform_mapping **out);
/* The same without a name, for whoever gets a handle of it. Nobody can make it shorter. */
int32_t platform_create_unnamed(const wmmf_options *options, uint64_t size, uint64_t reserved, uint64_t addresses,
                                struct platform_mapping **out);
/* Of a section without a name: a handle that leads to it, in the process `pid`, 0: in this one. */
int32_t platform_share(struct platform_mapping *mapping, uint32_t pid, bool read_only, int64_t *handle);
/* The handle stays the caller's. */
int32_t platform_open_handle(int64_t handle, bool read_only, struct platform_mapping **out);
/* WMMF_E_ACCESS unless the user of this process owns the section. */
int32_t platform_check_own(const struct platform_mapping *mapping);
/* Fills in the access that a section like this one is created with. */
int32_t platform_access_of(const struct platform_mapping *mapping, wmmf_options *options);
/* Calls `found` for the name of each section in this namespace that this library may have made and that somebody has
 * open, until it returns false. */
int32_t platform_list(uint32_t name_space, bool (*found)(void *context, const char *name), void *context);
/* Unmaps; the last user's close removes the name. */
void platform_close(struct platform_mapping *mapping);
/* How a call ends that makes a mapping: hands it out, or closes it. */
static inline int32_t mapping_hand_out(struct platform_mapping *mapping, int32_t status,
                                       struct platform_mapping **out) {
    if (status == WMMF_OK)
        *out = mapping;
    else
        platform_close(mapping);
    return status;
}
uint8_t *platform_base(const struct platform_mapping *mapping);
uint64_t platform_mapped_size(const struct platform_mapping *mapping);

/* Files of the file system. */
struct platform_file {
    const char *path;
    uint32_t file_mode;   /* enum wmmf_file_mode */
    uint32_t protection;  /* enum wmmf_protection */
    uint32_t share;       /* enum wmmf_file_share */
    uint32_t permissions; /* POSIX: of a new file */
    bool native;          /* tokens of it will be claimed */
    bool write_through;
    const char *name; /* of the section, in name_space; NULL: none. Windows */
    uint32_t name_space;
};
/* Opens it and maps nothing yet. *created: there was none. */
int32_t platform_file_open(const struct platform_file *file, struct platform_mapping **out, bool *created);
void platform_file_remove(const char *path);
/* While one process prepares a file, the others wait here. The end of a process unlocks. */
int32_t platform_file_lock(struct platform_mapping *mapping);
void platform_file_unlock(struct platform_mapping *mapping);
int32_t platform_file_size(struct platform_mapping *mapping, uint64_t *size);
/* Makes it longer, with zeros, or shorter. `reserve`: the disk has the room now, or WMMF_E_NO_MEMORY. */
int32_t platform_file_resize(struct platform_mapping *mapping, uint64_t size, bool reserve);
/* Maps `size` bytes at any `offset` of the file, which has them. */
int32_t platform_file_map(struct platform_mapping *mapping, uint64_t offset, uint64_t size);
void platform_file_unmap(struct platform_mapping *mapping);
/* Copies between a buffer and the file, from its beginning, or the mapping where the protection is copy-on-write. Where
 * a page is missing because the file was cut short, the answer is WMMF_E_TRUNCATED and not a signal. */
int32_t platform_file_read(struct platform_mapping *mapping, uint64_t offset, void *buffer, size_t length);
int32_t platform_file_write(struct platform_mapping *mapping, uint64_t offset, const void *buffer, size_t length);
/* Hands changes of the mapped bytes to the system, or further on to the device. */
int32_t platform_file_flush(struct platform_mapping *mapping, uint64_t offset, uint64_t length, bool to_device);
/* A number that differs between starts of the system; 0: the system has none. */
uint64_t platform_boot_id(void);

/* A part of a section or file that is mapped once more, and stays when that is closed. */
struct platform_window {
    void *view;
    uint64_t view_size;
    uint8_t *data;
};
/* `offset` counts from platform_base, or from the beginning of a file. */
int32_t platform_window_map(struct platform_mapping *mapping, uint64_t offset, uint64_t length, uint32_t protection,
                            struct platform_window *window);
/* Hands changes of `length` bytes at `offset` of a window to the system. */
int32_t platform_window_flush(const struct platform_window *window, uint64_t offset, uint64_t length);
void platform_window_unmap(struct platform_window *window);
void platform_page_sizes(uint64_t *page, uint64_t *granularity, uint64_t *large);

/* The user to whom the section belongs: a name, or its number or SID if it has none. */
#define OWNER_NAME_CAPACITY 600
int32_t platform_owner(struct platform_mapping *mapping, char name[OWNER_NAME_CAPACITY]);
/* Whether the name still leads to this section. */
bool platform_is_named(const struct platform_mapping *mapping);
/* Nobody is to open it any more. Those who have it open keep it; its memory goes with the last of them. */
void platform_end_name(const struct platform_mapping *mapping);
/* Whether this process is a fork of the one that opened the section. */
bool platform_forked(const struct platform_mapping *mapping);
/* In a fork: drops the share in the parent's tokens and use of the section; the memory stays. Else: WMMF_E_ARGUMENT. */
int32_t platform_after_fork_child(struct platform_mapping *mapping);

/* Opens what sleeping and tokens need, for the section with this random id; for `looking`, what asking for tokens
 * needs.
 */
int32_t platform_join(struct platform_mapping *mapping, uint64_t section_id, bool looking);

/* A token is something of which the kernel knows whether the process that claimed it lives: it is held by one handle at
 * most and dropped by the kernel at its end. Uncertain means alive. */
/* WMMF_OK; WMMF_E_EXISTS: somebody has it, or may; or why this system cannot tell. */
int32_t platform_token_claim(struct platform_mapping *mapping, uint32_t index);
/* WMMF_OK proves that whoever claimed it is dead, and keeps everybody from claiming it until it is dropped. Several
 * handles may seal one token at the same time, where the system allows it. Else as a claim. */
int32_t platform_token_seal(struct platform_mapping *mapping, uint32_t index);
void platform_token_drop(struct platform_mapping *mapping, uint32_t index);
/* The same question without write rights. */
bool platform_token_alive(struct platform_mapping *mapping, uint32_t index);

/* Sleeps until woken, at most `timeout_ns`, unless *epoch is no longer `seen`. May return early for no reason. `place`
 * is a number of the epoch in its section: below EVENT_COUNT for those of the header, which are slept on most. */
void platform_sleep(struct platform_mapping *mapping, uint64_t place, const shared_u32 *epoch, uint32_t seen,
                    int64_t timeout_ns);
void platform_wake(struct platform_mapping *mapping, uint64_t place, shared_u32 *epoch, uint32_t sleepers);

/* One of several sleeps: the arguments of platform_sleep. */
struct platform_sleep {
    struct platform_mapping *mapping;
    uint64_t place; /* of the header */
    const shared_u32 *epoch;
    uint32_t seen;
};
/* Sleeps as platform_sleep, until the first of them ends, or the waker (may be NULL) is woken. Where a system has no
 * such call, it sleeps for a moment instead: the caller looks again, and loses only time. */
void platform_sleep_many(const struct platform_sleep *sleeps, uint32_t count, struct wmmf_waker *waker,
                         int64_t timeout_ns);

/* What ends platform_sleep_many in this process: it does not sleep while `woken` is 1. */
struct wmmf_waker {
    shared_u32 woken;
    void *event; /* Windows: what is waited for */
};
int32_t platform_waker_open(struct wmmf_waker *waker);
void platform_waker_close(struct wmmf_waker *waker);
void platform_waker_wake(struct wmmf_waker *waker);

/* A short sleep that cannot be ended early. */
void platform_pause(int64_t ns);
void platform_yield(void);

int64_t platform_monotonic_ns(void);
uint64_t platform_unix_ns(void);
/* The same, cheaper and no newer than the last tick of the system. */
uint64_t platform_unix_coarse_ns(void);
/* Of this process. Through a handle of its own (else NULL) it costs no system call. */
uint32_t platform_process_id(const struct platform_mapping *mapping);
/* A number of the calling thread that no other thread of this process ever has, or the one that it acts as; 0: no
 * memory for that. */
uint64_t platform_thread_number(void);
/* From now on it acts as `number`; 0: as itself. *previous becomes what it was before, in the same way. False: no
 * memory for that. */
bool platform_act_as(uint64_t number, uint64_t *previous);
/* Not the platform's (lock_holders.c): called by it with the thread's own number when the thread ends, in that thread,
 * but not once the library is unloaded. A thread that is ended from outside (TerminateThread) does not end in this
 * sense. */
void thread_ended(uint64_t number);
/* A number for what is mapped: the same for all mappings of one section of this process. */
uint64_t platform_identity(const struct platform_mapping *mapping);
int32_t platform_random(uint64_t *value);

#endif
