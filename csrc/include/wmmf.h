/* wmmf.h - named shared memory with a lock inside, for programs in any language.
 *
 * A section is a named block of memory that several processes map at the same time. Its lock is in the section itself,
 * so programs in different languages, of different users, take the same lock, and they are told when one of them
 * crashes. A frame channel is for live pictures: one program writes frames, and all others read the newest in place.
 *
 * The common case takes five calls. Errors are left out:
 *
 *     wmmf_section *section;
 *     char text[6];
 *     wmmf_create("greeting", 1000, NULL, &section);     // one process: 1000 zeroed bytes under a new name
 *     wmmf_write(section, 0, "hello", sizeof text, -1);  // takes the lock, copies, releases it
 *     wmmf_close(section);
 *
 *     wmmf_open("greeting", 0, NULL, &section);          // any other process, meanwhile
 *     wmmf_read(section, 0, text, sizeof text, -1);      // never half of a write
 *     wmmf_close(section);
 *
 * The calls, in the order of this file:
 *   the library itself    wmmf_abi_version, wmmf_version, wmmf_strerror, wmmf_last_os_error ...
 *   opening and closing   wmmf_create, wmmf_open, wmmf_create_unnamed, wmmf_map_file, wmmf_close ...
 *   what a section is     wmmf_data, wmmf_size, wmmf_get_info ...
 *   locks                 wmmf_lock_read, wmmf_lock_write, wmmf_mark_consistent, wmmf_poison ...
 *   copies                wmmf_read, wmmf_write
 *   waiting for a change  wmmf_sequence, wmmf_wait, wmmf_wait_many
 *   inspection            wmmf_audit, wmmf_get_participant, wmmf_get_hold, wmmf_list
 *   frame channels        wmmf_channel_create, wmmf_channel_begin, wmmf_channel_publish, wmmf_channel_acquire ...
 *
 * Conventions, unless a comment says otherwise:
 * - A call returns WMMF_OK (0) or a negative code of enum wmmf_status. After a failure nothing has changed, nothing is
 *   left open and out-parameters are not written, except where the code itself says more (WMMF_E_OWNER_DIED).
 * - Sizes, offsets and lengths are bytes. Timeouts are nanoseconds on a monotonic clock: 0 tries once, a negative value
 *   waits for ever.
 * - Text is UTF-8 and ends with NUL. Arguments are borrowed for the call only; returned strings are static.
 * - All calls on one handle may run in several threads at once, except wmmf_close.
 *
 * What to know before it surprises you:
 * - Locks belong to the thread that took them. They are not recursive: taking one again is WMMF_E_DEADLOCK.
 * - A process, or a thread, that ends while it writes leaves the section inconsistent. All calls then fail with
 *   WMMF_E_OWNER_DIED until a writer repairs the payload and calls wmmf_mark_consistent.
 * - Memory from wmmf_data must not be used after wmmf_close. Only the locks that you take protect it.
 * - After fork() every call with the child's copy of a handle returns WMMF_E_FORKED: open the section again in the
 *   child. Until the child calls wmmf_after_fork_child for its copies, closes them, calls exec or ends, others cannot
 *   see that the parent died.
 * - Close all handles before you unload the library (dlclose, FreeLibrary); no thread may be in a call of it then.
 */
#ifndef WMMF_H
#define WMMF_H

#include <stdint.h>

#if defined(WMMF_STATIC)
#define WMMF_API
#elif defined(_WIN32) && defined(WMMF_BUILD)
#define WMMF_API __declspec(dllexport)
#elif defined(_WIN32)
#define WMMF_API __declspec(dllimport)
#elif defined(__GNUC__)
#define WMMF_API __attribute__((visibility("default")))
#else
#define WMMF_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Between the two markers stand only comments, integer #defines, enums, structs
 * and prototypes: CFFI and the C# generator read this text as it is. */
/* -- begin declarations -- */

/* What wmmf_abi_version() answers; a binding refuses a library with another. */
#define WMMF_ABI_VERSION 1
/* Version of the native memory format, as stored in each section. */
#define WMMF_FORMAT_VERSION 1
/* The longest name, in bytes of UTF-8 without the NUL. */
#define WMMF_NAME_MAX 230
/* Writable handles that may be open on one native section at the same time: by default, and at most. */
#define WMMF_PARTICIPANTS_DEFAULT 56
#define WMMF_PARTICIPANTS_MAX     4096

/* As wmmf_options.locks, at most. */
#define WMMF_LOCKS_MAX 64

/* Status of a call. The values are pinned for ever; new ones are appended. */
enum wmmf_status {
    WMMF_OK = 0, /* success */

    /* The caller's arguments. */
    WMMF_E_ARGUMENT = -1,    /* a NULL pointer, an unknown enum value or a reserved field that is not 0 */
    WMMF_E_SIZE = -2,        /* the size is 0, too large for this machine, or larger than the section */
    WMMF_E_RANGE = -3,       /* offset + length reaches outside the section */
    WMMF_E_STRUCT_SIZE = -4, /* struct_size is not one that this library knows */

    /* Names. */
    WMMF_E_NAME_EMPTY = -10,    /* the name is empty */
    WMMF_E_NAME_TOO_LONG = -11, /* more than WMMF_NAME_MAX bytes */
    WMMF_E_NAME_INVALID = -12,  /* not UTF-8, or a slash or backslash where none may be */
    WMMF_E_EXISTS = -13,        /* the name is taken; what it names is unchanged */
    WMMF_E_NOT_FOUND = -14,     /* no section has this name */

    /* State of the lock, the section or the handle. */
    WMMF_E_TIMEOUT = -20,       /* the time was up */
    WMMF_E_OWNER_DIED = -21,    /* a writer died while it held the lock: the payload may be half written */
    WMMF_E_POISONED = -22,      /* an audit found damage, or wmmf_poison was called: it is useless for ever */
    WMMF_E_CLOSED = -23,        /* the handle is closed (reported by the bindings) */
    WMMF_E_DEADLOCK = -24,      /* the calling thread would wait for itself: it holds the lock, through any handle */
    WMMF_E_NOT_OWNER = -25,     /* the calling thread does not hold the lock */
    WMMF_E_READ_ONLY = -26,     /* the handle was opened read-only, or gets copies of frames only */
    WMMF_E_NOT_SUPPORTED = -27, /* not supported by this layout, or by this system */
    WMMF_E_FULL = -28,   /* all participant records, or all places of the handle for readers or frames, are in use */
    WMMF_E_FORKED = -29, /* the handle belongs to the parent process */

    /* What is in the section. */
    WMMF_E_FORMAT = -30,     /* not a section of this layout */
    WMMF_E_VERSION = -31,    /* a native section of a format version that this library does not know */
    WMMF_E_TRUNCATED = -32,  /* the section is smaller than its header claims */
    WMMF_E_NOT_READY = -33,  /* its creator has not initialised it in time */
    WMMF_E_NOT_INTACT = -34, /* the frame was overwritten while it was held */
    WMMF_E_LOST = -35,       /* the frame is not, or no longer, in the channel */

    /* Rights and the operating system; wmmf_last_os_error() has the system's own code. */
    WMMF_E_ACCESS = -40,    /* the system refuses access */
    WMMF_E_NO_MEMORY = -41, /* the system cannot reserve that much memory */
    WMMF_E_OS = -42,        /* any other error of the system */
    WMMF_E_DESCRIPTOR = -43 /* POSIX: the program has closed the file descriptor of this handle */
};

/* Where a name is looked up. */
enum wmmf_namespace {
    WMMF_LOCAL = 0,  /* this user; on Windows (Local\) this session */
    WMMF_GLOBAL = 1, /* the machine; on Windows (Global\) creating takes the right SeCreateGlobalPrivilege */
    WMMF_CUSTOM = 2, /* the name exactly as given to the operating system */
    WMMF_ANY = 3     /* for opening only: WMMF_GLOBAL, and if nothing has the name there, WMMF_LOCAL */
};

/* What the bytes of a section mean. */
enum wmmf_layout {
    WMMF_NATIVE = 0, /* our header with lock, sequence and participants, then the payload */
    WMMF_WINMMF = 1, /* the Rust crate WinMMF: a 4-byte lock word, then the payload */
    WMMF_RAW = 2     /* payload only; nothing to lock */
};

/* Who may open a section, besides its creator. On Windows WMMF_ACCESS_USERS_WRITE of the winmmf and raw layouts grants
 * what programs of other makers ask for, and that includes changing the access itself. The winmmf layout has no
 * read-only access (WMMF_E_NOT_SUPPORTED): its programs ask for all rights even to read. */
enum wmmf_access {
    WMMF_ACCESS_OWNER = 0,       /* no other user (0600; a DACL with the creating user and the system) */
    WMMF_ACCESS_USERS_READ = 1,  /* every user of the machine, read-only (0644) */
    WMMF_ACCESS_USERS_WRITE = 2, /* every user of the machine (0666) */
    WMMF_ACCESS_SDDL = 3,        /* Windows only: as the security descriptor says */
    WMMF_ACCESS_MODE = 4         /* POSIX only: as the permission bits say */
};

/* Bits of wmmf_options.flags: the memory of a section. They are for sections whose size stays as it is: with a reserve
 * they are WMMF_E_NOT_SUPPORTED, as they are for frame channels. */
#define WMMF_LARGE_PAGES     1 /* when creating: large pages (wmmf_page_sizes), or an error that says what to set */
#define WMMF_TRY_LARGE_PAGES 2 /* when creating: large pages if the system grants them, else ordinary ones */
#define WMMF_LOCKED          4 /* this process keeps it in memory: never swapped while this handle is open */

/* An open section. Created by wmmf_create, wmmf_open and the other calls that open; freed by wmmf_close. */
typedef struct wmmf_section wmmf_section;

/* More options to create a frame channel with. */
typedef struct wmmf_channel_options {
    uint32_t struct_size;  /* sizeof(wmmf_channel_options) */
    uint32_t history;      /* how many frames stay readable after newer ones; they have slots of their own */
    uint32_t pins;         /* frames that one handle can hold at once; 0 = WMMF_CHANNEL_PINS_DEFAULT */
    uint32_t standby;      /* 1: do not publish yet, see wmmf_channel_stand_by */
    uint64_t pin_limit_ns; /* a writer that finds no other slot takes back a slot that readers have held for this long;
                              0: never */
} wmmf_channel_options;

/* How to create or open. A NULL pointer means all zero: local, native, owner only, writable. */
typedef struct wmmf_options {
    uint32_t struct_size;                /* sizeof(wmmf_options) */
    uint32_t name_space;                 /* enum wmmf_namespace */
    uint32_t layout;                     /* enum wmmf_layout */
    uint32_t access;                     /* enum wmmf_access; used when creating */
    uint32_t mode;                       /* permission bits 0..0777, with WMMF_ACCESS_MODE */
    uint32_t read_only;                  /* 1: ask for read rights only and map read-only pages; used when opening */
    uint32_t participants;               /* records to create a native section with; 0 = WMMF_PARTICIPANTS_DEFAULT */
    uint32_t locks;                      /* locks in the payload of a native section that one handle can hold or wait
                                            for at once (wmmf_lock_read_at): WMMF_LOCKS_MAX at most; 0 = none */
    const char *sddl;                    /* security descriptor, with WMMF_ACCESS_SDDL; else NULL */
    const wmmf_channel_options *channel; /* frame channels only: for creating; NULL: all 0 */
    uint64_t reserve;                    /* for creating: bytes of payload that it can grow to (wmmf_resize); 0: none */
    uint32_t flags;                      /* bits WMMF_LARGE_PAGES, WMMF_TRY_LARGE_PAGES, WMMF_LOCKED */
    uint32_t own_only;                   /* 1: do not open what another user made, or on POSIX what this user made with
                                            another access: WMMF_E_ACCESS, before any of it is used */
} wmmf_options;

/* Which files wmmf_map_file takes. */
enum wmmf_file_mode {
    WMMF_FILE_OPEN = 0,           /* an existing file */
    WMMF_FILE_CREATE = 1,         /* a new file; WMMF_E_EXISTS if it exists */
    WMMF_FILE_OPEN_OR_CREATE = 2, /* either */
    WMMF_FILE_TRUNCATE = 3        /* either, made empty: once all else has been done */
};

/* What may be done to mapped memory. */
enum wmmf_protection {
    WMMF_READ_WRITE = 0,   /* changes are those of everybody */
    WMMF_READ = 1,         /* read rights only */
    WMMF_COPY_ON_WRITE = 2 /* changes stay in this mapping: nobody else, nor the file, sees them */
};

/* How memory is going to be used. */
enum wmmf_advice {
    WMMF_ADVICE_NORMAL = 0,     /* nothing special */
    WMMF_ADVICE_SEQUENTIAL = 1, /* from the first byte to the last: read far ahead */
    WMMF_ADVICE_RANDOM = 2,     /* here and there: do not read ahead */
    WMMF_ADVICE_WILL_NEED = 3,  /* soon: read it now */
    WMMF_ADVICE_DONT_NEED = 4,  /* not soon: this process gives the pages back; no byte is lost */
    WMMF_ADVICE_LARGE_PAGES = 5 /* often: put it into large pages, where the system does that */
};

/* What others may do with a file while it is mapped. */
enum wmmf_file_share {
    WMMF_SHARE_ALL = 0,  /* anything */
    WMMF_SHARE_READ = 1, /* Windows only: open it for reading */
    WMMF_SHARE_NONE = 2  /* Windows only: nothing; they get ERROR_SHARING_VIOLATION, here WMMF_E_ACCESS */
};

/* Bits of wmmf_file_options.flags. */
#define WMMF_FILE_WRITE_THROUGH 1 /* wmmf_write returns once the bytes are on the device */
#define WMMF_FILE_RESERVE       2 /* what the file grows by has its place on the disk at once; else when it is touched */
#define WMMF_FILE_UNMAPPED      4 /* raw only: maps nothing, for windows, wmmf_read and wmmf_write; no wmmf_data */

/* How to map a file. A NULL pointer means all zero: an existing file, to read and write, raw. */
typedef struct wmmf_file_options {
    uint32_t struct_size;  /* sizeof(wmmf_file_options) */
    uint32_t file_mode;    /* enum wmmf_file_mode */
    uint32_t protection;   /* enum wmmf_protection */
    uint32_t share;        /* enum wmmf_file_share */
    uint32_t native;       /* 1: the file has, or gets, our header with lock, sequence and participants */
    uint32_t permissions;  /* POSIX: permission bits of a new file; 0: 0600 */
    uint32_t flags;        /* bits WMMF_FILE_... */
    uint32_t participants; /* records of a new native file; 0: WMMF_PARTICIPANTS_DEFAULT */
    uint64_t offset;       /* where in the file the section begins: anywhere; native: 0 */
    uint64_t file_size;    /* the file grows to this, if it is shorter; 0: no longer than it must be */
    uint32_t name_space;   /* with `name` */
    uint32_t locks;        /* as wmmf_options.locks, of a new native file */
    const char *name;      /* Windows: a name for the section over the file, for others to open; else NULL */
} wmmf_file_options;

/* What a handle knows of its section; written by wmmf_get_info. */
typedef struct wmmf_info {
    uint32_t struct_size;     /* in: sizeof(wmmf_info) */
    uint32_t layout;          /* enum wmmf_layout */
    uint32_t read_only;       /* 1 if this handle is */
    uint32_t participants;    /* records in the section; 0 if the layout has none */
    uint64_t size;            /* payload bytes */
    uint64_t mapped_size;     /* bytes mapped: headers and the system's rounding included */
    uint64_t data_offset;     /* of the payload in the mapping */
    uint64_t created_unix_ns; /* native layout: when it was created, nanoseconds since 1970; else 0 */
    uint32_t creator_pid;     /* native layout: the process that created it, as that saw itself; else 0 */
    uint32_t name_space;      /* enum wmmf_namespace: where the name was found, never WMMF_ANY */
    uint64_t reserve;         /* bytes of payload that it could have in all, in memory; 0: no more than it has */
    uint64_t page_size;       /* bytes of its pages; large ones of another creator are told in the native layout only */
    uint32_t locked;          /* 1 if this handle keeps it in memory (WMMF_LOCKED) */
    uint32_t record;          /* the index of this handle's own wmmf_participant; UINT32_MAX: it has none (read-only) */
} wmmf_info;

/* Slots of a frame channel. */
#define WMMF_CHANNEL_SLOTS_DEFAULT 4
#define WMMF_CHANNEL_SLOTS_MIN     3
#define WMMF_CHANNEL_SLOTS_MAX     64
/* Frames that stay readable after newer ones, at most. */
#define WMMF_CHANNEL_HISTORY_MAX 60000
/* Frames that one handle can hold at once: by default, and at most. */
#define WMMF_CHANNEL_PINS_DEFAULT 8
#define WMMF_CHANNEL_PINS_MAX     64
/* As WMMF_PARTICIPANTS_DEFAULT, for frame channels: all headers of the channel then fill one page. */
#define WMMF_CHANNEL_PARTICIPANTS_DEFAULT 52
/* Bytes of the user's own that travel with each frame. */
#define WMMF_FRAME_USER_SIZE 64
/* Dimensions of an array that is sent as a frame, at most. */
#define WMMF_FRAME_DIMENSIONS_MAX 8

/* What an array is made of; little endian. Complex numbers are two floats, the real part first. */
enum wmmf_element {
    WMMF_ELEMENT_NONE = 0,       /* no array: a picture, or bytes */
    WMMF_ELEMENT_BOOL = 1,       /* a byte, 0 or 1 */
    WMMF_ELEMENT_INT8 = 2,       /* signed, 8 bits */
    WMMF_ELEMENT_UINT8 = 3,      /* unsigned, 8 bits */
    WMMF_ELEMENT_INT16 = 4,      /* signed, 16 bits */
    WMMF_ELEMENT_UINT16 = 5,     /* unsigned, 16 bits */
    WMMF_ELEMENT_INT32 = 6,      /* signed, 32 bits */
    WMMF_ELEMENT_UINT32 = 7,     /* unsigned, 32 bits */
    WMMF_ELEMENT_INT64 = 8,      /* signed, 64 bits */
    WMMF_ELEMENT_UINT64 = 9,     /* unsigned, 64 bits */
    WMMF_ELEMENT_FLOAT16 = 10,   /* IEEE 754, 16 bits */
    WMMF_ELEMENT_FLOAT32 = 11,   /* IEEE 754, 32 bits */
    WMMF_ELEMENT_FLOAT64 = 12,   /* IEEE 754, 64 bits */
    WMMF_ELEMENT_COMPLEX64 = 13, /* two of 32 bits */
    WMMF_ELEMENT_COMPLEX128 = 14 /* two of 64 bits */
};

/* Which frame a reader wants. */
enum wmmf_pick {
    WMMF_PICK_NEXT = 0,   /* the newest, unless its sequence is `after`: then wait for a newer one */
    WMMF_PICK_LATEST = 1, /* the newest, at once if there is one; `after` only counts for `missed` */
    WMMF_PICK_EVERY = 2,  /* the first one after `after` that is still there, in order; `missed` is how many were not */
    WMMF_PICK_AT = 3,     /* the one with the sequence `after`: wait for it; WMMF_E_LOST: it is gone */
    WMMF_PICK_TIME = 4    /* the newest whose timestamp is not later than `after`; WMMF_E_LOST: all there are later */
};

/* The state of a channel. */
enum wmmf_channel_state {
    WMMF_CHANNEL_LIVE = 0,    /* a program is there to publish */
    WMMF_CHANNEL_STALLED = 1, /* as LIVE, but no frame has come for some time */
    WMMF_CHANNEL_HUNG_UP = 2, /* the last program that published died, and none took over */
    WMMF_CHANNEL_GONE = 3     /* the last program that published has closed it */
};

/* A part of a section or file, mapped once more. Created by wmmf_map_window, freed by wmmf_unmap_window. */
typedef struct wmmf_window wmmf_window;

/* An open frame channel. Created by wmmf_channel_create, wmmf_channel_create_or_open or wmmf_channel_open; freed by
 * wmmf_channel_close. */
typedef struct wmmf_channel wmmf_channel;

/* A frame in its slot, or a copy of one. */
typedef struct wmmf_frame {
    uint32_t struct_size;      /* in: sizeof(wmmf_frame) */
    uint32_t slot;             /* where it is */
    uint64_t capacity;         /* bytes of the slot */
    uint64_t used;             /* bytes of the picture */
    uint64_t sequence;         /* 1 for the channel's first frame, then 2, 3 ... */
    uint64_t missed;           /* frames published between the one that the reader had and this one */
    uint64_t timestamp_ns;     /* monotonic clock of this machine: CLOCK_MONOTONIC, QueryPerformanceCounter */
    uint32_t width;            /* pixels; 0 if it is no picture, or not told */
    uint32_t height;           /* rows; 0 if width is 0 */
    uint32_t stride;           /* bytes from one row to the next; all rows are in the used bytes */
    uint32_t fourcc;           /* pixel format, first character in the lowest byte; 0: not told */
    uint32_t element;          /* of an array, enum wmmf_element; then what describes a picture is 0 */
    uint32_t dimensions;       /* of an array: how many entries of `shape` count */
    uint64_t shape[8];         /* of an array, in C order and without gaps: elements along each dimension */
    uint64_t device_timestamp; /* the device's own clock, in its own unit; 0: not told */
    uint64_t device_frame;     /* the device's own number of the frame; 0: not told */
    uint32_t hold;             /* the library's own; give it back to the calls that end what began with it */
    uint32_t user_size;        /* bytes of `user` that the writer gave */
    uint8_t user[64];          /* WMMF_FRAME_USER_SIZE bytes of the writer's own */
    void *data;                /* in place, 64-byte aligned; NULL in what wmmf_channel_read writes */
} wmmf_frame;

/* What a channel is, and its state; written by wmmf_channel_get_info. */
typedef struct wmmf_channel_info {
    uint32_t struct_size; /* in: sizeof(wmmf_channel_info) */
    uint32_t slots;
    uint64_t capacity;     /* bytes of a frame, at most */
    uint64_t sequence;     /* of the newest frame; 0: none yet */
    uint64_t timestamp_ns; /* of the newest frame; 0: none yet, or it did not fit into smaller pictures */
    uint64_t now_ns;       /* the same clock, now: the difference is how long no frame has come */
    uint32_t participants; /* writable handles that can be open at once */
    uint32_t read_only;    /* 1 if this handle is */
    uint32_t in_place;     /* 1 if this handle can hold frames in place; 0: it gets copies */
    uint32_t history;      /* frames that stay readable after newer ones */
    uint32_t pins;         /* frames that one handle can hold at once */
    uint32_t generation;   /* how often the pictures were replaced, from 1 */
    uint32_t republished;  /* how often this handle found its name taken away and published under it again */
    uint32_t nameless;     /* 1 if the name was taken away, and this handle could not publish under it again */
    uint64_t oldest;       /* sequence of the oldest frame that is still there; 0: there is none */
    uint64_t pin_limit_ns; /* as it was created with */
} wmmf_channel_info;

/* A handle, of whatever language, that is or was open on a native section (writable ones only) or on a channel; written
 * by wmmf_get_participant. */
typedef struct wmmf_participant {
    uint32_t struct_size;     /* in: sizeof(wmmf_participant) */
    uint32_t index;           /* the index of its record in the section */
    uint32_t pid;             /* its process, as that process sees itself: in another container it may mean another */
    uint32_t alive;           /* 1 if the system says that its process lives, or cannot say */
    uint32_t readers;         /* read locks that its threads hold or try to get */
    uint32_t waiting_readers; /* its threads that wait to read */
    uint32_t waiting_writer;  /* 1 if one of its threads waits to write */
    uint32_t writing;         /* 1 if it holds the write lock or is about to; of a channel: if it fills a slot */
    uint32_t reads;           /* read locks given back, modulo 2^32 */
    uint32_t writes;          /* write locks given back, modulo 2^32 */
    uint64_t joined_unix_ns;  /* when it opened the section: nanoseconds since 1970 */
    uint64_t writing_since_unix_ns; /* when it took the write lock, to some milliseconds; 0 if it has not yet */
    uint32_t pins;                  /* frames of a channel that it holds in place */
    uint32_t
        read_only; /* 1 if it can only read the channel; such a handle writes its record itself, so do not rely on it */
    uint64_t oldest_pinned; /* the sequence of the oldest frame that it holds in place; 0: none */
} wmmf_participant;

/* What one thread of a participant has to do with one lock in the payload; written by wmmf_get_hold. */
typedef struct wmmf_hold {
    uint32_t struct_size;           /* in: sizeof(wmmf_hold) */
    uint32_t participant;           /* the index of the participant's record in the section */
    uint32_t pid;                   /* its process, as that process sees itself */
    uint32_t reading;               /* 1 if the thread holds the lock for reading, or tries to get it */
    uint32_t writing;               /* 1 if it holds the lock for writing */
    uint32_t waiting;               /* 1 if it waits for the lock */
    uint64_t offset;                /* where the lock is in the payload; UINT64_MAX if the hold is free */
    uint64_t writing_since_unix_ns; /* when it took the write lock, to some milliseconds; 0 if it has not yet */
} wmmf_hold;

/* What an audit of a section or channel found. */
typedef struct wmmf_audit_report {
    uint32_t struct_size;  /* in: sizeof(wmmf_audit_report) */
    uint32_t damaged;      /* 1 if header, tallies or lock state contradict each other */
    uint32_t participants; /* writable handles whose process lives */
    uint32_t dead;         /* dead participants whose records are not cleared yet */
    uint32_t readers;      /* read locks that are held */
    uint32_t writer;       /* 1 + index of the participant that holds the write lock, 0 if none */
    uint32_t writer_pid;   /* the process that holds it, as that process sees itself; 0 if none */
    uint32_t owner_died;   /* 1 if a writer died and nobody has taken over yet */
    uint32_t poisoned;     /* 1 if the section is poisoned */
    uint32_t reserved;     /* 0 */
    uint64_t sequence;     /* how often the section was written */
} wmmf_audit_report;

/* What a lock says; written by wmmf_get_lock_state. */
typedef struct wmmf_lock_state {
    uint32_t struct_size; /* in: sizeof(wmmf_lock_state) */
    uint32_t initialised; /* 1 if its creator has finished it; 0 only in the winmmf layout */
    uint32_t readers;     /* read locks that threads hold or try to get */
    uint32_t writing;     /* 1 if a writer holds the lock, or will once those readers have left */
    uint32_t writer;      /* 1 + index of that writer's participant; 0: none, or the layout does not say */
    uint32_t writer_pid;  /* its process, as that process sees itself; 0: none, or the layout does not say */
    uint32_t waiting;     /* 1 if somebody may be waiting for the lock */
    uint32_t owner_died;  /* 1 if a writer died inside, and nobody has repaired the payload yet */
    uint32_t poisoned;    /* 1 if the lock, and with its own lock the section, is poisoned */
    uint32_t reserved;    /* 0 */
} wmmf_lock_state;

/* Nanoseconds of one slice, for callers that wait in slices to look at signals or a cancellation in between. */
#define WMMF_WAIT_SLICE_NS 100000000

/* Items of one wmmf_wait_many. */
#define WMMF_WAIT_MANY_MAX 63

/* What to wait for: a change of a native section, or the next frame of a channel. */
typedef struct wmmf_wait_item {
    wmmf_section *section; /* in: this one, or NULL */
    wmmf_channel *channel; /* in: this one, or NULL; exactly one of the two is given */
    uint64_t sequence;     /* in: wait until the sequence is not this, as wmmf_wait and wmmf_channel_wait do */
    uint64_t current;      /* out: the sequence now, where status is WMMF_OK */
    int32_t status;        /* out: WMMF_OK: it has changed; WMMF_E_TIMEOUT: not yet; else why it will not change */
    uint32_t reserved;     /* 0 */
} wmmf_wait_item;

/* One channel of a set: frames of several channels that were taken at the same time. */
typedef struct wmmf_set_item {
    wmmf_channel *channel; /* in */
    wmmf_frame *frame;     /* in: where it is described, with its struct_size; out: the frame of this channel */
    uint64_t length;       /* in: bytes of `buffer` */
    uint64_t after;        /* in: only later sequences count; out: that of the frame, so the item can be given again */
    int32_t status;        /* out: why this channel ended the call; WMMF_OK: it did not */
    uint32_t reserved;     /* 0 */
    void *buffer;          /* in: NULL: the frame is pinned, in place; else it is copied here */
} wmmf_set_item;

/* Ends a wmmf_wait_many of the same process. Created by wmmf_waker_create, freed by wmmf_waker_close. */
typedef struct wmmf_waker wmmf_waker;

/* The library itself. */

/* The ABI version of this library: WMMF_ABI_VERSION of the header it was built from. */
WMMF_API int32_t wmmf_abi_version(void);

/* The release of this library, such as "0.1.0". */
WMMF_API const char *wmmf_version(void);

/* One English sentence for a status; never NULL, also for values that are no status. */
WMMF_API const char *wmmf_strerror(int32_t status);

/* The name of a status, such as "WMMF_E_TIMEOUT"; never NULL. */
WMMF_API const char *wmmf_status_name(int32_t status);

/* errno or GetLastError() of this thread's last call, if that failed and the system had a part in it; else 0. */
WMMF_API int32_t wmmf_last_os_error(void);

/* What this thread's last call, if it failed, adds to its status: a clause in English such as "209715200
 * bytes are asked for, and the memory limit of this control group leaves 87031808"; "" if nothing. Never NULL; valid
 * until the thread's next call. */
WMMF_API const char *wmmf_last_detail(void);

/* Opening and closing. */

/* Creates a section with `size` bytes of zeroed payload and opens it for writing.
 * Its memory is reserved at once. With options->reserve, native only, wmmf_resize can make it larger later: each
 * process that has it open gives so many addresses to it, and only what it has grown to takes memory. WMMF_E_EXISTS if
 * the name is taken. The section lives until its last handle, in any process, is closed or its process has ended.
 *
 * With WMMF_LARGE_PAGES it takes whole large pages, wmmf_info.mapped_size tells how many bytes, and raw sections are as
 * long for those who open them. wmmf_last_detail names what is to be set. WMMF_E_ACCESS: Windows grants them to users
 * with the right SeLockMemoryPrivilege, which the library enables for the call. WMMF_E_NOT_SUPPORTED: Linux does not
 * grant them. It does to a section with a name if /dev/shm is mounted with the option huge=advise (or always); to one
 * without a name if there are pages in the pool (vm.nr_hugepages), or if
 * /sys/kernel/mm/transparent_hugepage/shmem_enabled is advise (or always). WMMF_E_NO_MEMORY: no memory in so large
 * pieces is free. With WMMF_LOCKED, also when opening, WMMF_E_NO_MEMORY says that this process may not lock so much:
 * RLIMIT_MEMLOCK on Linux; on Windows the library widens the working set of the process. Large pages of the pool, and
 * those of Windows, are never swapped anyway. */
WMMF_API int32_t wmmf_create(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Opens the section if there is one, else creates it. An existing one must have the
 * layout and at least `size` bytes of payload, else WMMF_E_FORMAT or WMMF_E_SIZE; access applies only to a new one.
 * WMMF_E_EXISTS: a crashed program of another user left this name, and only that user can remove it.
 * *created (may be NULL) becomes 1 or 0. */
WMMF_API int32_t wmmf_create_or_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out,
                                     int32_t *created);

/* Opens an existing section. A frame channel only read-only, to look at it. `size` 0 takes the whole payload; else the
 * handle shows the first `size` bytes and WMMF_E_SIZE says that there are fewer. Only the native layout knows its exact
 * size: with the others, size 0 gives what the system reports, on Windows rounded up to whole pages. A section that can
 * grow has at least `size` bytes, and the handle shows all of them.
 * WMMF_E_NOT_READY: its creator has not initialised it within a second; or, on Windows, another program has only
 * reserved it (SEC_RESERVE), and wmmf_last_detail says how much. If some of it has memory, from the first byte on, the
 * section is what has memory when it is opened. */
WMMF_API int32_t wmmf_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Creates a section without a name and opens it for writing. Nobody finds it: other processes get it from one that has
 * it open, by wmmf_share and wmmf_open_handle. Otherwise as wmmf_create; options->name_space is ignored. On Linux
 * nobody, not even its creator, can make it shorter, so that use of its memory is never a signal; and options->access
 * says which users can open what was handed to them. WMMF_E_NOT_SUPPORTED: the winmmf layout, whose programs open by
 * name; a Linux without memfd_create or without /proc. */
WMMF_API int32_t wmmf_create_unnamed(uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Makes a handle of the system with which another process can open an unnamed section; one for each process.
 * Windows: a HANDLE that is valid in the process `pid` (0: this one), and that process closes it (CloseHandle). It
 * takes the right PROCESS_DUP_HANDLE to that process, which processes of the same user have. POSIX: a file descriptor
 * of this process, close-on-exec; pid is 0. A child inherits it, or a Unix socket carries it (SCM_RIGHTS), and whoever
 * has it closes it. It keeps the section in being. With read_only 1 it opens read-only; a process of the creator's user
 * can get more rights all the same, because the system gives them. WMMF_E_NOT_SUPPORTED: the section has a name, to
 * open it by. WMMF_E_READ_ONLY: this handle is read-only and read_only is 0. */
WMMF_API int32_t wmmf_share(wmmf_section *section, uint32_t pid, uint32_t read_only, int64_t *handle);

/* Opens the unnamed section behind a handle of wmmf_share that is valid in this process. The handle stays the caller's,
 * to use again or to close. size and options as in wmmf_open; options->name_space is ignored. On Linux only memory that
 * nobody can make shorter: anything else is WMMF_E_FORMAT. WMMF_E_ARGUMENT: no handle of this process. */
WMMF_API int32_t wmmf_open_handle(int64_t handle, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Maps an existing file of the file system from its beginning; size and options as in wmmf_open, name_space and access
 * are ignored. Only the layout WMMF_RAW is supported. As wmmf_map_file, which can do more. */
WMMF_API int32_t wmmf_open_file(const char *path, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Maps a file: `size` bytes of it from options->offset on; 0: to its end. A writable file that is too short grows, with
 * zeros; another is WMMF_E_SIZE, as is an empty file where no size is asked for. The file stays when the handle is
 * closed. A file that is not one (a folder, a device, CON) is WMMF_E_FORMAT. After a failure a file that was there has
 * the bytes and the length that it had; on Windows perhaps more length, where others have it mapped.
 *
 * Raw: the bytes as they are, no lock. wmmf_read and wmmf_write go through the system, so that a file that is cut short
 * meanwhile is WMMF_E_TRUNCATED; use of its memory is then a signal or exception of the system.
 *
 * Native (options->native): `size` bytes of payload behind our header, with lock, sequence, waiting and recovery among
 * all processes that have it open. A lock whose owner no longer runs, also after a restart of the machine, is that
 * of a dead owner: the next writer gets WMMF_E_OWNER_DIED. The same is true if the machine went down while a process
 * had the file open for writing, because nobody knows which of the last writes reached the disk. An existing file needs
 * our header, or, with WMMF_FILE_OPEN_OR_CREATE, nothing but zeros in its place (WMMF_E_FORMAT); size 0 takes its whole
 * payload. Not with copy-on-write, an offset or WMMF_FILE_UNMAPPED.
 *
 * Coherence: all mappings of one file on one machine show the same bytes, on Linux always and on Windows on local
 * disks; copies on write show what they have copied as it was then. */
WMMF_API int32_t wmmf_map_file(const char *path, uint64_t size, const wmmf_file_options *options, wmmf_section **out);

/* Hands changes of `length` bytes at `offset` (0: to the end) to the system, or, if to_device is 1, returns once they
 * are on the device: until then a loss of power may take them. The device may get more than was asked for. Does
 * nothing if there is no file. */
WMMF_API int32_t wmmf_flush(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t to_device);

/* Gives the section `size` bytes of payload; those that are new are zero.
 *
 * A native section that was created with options->reserve, or a native file, grows while others have it open. They see
 * the new size as soon as they ask for it, or for bytes beyond the one they know. It does not get smaller
 * (WMMF_E_SIZE), because others may use the bytes. If the process dies meanwhile, it has the old size or the new one.
 *
 * In memory it grows in place, up to the reserve; addresses stay as they are. WMMF_E_NO_MEMORY: no memory is left for
 * it. If a file grows, wmmf_data gives the address of a new, larger view. The addresses that it gave before stay valid
 * until wmmf_close, and show the same bytes. A handle that was opened with a size cannot make the file larger
 * (WMMF_E_NOT_SUPPORTED). Nor can one that was opened by the name of a section over the file (Windows): it shows as
 * much as the file had when it was mapped.
 *
 * A raw, writable file becomes longer or shorter, and is mapped again: no other call on the handle, nor a use of its
 * memory, may be under way, and wmmf_data gives a new address. Windows and other mappings stay as they are. After a
 * failure the section has its old size, but perhaps a new address. If others have the file mapped, Windows refuses to
 * make it shorter (WMMF_E_ACCESS); on Linux they get WMMF_E_TRUNCATED from wmmf_read, and a signal where they touch
 * memory that is gone.
 *
 * Other sections: WMMF_E_NOT_SUPPORTED. */
WMMF_API int32_t wmmf_resize(wmmf_section *section, uint64_t size);

/* Maps `length` bytes at any `offset` of the payload once more; of a raw file, also beyond the handle's own size, up to
 * the file's. Not more rights than the handle has: else WMMF_E_READ_ONLY. It stays, also when the handle is closed,
 * until wmmf_unmap_window. */
WMMF_API int32_t wmmf_map_window(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t protection,
                                 wmmf_window **out);

/* *data becomes the address of a window's first byte. */
WMMF_API int32_t wmmf_window_data(wmmf_window *window, void **data);

/* Tells the system how `length` bytes at `offset` (0: to the end) are going to be used, in whole pages around them. A
 * hint: it changes no byte, and where a system has no such hint it does nothing; Windows has WILL_NEED and DONT_NEED
 * only. WMMF_E_NOT_SUPPORTED: DONT_NEED with copy-on-write, which would lose what was written, or with WMMF_LOCKED; a
 * file that is not mapped; frame channels. */
WMMF_API int32_t wmmf_advise(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t advice);

/* The same of a window; offset counts from its first byte. */
WMMF_API int32_t wmmf_advise_window(wmmf_window *window, uint64_t offset, uint64_t length, uint32_t advice);

/* Unmaps and frees a window; NULL is allowed. No use of its memory may come later. */
WMMF_API int32_t wmmf_unmap_window(wmmf_window *window);

/* *page becomes the bytes of a page, *granularity what addresses and offsets of mappings are multiples of (the library
 * does that by itself), *large the bytes of a large page, 0: there are none. Each may be NULL. */
WMMF_API int32_t wmmf_page_sizes(uint64_t *page, uint64_t *granularity, uint64_t *large);

/* Unmaps and frees. Locks still held through the handle are treated as if the process had died. NULL is allowed.
 * No other call on the handle, nor any use of its memory, may be under way or come later. */
WMMF_API int32_t wmmf_close(wmmf_section *section);

/* In a forked child: closes what the copied handle has open, so that it no longer makes the parent look alive. The
 * memory stays where it is, and valid, until wmmf_close. Calling it again does nothing. WMMF_E_ARGUMENT: this process
 * opened the handle. WMMF_E_NOT_SUPPORTED: Windows, which has no fork. Other errors: the section could not be mapped
 * again. */
WMMF_API int32_t wmmf_after_fork_child(wmmf_section *section);

/* Writes the name of the user who owns the section, usually the one who created it, to `name`: on
 * POSIX the user's name or number, on Windows DOMAIN\user or the SID. *needed becomes its bytes with the NUL;
 * WMMF_E_RANGE: they are more than `capacity`. */
WMMF_API int32_t wmmf_get_owner(wmmf_section *section, char *name, uint64_t capacity, uint64_t *needed);

/* *named becomes 1 if the section's name still leads to it, and 0 if the name was removed (on Linux by an
 * administrator, a cleaner of /dev/shm, or systemd's RemoveIPC). Processes that have the section open go on as before,
 * locks and recovery included, but nobody can open it any more, and the name is free for another section. On Windows a
 * name lasts as long as the section. WMMF_E_NOT_SUPPORTED: a mapped file, or a section that never had a name. */
WMMF_API int32_t wmmf_is_named(wmmf_section *section, uint32_t *named);

/* What a section is. */

/* *data becomes the address of the payload, 64-byte aligned in the native layout; it belongs to the handle. Of a
 * section that can grow, the bytes behind wmmf_size must not be touched. */
WMMF_API int32_t wmmf_data(wmmf_section *section, void **data);

/* *size becomes the payload's bytes, as many as there are now. */
WMMF_API int32_t wmmf_size(wmmf_section *section, uint64_t *size);

/* winmmf layout: frees the lock, whoever holds it. The format does not say who that is, so nobody can tell whether the
 * holder lives: only for a lock whose holder was killed. The payload may be half written. WMMF_E_NOT_SUPPORTED: the
 * native layout recovers by itself, the raw one has no lock. */
WMMF_API int32_t wmmf_break_lock(wmmf_section *section);

/* Fills *info. */
WMMF_API int32_t wmmf_get_info(wmmf_section *section, wmmf_info *info);

/* Locks. */

/* Takes the lock for reading: shared with other readers, never together with a writer. At most 256 threads at a time
 * through one handle (WMMF_E_FULL).
 * WMMF_E_OWNER_DIED: not taken, the payload is inconsistent until a writer repairs it. */
WMMF_API int32_t wmmf_lock_read(wmmf_section *section, int64_t timeout_ns);

/* Releases a read lock. WMMF_E_POISONED: it is released, and the section was poisoned meanwhile. */
WMMF_API int32_t wmmf_unlock_read(wmmf_section *section);

/* Takes the lock for writing. WMMF_E_OWNER_DIED: the lock IS taken, and a previous owner died holding it: repair the
 * payload and call wmmf_mark_consistent before unlocking. Unlocking without that leaves the section as it was, for the
 * next one who repairs.
 *
 * A thread that ends while it holds a lock, for reading or writing, loses it as a process that dies does. (In the
 * winmmf layout its lock is simply free again. TerminateThread of Windows is not noticed.)
 * WMMF_E_DEADLOCK: the thread holds the lock, through this handle or another one of the same section, so it would wait
 * for itself. Said at once, whatever the timeout is. */
WMMF_API int32_t wmmf_lock_write(wmmf_section *section, int64_t timeout_ns);

/* As wmmf_lock_write, for callers that wait in slices, to look at signals or a cancellation in between. *place is 0 at
 * first; after WMMF_E_TIMEOUT it is the caller's place in the queue of writers, which it keeps until it calls again
 * (also wmmf_write_queued) or gives it up with wmmf_leave_queue; after anything else it is 0. A caller that does not
 * call again within a millisecond lets others pass. */
WMMF_API int32_t wmmf_lock_write_queued(wmmf_section *section, int64_t timeout_ns, uint64_t *place);

/* Gives up a place in the queue of writers; does nothing for 0. The handle and the layout are those that gave it. */
WMMF_API int32_t wmmf_leave_queue(wmmf_section *section, uint64_t place);

/* Releases the write lock, advances the sequence and wakes all waiters. WMMF_E_POISONED: it is released, and the
 * section was poisoned before. */
WMMF_API int32_t wmmf_unlock_write(wmmf_section *section);

/* Declares the payload consistent after WMMF_E_OWNER_DIED; the calling thread holds the write lock. */
WMMF_API int32_t wmmf_mark_consistent(wmmf_section *section);

/* Locks of tasks. A lock belongs to the thread that took it. Where a task goes on in another thread after it has
 * waited, a lock owner takes the thread's place. *owner becomes a number that no thread and no other owner of this
 * process has; nothing has to be freed. */
WMMF_API int32_t wmmf_new_lock_owner(uint64_t *owner);

/* From now on the calling thread takes, uses and gives back locks as `owner`, in all calls; 0: as itself again.
 * *previous (may be NULL) becomes who it was before, in the same way. One thread at a time may be an owner, and must
 * see what the one before did. What an owner holds does not end with a thread; wmmf_close and the end of the process
 * take it away as from a thread. WMMF_E_ARGUMENT: `owner` is not a number of wmmf_new_lock_owner. */
WMMF_API int32_t wmmf_set_lock_owner(uint64_t owner, uint64_t *previous);

/* Makes a native section useless, for ever and for everybody: what to do when its payload is wrong and cannot be
 * repaired. Every later and every waiting call is WMMF_E_POISONED, as after an audit that finds damage. */
WMMF_API int32_t wmmf_poison(wmmf_section *section);

/* Describes the lock of a native or winmmf section: a snapshot, already old when it is read. Read-only handles may
 * ask as well. */
WMMF_API int32_t wmmf_get_lock_state(wmmf_section *section, wmmf_lock_state *state);

/* Locks in the payload: any 64 bytes of it whose offset is a multiple of 64, for example a lock for each row of a
 * table. Zeroed bytes are a free lock, so a new section needs no preparation. The section must have been created with
 * options->locks, or the calls return WMMF_E_NOT_SUPPORTED. So many locks a handle can hold or wait for at once, all
 * its threads together (WMMF_E_FULL).
 *
 * Each lock works as the section's own, with the same recovery. A dead writer, or poison, concerns only what this lock
 * protects. Nothing reads without the lock: a read-only handle can only wait. The 64 bytes are the library's; if they
 * are written over, the state of this lock is lost, and nothing else.
 *
 * WMMF_E_ARGUMENT: an offset that is not a multiple of 64. WMMF_E_RANGE: not within the payload. Otherwise each call
 * does what the one without _at does. */
WMMF_API int32_t wmmf_lock_read_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns);
WMMF_API int32_t wmmf_unlock_read_at(wmmf_section *section, uint64_t offset);
/* WMMF_E_OWNER_DIED: the lock IS taken, as with wmmf_lock_write. */
WMMF_API int32_t wmmf_lock_write_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns);
/* *place as for wmmf_lock_write_queued; while it is kept, so is one of the handle's locks (options->locks). */
WMMF_API int32_t wmmf_lock_write_queued_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns, uint64_t *place);
WMMF_API int32_t wmmf_leave_queue_at(wmmf_section *section, uint64_t offset, uint64_t place);
WMMF_API int32_t wmmf_unlock_write_at(wmmf_section *section, uint64_t offset);
WMMF_API int32_t wmmf_mark_consistent_at(wmmf_section *section, uint64_t offset);
WMMF_API int32_t wmmf_poison_at(wmmf_section *section, uint64_t offset);
/* Waits until the number of write locks given back there, and of wmmf_notify_at, is not `sequence`; see wmmf_wait. */
WMMF_API int32_t wmmf_wait_at(wmmf_section *section, uint64_t offset, uint64_t sequence, int64_t timeout_ns,
                              uint64_t *current);
/* As wmmf_notify. */
WMMF_API int32_t wmmf_notify_at(wmmf_section *section, uint64_t offset);
WMMF_API int32_t wmmf_get_lock_state_at(wmmf_section *section, uint64_t offset, wmmf_lock_state *state);
/* Describes one hold; a snapshot, already old when it is read. `index` counts the holds of all participants, the free
 * ones as well: options->locks of each. WMMF_E_RANGE: no participant from there on is in use, or the section has no
 * locks in its payload: the way to end a loop over all. */
WMMF_API int32_t wmmf_get_hold(wmmf_section *section, uint32_t index, wmmf_hold *hold);

/* Copies. */

/* Copies `length` bytes at `offset` of the payload into `buffer`, under the read lock (or the lock that the calling
 * thread already holds).
 * A read-only handle copies without a lock, behind a wmmf_write or between the locks of writers that change the
 * payload in place, and repeats until it has one whole version: the writer never waits for it.
 * The raw layout has no lock: its bytes are copied as they are. WMMF_E_TRUNCATED: a mapped file (wmmf_open_file) was
 * cut short meanwhile; use of its memory through wmmf_data is then a signal or exception of the system. */
WMMF_API int32_t wmmf_read(wmmf_section *section, uint64_t offset, void *buffer, uint64_t length, int64_t timeout_ns);

/* Copies `length` bytes from `buffer` to `offset` of the payload, under the write lock, which may be the one that the
 * calling thread already holds; other bytes stay as they are.
 * WMMF_E_OWNER_DIED: nothing is copied and no lock is taken. WMMF_E_TRUNCATED: as in wmmf_read; bytes before the cut
 * may have been written. */
WMMF_API int32_t wmmf_write(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length,
                            int64_t timeout_ns);

/* As wmmf_write; *place as for wmmf_lock_write_queued. */
WMMF_API int32_t wmmf_write_queued(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length,
                                   int64_t timeout_ns, uint64_t *place);

/* Waiting for a change. */

/* Advances the sequence by one and wakes all who wait for a change, without the lock: for programs with a protocol of
 * their own, whose writers do not lock. Plain native sections only (WMMF_E_NOT_SUPPORTED). */
WMMF_API int32_t wmmf_notify(wmmf_section *section);

/* *sequence becomes the number of writes since the section was created: how often the write lock was given back, and
 * how often a death took it away from a writer inside. */
WMMF_API int32_t wmmf_sequence(wmmf_section *section, uint64_t *sequence);

/* Waits until the sequence is not `sequence`; *current (may be NULL) becomes the new one. WMMF_E_DEADLOCK: the calling
 * thread has the lock, through any handle of the section, so nothing can change; said at once. With a timeout of 0,
 * which only looks, that is WMMF_E_TIMEOUT. */
WMMF_API int32_t wmmf_wait(wmmf_section *section, uint64_t sequence, int64_t timeout_ns, uint64_t *current);

/* Waits until at least one of `count` items is decided, or the waker (may be NULL) is woken: one thread waits for all.
 * Sets status and current of every item. WMMF_OK: look at the items; if none is decided, the waker was woken.
 * WMMF_E_TIMEOUT: neither, for that long. WMMF_E_ARGUMENT: more than WMMF_WAIT_MANY_MAX items, nothing to wait for, or
 * an item that does not name exactly one of section and channel; nothing is written.
 * An item's status is what wmmf_wait or wmmf_channel_wait would return, WMMF_E_OWNER_DIED and WMMF_E_FORKED among
 * them; also WMMF_E_DEADLOCK, unless timeout_ns is 0. The same section may be in several items, and the items may be
 * given again as they are. No handle, nor the waker, may be closed during the call. A writer's wake-up ends the wait at
 * once, except for read-only handles, which look again every millisecond; and on Linux before 5.16, or where a filter
 * forbids futex_waitv, that is so for all handles if there are several items, or one and a waker. The waker's wake-up
 * always ends it at once. */
WMMF_API int32_t wmmf_wait_many(wmmf_wait_item *items, uint32_t count, wmmf_waker *waker, int64_t timeout_ns);

/* Makes a waker, for one waiting thread. */
WMMF_API int32_t wmmf_waker_create(wmmf_waker **out);

/* Ends the wmmf_wait_many that waits with this waker, or if none does, the next one at once. From any thread. Several
 * wakes before a wait count as one. What the caller did before, the waiting thread sees after. */
WMMF_API int32_t wmmf_waker_wake(wmmf_waker *waker);

/* Frees a waker; NULL is allowed. No call with it may be under way or come later. */
WMMF_API int32_t wmmf_waker_close(wmmf_waker *waker);

/* Inspection. */

/* Compares header, tallies and lock state of a native section and fills *report. Damage poisons the section (unless the
 * handle is read-only): every later and every waiting call, in every process, then returns WMMF_E_POISONED, except
 * those that open, close, inspect and release. While only this library writes, there is never damage, wherever its
 * processes are stopped or die. WMMF_OK means that the audit was done, whatever it found. */
WMMF_API int32_t wmmf_audit(wmmf_section *section, wmmf_audit_report *report);

/* Describes one participant of a native section or channel; a snapshot, already old when it is read.
 * WMMF_E_RANGE: no record from `index` on is in use: the way to end a loop over all. A record between others may be
 * free: then pid is 0. */
WMMF_API int32_t wmmf_get_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant);

/* Writes the names of the sections and channels of this library that are open now, in any process, and that the caller
 * may read to `names`, one after the other, each ended by NUL. *needed becomes the bytes of them all; WMMF_E_RANGE:
 * they are more than `capacity`, and `names` is undefined. WMMF_LOCAL and WMMF_GLOBAL only. POSIX: sections of all
 * layouts. Windows: native ones only; WMMF_E_NOT_SUPPORTED where the system does not list its objects. */
WMMF_API int32_t wmmf_list(uint32_t name_space, char *names, uint64_t capacity, uint64_t *needed);

/* Frame channels: the newest frame for everybody, without copies. Readers and writers do not wait for each other.
 *
 * A channel has N slots. A writer fills a slot that is neither the newest nor pinned by a reader, and publishes it. A
 * reader pins the newest frame and reads it in place for as long as it likes. A slow reader misses frames. Writers take
 * turns: from begin to publish or cancel the others wait. A writer that dies in between leaves a free slot; the pins of
 * a reader that dies are cleared.
 *
 * wmmf_open opens a channel's section read-only, for wmmf_get_participant, wmmf_get_info and wmmf_audit; its layout is
 * the native one; wmmf_data and wmmf_read return WMMF_E_NOT_SUPPORTED. */

/* Creates a channel of `slots` slots (0 = WMMF_CHANNEL_SLOTS_DEFAULT) for frames of up to `capacity` bytes and opens it
 * for writing. Its memory is slots * (capacity + 196 bytes) and some pages: WMMF_E_NO_MEMORY if there is no room for
 * that now. On Linux a slot's share is reserved when it is first begun, so that only slots that are used cost memory;
 * a container's limit is not seen before it is reached, and the kernel then kills the writer.
 * options->channel gives it a history and more. Other errors as of wmmf_create; options->layout is WMMF_NATIVE. */
WMMF_API int32_t wmmf_channel_create(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                                     wmmf_channel **out);

/* Opens the channel if there is one, else creates it. An existing one that has less capacity, fewer slots or less
 * history gets new pictures (wmmf_channel_resize) if this user owns it, else it is WMMF_E_SIZE.
 * *created (may be NULL) becomes 1 or 0. */
WMMF_API int32_t wmmf_channel_create_or_open(const char *name, uint64_t capacity, uint32_t slots,
                                             const wmmf_options *options, wmmf_channel **out, int32_t *created);

/* Opens an existing channel. With options->read_only its pages are read-only: such a handle cannot publish. It still
 * holds frames in place if it may write the readers' section (with one of the access presets, every user who may read
 * the channel may), and if that section has a record left: see wmmf_channel_info.in_place. Otherwise it gets copies.
 * So does a handle that can write, if there is no record left: readers keep no publisher out.
 * WMMF_E_FORMAT: not a channel. WMMF_E_FULL: as many writable handles are open as it has participants. */
WMMF_API int32_t wmmf_channel_open(const char *name, const wmmf_options *options, wmmf_channel **out);

/* Gives the channel new pictures, with capacity and slots (0: as they are) and history. Only its owner can. Readers go
 * on with the same handle: frames that they hold stay as they are, the next one is from the new pictures, sequences go
 * on. The newest frame is copied if there is room; the rest of the history is not. A damaged channel is declared
 * new: the poison ends, and a writer that was about to publish gets WMMF_E_POISONED. WMMF_E_ACCESS: another user owns
 * it. WMMF_E_DEADLOCK: this thread has begun a frame. */
WMMF_API int32_t wmmf_channel_resize(wmmf_channel *channel, uint64_t capacity, uint32_t slots, uint32_t history,
                                     int64_t timeout_ns);

/* Waits until no program is there to publish: the last one has died, which the system tells, or closed the channel.
 * This handle then takes its place. If several stand by, one gets WMMF_OK and the others wait on. */
WMMF_API int32_t wmmf_channel_stand_by(wmmf_channel *channel, int64_t timeout_ns);

/* *state becomes one of enum wmmf_channel_state; stalled: no frame was published for longer than `stalled_ns`, whatever
 * timestamps say; before the first one, the time begins when the channel is created. Negative: never. */
WMMF_API int32_t wmmf_channel_get_state(wmmf_channel *channel, int64_t stalled_ns, uint32_t *state);

/* As wmmf_get_participant, for all handles of the channel: first those that can write it, then those that only read. */
WMMF_API int32_t wmmf_channel_get_participant(wmmf_channel *channel, uint32_t index, wmmf_participant *participant);

/* Unmaps and frees, including all frames that are still held: do not use them later. NULL is allowed. */
WMMF_API int32_t wmmf_channel_close(wmmf_channel *channel);

/* As wmmf_after_fork_child. Held frames stay where they are as well, but the parent's death releases them. */
WMMF_API int32_t wmmf_channel_after_fork_child(wmmf_channel *channel);

/* As wmmf_get_owner. */
WMMF_API int32_t wmmf_channel_get_owner(wmmf_channel *channel, char *name, uint64_t capacity, uint64_t *needed);

/* Fills *info. */
WMMF_API int32_t wmmf_channel_get_info(wmmf_channel *channel, wmmf_channel_info *info);

/* Gives a slot to fill: frame->data and frame->capacity; used is the capacity, the rest 0. Its bytes are those of some
 * older frame. WMMF_E_TIMEOUT: every slot is being read, or another writer is at work, for that long.
 * WMMF_E_DEADLOCK: this thread has begun a frame already. WMMF_E_NO_MEMORY: there is no memory for this slot. */
WMMF_API int32_t wmmf_channel_begin(wmmf_channel *channel, int64_t timeout_ns, wmmf_frame *frame);

/* Publishes the frame of wmmf_channel_begin, from any thread. The caller describes it: used, width, height,
 * stride, fourcc, or element, dimensions and shape; device_timestamp, device_frame, user and user_size; and
 * timestamp_ns, unless it is 0: then it becomes the time of this call. Sets frame->sequence. A stride of 0 becomes that
 * of rows without gaps if the format is one that wmmf_picture_size knows; of other formats the library only checks that
 * stride * height bytes are used. WMMF_E_RANGE: used is beyond the capacity, the picture or array beyond used, or
 * user_size beyond 64. WMMF_E_ARGUMENT: the description contradicts itself. After an error the frame is still begun. */
WMMF_API int32_t wmmf_channel_publish(wmmf_channel *channel, wmmf_frame *frame);

/* Bytes of a picture in a known pixel format: GREY, Y16 (with a space at its end), BGR3, RGB3, BGRA, RGBA, YUYV, UYVY,
 * NV12, NV21, I420, YV12. *stride 0 becomes that of rows without gaps; else it is checked. Rows that 4:2:0 formats have
 * for their colours count. WMMF_E_NOT_SUPPORTED: another format, of which this library knows no size.
 * WMMF_E_ARGUMENT: width or height is 0, or odd where two pixels share a colour; or the stride is less than a row. */
WMMF_API int32_t wmmf_picture_size(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t *stride, uint64_t *size);

/* Drops the frame of wmmf_channel_begin. */
WMMF_API int32_t wmmf_channel_cancel(wmmf_channel *channel, const wmmf_frame *frame);

/* Copies frame->used bytes at `data` into a slot and publishes it: begin, copy and publish in one call. */
WMMF_API int32_t wmmf_channel_write(wmmf_channel *channel, const void *data, int64_t timeout_ns, wmmf_frame *frame);

/* Pins the newest frame, if its sequence is not `after`, or waits until there is one. `after` is the sequence of the
 * frame that the caller had before; 0 takes any, at once if there is one. The frame stays as it is until
 * wmmf_channel_release, unless the channel's creator set a time limit for pins, or a hostile reader interferes: then
 * wmmf_channel_release says so. WMMF_E_FULL: this handle, in all its threads, holds as many frames as it can.
 * WMMF_E_READ_ONLY: this handle gets copies only. */
WMMF_API int32_t wmmf_channel_acquire(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, wmmf_frame *frame);

/* As wmmf_channel_acquire, for a frame that is picked otherwise: enum wmmf_pick says how, and what `after` means. */
WMMF_API int32_t wmmf_channel_acquire_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, int64_t timeout_ns,
                                           wmmf_frame *frame);

/* Whether a frame of wmmf_channel_acquire is as it was until now: WMMF_OK or WMMF_E_NOT_INTACT. */
WMMF_API int32_t wmmf_channel_intact(wmmf_channel *channel, const wmmf_frame *frame);

/* Releases a frame of wmmf_channel_acquire, from any thread; its memory may change from now on.
 * WMMF_E_NOT_INTACT: it is released, and it had changed before: what was read of it may be of two frames. */
WMMF_API int32_t wmmf_channel_release(wmmf_channel *channel, const wmmf_frame *frame);

/* As wmmf_channel_acquire, but copies the picture into `buffer` and pins nothing after its return; read-only handles
 * can do this as well, and then repeat until they have a whole frame. WMMF_E_RANGE: the picture has more than `length`
 * bytes; frame->used says how many. */
WMMF_API int32_t wmmf_channel_read(wmmf_channel *channel, uint64_t after, void *buffer, uint64_t length,
                                   int64_t timeout_ns, wmmf_frame *frame);

/* As wmmf_channel_read, for a frame that is picked otherwise. */
WMMF_API int32_t wmmf_channel_read_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, void *buffer,
                                        uint64_t length, int64_t timeout_ns, wmmf_frame *frame);

/* Takes one frame of each of 1 to WMMF_WAIT_MANY_MAX channels, whose timestamps differ by at most `tolerance_ns`: the
 * newest such set, of the frames that the channels still have and that come after those of each item. A channel without
 * a history has its newest frame only. Waits for such a set, for all channels at once. Each frame is as of
 * wmmf_channel_acquire: release each of them; one that has a buffer is as of wmmf_channel_read. The same channel may be
 * in several items. After an error nothing is held, the frames and `after` are as they were, and buffers are undefined;
 * the status of the channel that caused it is also in its item. The call looks at every frame of the histories after
 * `after` and needs 16 bytes for each. WMMF_E_TIMEOUT: there was no set, for that long. WMMF_E_READ_ONLY: an item
 * without a buffer, of a handle that gets copies only. WMMF_E_RANGE: a picture has more than `length` bytes. */
WMMF_API int32_t wmmf_channel_acquire_set(wmmf_set_item *items, uint32_t count, uint64_t tolerance_ns,
                                          int64_t timeout_ns);

/* Waits until the newest frame's sequence is not `after`; *sequence (may be NULL) becomes that. */
WMMF_API int32_t wmmf_channel_wait(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, uint64_t *sequence);

/* As wmmf_audit, for the channel's section. */
WMMF_API int32_t wmmf_channel_audit(wmmf_channel *channel, wmmf_audit_report *report);

/* -- end declarations -- */

#ifdef __cplusplus
}
#endif

#endif
