/* What the files for Linux share. */
#ifndef WMMF_POSIX_H
#define WMMF_POSIX_H

#include <sys/stat.h>
#include <sys/types.h>

#include "platform.h"

#define SHM_DIRECTORY "/dev/shm"
#define OUR_PREFIX    "wmmf-"
#define PATH_LENGTH   (sizeof SHM_DIRECTORY + 24 + WMMF_NAME_MAX)
/* Tokens are one-byte locks far behind any payload; the bytes need not exist. A process that prepares a file locks
 * another byte before them. */
#define TOKEN_OFFSET ((off_t)1 << 40)

struct platform_mapping {
    int fd; /* for locks, growth and copies; -1: dropped in a forked child */
    dev_t device;
    ino_t inode;
    uid_t owner; /* when it was opened */
    off_t position;
    void *view; /* the mapping, in whole pages */
    uint64_t view_size;
    uint8_t *base; /* where the section begins in it */
    uint64_t mapped_size;
    bool read_only;
    uint32_t protection; /* of a file: enum wmmf_protection */
    char *file_path;     /* of a file; else NULL */
    bool managed;        /* made by this library: lifetime by flock */
    bool unlocked;       /* a file without locks on `fd`: what is mapped through it may outlive it */
    uint64_t page_size;  /* of large pages; 0: ordinary ones */
    bool pool;           /* they come from the kernel's pool (hugetlb) */
    shared_u32 *guard;   /* this process's id here, and 0 in a forked child; NULL: compare `process` */
    pid_t process;
    uint64_t file_offset; /* of `base` in its file */
    char path[PATH_LENGTH];
    char temporary[PATH_LENGTH]; /* a name until the section gets its own; "": none */
};

/* Names (names_posix.c). */

/* Where a section of this name is; in WMMF_LOCAL, that of `user`. */
int32_t section_path(const char *name, uint32_t name_space, uid_t user, char *path, size_t capacity);
/* After a call that failed there: adds to the error what is wrong with the folder. True: it does not exist. */
bool explain_folder(int error);
/* Why no file could be made in the folder of all sections, by errno. */
int32_t creation_status(void);
bool made_here(const struct stat *status);
/* Removes the name if the kernel says that no process is left. Dying between flock and unlink leaves the name to the
 * next process, like dying before. True: no other process has it open. Releases the exclusive lock: a forked child that
 * still has the descriptor would keep it, and with it the name, if only the name's owner may remove that. */
bool remove_if_abandoned(int fd, const char *path);
/* Whether it is a section made here that a process has open. If no process has it open, removes the name. */
bool visit_name(const char *path);
/* Removes what killed processes left behind: all of it, or a part, because every creator pays for it. */
void sweep(bool all);

/* Forked children (fork_posix.c). */

/* From now on platform_forked can tell, until leave_guard. */
void enter_guard(struct platform_mapping *mapping);
void leave_guard(void);

/* Mappings and their descriptors (platform_posix.c). */

int32_t mapping_new(struct platform_mapping **out);
void unmap(struct platform_mapping *mapping);
/* The permission bits that the options ask for. */
int32_t creation_mode(const wmmf_options *options, mode_t *mode);
/* Takes over a new file for a section; its mode is then OUR_MODE, whatever the umask. After a failure mapping->fd shows
 * whether the file was taken over. */
int32_t adopt_new(struct platform_mapping *mapping, int fd);
/* Sets its size and mode, gives it memory in the pages that the flags ask for, maps it through its second description,
 * and closes that. */
int32_t fill_new(struct platform_mapping *mapping, int second, mode_t mode, uint64_t size, uint64_t reserved,
                 uint32_t flags);
/* Maps all of a file, as mapping->read_only says. */
int32_t map_descriptor(struct platform_mapping *mapping, int fd, uint64_t size);
/* Maps all of it through its second description, and closes that. -1: there is none, and errno says why. */
int32_t map_apart(struct platform_mapping *mapping, int second, uint64_t size);
void take_descriptor(struct platform_mapping *mapping, int fd, const struct stat *status);
static inline bool is_same_file(const struct platform_mapping *mapping, const struct stat *status) {
    return status->st_dev == mapping->device && status->st_ino == mapping->inode;
}
/* Whether the descriptor is still ours; the second call returns WMMF_E_DESCRIPTOR if not. */
bool has_descriptor(const struct platform_mapping *mapping);
int32_t descriptor_check(const struct platform_mapping *mapping);
/* The attributes of the file; WMMF_E_DESCRIPTOR if the descriptor leads to another. Every descriptor of the file will
 * do. */
int32_t attributes_of(const struct platform_mapping *mapping, struct stat *status);
/* A second open file description of the same file; -1: errno says why. EAGAIN: the name leads to another file. */
int open_again(const struct platform_mapping *mapping, const char *name);
/* The status for a failed open, by errno. */
int32_t opening_status(const char *path, bool read_only);
/* WMMF_E_FORMAT: neither shared memory nor a regular file. */
int32_t regular_check(int fd, struct stat *status);

/* The status for errno, which becomes the last system error. */
int32_t status_from_errno(void);

/* Whether there is memory for `length` bytes now, of which `reserved` are reserved at once. The detail of
 * WMMF_E_NO_MEMORY says what is lacking. Another process may still take the memory meanwhile. */
int32_t room_check(const struct platform_mapping *mapping, uint64_t length, uint64_t reserved);
/* WMMF_E_NO_MEMORY: this process may not make a file that long, or write that far behind its beginning. The system
 * would also send SIGXFSZ, which ends a program without a handler. */
int32_t room_limit_check(uint64_t size);
/* Makes a file of `before` bytes longer and reserves disk space for the new bytes. A failure may leave a part done. */
int32_t room_lengthen(int fd, uint64_t before, uint64_t size);
/* Reserves memory for `length` bytes at `offset`, and keeps their contents. The file grows to hold them. `base` is
 * where it is mapped. A failure may leave a part reserved, which the next try then finds. */
int32_t room_reserve(int fd, uint8_t *base, uint64_t offset, uint64_t length);
/* Gives each page memory by touching it; the pages are as large as the mapping asks for. */
int32_t room_touch(int fd, uint8_t *base, uint64_t offset, uint64_t length);
/* Like room_reserve, for bytes behind the end of the file; first checks that there is memory for them. */
int32_t room_grow(int fd, uint8_t *base, uint64_t offset, uint64_t length);
/* The same, but checks only for the bytes that have no memory yet. */
int32_t room_reserve_more(int fd, uint8_t *base, uint64_t offset, uint64_t length);

/* Large pages (pages_posix.c). */
#define LARGE_PAGES (WMMF_LARGE_PAGES | WMMF_TRY_LARGE_PAGES)
/* The usual size of the kernel's large pages; 0: it has none. */
uint64_t large_page_size(void);
/* Maps a new file of at least `size` bytes through `second`, in large pages that all have memory. After a failure it is
 * empty and not mapped. */
int32_t fill_large(struct platform_mapping *mapping, int second, uint64_t size);
/* Notes whether the file consists of pages of the pool. */
int32_t find_pool(struct platform_mapping *mapping);

#endif
