/* The handle: what section.c opens and the locks work on. */
#ifndef WMMF_SECTION_H
#define WMMF_SECTION_H

#include "platform.h"

/* Threads of one handle that may hold the read lock at the same time. */
#define READER_THREADS 256

struct wmmf_section {
    struct platform_mapping *mapping;
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
    shared_u32 *skipped;           /* per participant: the wait_epoch at which our patience with it ran out */
    shared_u64 yielding_version;   /* of the free lock, which we leave to others */
    shared_u64 yielding_since_ns;
};

/* What a frame channel is created with. */
struct channel_shape {
    uint64_t capacity;
    uint32_t slots;
};

/* Sections for a payload of `size` bytes (section.c): plain ones, or with a shape, frame channels. The options are
 * still to be checked; *created may be NULL. */
int32_t section_create(const char *name, uint64_t size, const wmmf_options *given, const struct channel_shape *shape,
                       wmmf_section **out);
int32_t section_create_or_open(const char *name, uint64_t size, const wmmf_options *given,
                               const struct channel_shape *shape, wmmf_section **out, int32_t *created);
int32_t section_open(const char *name, uint64_t size, const wmmf_options *given, enum section_kind kind,
                     wmmf_section **out);
/* Fills the header of a channel that nobody sees yet, and reserves those of its frames (channel.c). */
int32_t channel_initialise(wmmf_section *section, const struct channel_shape *shape);
/* That part of poisoning which the readers of a channel see (channel.c). */
void channel_poison(wmmf_section *section);
/* Where those wait who wait for the channel's next frame (channel.c). */
void channel_place(const wmmf_channel *channel, wmmf_section **section, enum event *event);
/* The sequence of the oldest frame that a participant of a channel has pinned; 0: none, or no channel. */
uint64_t channel_oldest_pinned(const wmmf_section *section, const struct participant *record);

/* Joins the participants of a native section, or WMMF_E_FULL. */
int32_t participants_join(wmmf_section *section);
/* Leaves. Locks still held are left for the survivors to find, as after a crash. */
void participants_leave(wmmf_section *section);

int32_t rwlock_lock_read(wmmf_section *section, int64_t timeout_ns);
int32_t rwlock_unlock_read(wmmf_section *section);
/* An inconsistent section is locked all the same, and answered with WMMF_E_OWNER_DIED. *place is 0 at first, and 0
 * again unless the answer is WMMF_E_TIMEOUT: then the caller stands in the queue there, until it tries again or leaves.
 */
int32_t rwlock_lock_write(wmmf_section *section, int64_t timeout_ns, uint64_t *place);
void rwlock_leave_queue(wmmf_section *section, uint64_t place);
int32_t rwlock_unlock_write(wmmf_section *section);
/* Ownership alone, for the frame channel: excludes other writers, and readers do not ask. */
int32_t rwlock_own(wmmf_section *section, int64_t timeout_ns);
void rwlock_disown(wmmf_section *section);
int32_t rwlock_mark_consistent(wmmf_section *section);
/* Locks, copies and unlocks; an inconsistent section is left alone. *place as for rwlock_lock_write. */
int32_t rwlock_write(wmmf_section *section, uint64_t offset, const void *buffer, size_t length, int64_t timeout_ns,
                     uint64_t *place);
int32_t rwlock_wait(wmmf_section *section, uint64_t sequence, int64_t timeout_ns, uint64_t *current);
int32_t seqlock_read(wmmf_section *section, uint64_t offset, void *buffer, size_t length, int64_t timeout_ns);
/* For ever, and for everybody who waits. */
void rwlock_poison(wmmf_section *section);
bool rwlock_is_poisoned(const wmmf_section *section);
int32_t diagnostics_participant(wmmf_section *section, uint32_t index, wmmf_participant *out);
/* Poisons what is not intact: what the caller has seen, header, lock or records. Pins may be on these slots only. */
int32_t diagnostics_audit(wmmf_section *section, uint64_t pins_allowed, bool intact, wmmf_audit_report *report);

void winmmf_initialise(wmmf_section *section);
int32_t winmmf_lock_read(wmmf_section *section, int64_t timeout_ns);
int32_t winmmf_unlock_read(wmmf_section *section);
int32_t winmmf_lock_write(wmmf_section *section, int64_t timeout_ns);
int32_t winmmf_unlock_write(wmmf_section *section);

/* Which threads of this process hold the lock through this handle (lock_holders.c). */
bool holders_reading(const wmmf_section *section);
bool holders_writing(const wmmf_section *section);
/* WMMF_E_DEADLOCK if the calling thread holds the lock, either way; WMMF_E_FULL if there is no place for it. */
int32_t holders_enter_reader(wmmf_section *section);
void holders_leave_reader(wmmf_section *section);
void holders_set_writer(wmmf_section *section, bool writing);

#endif
