/* A handle: how this process has a section open. All parts of the library work on it. */
#ifndef WMMF_HANDLE_H
#define WMMF_HANDLE_H

#include "platform.h"

#define LARGEST_MAPPING (PTRDIFF_MAX - 0xFFFF) /* the system rounds up to whole pages */

/* Threads of one handle that may hold the read lock at the same time. */
#define READER_THREADS 256

/* The private notes of a lock's writer. */
struct writer_notes {
    bool repairing;              /* its predecessor died inside */
    shared_u64 yielding_version; /* version of the free lock that we yield to others */
    shared_u64 yielding_since_ns;
};

/* A lock: the section's own, or one in the payload of a native section, which each call puts together for itself
 * (payload_locks.c). */
struct rwlock {
    wmmf_section *section;
    uint64_t offset; /* of a lock in the payload, from the beginning of the section; 0: the section's own */

    /* Native layout only. */
    shared_u64 *word, *next_ticket, *sequence, *notified;
    eventcount *events;
    struct progress *progress; /* NULL: none, so nobody reads without the lock */
    /* The record in shared memory and the private notes of the caller. For a lock in the payload: those of its hold, or
     * NULL. */
    struct lock_record *me;
    struct writer_notes *notes;
};

/* Takes a lock from a thread of this process that has ended while it held it. */
struct lock_abandon {
    void (*end_read)(struct rwlock *lock);
    void (*end_write)(struct rwlock *lock);
};

/* Which thread of this process has a hold, and for which lock. */
struct holding {
    shared_u64 thread; /* 0: none; HOLDING_TAKEN: it waits to write, or releases the lock */
    shared_u64 offset; /* of the lock */
    shared_u32 writing;
    shared_u64 place; /* in the queue, between two calls; 0: none */
    struct writer_notes notes;
};
#define HOLDING_TAKEN UINT64_MAX

#define NO_RECORD     UINT32_MAX

struct wmmf_section {
    struct platform_mapping *mapping;
    uint32_t layout;
    uint32_t name_space; /* where the name was found: never WMMF_ANY */
    bool read_only;
    bool file;    /* of the file system */
    bool unnamed; /* neither a name nor a file */
    bool copy_on_write;
    bool locked;                        /* this process has locked all of it in memory */
    uint64_t page_size;                 /* of native sections in memory, as claimed by their creator; 0: unknown */
    bool reserves;                      /* of a file: growth reserves its disk space at once */
    uint64_t file_offset;               /* of the payload in its file */
    uint8_t *payload;                   /* as it was opened; see section_payload */
    shared_u64 size;                    /* see section_size */
    const struct lock_abandon *abandon; /* of its layout; NULL: there is no lock */
    uint64_t identity;                  /* the same for all handles of one section, of a layout with a lock */
    wmmf_section *next, *previous;      /* all open handles of this process (lock_holders.c) */

    /* Native layout only. Copies: the shared header is not asked twice. */
    struct header *header;
    struct participant *records;
    uint64_t section_id;
    uint64_t created_unix_ns;
    uint32_t kind; /* enum section_kind */
    uint32_t participants;
    uint32_t index; /* of our own record; NO_RECORD, or undefined for a read-only handle: we have none */
    struct rwlock lock;

    /* Locks in the payload. */
    uint32_t locks;            /* holds of each participant; 0: there are no such locks */
    struct hold *holds;        /* of all participants */
    struct holding *holdings;  /* which threads have those of this handle */
    shared_u32 *skipped_holds; /* as `skipped` */

    /* Sections that grow (growth.c). */
    bool grows;                 /* this handle follows growth, and can make it larger */
    uint64_t reserve;           /* payload size to which it can grow in memory; 0: it cannot, or is a file */
    struct larger_view *larger; /* of a file: the newest view, which shows everything that older ones show */
    shared_u64 larger_payload;  /* the address of the payload in it; 0: none */
    shared_u32 growing;         /* locked by a thread that grows a file: file locks belong to handles, not to threads */

    /* Readers' section of a frame channel: the pins of all records. */
    shared_u64 *pins;
    uint32_t pins_each;

    /* Poison is also stored here, before the lock has it, and wakes threads that sleep at another lock. Set by a
     * channel, whose readers neither look at its lock nor sleep there. */
    shared_u64 *poison_word;
    uint64_t poison_bits;
    const struct rwlock *poison_sleepers;

    /* Which threads of this process hold the lock: 0 = none (lock_holders.c). */
    shared_u64 writer_thread;
    struct writer_notes notes;
    shared_u64 reader_threads[READER_THREADS];
    shared_u32 reader_places_used; /* entries that were ever in use */
    shared_u32 reaping;            /* 1 while a thread of this handle holds a dead participant's token */
    shared_u32 *skipped;           /* per participant: the wait_epoch at which we stopped yielding to it */
};

/* The payload size that this handle knows. Acquired: bytes within it are where section_payload says. */
static inline uint64_t section_size(const wmmf_section *section) {
    return load_acquire_u64(&section->size);
}

/* Where the payload begins in the mapping. */
static inline uint64_t payload_begin(const wmmf_section *section) {
    return (uint64_t)(section->payload - platform_base(section->mapping));
}

static inline uint8_t *section_payload(const wmmf_section *section) {
    uint64_t larger = load_relaxed_u64(&section->larger_payload);
    return larger != 0 ? (uint8_t *)(uintptr_t)larger : section->payload;
}

#endif
