/* The handle: what region.c opens and the locks work on. */
#ifndef WMMF_MAP_H
#define WMMF_MAP_H

#include "platform.h"

/* Threads of one handle that may hold the read lock at the same time. */
#define READER_THREADS 256

struct wmmf_map {
    struct platform_section *section;
    uint32_t layout;
    bool read_only;
    bool file; /* of the file system */
    uint8_t *payload;
    uint64_t size;

    /* Native layout only. Copies: the shared header is not asked twice. */
    struct header *header;
    struct participant *records;
    uint64_t section_id;
    uint64_t created_unix_ns;
    uint32_t kind; /* enum section_kind */
    uint32_t participants;
    uint32_t index; /* of our own record; a read-only handle has none */

    /* Which threads of this process hold the lock: 0 = none. */
    uintptr_t writer_thread;
    bool repairing; /* the writer's: its predecessor died inside */
    uintptr_t reader_threads[READER_THREADS];
    shared_u32 reader_places_used; /* entries that were ever in use */
    shared_u32 reaping;            /* 1 while a thread of this handle holds a dead participant's token */
    shared_u32 *passed;            /* per participant: the wait_epoch at which our patience with it ran out */
    shared_u64 courteous_version;  /* of the free lock, which we leave to others */
    shared_u64 courteous_since_ns;
};

/* What a frame channel is created with. */
struct channel_shape {
    uint64_t capacity;
    uint32_t slots;
};

/* Sections for a payload of `size` bytes (region.c): plain ones, or with a shape, frame channels. The options are still
 * to be checked; *created may be NULL. */
int32_t region_create(const char *name, uint64_t size, const wmmf_options *given, const struct channel_shape *shape,
                      wmmf_map **out);
int32_t region_create_or_open(const char *name, uint64_t size, const wmmf_options *given,
                              const struct channel_shape *shape, wmmf_map **out, int32_t *created);
int32_t region_open(const char *name, uint64_t size, const wmmf_options *given, enum section_kind kind, wmmf_map **out);
/* Fills the header of a channel that nobody sees yet, and reserves those of its frames (channel.c). */
int32_t channel_initialise(wmmf_map *map, const struct channel_shape *shape);
/* That part of poisoning which the readers of a channel see (channel.c). */
void channel_poison(wmmf_map *map);
/* The sequence of the oldest frame that a participant of a channel has pinned; 0: none, or no channel. */
uint64_t channel_oldest_pinned(const wmmf_map *map, const struct participant *record);

/* Joins the participants of a native section, or WMMF_E_FULL. */
int32_t native_join(wmmf_map *map);
/* Leaves. Locks still held are left for the survivors to find, as after a crash. */
void native_leave(wmmf_map *map);

int32_t native_lock_read(wmmf_map *map, int64_t timeout_ns);
int32_t native_unlock_read(wmmf_map *map);
/* An inconsistent section is locked all the same, and answered with WMMF_E_OWNER_DIED. *place is 0 at first, and 0
 * again unless the answer is WMMF_E_TIMEOUT: then the caller stands in the queue there, until it tries again or leaves.
 */
int32_t native_lock_write(wmmf_map *map, int64_t timeout_ns, uint64_t *place);
void native_leave_queue(wmmf_map *map, uint64_t place);
int32_t native_unlock_write(wmmf_map *map);
/* Ownership alone, for the frame channel: excludes other writers, and readers do not ask. */
int32_t native_own(wmmf_map *map, int64_t timeout_ns);
void native_disown(wmmf_map *map);
int32_t native_mark_consistent(wmmf_map *map);
/* Locks, copies and unlocks; an inconsistent section is left alone. *place as for native_lock_write. */
int32_t native_write(wmmf_map *map, uint64_t offset, const void *buffer, size_t length, int64_t timeout_ns,
                     uint64_t *place);
int32_t native_wait(wmmf_map *map, uint64_t sequence, int64_t timeout_ns, uint64_t *current);
int32_t native_read_optimistic(wmmf_map *map, uint64_t offset, void *buffer, size_t length, int64_t timeout_ns);
/* For ever, and for everybody who waits. */
void native_poison(wmmf_map *map);
bool native_is_poisoned(const wmmf_map *map);
int32_t native_participant(wmmf_map *map, uint32_t index, wmmf_participant *out);
/* Poisons what is not intact: what the caller has seen, header, lock or records. Pins may be on these slots only. */
int32_t native_audit(wmmf_map *map, uint64_t pins_allowed, bool intact, wmmf_audit_report *report);

void winmmf_initialise(wmmf_map *map);
int32_t winmmf_lock_read(wmmf_map *map, int64_t timeout_ns);
int32_t winmmf_unlock_read(wmmf_map *map);
int32_t winmmf_lock_write(wmmf_map *map, int64_t timeout_ns);
int32_t winmmf_unlock_write(wmmf_map *map);

/* Which threads of this process hold the lock through this handle (holders.c). */
bool holders_reading(const wmmf_map *map);
bool holders_writing(const wmmf_map *map);
/* WMMF_E_DEADLOCK if the calling thread holds the lock, either way; WMMF_E_FULL if there is no place for it. */
int32_t holders_enter_reader(wmmf_map *map);
void holders_leave_reader(wmmf_map *map);
void holders_set_writer(wmmf_map *map, bool writing);

#endif
