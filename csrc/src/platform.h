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

/* Creates and maps `size` zeroed bytes, rounded up to the pages that options->flags ask for, and reserves the first
 * `reserved`. WMMF_E_NO_MEMORY: there is no memory for all of them now. If `addresses` is larger, the rest is for
 * platform_commit. On POSIX the name appears with platform_publish, on Windows at once: openers may see it before
 * anything is stored. The section ends, with its name, once no process has it open any more. */
int32_t platform_create(const char *name, const wmmf_options *options, uint64_t size, uint64_t reserved,
                        uint64_t addresses, struct platform_mapping **out);
/* The size of this mapping's pages, if the system says that they are not ordinary ones. */
uint64_t platform_page_size(const struct platform_mapping *mapping);
/* Maps it again in the large pages that it claims to have, if the system needs to be asked for that; does nothing if
 * the system refuses. platform_base may change. */
void platform_map_large(struct platform_mapping *mapping, bool read_only);
/* Locks all of the mapping in memory as long as this process has it. */
int32_t platform_keep(struct platform_mapping *mapping);
/* Tells the system how mapped bytes will be used: enum wmmf_advice. */
int32_t platform_advise(uint8_t *data, uint64_t length, uint32_t advice);
/* The size to which it can grow: more than platform_mapped_size if the rest is only reserved. */
uint64_t platform_addresses(const struct platform_mapping *mapping);
/* Maps addresses for this many bytes; those without memory must not be used. platform_base may change. */
int32_t platform_extend(struct platform_mapping *mapping, uint64_t addresses);
/* Gives the first `size` bytes memory, for all processes that have it open; they have addresses for them. New bytes are
 * zero. A failure or a death may leave a part done, which the next try then finds. */
int32_t platform_commit(struct platform_mapping *mapping, uint64_t size);
/* How many bytes have memory, from the first on: the exact number, or at least `enough`. */
int32_t platform_committed(struct platform_mapping *mapping, uint64_t enough, uint64_t *size);
/* Reserves more: touching bytes that are not reserved ends the program if there is no memory left by then. */
int32_t platform_reserve(struct platform_mapping *mapping, uint64_t offset, uint64_t length);
int32_t platform_publish(struct platform_mapping *mapping);
/* Does not wait: WMMF_E_NOT_READY if another process is just removing it. */
int32_t platform_open(const char *name, const wmmf_options *options, struct platform_mapping **out);
/* The same for an inner section, which has only a random number: *id. Its access follows from the outer section: the
 * same users have the same rights, or, for its readers, all users who may read the outer one may write this. */
int32_t platform_create_inner(const struct platform_mapping *outer, bool for_readers, uint64_t size, uint64_t reserved,
                              uint64_t *id, struct platform_mapping **out);
/* WMMF_E_ACCESS: the outer section's owner has not created it. */
int32_t platform_open_inner(const struct platform_mapping *outer, bool for_readers, uint64_t id, bool read_only,
                            struct platform_mapping **out);
/* The same without a name, for processes that get a handle of it. Nobody can make it shorter. */
int32_t platform_create_unnamed(const wmmf_options *options, uint64_t size, uint64_t reserved, uint64_t addresses,
                                struct platform_mapping **out);
/* For an unnamed section: makes a handle of it in the process `pid`; 0: in this one. */
int32_t platform_share(struct platform_mapping *mapping, uint32_t pid, bool read_only, int64_t *handle);
/* The handle stays the caller's. */
int32_t platform_open_handle(int64_t handle, bool read_only, struct platform_mapping **out);
/* WMMF_E_ACCESS: the user of this process does not own the section. */
int32_t platform_check_own(const struct platform_mapping *mapping);
/* Sets in `options` the access with which this section was created. */
int32_t platform_access_of(const struct platform_mapping *mapping, wmmf_options *options);
/* Calls `found` for the name of each section in this namespace that this library may have made and that somebody has
 * open, until it returns false. */
int32_t platform_list(uint32_t name_space, bool (*found)(void *context, const char *name), void *context);
/* Unmaps; the last close of all processes removes the name. */
void platform_close(struct platform_mapping *mapping);
/* The end of a call that makes a mapping: hands it out, or closes it after a failure. */
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
    bool native;          /* its tokens will be claimed */
    bool write_through;
    const char *name; /* of the section, in name_space; NULL: none. Windows */
    uint32_t name_space;
};
/* Opens it but maps nothing yet. *created: the file is new. */
int32_t platform_file_open(const struct platform_file *file, struct platform_mapping **out, bool *created);
void platform_file_remove(const char *path);
/* Locks a file that one process prepares; others wait. The end of the process unlocks it. */
int32_t platform_file_lock(struct platform_mapping *mapping);
void platform_file_unlock(struct platform_mapping *mapping);
int32_t platform_file_size(struct platform_mapping *mapping, uint64_t *size);
/* Makes it longer, with zeros, or shorter. `reserve`: reserves the disk space now, or returns WMMF_E_NO_MEMORY. */
int32_t platform_file_resize(struct platform_mapping *mapping, uint64_t size, bool reserve);
/* Maps `size` bytes at any `offset` of the file, which has them. */
int32_t platform_file_map(struct platform_mapping *mapping, uint64_t offset, uint64_t size);
void platform_file_unmap(struct platform_mapping *mapping);
/* Copies between a buffer and the file, at an offset from its beginning; if the protection is copy-on-write, the
 * mapping instead of the file. If a page is missing because the file was truncated, returns WMMF_E_TRUNCATED instead of
 * raising a signal. */
int32_t platform_file_read(struct platform_mapping *mapping, uint64_t offset, void *buffer, size_t length);
int32_t platform_file_write(struct platform_mapping *mapping, uint64_t offset, const void *buffer, size_t length);
/* Hands changes of the mapped bytes to the system, or to the device. */
int32_t platform_file_flush(struct platform_mapping *mapping, uint64_t offset, uint64_t length, bool to_device);
/* A number that differs between boots of the system; 0: the system has none. */
uint64_t platform_boot_id(void);

/* A part of a section or file in a mapping of its own, which stays when the section is closed. */
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

/* The user who owns the section: the name, or the number or SID if there is none. */
#define OWNER_NAME_CAPACITY 600
int32_t platform_owner(struct platform_mapping *mapping, char name[OWNER_NAME_CAPACITY]);
/* Whether the name still leads to this section. */
bool platform_is_named(const struct platform_mapping *mapping);
/* Removes the name, so that nobody can open it any more. Processes that have it open keep it; its memory is freed with
 * the last of them. */
void platform_end_name(const struct platform_mapping *mapping);
/* Whether this process is a fork of the one that opened the section. */
bool platform_forked(const struct platform_mapping *mapping);
/* In a forked child: drops its share in the parent's locks and tokens; the memory stays. Else: WMMF_E_ARGUMENT. */
int32_t platform_after_fork_child(struct platform_mapping *mapping);

/* Opens what sleeping and tokens need, for the section with this random id; if `read_only`, only what asking about
 * tokens needs. */
int32_t platform_join(struct platform_mapping *mapping, uint64_t section_id, bool read_only);

/* A token is a kernel object or lock that at most one handle holds, and that the kernel drops when its process dies. So
 * it shows whether the process lives. If that is uncertain, it counts as alive. */
/* WMMF_OK; WMMF_E_EXISTS: another handle has it, or may have it; or the reason why this system cannot tell. */
int32_t platform_token_claim(struct platform_mapping *mapping, uint32_t index);
/* WMMF_OK proves that the participant that claimed it is dead, and keeps others from claiming it until it is dropped.
 * Several handles may seal one token at the same time if the system allows it. Otherwise like a claim. */
int32_t platform_token_seal(struct platform_mapping *mapping, uint32_t index);
void platform_token_drop(struct platform_mapping *mapping, uint32_t index);
/* The same question without write rights. */
bool platform_token_alive(struct platform_mapping *mapping, uint32_t index);

/* Sleeps until woken, at most `timeout_ns`, unless *epoch is no longer `seen`. May return early without a reason.
 * `place` numbers the epochs of a section: those of the header, which are used most, are below EVENT_COUNT. */
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
/* Sleeps like platform_sleep, until the first of them ends or the waker (may be NULL) is woken. If the system has no
 * such call, it sleeps for a moment instead; the caller then looks again, and loses only time. */
void platform_sleep_many(const struct platform_sleep *sleeps, uint32_t count, struct wmmf_waker *waker,
                         int64_t timeout_ns);

/* Ends platform_sleep_many in this process, which does not sleep while `woken` is 1. */
struct wmmf_waker {
    shared_u32 woken;
    void *event; /* Windows: the event that the sleep waits for */
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
/* The id of this process. With a handle that this process opened (else NULL) it costs no system call. */
uint32_t platform_process_id(const struct platform_mapping *mapping);
/* The number of the calling thread, which no other thread of this process ever has, or the number as which it acts; 0:
 * no memory for that. */
uint64_t platform_thread_number(void);
/* From now on the calling thread acts as `number`; 0: as itself. *previous becomes the number before that, or 0. False:
 * no memory for that. */
bool platform_act_as(uint64_t number, uint64_t *previous);
/* Defined in lock_holders.c. The platform calls it with the thread's own number when a thread ends, in that thread,
 * unless the library has been unloaded. A thread that another thread terminates (TerminateThread) does not get this
 * call. */
void thread_ended(uint64_t number);
/* A number for what is mapped: the same for all mappings of one section of this process. */
uint64_t platform_identity(const struct platform_mapping *mapping);
int32_t platform_random(uint64_t *value);

#endif
