/* Every byte that processes share, little endian. A change here needs a new WMMF_FORMAT_VERSION. */
#ifndef WMMF_LAYOUT_H
#define WMMF_LAYOUT_H

#include <stddef.h>

#include "atomic.h"

/* "WMMFsect" in little-endian bytes; stored last, when everything else is in place. */
#define SECTION_MAGIC     UINT64_C(0x74636573464d4d57)
#define HEADER_SIZE       512
#define PAYLOAD_ALIGNMENT 64

/* The lock word. Its owner is a participant, so that every state has an owner whose life can be checked:
 *   bits 0-15   1 + index of the writer that holds or is taking the lock, 0 = none
 *   bits 16-31  the flags below
 *   bits 32-63  version, advanced whenever the owner changes, so that a look at the word
 *               and a later compare-and-swap are about the same ownership */
#define LOCK_OWNER        UINT64_C(0xFFFF)
#define LOCK_WAITERS      (UINT64_C(1) << 16) /* a thread may be waiting: look at the records before taking the lock */
#define LOCK_INCONSISTENT (UINT64_C(1) << 17) /* a writer died inside; cleared by wmmf_mark_consistent */
#define LOCK_POISONED     (UINT64_C(1) << 18) /* for ever */
#define LOCK_RESERVED     UINT64_C(0xFFF80000)
#define LOCK_VERSION      (UINT64_C(1) << 32) /* one step */

/* Where threads sleep. Bits 0-31 are the epoch: they sleep until it changes. Bits 32-63 are the number of sleepers. A
 * sleeper counts itself in, looks once more and sleeps. A process that changes what they wait for clears the count and
 * advances the epoch in one step, and wakes them. A sleeper that dies leaves its count, which costs one needless
 * wake-up. */
typedef shared_u64 eventcount;
#define EVENTCOUNT_SLEEPER (UINT64_C(1) << 32) /* one */

enum event { EVENT_READERS, EVENT_WRITERS, EVENT_CHANGE, EVENT_COUNT };

/* What a participant says about one lock. */
struct lock_record {
    shared_u64 reading; /* see READ_TRY */
    shared_u64 ticket;  /* place in the queue of the first waiting writer, 0 = none */
    shared_u64 writes;  /* twice the number of write locks that it released, in a channel of frames that it published,
                         * plus 1 while it holds one */
    shared_u32 waiting_readers;       /* threads that wait to read */
    shared_u32 wait_epoch;            /* advanced whenever a waiting thread shows that it runs */
    shared_u64 writing_since_unix_ns; /* when it took the lock for writing, 0 = it has not */
};

/* One open writable handle. Only its process writes it, or, once that is proven dead, processes that seal its token. */
struct participant {
    struct lock_record lock;   /* the section's own */
    shared_u32 publishes;      /* frame channel: 1 if it publishes */
    shared_u32 pid;            /* for display only, proves nothing about life. Stored once the record counts as used */
    shared_u64 joined_unix_ns; /* 0: the record is free */
    shared_u64 twin; /* frame channel: 1 + index of the same handle among readers, or among writers; 0: none */
};

/* One thread's hold of a lock in the payload, or wait for it. Each participant has header.locks of them. */
struct hold {
    struct lock_record lock;
    shared_u64 offset; /* of the lock, from the beginning of the section; 0: the hold is free */
    uint8_t reserved[16];
};

/* A lock in the payload: any 64 aligned bytes there. Zeroed, it is free. */
struct payload_lock {
    shared_u64 word; /* as header.lock */
    shared_u64 next_ticket;
    shared_u64 sequence;
    shared_u64 notified;
    eventcount events[EVENT_COUNT];
    uint8_t reserved[8];
};

/* `reading`: bits 0-15 are the threads that hold the read lock or try to take it. Bits 16-31 are the same number again,
 * as a check for audits. Bits 32-63 are the tries that ended. All three change in one step, so that the first two never
 * differ. */
#define READ_HOLDERS     UINT64_C(0xFFFF)
#define READ_TALLY_SHIFT 16
#define READ_ENDED_SHIFT 32
#define READ_TRY         ((UINT64_C(1) << READ_TALLY_SHIFT) | 1)
#define READ_END         ((UINT64_C(1) << READ_ENDED_SHIFT) - READ_TRY)

/* `records_used`: bits 0-15 are how many records a scan must look at: no record behind them is in use. Bits 16-63 are a
 * version, advanced by every participant that joins, so that nobody lowers the count past a record that was taken
 * meanwhile. */
#define USED_COUNT   UINT64_C(0xFFFF)
#define USED_VERSION (UINT64_C(1) << 16) /* one step */

/* What the payload of a native section contains. */
enum section_kind { KIND_PLAIN, KIND_CHANNEL, KIND_READERS };

struct progress {
    shared_u64 begin;
    shared_u64 settled;
    shared_u64 touched;
    shared_u64 end;
};

struct header {
    /* Constant once the magic is stored. */
    shared_u64 magic;
    shared_u32 format_version;
    shared_u32 participants; /* records behind this header */
    shared_u64 payload_offset;
    shared_u64 payload_size;
    shared_u64 section_id; /* random; part of the names of this section's kernel objects */
    shared_u64 created_unix_ns;
    shared_u32 kind;        /* enum section_kind */
    shared_u32 creator_pid; /* for display only, in the creator's own pid namespace */
    shared_u64 boot_id;     /* of a file: identifies the boot in which it was last opened; changes under its lock */

    /* The lock: one cache line. */
    shared_u64 lock;
    shared_u64 next_ticket;
    shared_u64 records_used; /* see USED_COUNT */
    uint8_t reserved1[40];

    /* The sequence: twice the number of finished writes, plus 1 while the owner of the lock may be changing the
     * payload. The progress of that write, in bytes of the payload: those from `begin` to `settled` are new; those from
     * `touched` to `end`, and all outside, are still old. Only the owner stores them. */
    shared_u64 sequence;
    struct progress progress;
    shared_u64 notified; /* calls of wmmf_notify */
    uint8_t reserved2[16];

    eventcount events[EVENT_COUNT];
    uint8_t reserved3[40];

    /* Growing (growth.c). */
    shared_u64 reserve;   /* constant: payload size to which the section can grow in memory; 0: it cannot */
    shared_u64 committed; /* usable payload bytes after growing; never decreases */

    shared_u32 locks; /* constant: holds of each participant, behind the participants; 0: no locks in the payload */
    uint8_t reserved4[4];
    shared_u64 page_size; /* constant: of a section in memory, size of the pages that its creator got. A claim */
    uint8_t reserved5[HEADER_SIZE - 4 * 64 - 4 * 8];
};

/* A frame channel is three sections.
 *
 * The channel, by its name: a native section whose payload is a channel_header. Its participants are the writers.
 *
 * The pictures: a raw section that only users who may write the channel may write. When larger pictures are needed, or
 * the old ones are damaged, another takes its place: a generation. It holds a pictures_header, the order (for each slot
 * a number), frame headers, and pictures, each part aligned to PAYLOAD_ALIGNMENT.
 *
 * The readers: a native section that every user who may read the channel may write. Its participants are all open
 * handles, and its payload is their pins. Nothing in it is trusted.
 *
 * The names of the two inner sections come from random numbers in the channel_header. */
#define CHANNEL_MAGIC       UINT64_C(0x6e616863464d4d57) /* "WMMFchan" */
#define CHANNEL_HEADER_SIZE 256

/* `current`: the current pictures, and everything else that ends the use of those that a handle has open, in one word.
 */
#define CURRENT_PICTURES UINT64_C(0x3FFFFFFFFFFFFFFF) /* the id of their section */
#define CURRENT_REPLACED (UINT64_C(1) << 62)          /* the name belongs to another channel */
#define CURRENT_POISONED (UINT64_C(1) << 63)          /* as the lock is */

struct channel_header {
    /* Constant. */
    shared_u64 magic;
    shared_u64 readers_id;   /* of the readers' section */
    shared_u32 readers;      /* records in it */
    shared_u32 pins;         /* of a reader, at most */
    shared_u64 pin_limit_ns; /* a pinned frame may be taken back after this time; 0: never */
    uint8_t reserved0[32];
    /* Changes rarely; readers look at it with each frame. */
    shared_u64 current;
    shared_u32 left;     /* 1: the last publisher has closed the channel properly */
    shared_u32 number;   /* of the current pictures. They can be lost with an owner that dies before anybody follows: */
    shared_u64 sequence; /* then frames go on after this one, the last before those pictures */
    uint8_t reserved1[40];

    uint8_t reserved2[CHANNEL_HEADER_SIZE - 128];
};

#define PICTURES_MAGIC       UINT64_C(0x74636970464d4d57) /* "WMMFpict" */
#define PICTURES_HEADER_SIZE 256

/* `newest`: bits 0-15 1 + the slot of the newest frame, 0 = these pictures have none yet; bits 16-63 its sequence, or
 * that of the last frame before these pictures. */
#define NEWEST_SLOT           UINT64_C(0xFFFF)
#define NEWEST_SEQUENCE_SHIFT 16

struct pictures_header {
    /* Constant. */
    shared_u64 magic;
    shared_u64 capacity; /* bytes of a picture, at most */
    shared_u32 slots;    /* all of them */
    shared_u32 history;  /* number of older frames that stay readable */
    shared_u32 number;   /* of this generation, from 1 */
    uint8_t reserved0[36];

    /* Stored by the owner of the lock. */
    shared_u64 newest;
    shared_u64 oldest;       /* with a history: the sequence of the oldest frame that may be pinned */
    shared_u64 published_ns; /* monotonic: of the last frame; before the first: when the channel was created */
    uint8_t reserved1[40];

    uint8_t reserved2[PICTURES_HEADER_SIZE - 128];
};

/* A pin: bits 0-15 1 + the slot, 0 = none; bits 16-31 the generation; bits 32-63 low bits of the sequence, for display
 * only. */
#define PIN_SLOT             UINT64_C(0xFFFF)
#define PIN_GENERATION_SHIFT 16
#define PIN_SEQUENCE_SHIFT   32
/* Each reader has its own cache lines for its pins. */
#define PINS_ALIGNMENT    8

#define FRAME_HEADER_SIZE 192

/* Written by the owner of the lock while the frame may not be pinned. */
struct frame_header {
    shared_u64 stamp; /* twice the frame's sequence; odd while the slot is being filled */
    shared_u64 timestamp_ns;
    shared_u64 used;
    shared_u32 width;
    shared_u32 height;
    shared_u32 stride;
    shared_u32 fourcc;
    shared_u32 user_size;
    shared_u32 array; /* bits 0-7 enum wmmf_element, bits 8-15 dimensions; 0: no array */
    shared_u64 device_timestamp;
    shared_u64 device_frame;
    /* A frame without any of these is described by the one cache line above. */
    uint8_t user[64];
    shared_u64 shape[8];
};
#define ARRAY_ELEMENT          UINT32_C(0xFF)
#define ARRAY_DIMENSIONS_SHIFT 8

/* The winmmf layout: a lock word, then the payload (see lock_winmmf.c). */
#define WINMMF_HEADER_SIZE             4

#define LAYOUT_ASSERT(name, condition) typedef char layout_assert_##name[(condition) ? 1 : -1]
LAYOUT_ASSERT(participant_size, sizeof(struct participant) == 64);
LAYOUT_ASSERT(participant_pid, offsetof(struct participant, pid) == 44);
LAYOUT_ASSERT(participant_twin, offsetof(struct participant, twin) == 56);
LAYOUT_ASSERT(hold_size, sizeof(struct hold) == sizeof(struct participant));
LAYOUT_ASSERT(hold_offset, offsetof(struct hold, offset) == 40);
LAYOUT_ASSERT(payload_lock_size, sizeof(struct payload_lock) == PAYLOAD_ALIGNMENT);
LAYOUT_ASSERT(payload_lock_events, offsetof(struct payload_lock, events) == 32);
LAYOUT_ASSERT(header_size, sizeof(struct header) == HEADER_SIZE);
LAYOUT_ASSERT(header_id, offsetof(struct header, section_id) == 32);
LAYOUT_ASSERT(header_lock, offsetof(struct header, lock) == 64);
LAYOUT_ASSERT(header_records_used, offsetof(struct header, records_used) == 80);
LAYOUT_ASSERT(header_sequence, offsetof(struct header, sequence) == 128);
LAYOUT_ASSERT(header_progress, offsetof(struct header, progress) == 136);
LAYOUT_ASSERT(header_notified, offsetof(struct header, notified) == 168);
LAYOUT_ASSERT(header_events, offsetof(struct header, events) == 192);
LAYOUT_ASSERT(header_reserve, offsetof(struct header, reserve) == 256);
LAYOUT_ASSERT(header_locks, offsetof(struct header, locks) == 272);
LAYOUT_ASSERT(header_page_size, offsetof(struct header, page_size) == 280);
LAYOUT_ASSERT(header_kind, offsetof(struct header, kind) == 48);
LAYOUT_ASSERT(header_creator, offsetof(struct header, creator_pid) == 52);
LAYOUT_ASSERT(channel_header_size, sizeof(struct channel_header) == CHANNEL_HEADER_SIZE);
LAYOUT_ASSERT(channel_current, offsetof(struct channel_header, current) == 64);
LAYOUT_ASSERT(pictures_header_size, sizeof(struct pictures_header) == PICTURES_HEADER_SIZE);
LAYOUT_ASSERT(pictures_newest, offsetof(struct pictures_header, newest) == 64);
LAYOUT_ASSERT(frame_header_size, sizeof(struct frame_header) == FRAME_HEADER_SIZE);
LAYOUT_ASSERT(frame_user, offsetof(struct frame_header, user) == 64);
LAYOUT_ASSERT(frame_shape, offsetof(struct frame_header, shape) == 128);
LAYOUT_ASSERT(little_endian, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

#endif
