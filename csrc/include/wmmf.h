/* wmmf.h - named shared memory with a lock inside, for programs in any language.
 *
 * A section is a named block of memory that several processes map at the same time. Its lock is in the section itself,
 * so programs in different languages, of different users, take the same lock, and the others learn when one of them
 * crashes. A frame channel is for live pictures: one program writes frames, and all others read the newest one in
 * place.
 *
 * The common case takes five calls. The example does not check errors:
 *
 *     wmmf_section *section, *same;
 *     char text[6];
 *
 *     // One program creates 1000 zeroed bytes under a new name. A write takes the lock, copies, and releases it.
 *     wmmf_create("greeting", 1000, NULL, &section);
 *     wmmf_write(section, 0, "hello", sizeof text, -1);
 *
 *     // Any other program can read while a program has the section open. It never gets half of a write.
 *     wmmf_open("greeting", 0, NULL, &same);
 *     wmmf_read(same, 0, text, sizeof text, -1);
 *
 *     wmmf_close(same);
 *     wmmf_close(section);
 *
 * The calls, in the order of this file:
 *   the library itself    wmmf_abi_version, wmmf_version, wmmf_strerror, wmmf_last_os_error ...
 *   opening and closing   wmmf_create, wmmf_open, wmmf_create_unnamed, wmmf_map_file, wmmf_close ...
 *   files, growth         wmmf_flush, wmmf_resize, wmmf_map_window, wmmf_advise ...
 *   what a section is     wmmf_data, wmmf_size, wmmf_get_info, wmmf_get_owner ...
 *   locks                 wmmf_lock_read, wmmf_lock_write, wmmf_mark_consistent, wmmf_poison ...
 *   copies                wmmf_read, wmmf_write
 *   waiting for a change  wmmf_sequence, wmmf_wait, wmmf_wait_many
 *   inspection            wmmf_audit, wmmf_get_participant, wmmf_get_hold, wmmf_list
 *   frame channels        wmmf_channel_create, wmmf_channel_begin, wmmf_channel_publish, wmmf_channel_acquire ...
 *
 * Conventions, unless a comment says otherwise:
 * - A call returns WMMF_OK (0) or a negative code of enum wmmf_status. A call that fails changes nothing, leaves
 *   nothing open and does not write out-parameters, except where the code itself says more (WMMF_E_OWNER_DIED).
 * - Sizes, offsets and lengths are bytes. Timeouts are nanoseconds on a monotonic clock: 0 tries once, a negative value
 *   waits for ever.
 * - Text is UTF-8 and ends with NUL. Arguments are borrowed only for the call; returned strings are static.
 * - Several threads may make calls on one handle at once, except wmmf_close.
 *
 * Caveats:
 * - Locks belong to the thread that took them. They are not recursive: taking one again returns WMMF_E_DEADLOCK.
 * - A process or thread that ends while it holds the write lock leaves the section inconsistent. Calls that use the
 *   payload then fail with WMMF_E_OWNER_DIED until a writer repairs it and calls wmmf_mark_consistent.
 * - Do not use memory from wmmf_data after wmmf_close. Only the locks that you take protect it.
 * - After fork() every call with the child's copy of a handle returns WMMF_E_FORKED: open the section again in the
 *   child. Until the child calls wmmf_after_fork_child for its copies, closes them, calls exec or ends, others cannot
 *   see that the parent died.
 * - Close all handles before you unload the library (dlclose, FreeLibrary), and do not unload it while a thread is in
 *   one of its calls.
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

/* What wmmf_abi_version() returns; a binding refuses a library with another value. */
#define WMMF_ABI_VERSION 1
/* Version of the native memory format, as stored in each section. */
#define WMMF_FORMAT_VERSION 1
/* The longest name, in bytes of UTF-8 without the NUL. */
#define WMMF_NAME_MAX 230
/* How many writable handles may be open on one native section at the same time: default and maximum. */
#define WMMF_PARTICIPANTS_DEFAULT 56
#define WMMF_PARTICIPANTS_MAX     4096

/* Maximum of wmmf_options.locks. */
#define WMMF_LOCKS_MAX 64

/* Status of a call. The values never change; new ones are appended. */
enum wmmf_status {
    WMMF_OK = 0, /* success */

    /* The caller's arguments. */
    WMMF_E_ARGUMENT = -1,    /* a NULL pointer, an unknown enum value or a reserved field that is not 0 */
    WMMF_E_SIZE = -2,        /* the size is 0, too large for this machine, or larger than the section */
    WMMF_E_RANGE = -3,       /* offset + length reaches outside the section */
    WMMF_E_STRUCT_SIZE = -4, /* a struct_size that this library does not know */

    /* Names. */
    WMMF_E_NAME_EMPTY = -10,    /* the name is empty */
    WMMF_E_NAME_TOO_LONG = -11, /* more than WMMF_NAME_MAX bytes */
    WMMF_E_NAME_INVALID = -12,  /* not UTF-8, or contains a slash or backslash that is not allowed */
    WMMF_E_EXISTS = -13,        /* the name is taken; what it names is unchanged */
    WMMF_E_NOT_FOUND = -14,     /* no section has this name */

    /* State of the lock, the section or the handle. */
    WMMF_E_TIMEOUT = -20,       /* the timeout expired */
    WMMF_E_OWNER_DIED = -21,    /* a writer died while it held the lock: the payload may be half written */
    WMMF_E_POISONED = -22,      /* an audit found damage, or a program poisoned it: the section is useless for ever */
    WMMF_E_CLOSED = -23,        /* the handle is closed (reported by the bindings) */
    WMMF_E_DEADLOCK = -24,      /* the calling thread would wait for itself: it holds the lock, through any handle */
    WMMF_E_NOT_OWNER = -25,     /* the calling thread does not hold the lock */
    WMMF_E_READ_ONLY = -26,     /* the handle was opened read-only, or gets copies of frames only */
    WMMF_E_NOT_SUPPORTED = -27, /* not supported by this layout, or by this system */
    WMMF_E_FULL = -28,   /* all participant records, or the handle's places for readers, locks or frames, are in use */
    WMMF_E_FORKED = -29, /* the handle belongs to the parent process */

    /* The content of the section. */
    WMMF_E_FORMAT = -30,     /* not a section of this layout */
    WMMF_E_VERSION = -31,    /* a native section of a format version that this library does not know */
    WMMF_E_TRUNCATED = -32,  /* the section is smaller than its header claims, or the file was cut */
    WMMF_E_NOT_READY = -33,  /* the creator has not initialised it in time */
    WMMF_E_NOT_INTACT = -34, /* the frame was overwritten while it was held */
    WMMF_E_LOST = -35,       /* the channel no longer has the frame, or never had it */

    /* Rights and the operating system; wmmf_last_os_error() has the system's own code. */
    WMMF_E_ACCESS = -40,    /* the system refuses access */
    WMMF_E_NO_MEMORY = -41, /* the system cannot reserve that much memory */
    WMMF_E_OS = -42,        /* any other error of the system */
    WMMF_E_DESCRIPTOR = -43 /* POSIX: the program has closed the file descriptor of this handle */
};

/* Where a name is looked up. */
enum wmmf_namespace {
    WMMF_LOCAL = 0,  /* this user; on Windows (Local\) this session */
    WMMF_GLOBAL = 1, /* the machine; on Windows (Global\) creating needs the right SeCreateGlobalPrivilege */
    WMMF_CUSTOM = 2, /* the name exactly as given to the operating system */
    WMMF_ANY = 3     /* for opening only: looks in WMMF_GLOBAL, then in WMMF_LOCAL */
};

/* What the bytes of a section mean. */
enum wmmf_layout {
    WMMF_NATIVE = 0, /* our header with lock, sequence and participants, then the payload */
    WMMF_WINMMF = 1, /* the Rust crate WinMMF: a 4-byte lock word, then the payload */
    WMMF_RAW = 2     /* payload only; nothing to lock */
};

/* Who may open a section, besides its creator. On Windows WMMF_ACCESS_USERS_WRITE of the winmmf and raw layouts grants
 * what other programs of these layouts ask for, which includes the right to change the access itself. The winmmf layout
 * has no read-only access (WMMF_E_NOT_SUPPORTED), because its programs ask for all rights even to read. */
enum wmmf_access {
    WMMF_ACCESS_OWNER = 0,       /* no other user (0600; a DACL with the creating user and the system) */
    WMMF_ACCESS_USERS_READ = 1,  /* every user of the machine, read-only (0644) */
    WMMF_ACCESS_USERS_WRITE = 2, /* every user of the machine (0666) */
    WMMF_ACCESS_SDDL = 3,        /* Windows only: as the security descriptor says */
    WMMF_ACCESS_MODE = 4         /* POSIX only: as the permission bits say */
};

/* Bits of wmmf_options.flags: the memory of a section. They are for sections of a fixed size: with a reserve, and for
 * frame channels, they give WMMF_E_NOT_SUPPORTED. */
#define WMMF_LARGE_PAGES     1 /* when creating: large pages (wmmf_page_sizes), or an error that names the setting */
#define WMMF_TRY_LARGE_PAGES 2 /* when creating: large pages if the system grants them, otherwise ordinary ones */
#define WMMF_LOCKED          4 /* locks it in memory: never swapped while this handle is open */

/* An open section. Created by wmmf_create, wmmf_open and the other calls that open; freed by wmmf_close. */
typedef struct wmmf_section wmmf_section;

/* More options for creating a frame channel. */
typedef struct wmmf_channel_options {
    uint32_t struct_size;  /* sizeof(wmmf_channel_options) */
    uint32_t history;      /* how many older frames stay readable; they have their own slots */
    uint32_t pins;         /* how many frames one handle can hold at once; 0 = WMMF_CHANNEL_PINS_DEFAULT */
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
    uint32_t participants;               /* records of a new native section; 0 = WMMF_PARTICIPANTS_DEFAULT; of a new
                                            frame channel: WMMF_CHANNEL_PARTICIPANTS_DEFAULT */
    uint32_t locks;                      /* locks in the payload of a native section that one handle can hold or wait
                                            for at once (wmmf_lock_read_at): WMMF_LOCKS_MAX at most; 0 = none */
    const char *sddl;                    /* security descriptor, with WMMF_ACCESS_SDDL; else NULL */
    const wmmf_channel_options *channel; /* frame channels only: for creating; NULL: all 0 */
    uint64_t reserve;                    /* for creating: payload size to which it can grow (wmmf_resize); 0: none */
    uint32_t flags;                      /* bits WMMF_LARGE_PAGES, WMMF_TRY_LARGE_PAGES, WMMF_LOCKED */
    uint32_t own_only; /* 1: refuse a section of another user, and on POSIX one of this user with other access
                          (WMMF_E_ACCESS), before using any of it */
} wmmf_options;

/* Which files wmmf_map_file takes. */
enum wmmf_file_mode {
    WMMF_FILE_OPEN = 0,           /* an existing file */
    WMMF_FILE_CREATE = 1,         /* a new file; WMMF_E_EXISTS if it exists */
    WMMF_FILE_OPEN_OR_CREATE = 2, /* either */
    WMMF_FILE_TRUNCATE = 3        /* either; emptied only when nothing else can fail */
};

/* What may be done to mapped memory. */
enum wmmf_protection {
    WMMF_READ_WRITE = 0,   /* changes are shared */
    WMMF_READ = 1,         /* read rights only */
    WMMF_COPY_ON_WRITE = 2 /* changes stay in this mapping, invisible to others and to the file */
};

/* How memory is going to be used. */
enum wmmf_advice {
    WMMF_ADVICE_NORMAL = 0,     /* nothing special */
    WMMF_ADVICE_SEQUENTIAL = 1, /* from the first byte to the last: read far ahead */
    WMMF_ADVICE_RANDOM = 2,     /* at scattered offsets: do not read ahead */
    WMMF_ADVICE_WILL_NEED = 3,  /* soon: read it now */
    WMMF_ADVICE_DONT_NEED = 4,  /* not soon: this process releases the pages; no byte is lost */
    WMMF_ADVICE_LARGE_PAGES = 5 /* often: use large pages, where the system can */
};

/* What others may do with a file while it is mapped. */
enum wmmf_file_share {
    WMMF_SHARE_ALL = 0,  /* anything */
    WMMF_SHARE_READ = 1, /* Windows only: open it for reading */
    WMMF_SHARE_NONE = 2  /* Windows only: nothing; they get ERROR_SHARING_VIOLATION, in this library WMMF_E_ACCESS */
};

/* Bits of wmmf_file_options.flags. */
#define WMMF_FILE_WRITE_THROUGH 1 /* wmmf_write returns once the bytes are on the device */
#define WMMF_FILE_RESERVE       2 /* growth reserves disk space at once, not when the bytes are first touched */
#define WMMF_FILE_UNMAPPED      4 /* raw only: maps nothing; use windows, wmmf_read and wmmf_write, not wmmf_data */

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
    uint64_t offset;       /* where in the file the section begins: any offset; native: 0 */
    uint64_t file_size;    /* the file grows to this, if it is shorter; 0: no more than necessary */
    uint32_t name_space;   /* with `name` */
    uint32_t locks;        /* as wmmf_options.locks, of a new native file */
    const char *name;      /* Windows: a name for the section over the file, for others to open; else NULL */
} wmmf_file_options;

/* What a handle knows about its section; written by wmmf_get_info. */
typedef struct wmmf_info {
    uint32_t struct_size;     /* in: sizeof(wmmf_info) */
    uint32_t layout;          /* enum wmmf_layout */
    uint32_t read_only;       /* 1 if this handle is read-only */
    uint32_t participants;    /* records in the section; 0 if the layout has none */
    uint64_t size;            /* payload bytes */
    uint64_t mapped_size;     /* bytes mapped, including headers and the system's rounding */
    uint64_t data_offset;     /* of the payload in the mapping */
    uint64_t created_unix_ns; /* native layout: creation time, nanoseconds since 1970; else 0 */
    uint32_t creator_pid;     /* native layout: process id of the creator, in its own pid namespace; else 0 */
    uint32_t name_space;      /* enum wmmf_namespace: where the name was found, never WMMF_ANY */
    uint64_t reserve;         /* payload size to which it can grow in memory; 0: it cannot */
    uint64_t page_size;       /* bytes of its pages; only the native layout tells an opener that they are large */
    uint32_t locked;          /* 1 if this handle locks it in memory (WMMF_LOCKED) */
    uint32_t record;          /* the index of this handle's own wmmf_participant; UINT32_MAX: it has none (read-only) */
} wmmf_info;

/* Slots of a frame channel. */
#define WMMF_CHANNEL_SLOTS_DEFAULT 4
#define WMMF_CHANNEL_SLOTS_MIN     3
#define WMMF_CHANNEL_SLOTS_MAX     64
/* Maximum number of older frames that stay readable. */
#define WMMF_CHANNEL_HISTORY_MAX 60000
/* How many frames one handle can hold at once: default and maximum. */
#define WMMF_CHANNEL_PINS_DEFAULT 8
#define WMMF_CHANNEL_PINS_MAX     64
/* The default of wmmf_options.participants for frame channels, where read-only handles also count. The records of the
 * readers, with WMMF_CHANNEL_PINS_DEFAULT pins each, then fill one page of 4096 bytes. */
#define WMMF_CHANNEL_PARTICIPANTS_DEFAULT 28
/* Bytes of user data that travel with each frame. */
#define WMMF_FRAME_USER_SIZE 64
/* Maximum number of dimensions of an array that is sent as a frame. */
#define WMMF_FRAME_DIMENSIONS_MAX 8

/* Element type of an array; little endian. Complex numbers are two floats, the real part first. */
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
    WMMF_PICK_NEXT = 0,   /* the newest one; if its sequence is `after`, waits for a newer one */
    WMMF_PICK_LATEST = 1, /* the newest one; waits only if there is none; `after` only affects `missed` */
    WMMF_PICK_EVERY = 2,  /* the first one after `after` that is still there; `missed` counts those that were not */
    WMMF_PICK_AT = 3,     /* the one with the sequence `after`; waits for it; WMMF_E_LOST: it is gone */
    WMMF_PICK_TIME = 4    /* the newest one not later than the timestamp `after`; WMMF_E_LOST: all frames are later */
};

/* The state of a channel. */
enum wmmf_channel_state {
    WMMF_CHANNEL_LIVE = 0,    /* a publisher has it open */
    WMMF_CHANNEL_STALLED = 1, /* like LIVE, but no frame has come for some time */
    WMMF_CHANNEL_HUNG_UP = 2, /* the last publisher died, and none took over */
    WMMF_CHANNEL_GONE = 3     /* the last publisher has closed it */
};

/* A part of a section or file in a mapping of its own. Created by wmmf_map_window, freed by wmmf_unmap_window. */
typedef struct wmmf_window wmmf_window;

/* An open frame channel. Created by wmmf_channel_create, wmmf_channel_create_or_open or wmmf_channel_open; freed by
 * wmmf_channel_close. */
typedef struct wmmf_channel wmmf_channel;

/* A frame in its slot, or a copy of one. */
typedef struct wmmf_frame {
    uint32_t struct_size;      /* in: sizeof(wmmf_frame) */
    uint32_t slot;             /* the slot that it is in */
    uint64_t capacity;         /* bytes of the slot */
    uint64_t used;             /* bytes of the picture */
    uint64_t sequence;         /* 1 for the channel's first frame, then 2, 3 ... */
    uint64_t missed;           /* frames published between the reader's previous one and this one */
    uint64_t timestamp_ns;     /* monotonic clock of this machine: CLOCK_MONOTONIC, QueryPerformanceCounter */
    uint32_t width;            /* pixels; 0 if it is not a picture, or unknown */
    uint32_t height;           /* rows; 0 if width is 0 */
    uint32_t stride;           /* bytes from one row to the next; all rows are in the used bytes */
    uint32_t fourcc;           /* pixel format, first character in the lowest byte; 0: unknown */
    uint32_t element;          /* of an array, enum wmmf_element; the fields of a picture are then 0 */
    uint32_t dimensions;       /* of an array: number of used entries of `shape` */
    uint64_t shape[8];         /* of an array, in C order and without gaps: elements along each dimension */
    uint64_t device_timestamp; /* the device's own clock, in its own unit; 0: unknown */
    uint64_t device_frame;     /* the device's own number of the frame; 0: unknown */
    uint32_t hold;             /* for the library: pass it unchanged to the call that ends this frame */
    uint32_t user_size;        /* bytes of `user` that the writer set */
    uint8_t user[64];          /* WMMF_FRAME_USER_SIZE bytes of the writer's user data */
    void *data;                /* in place, 64-byte aligned; NULL after wmmf_channel_read */
} wmmf_frame;

/* What a channel is, and its state; written by wmmf_channel_get_info. */
typedef struct wmmf_channel_info {
    uint32_t struct_size; /* in: sizeof(wmmf_channel_info) */
    uint32_t slots;
    uint64_t capacity;     /* maximum bytes of a frame */
    uint64_t sequence;     /* of the newest frame; 0: none yet */
    uint64_t timestamp_ns; /* of the newest frame; 0: none yet, or it did not fit when the pictures became smaller */
    uint64_t now_ns;       /* the same clock now: the difference is the age of the newest frame */
    uint32_t participants; /* how many handles can hold frames in place at once, and how many can be writable */
    uint32_t read_only;    /* 1 if this handle is read-only */
    uint32_t in_place;     /* 1 if this handle can hold frames in place; 0: it gets copies */
    uint32_t history;      /* how many older frames stay readable */
    uint32_t pins;         /* how many frames one handle can hold at once */
    uint32_t generation;   /* number of the current pictures, from 1 */
    uint32_t republished;  /* how often this handle found its name removed and created the channel again under it */
    uint32_t nameless;     /* 1 if the name was removed, and this handle could not create the channel again */
    uint64_t oldest;       /* sequence of the oldest frame that is still there; 0: there is none */
    uint64_t pin_limit_ns; /* as given when it was created */
    uint32_t name_space;   /* enum wmmf_namespace: where the name was found, never WMMF_ANY */
    uint32_t reserved;     /* 0 */
} wmmf_channel_info;

/* A handle that a program in any language has or had open on a native section (writable ones only) or on a channel;
 * written by wmmf_get_participant. */
typedef struct wmmf_participant {
    uint32_t struct_size;           /* in: sizeof(wmmf_participant) */
    uint32_t index;                 /* the index of its record in the section */
    uint32_t pid;                   /* its process id, in its own pid namespace */
    uint32_t alive;                 /* 1 if its process lives, or the system cannot tell */
    uint32_t readers;               /* read locks that its threads hold or try to take */
    uint32_t waiting_readers;       /* how many of its threads wait to read */
    uint32_t waiting_writer;        /* 1 if one of its threads waits to write */
    uint32_t writing;               /* 1 if it holds the write lock or is about to, or fills a slot of a channel */
    uint32_t reads;                 /* read locks released, modulo 2^32 */
    uint32_t writes;                /* write locks released, or frames published; modulo 2^32 */
    uint64_t joined_unix_ns;        /* when it opened the section: nanoseconds since 1970 */
    uint64_t writing_since_unix_ns; /* when it took the write lock, to some milliseconds; 0 if it has not yet */
    uint32_t pins;                  /* how many frames of a channel it holds in place */
    uint32_t read_only;             /* 1 if it only reads the channel; a reader can forge this */
    uint64_t oldest_pinned;         /* the sequence of the oldest frame that it holds in place; 0: none */
} wmmf_participant;

/* A lock in the payload that one thread of a participant holds or waits for; written by wmmf_get_hold. */
typedef struct wmmf_hold {
    uint32_t struct_size;           /* in: sizeof(wmmf_hold) */
    uint32_t participant;           /* the index of the participant's record in the section */
    uint32_t pid;                   /* its process id, in its own pid namespace */
    uint32_t reading;               /* 1 if the thread holds the lock for reading, or tries to take it */
    uint32_t writing;               /* 1 if it holds the lock for writing */
    uint32_t waiting;               /* 1 if it waits for the lock */
    uint64_t offset;                /* offset of the lock in the payload; UINT64_MAX if the hold is free */
    uint64_t writing_since_unix_ns; /* when it took the write lock, to some milliseconds; 0 if it has not yet */
} wmmf_hold;

/* What an audit of a section or channel found. */
typedef struct wmmf_audit_report {
    uint32_t struct_size;  /* in: sizeof(wmmf_audit_report) */
    uint32_t damaged;      /* 1 if header, counts or lock state contradict each other */
    uint32_t participants; /* writable handles whose process lives */
    uint32_t dead;         /* dead participants whose records are not cleared yet */
    uint32_t readers;      /* read locks that are held */
    uint32_t writer;       /* 1 + index of the participant that holds the write lock, 0 if none */
    uint32_t writer_pid;   /* its process id, in its own pid namespace; 0 if none */
    uint32_t owner_died;   /* 1 if a writer died and no other has repaired the payload yet */
    uint32_t poisoned;     /* 1 if the section is poisoned */
    uint32_t reserved;     /* 0 */
    uint64_t sequence;     /* the section's sequence */
} wmmf_audit_report;

/* The state of a lock; written by wmmf_get_lock_state. */
typedef struct wmmf_lock_state {
    uint32_t struct_size; /* in: sizeof(wmmf_lock_state) */
    uint32_t initialised; /* 1 if its creator has finished it; 0 only in the winmmf layout */
    uint32_t readers;     /* read locks that threads hold or try to take */
    uint32_t writing;     /* 1 if a writer holds the lock, or will once those readers have left */
    uint32_t writer;      /* 1 + index of that writer's participant; 0: none, or unknown in this layout */
    uint32_t writer_pid;  /* its process id, in its own pid namespace; 0: none, or unknown in this layout */
    uint32_t waiting;     /* 1 if a thread may be waiting for the lock */
    uint32_t owner_died;  /* 1 if a writer died while it held the lock, and no other has repaired the payload yet */
    uint32_t poisoned;    /* 1 if the lock is poisoned; poison of the section's own lock is that of the section */
    uint32_t reserved;    /* 0 */
} wmmf_lock_state;

/* Nanoseconds of one slice, for callers that wait in slices and check for signals or a cancellation in between. */
#define WMMF_WAIT_SLICE_NS 100000000

/* Such a slice is longer by this many nanoseconds for each byte that it copies again. Even a slow machine copies a byte
 * in that time. */
#define WMMF_COPY_NS_PER_BYTE 10

/* Nanoseconds between two tries, for callers that try again and again without blocking a thread. A leaving reader wakes
 * only waiting writers, so not every change is announced to them. */
#define WMMF_RETRY_NS 10000000

/* Maximum number of items of one wmmf_wait_many. */
#define WMMF_WAIT_MANY_MAX 63

/* What to wait for: a change of a native section, or the next frame of a channel. */
typedef struct wmmf_wait_item {
    wmmf_section *section; /* in: a section, or NULL */
    wmmf_channel *channel; /* in: a channel, or NULL; give exactly one of the two */
    uint64_t sequence;     /* in: waits until the sequence differs from this, like wmmf_wait and wmmf_channel_wait */
    uint64_t current;      /* out: the current sequence, if status is WMMF_OK */
    int32_t status; /* out: WMMF_OK: it has changed; WMMF_E_TIMEOUT: not yet; else the reason why it will not change */
    uint32_t reserved; /* 0 */
} wmmf_wait_item;

/* One channel of a set, which has frames of several channels that were taken at the same time. */
typedef struct wmmf_set_item {
    wmmf_channel *channel; /* in */
    wmmf_frame *frame;     /* in: with its struct_size; out: the frame of this channel */
    uint64_t length;       /* in: bytes of `buffer` */
    uint64_t after;        /* in: only frames with a later sequence; out: the frame's, ready for the next call */
    int32_t status;        /* out: the error of this channel that ended the call; else WMMF_OK */
    uint32_t reserved;     /* 0 */
    void *buffer;          /* in: NULL: pins the frame, in place; else copies it here */
} wmmf_set_item;

/* Ends a wmmf_wait_many in the same process. Created by wmmf_waker_create, freed by wmmf_waker_close. */
typedef struct wmmf_waker wmmf_waker;

/* The library itself. */

/* The ABI version of this library: WMMF_ABI_VERSION of the header it was built from. */
WMMF_API int32_t wmmf_abi_version(void);

/* The release of this library, such as "0.1.0". */
WMMF_API const char *wmmf_version(void);

/* An English sentence for a status; never NULL, even for an unknown value. */
WMMF_API const char *wmmf_strerror(int32_t status);

/* The name of a status, such as "WMMF_E_TIMEOUT"; never NULL. */
WMMF_API const char *wmmf_status_name(int32_t status);

/* errno or GetLastError() of this thread's last call, if it failed because of the system; else 0. */
WMMF_API int32_t wmmf_last_os_error(void);

/* Details of the failure of this thread's last call: an English clause such as "209715200 bytes are needed, and the
 * memory limit of this control group leaves 87031808", or "" if there are none. Never NULL; valid until the thread's
 * next call. */
WMMF_API const char *wmmf_last_detail(void);

/* Opening and closing. */

/* Creates a section with `size` bytes of zeroed payload and opens it for writing.
 * Its memory is reserved at once. With options->reserve (native only), wmmf_resize can make it larger later: each
 * process that has it open reserves that many addresses, but only the current size takes memory. WMMF_E_EXISTS: the
 * name is taken. The section lives until every handle, in any process, is closed or its process has ended.
 *
 * With WMMF_LARGE_PAGES the section takes whole large pages. wmmf_info.mapped_size has their bytes, and an opener of a
 * raw section sees all of them. If the system grants none, wmmf_last_detail names the setting. WMMF_E_ACCESS: Windows
 * grants large pages only to users with the right SeLockMemoryPrivilege, which the library enables for the call.
 * WMMF_E_NOT_SUPPORTED: Linux does not grant them. It does so for a named section if /dev/shm is mounted with the
 * option huge=advise (or always), and for an unnamed one if there are pages in the pool (vm.nr_hugepages), or if
 * /sys/kernel/mm/transparent_hugepage/shmem_enabled is advise (or always). WMMF_E_NO_MEMORY: no contiguous memory for
 * large pages is free. With WMMF_LOCKED, in any call that creates or opens, WMMF_E_NO_MEMORY means that this process
 * may not lock that much: RLIMIT_MEMLOCK on Linux; on Windows the library enlarges the working set of the process.
 * Large pages of the pool, and those of Windows, are never swapped anyway. */
WMMF_API int32_t wmmf_create(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Opens the section if there is one, else creates it. An existing one must have this layout and at least `size` bytes
 * of payload (WMMF_E_FORMAT, WMMF_E_SIZE). access applies only to a new one. WMMF_E_EXISTS: a crashed program of
 * another user left this name, and only that user can remove it. *created (may be NULL) becomes 1 or 0. */
WMMF_API int32_t wmmf_create_or_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out,
                                     int32_t *created);

/* Opens an existing section. A frame channel can only be opened read-only, for inspection. With `size` 0 the handle
 * shows the whole payload, otherwise the first `size` bytes; WMMF_E_SIZE: there are fewer. Only the native layout
 * stores its exact size: with the others, size 0 gives what the system reports, on Windows rounded up to whole pages. A
 * section that can grow must have at least `size` bytes, and the handle shows all of them. WMMF_E_NOT_READY: the
 * creator has not initialised it within a second; or, on Windows, another program has reserved it without memory
 * (SEC_RESERVE), and wmmf_last_detail says how much. If the beginning of such a section has memory, the handle shows
 * the part that has memory when you open it. */
WMMF_API int32_t wmmf_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Creates an unnamed section and opens it for writing. Other processes get it only from a process that has it open, by
 * wmmf_share and wmmf_open_handle. Otherwise like wmmf_create; options->name_space is ignored. On Linux nobody, not
 * even its creator, can make it shorter, so that using its memory never raises a signal; options->access says which
 * users can open a handle that they were given. WMMF_E_NOT_SUPPORTED: the winmmf layout, whose programs open by name; a
 * Linux without memfd_create or without /proc. */
WMMF_API int32_t wmmf_create_unnamed(uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Makes a system handle with which another process can open an unnamed section; make one for each process. Windows: a
 * HANDLE that is valid in the process `pid` (0: this one), which closes it (CloseHandle). This needs the right
 * PROCESS_DUP_HANDLE to that process, which processes of the same user have. POSIX: a file descriptor of this process,
 * close-on-exec; pid is 0. A forked child inherits it, or a Unix socket carries it (SCM_RIGHTS); each process closes
 * its own copy. The handle keeps the section alive. With read_only 1 it opens read-only; this does not restrict a
 * process of the creator's user, which the system gives more rights. WMMF_E_NOT_SUPPORTED: the section has a name; open
 * it by that. WMMF_E_READ_ONLY: this handle is read-only and read_only is 0. */
WMMF_API int32_t wmmf_share(wmmf_section *section, uint32_t pid, uint32_t read_only, int64_t *handle);

/* Opens the unnamed section behind a handle of wmmf_share that is valid in this process. The handle stays the caller's,
 * to use again or to close. size and options are as in wmmf_open; options->name_space is ignored. WMMF_E_FORMAT: on
 * Linux, the memory can be made shorter. WMMF_E_ARGUMENT: not a handle of this process. */
WMMF_API int32_t wmmf_open_handle(int64_t handle, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Maps an existing file of the file system from its beginning. size and options are as in wmmf_open; name_space and
 * access are ignored. Supports only the layout WMMF_RAW. wmmf_map_file can do more. */
WMMF_API int32_t wmmf_open_file(const char *path, uint64_t size, const wmmf_options *options, wmmf_section **out);

/* Maps `size` bytes of a file from options->offset on; 0: to its end. A writable file that is too short grows, with
 * zeros. WMMF_E_SIZE: the file is too short and not writable, or it is empty and `size` is 0. The file stays when the
 * handle is closed. WMMF_E_FORMAT: not a regular file (a folder, a device, CON). A failure leaves an existing file with
 * its bytes and its length; on Windows it may be longer if others have it mapped.
 *
 * Raw: the bytes without a lock. wmmf_read and wmmf_write go through the system, so they return WMMF_E_TRUNCATED if the
 * file was truncated meanwhile; touching its memory then raises a signal or exception of the system.
 *
 * Native (options->native): `size` bytes of payload behind our header, with lock, sequence, waiting and recovery for
 * all processes that have it open. If the owner of the lock no longer runs, even after a restart of the machine, the
 * next writer gets WMMF_E_OWNER_DIED. The same is true if the machine went down while a process had the file open for
 * writing, because nobody knows which of the last writes reached the disk. An existing file needs our header or, with
 * WMMF_FILE_OPEN_OR_CREATE, only zeros in its place (WMMF_E_FORMAT). size 0 takes the whole payload. Copy-on-write, an
 * offset and WMMF_FILE_UNMAPPED are not allowed.
 *
 * Coherence: all mappings of one file on one machine show the same bytes, always on Linux, and on local disks on
 * Windows. A copy-on-write mapping keeps the pages that it has copied as they were then. */
WMMF_API int32_t wmmf_map_file(const char *path, uint64_t size, const wmmf_file_options *options, wmmf_section **out);

/* Unmaps and frees. Locks still held through the handle are treated as if the process had died. NULL is allowed.
 * No other call on the handle, and no use of its memory, may be in progress or come later. */
WMMF_API int32_t wmmf_close(wmmf_section *section);

/* In a forked child: closes the descriptors of the copied handle, so that it no longer makes the parent look alive. The
 * memory stays valid, at the same address, until wmmf_close. Calling it again does nothing. WMMF_E_ARGUMENT: this
 * process opened the handle. WMMF_E_NOT_SUPPORTED: Windows, which has no fork. Other errors: the section could not be
 * mapped again. */
WMMF_API int32_t wmmf_after_fork_child(wmmf_section *section);

/* Files, growth and windows. */

/* Hands changes of `length` bytes at `offset` (0: to the end) to the system. If to_device is 1, returns when they are
 * on the device; before that, a loss of power may destroy them. May flush more than was asked for. Does nothing if
 * there is no file. */
WMMF_API int32_t wmmf_flush(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t to_device);

/* Gives the section `size` bytes of payload; new bytes are zero.
 *
 * A native section that was created with options->reserve, or a native file, can grow while others have it open. They
 * see the new size as soon as they ask for it, or for bytes beyond the size that they know. It never gets smaller
 * (WMMF_E_SIZE), because others may use the bytes. If the process dies meanwhile, the section has the old or the new
 * size.
 *
 * A section in memory grows in place, up to the reserve, and addresses do not change. WMMF_E_NO_MEMORY: there is no
 * memory for the new size. If a file grows, wmmf_data gives the address of a new, larger view. Addresses from earlier
 * calls stay valid until wmmf_close, and show the same bytes. WMMF_E_NOT_SUPPORTED: the handle was opened with a size,
 * or (Windows) by the name of a section over the file; the latter shows as many bytes as the file had when it was
 * mapped.
 *
 * A raw, writable file becomes longer or shorter, and is mapped again, so that wmmf_data gives a new address. Meanwhile
 * no other call on the handle and no use of its memory is allowed. Windows and other mappings do not change. After a
 * failure the section has its old size, but perhaps a new address. If others have the file mapped, Windows refuses to
 * make it shorter (WMMF_E_ACCESS). On Linux, wmmf_read then returns WMMF_E_TRUNCATED to them, and touching the missing
 * memory raises a signal.
 *
 * Other sections: WMMF_E_NOT_SUPPORTED. */
WMMF_API int32_t wmmf_resize(wmmf_section *section, uint64_t size);

/* Maps `length` bytes at any `offset` of the payload a second time; in a raw file, up to the end of the file, even
 * beyond the handle's size. WMMF_E_READ_ONLY: the window asks for more rights than the handle has. The window stays
 * until wmmf_unmap_window, even if the handle is closed. */
WMMF_API int32_t wmmf_map_window(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t protection,
                                 wmmf_window **out);

/* *data becomes the address of a window's first byte. */
WMMF_API int32_t wmmf_window_data(wmmf_window *window, void **data);

/* Tells the system how you are going to use `length` bytes at `offset` (0: to the end), rounded out to whole pages.
 * This is only a hint and changes no byte. It does nothing on a system without such a hint; Windows has only WILL_NEED
 * and DONT_NEED. WMMF_E_NOT_SUPPORTED: DONT_NEED with copy-on-write, which would lose changes, or with WMMF_LOCKED; a
 * file that is not mapped; frame channels. */
WMMF_API int32_t wmmf_advise(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t advice);

/* The same for a window; offset counts from its first byte. */
WMMF_API int32_t wmmf_advise_window(wmmf_window *window, uint64_t offset, uint64_t length, uint32_t advice);

/* Unmaps and frees a window; NULL is allowed. Do not use its memory afterwards. */
WMMF_API int32_t wmmf_unmap_window(wmmf_window *window);

/* *page becomes the bytes of a page. *granularity becomes the number of which addresses and offsets of mappings are
 * multiples (the library takes care of that). *large becomes the bytes of a large page; 0: there are none. Each may be
 * NULL. */
WMMF_API int32_t wmmf_page_sizes(uint64_t *page, uint64_t *granularity, uint64_t *large);

/* What a section is. */

/* *data becomes the address of the payload, 64-byte aligned in the native layout; it belongs to the handle. In a
 * section that can grow, do not touch the bytes behind wmmf_size. */
WMMF_API int32_t wmmf_data(wmmf_section *section, void **data);

/* *size becomes the current size of the payload in bytes. */
WMMF_API int32_t wmmf_size(wmmf_section *section, uint64_t *size);

/* Fills *info. */
WMMF_API int32_t wmmf_get_info(wmmf_section *section, wmmf_info *info);

/* Writes to `name` the user who owns the section, usually its creator: on POSIX the user's name or number, on Windows
 * DOMAIN\user or the SID. *needed becomes its length in bytes with the NUL; WMMF_E_RANGE: it is more than
 * `capacity`. */
WMMF_API int32_t wmmf_get_owner(wmmf_section *section, char *name, uint64_t capacity, uint64_t *needed);

/* *named becomes 1 if the section's name still leads to it, and 0 if the name was removed (on Linux by an
 * administrator, a cleaner of /dev/shm, or systemd's RemoveIPC). Processes that have the section open go on as before,
 * including locks and recovery. Nobody can open it any more, and the name is free for another section. On Windows a
 * name lasts as long as the section. WMMF_E_NOT_SUPPORTED: a mapped file, or a section that never had a name. */
WMMF_API int32_t wmmf_is_named(wmmf_section *section, uint32_t *named);

/* Locks. */

/* Takes the lock for reading: shared with other readers, never together with a writer. WMMF_E_FULL: 256 threads hold it
 * through this handle, the maximum. WMMF_E_OWNER_DIED: the lock is not taken; the payload is inconsistent until a
 * writer repairs it. */
WMMF_API int32_t wmmf_lock_read(wmmf_section *section, int64_t timeout_ns);

/* Releases a read lock. WMMF_E_POISONED: it is released, and the section was poisoned meanwhile. */
WMMF_API int32_t wmmf_unlock_read(wmmf_section *section);

/* Takes the lock for writing. WMMF_E_OWNER_DIED: the lock IS taken, and a previous owner died holding it: repair the
 * payload and call wmmf_mark_consistent before unlocking. If you unlock without that, the section still needs repair,
 * and the next writer gets this status.
 *
 * A thread that ends while it holds a lock, for reading or writing, loses it like a process that dies. (In the winmmf
 * layout its lock is simply free again. Windows' TerminateThread is not noticed.) WMMF_E_DEADLOCK: the thread holds the
 * lock, through this handle or another one of the same section, so it would wait for itself. Returned at once, whatever
 * the timeout. */
WMMF_API int32_t wmmf_lock_write(wmmf_section *section, int64_t timeout_ns);

/* Like wmmf_lock_write, for callers that wait in slices and check for signals or a cancellation in between. Set *place
 * to 0 before the first call. After WMMF_E_TIMEOUT it is the caller's place in the queue of writers, which the caller
 * keeps until it calls again (this function or wmmf_write_queued) or gives it up with wmmf_leave_queue. After any other
 * status it is 0. But a call whose arguments or handle are refused, or that has nothing to copy, leaves it as it is. If
 * the caller does not call again within a millisecond, others may pass it. */
WMMF_API int32_t wmmf_lock_write_queued(wmmf_section *section, int64_t timeout_ns, uint64_t *place);

/* Gives up a place in the queue of writers; does nothing for 0. Pass the handle that returned it. */
WMMF_API int32_t wmmf_leave_queue(wmmf_section *section, uint64_t place);

/* Releases the write lock, advances the sequence and wakes all waiters. WMMF_E_POISONED: it is released, and the
 * section was poisoned meanwhile. */
WMMF_API int32_t wmmf_unlock_write(wmmf_section *section);

/* Declares the payload consistent after WMMF_E_OWNER_DIED; the calling thread must hold the write lock. */
WMMF_API int32_t wmmf_mark_consistent(wmmf_section *section);

/* Locks of tasks. A lock belongs to the thread that took it. If a task may continue in another thread after it has
 * waited, use a lock owner in the thread's place. *owner becomes a number that no thread and no other owner of this
 * process has; it need not be freed. */
WMMF_API int32_t wmmf_new_lock_owner(uint64_t *owner);

/* From now on the calling thread takes, uses and releases locks as `owner`, in all calls; 0: as itself again. *previous
 * (may be NULL) becomes the owner before that, or 0. Only one thread at a time may be an owner, and it must see what
 * the previous one did. The end of a thread does not release the locks of an owner; wmmf_close and the end of the
 * process do so as for a thread. WMMF_E_ARGUMENT: `owner` is not a number of wmmf_new_lock_owner. */
WMMF_API int32_t wmmf_set_lock_owner(uint64_t owner, uint64_t *previous);

/* Makes a native section useless, for ever and for everybody. Use this if its payload is wrong and cannot be repaired.
 * Every later and every waiting call returns WMMF_E_POISONED, as after an audit that finds damage. */
WMMF_API int32_t wmmf_poison(wmmf_section *section);

/* Describes the lock of a native or winmmf section: a snapshot, already old when you read it. Read-only handles can
 * also call this. */
WMMF_API int32_t wmmf_get_lock_state(wmmf_section *section, wmmf_lock_state *state);

/* winmmf layout: frees the lock, whichever process holds it. The format does not name the holder, so nobody can tell
 * whether it lives: use this only if the holder was killed. The payload may be half written. WMMF_E_NOT_SUPPORTED: the
 * native layout, which recovers by itself, and the raw layout, which has no lock. */
WMMF_API int32_t wmmf_break_lock(wmmf_section *section);

/* Locks in the payload: any 64 bytes of it whose offset is a multiple of 64, for example a lock for each row of a
 * table. Zeroed bytes are a free lock, so a new section needs no preparation. The section must have been created with
 * options->locks, or the calls return WMMF_E_NOT_SUPPORTED. A handle can hold or wait for that many locks at once, all
 * its threads together (WMMF_E_FULL).
 *
 * Each lock works like the section's own, with the same recovery. A dead writer, or poison, concerns only what this
 * lock protects. There is no reading without the lock: a read-only handle can only wait for a change. The 64 bytes
 * belong to the library; overwriting them destroys the state of this lock, and nothing else.
 *
 * WMMF_E_ARGUMENT: the offset is not a multiple of 64. WMMF_E_RANGE: the lock is not within the payload. Otherwise each
 * call does the same as the one without _at. */
WMMF_API int32_t wmmf_lock_read_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns);
WMMF_API int32_t wmmf_unlock_read_at(wmmf_section *section, uint64_t offset);
/* WMMF_E_OWNER_DIED: the lock IS taken, as with wmmf_lock_write. */
WMMF_API int32_t wmmf_lock_write_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns);
/* *place is as for wmmf_lock_write_queued; it occupies one of the handle's locks (options->locks). */
WMMF_API int32_t wmmf_lock_write_queued_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns, uint64_t *place);
WMMF_API int32_t wmmf_leave_queue_at(wmmf_section *section, uint64_t offset, uint64_t place);
WMMF_API int32_t wmmf_unlock_write_at(wmmf_section *section, uint64_t offset);
WMMF_API int32_t wmmf_mark_consistent_at(wmmf_section *section, uint64_t offset);
WMMF_API int32_t wmmf_poison_at(wmmf_section *section, uint64_t offset);
/* Waits until the number of write locks released there, plus that of wmmf_notify_at calls, is not `sequence`; see
 * wmmf_wait. */
WMMF_API int32_t wmmf_wait_at(wmmf_section *section, uint64_t offset, uint64_t sequence, int64_t timeout_ns,
                              uint64_t *current);
/* Like wmmf_notify. */
WMMF_API int32_t wmmf_notify_at(wmmf_section *section, uint64_t offset);
WMMF_API int32_t wmmf_get_lock_state_at(wmmf_section *section, uint64_t offset, wmmf_lock_state *state);
/* Describes one hold; a snapshot, already old when you read it. `index` counts the holds of all participants,
 * options->locks for each, including free ones. WMMF_E_RANGE: no participant from there on is in use, or the section
 * has no locks in its payload; it ends a loop over all holds. */
WMMF_API int32_t wmmf_get_hold(wmmf_section *section, uint32_t index, wmmf_hold *hold);

/* Copies. */

/* Copies `length` bytes at `offset` of the payload into `buffer`, under the read lock (or the lock that the calling
 * thread already holds).
 * A read-only handle copies without the lock, and repeats until it has a whole version; a writer never waits for it. It
 * can follow a wmmf_write, but if writers change the payload in place, it needs a moment between their locks. The raw
 * layout has no lock: its bytes are copied as they are. WMMF_E_TRUNCATED: a mapped file was truncated meanwhile;
 * touching its memory from wmmf_data then raises a signal or exception of the system. So does this call if a native
 * file is truncated during it. */
WMMF_API int32_t wmmf_read(wmmf_section *section, uint64_t offset, void *buffer, uint64_t length, int64_t timeout_ns);

/* Copies `length` bytes from `buffer` to `offset` of the payload, under the write lock, or the one that the calling
 * thread already holds. Other bytes do not change. WMMF_E_OWNER_DIED: nothing is copied and no lock is taken.
 * WMMF_E_TRUNCATED: as in wmmf_read; bytes before the new end may have been written. */
WMMF_API int32_t wmmf_write(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length,
                            int64_t timeout_ns);

/* Like wmmf_write; *place is as for wmmf_lock_write_queued. */
WMMF_API int32_t wmmf_write_queued(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length,
                                   int64_t timeout_ns, uint64_t *place);

/* Waiting for a change. */

/* Advances the sequence by one and wakes all threads that wait for a change, without the lock. For programs with a
 * protocol of their own, whose writers do not lock. Plain native sections only (WMMF_E_NOT_SUPPORTED). */
WMMF_API int32_t wmmf_notify(wmmf_section *section);

/* *sequence becomes the number of changes since the section was created: how often a writer released the write lock or
 * died while it held it, plus the calls of wmmf_notify. */
WMMF_API int32_t wmmf_sequence(wmmf_section *section, uint64_t *sequence);

/* Waits until the sequence is not `sequence`; *current (may be NULL) becomes the new one. WMMF_E_DEADLOCK: the calling
 * thread has the lock, through any handle of the section, so nothing can change; returned at once. With a timeout of 0,
 * which only looks, the status is WMMF_E_TIMEOUT instead. */
WMMF_API int32_t wmmf_wait(wmmf_section *section, uint64_t sequence, int64_t timeout_ns, uint64_t *current);

/* Waits until at least one of `count` items is decided (it has changed, or never will), or until wmmf_waker_wake is
 * called for the waker (may be NULL): one thread waits for all. Sets status and current of every item. WMMF_OK: look at
 * the items; if none is decided, it was the waker. WMMF_E_TIMEOUT: neither happened in time. WMMF_E_ARGUMENT: more than
 * WMMF_WAIT_MANY_MAX items, nothing to wait for, or an item that does not name exactly one of section and channel;
 * nothing is written. An item's status is what wmmf_wait or wmmf_channel_wait would return, including WMMF_E_OWNER_DIED
 * and WMMF_E_FORKED, and WMMF_E_DEADLOCK unless timeout_ns is 0. The same section may be in several items, and you may
 * pass the items again unchanged. Do not close a handle or the waker during the call. A writer's wake-up ends the wait
 * at once, but read-only handles are polled every millisecond. On Linux before 5.16, or where a filter forbids
 * futex_waitv, all handles are polled like that if there are several items, or one and a waker. The waker always ends
 * the wait at once.
 */
WMMF_API int32_t wmmf_wait_many(wmmf_wait_item *items, uint32_t count, wmmf_waker *waker, int64_t timeout_ns);

/* Creates a waker, for one waiting thread. */
WMMF_API int32_t wmmf_waker_create(wmmf_waker **out);

/* Ends the wmmf_wait_many that waits with this waker; if none does, the next one ends at once. Call it from any thread.
 * Several calls before a wait count as one. The waiting thread then sees everything that the caller did before. */
WMMF_API int32_t wmmf_waker_wake(wmmf_waker *waker);

/* Frees a waker; NULL is allowed. No call with it may be in progress or come later. */
WMMF_API int32_t wmmf_waker_close(wmmf_waker *waker);

/* Inspection. */

/* Compares header, counts and lock state of a native section and fills *report. Damage poisons the section (unless the
 * handle is read-only): every later and every waiting call, in every process, then returns WMMF_E_POISONED, except
 * those that open, close, inspect and release. As long as only this library writes, there is never damage, wherever its
 * processes are stopped or die. WMMF_OK means that the audit was done, whatever it found. */
WMMF_API int32_t wmmf_audit(wmmf_section *section, wmmf_audit_report *report);

/* Describes one participant of a native section or channel; a snapshot, already old when you read it. WMMF_E_RANGE: no
 * record from `index` on is in use; it ends a loop over all participants. A record between others may be free: its pid
 * is then 0. */
WMMF_API int32_t wmmf_get_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant);

/* Writes to `names` the names of this library's sections and channels that are open now, in any process, and that the
 * caller may read: one after the other, each followed by NUL. *needed becomes the bytes of all names; WMMF_E_RANGE:
 * they are more than `capacity`, and `names` is undefined. WMMF_LOCAL and WMMF_GLOBAL only. POSIX: sections of all
 * layouts. Windows: native ones only; WMMF_E_NOT_SUPPORTED where the system does not list its objects. */
WMMF_API int32_t wmmf_list(uint32_t name_space, char *names, uint64_t capacity, uint64_t *needed);

/* Frame channels: every reader gets the newest frame, without copies. Readers and writers do not wait for each other.
 *
 * A channel has N slots. A writer fills a slot that is neither the newest nor pinned by a reader, and publishes it. A
 * reader pins the newest frame and reads it in place for as long as it likes. A slow reader misses frames. Writers take
 * turns: between begin and publish or cancel, the others wait. If a writer dies in between, the slot is free again. The
 * pins of a dead reader are cleared.
 *
 * wmmf_open opens a channel's section read-only, for wmmf_get_participant, wmmf_get_info and wmmf_audit. Its layout is
 * native; wmmf_data and wmmf_read return WMMF_E_NOT_SUPPORTED. */

/* Creates a channel of `slots` slots (0 = WMMF_CHANNEL_SLOTS_DEFAULT) for frames of up to `capacity` bytes and opens it
 * for writing. It takes slots * (capacity + 196 bytes) and some pages of memory. WMMF_E_NO_MEMORY: that much memory is
 * not available now. On Linux a slot's memory is reserved when it is first filled, so that only used slots cost memory.
 * options->channel gives it a history and more. Other errors are those of wmmf_create; options->layout must be
 * WMMF_NATIVE. */
WMMF_API int32_t wmmf_channel_create(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                                     wmmf_channel **out);

/* Opens the channel if there is one, else creates it. An existing one that has less capacity, fewer slots or less
 * history gets new pictures (wmmf_channel_resize) if this user owns it; otherwise the call returns WMMF_E_SIZE.
 * *created (may be NULL) becomes 1 or 0. */
WMMF_API int32_t wmmf_channel_create_or_open(const char *name, uint64_t capacity, uint32_t slots,
                                             const wmmf_options *options, wmmf_channel **out, int32_t *created);

/* Opens an existing channel. With options->read_only its pages are read-only: such a handle cannot publish. It still
 * holds frames in place if it may write the readers' section (with one of the access presets, every user who may read
 * the channel may), and if that section has a free record: see wmmf_channel_info.in_place. Otherwise it gets copies. A
 * writable handle also gets copies if there is no free record, so that readers cannot keep a publisher out.
 * WMMF_E_FORMAT: not a channel. WMMF_E_FULL: all participant records are in use by writable handles. */
WMMF_API int32_t wmmf_channel_open(const char *name, const wmmf_options *options, wmmf_channel **out);

/* Gives the channel new pictures, with this capacity and slots (0: unchanged), and this history. Only its owner can.
 * Readers go on with the same handle: frames that they hold do not change, the next one comes from the new pictures,
 * and sequences continue. The newest frame is copied if it fits; the rest of the history is not. This also repairs a
 * damaged channel: it is no longer poisoned, and a writer that was about to publish gets WMMF_E_POISONED.
 * WMMF_E_ACCESS: another user owns it. WMMF_E_DEADLOCK: this thread has begun a frame. */
WMMF_API int32_t wmmf_channel_resize(wmmf_channel *channel, uint64_t capacity, uint32_t slots, uint32_t history,
                                     int64_t timeout_ns);

/* Waits until the channel has no publisher: the last one has closed it, or died, as the system reports. This handle
 * then becomes the publisher. If several stand by, one gets WMMF_OK and the others keep waiting. */
WMMF_API int32_t wmmf_channel_stand_by(wmmf_channel *channel, int64_t timeout_ns);

/* *state becomes one of enum wmmf_channel_state. Stalled means that no frame was published for longer than
 * `stalled_ns`, whatever the timestamps say; before the first frame, the time counts from the creation of the channel.
 * Negative: never stalled. */
WMMF_API int32_t wmmf_channel_get_state(wmmf_channel *channel, int64_t stalled_ns, uint32_t *state);

/* Like wmmf_get_participant, for all handles of the channel: first writable handles, then read-only ones. */
WMMF_API int32_t wmmf_channel_get_participant(wmmf_channel *channel, uint32_t index, wmmf_participant *participant);

/* Unmaps and frees the channel, including all frames that are still held: do not use them later. NULL is allowed. */
WMMF_API int32_t wmmf_channel_close(wmmf_channel *channel);

/* Like wmmf_after_fork_child. Held frames also stay at their addresses, but the parent's death releases them. */
WMMF_API int32_t wmmf_channel_after_fork_child(wmmf_channel *channel);

/* Like wmmf_get_owner. */
WMMF_API int32_t wmmf_channel_get_owner(wmmf_channel *channel, char *name, uint64_t capacity, uint64_t *needed);

/* Fills *info. */
WMMF_API int32_t wmmf_channel_get_info(wmmf_channel *channel, wmmf_channel_info *info);

/* Takes a slot to fill: sets frame->data and frame->capacity; used becomes the capacity, the other fields 0. The slot
 * has the bytes of some older frame. WMMF_E_TIMEOUT: readers held every slot, or another writer was at work, for that
 * long. WMMF_E_DEADLOCK: this thread has already begun a frame. WMMF_E_NO_MEMORY: there is no memory for this slot. */
WMMF_API int32_t wmmf_channel_begin(wmmf_channel *channel, int64_t timeout_ns, wmmf_frame *frame);

/* Publishes the frame of wmmf_channel_begin, from any thread. The caller describes it: used, width, height, stride,
 * fourcc, or element, dimensions and shape; device_timestamp, device_frame, user and user_size; and timestamp_ns, where
 * 0 becomes the time of this call. Sets frame->sequence. A stride of 0 becomes that of rows without gaps if
 * wmmf_picture_size knows the format; in other formats the library only checks that stride * height bytes are used.
 * WMMF_E_RANGE: used is more than the capacity, the picture or array is larger than used, or user_size is more than 64.
 * WMMF_E_ARGUMENT: the description contradicts itself. After an error the frame is still begun. */
WMMF_API int32_t wmmf_channel_publish(wmmf_channel *channel, wmmf_frame *frame);

/* Bytes of a picture in a known pixel format: GREY, Y16 (with a space at its end), BGR3, RGB3, BGRA, RGBA, YUYV, UYVY,
 * NV12, NV21, I420, YV12. A *stride of 0 becomes that of rows without gaps; any other value is checked. The colour rows
 * of 4:2:0 formats count. WMMF_E_NOT_SUPPORTED: the library does not know the format. WMMF_E_ARGUMENT: width or height
 * is 0, or odd where two pixels share a colour, or the stride is less than a row. */
WMMF_API int32_t wmmf_picture_size(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t *stride, uint64_t *size);

/* Drops the frame of wmmf_channel_begin. */
WMMF_API int32_t wmmf_channel_cancel(wmmf_channel *channel, const wmmf_frame *frame);

/* Copies frame->used bytes at `data` into a slot and publishes it: begin, copy and publish in one call. */
WMMF_API int32_t wmmf_channel_write(wmmf_channel *channel, const void *data, int64_t timeout_ns, wmmf_frame *frame);

/* Pins the newest frame, if its sequence is not `after`, or waits until there is such a frame. `after` is the sequence
 * of the caller's previous frame; 0 takes any frame. The frame does not change until wmmf_channel_release, unless the
 * channel's creator set a time limit for pins, or a hostile reader interferes; wmmf_channel_release then returns
 * WMMF_E_NOT_INTACT. WMMF_E_FULL: this handle, in all its threads, holds as many frames as it can. WMMF_E_READ_ONLY:
 * this handle gets only copies. */
WMMF_API int32_t wmmf_channel_acquire(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, wmmf_frame *frame);

/* Like wmmf_channel_acquire, for another choice of frame: see enum wmmf_pick, also for the meaning of `after`. */
WMMF_API int32_t wmmf_channel_acquire_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, int64_t timeout_ns,
                                           wmmf_frame *frame);

/* Checks whether a frame of wmmf_channel_acquire is still unchanged: WMMF_OK or WMMF_E_NOT_INTACT. */
WMMF_API int32_t wmmf_channel_intact(wmmf_channel *channel, const wmmf_frame *frame);

/* Releases a frame of wmmf_channel_acquire, from any thread; its memory may change from now on.
 * WMMF_E_NOT_INTACT: it is released, but it had changed before, so what you read may be a mix of two frames. */
WMMF_API int32_t wmmf_channel_release(wmmf_channel *channel, const wmmf_frame *frame);

/* Like wmmf_channel_acquire, but copies the picture into `buffer` and leaves nothing pinned. Handles that cannot pin
 * can also do this; they repeat the copy until they have a whole frame. WMMF_E_RANGE: the picture has more than
 * `length` bytes; frame->used says how many. */
WMMF_API int32_t wmmf_channel_read(wmmf_channel *channel, uint64_t after, void *buffer, uint64_t length,
                                   int64_t timeout_ns, wmmf_frame *frame);

/* Like wmmf_channel_read, for another choice of frame. */
WMMF_API int32_t wmmf_channel_read_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, void *buffer,
                                        uint64_t length, int64_t timeout_ns, wmmf_frame *frame);

/* Takes one frame of each of 1 to WMMF_WAIT_MANY_MAX channels, so that their timestamps differ by at most
 * `tolerance_ns`: the newest such set among the frames that the channels still have and that come after `after` of
 * their items. A channel without a history has only its newest frame. Waits for such a set, for all channels at once.
 * An item without a buffer gets its frame as from wmmf_channel_acquire: release it. An item with a buffer gets it as
 * from wmmf_channel_read. The same channel may be in several items. After an error nothing is held, the frames and
 * `after` are unchanged, and buffers are undefined; the status of the channel that caused it is also in its item. The
 * call looks at every frame of the histories after `after` and needs 16 bytes for each. WMMF_E_TIMEOUT: there was no
 * set in time. WMMF_E_READ_ONLY: an item has no buffer, and its handle gets only copies. WMMF_E_RANGE: a picture has
 * more than `length` bytes. */
WMMF_API int32_t wmmf_channel_acquire_set(wmmf_set_item *items, uint32_t count, uint64_t tolerance_ns,
                                          int64_t timeout_ns);

/* Waits until the newest frame's sequence is not `after`; *sequence (may be NULL) becomes that sequence. */
WMMF_API int32_t wmmf_channel_wait(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, uint64_t *sequence);

/* Like wmmf_audit, for the channel's section. */
WMMF_API int32_t wmmf_channel_audit(wmmf_channel *channel, wmmf_audit_report *report);

/* -- end declarations -- */

#ifdef __cplusplus
}
#endif

#endif
