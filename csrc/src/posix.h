/* What the files for Linux share. */
#ifndef WMMF_POSIX_H
#define WMMF_POSIX_H

#include <sys/stat.h>
#include <sys/types.h>

#include "platform.h"

#define SHM_DIRECTORY "/dev/shm"
#define PATH_LENGTH   (sizeof SHM_DIRECTORY + 24 + WMMF_NAME_MAX)
/* Tokens are one-byte locks far behind any payload; the bytes need not exist. One more byte before them is locked by
 * a process that prepares a file. */
#define TOKEN_OFFSET ((off_t)1 << 40)

struct platform_mapping {
    int fd; /* for locks, growth and copies; -1: given up in a forked child */
    dev_t device;
    ino_t inode;
    uid_t owner; /* when it was opened */
    off_t position;
    void *view; /* what is mapped, in whole pages */
    uint64_t view_size;
    uint8_t *base; /* where in it the section begins */
    uint64_t mapped_size;
    bool read_only;
    uint32_t protection; /* of a file: enum wmmf_protection */
    char *file_path;     /* of a file; else NULL */
    bool managed;        /* made by this library: lifetime by flock */
    bool unlocked;       /* a file through whose `fd` nothing is locked: what is mapped through it may outlive it */
    uint64_t page_size;  /* of large pages; 0: ordinary ones */
    bool pool;           /* they are of the kernel's pool (hugetlb) */
    shared_u32 *guard;   /* this process's id here, and 0 in a forked child; NULL: compare `process` */
    pid_t process;
    uint64_t file_offset; /* of `base` in its file */
    char path[PATH_LENGTH];
    char temporary[PATH_LENGTH]; /* a name until the section gets its own; "": none */
};

int32_t mapping_new(struct platform_mapping **out);
void unmap(struct platform_mapping *mapping);
/* The permission bits that the options ask for. */
int32_t creation_mode(const wmmf_options *options, mode_t *mode);
/* Takes over a new file for a section; its mode is then OUR_MODE, whatever the umask. After a failure mapping->fd tells
 * whether it was taken. */
int32_t adopt_new(struct platform_mapping *mapping, int fd);
/* Gives it size, memory of the pages that the flags ask for, and mode, maps it through its second description, and
 * closes that. */
int32_t fill_new(struct platform_mapping *mapping, int second, mode_t mode, uint64_t size, uint64_t reserved,
                 uint32_t flags);
/* Maps all of a file, as mapping->read_only says. */
int32_t map_descriptor(struct platform_mapping *mapping, int fd, uint64_t size);
/* Maps all of it through its second description, -1: errno says why there is none, and closes that. */
int32_t map_apart(struct platform_mapping *mapping, int second, uint64_t size);
void take_descriptor(struct platform_mapping *mapping, int fd, const struct stat *status);
/* Whether the number is still ours; WMMF_E_DESCRIPTOR if not. */
bool has_descriptor(const struct platform_mapping *mapping);
int32_t descriptor_check(const struct platform_mapping *mapping);
/* A second open file description of the same file; -1: errno says why, EAGAIN that the name leads to another file. */
int open_again(const struct platform_mapping *mapping, const char *name);
/* Why it could not be opened, by errno. */
int32_t opening_status(const char *path, bool read_only);
/* WMMF_E_FORMAT: neither memory nor a file. */
int32_t regular_check(int fd, struct stat *status);

/* The status for errno, which becomes the last error of the system. */
int32_t status_from_errno(void);

/* Whether there is room for `length` bytes now, of which so many are going to be reserved at once: WMMF_E_NO_MEMORY
 * says in its detail what is lacking. That another process takes the memory meanwhile cannot be excluded. */
int32_t room_check(const struct platform_mapping *mapping, uint64_t length, uint64_t reserved);
/* WMMF_E_NO_MEMORY if this process may not make a file so long, or write so far behind its beginning: the system would
 * also send SIGXFSZ, which ends a program without a handler. */
int32_t room_limit_check(uint64_t size);
/* Makes a file of `before` bytes longer and gives what is new its place on the disk. A failure may leave a part done.
 */
int32_t room_lengthen(int fd, uint64_t before, uint64_t size);
/* Gives `length` bytes at `offset` memory that is theirs; what they are stays. The file grows to hold them. `base` is
 * where it is mapped. A failure may leave a part reserved, which the next try then finds done. */
int32_t room_reserve(int fd, uint8_t *base, uint64_t offset, uint64_t length);
/* Gives each page memory, as large as the mapping asks for, by touching it. */
int32_t room_touch(int fd, uint8_t *base, uint64_t offset, uint64_t length);
/* The same as room_reserve for bytes behind the end of the file, for which it asks for room first. */
int32_t room_grow(int fd, uint8_t *base, uint64_t offset, uint64_t length);
/* Asks for room first, for those of the bytes that have no memory yet. */
int32_t room_reserve_more(int fd, uint8_t *base, uint64_t offset, uint64_t length);

/* Large pages (pages_posix.c). */
#define LARGE_PAGES (WMMF_LARGE_PAGES | WMMF_TRY_LARGE_PAGES)
/* The usual size of the kernel's large pages; 0: it has none. */
uint64_t large_page_size(void);
/* Maps a new file of at least `size` bytes through `second`, in large pages that all have memory. After a failure it is
 * empty and not mapped. */
int32_t fill_large(struct platform_mapping *mapping, int second, uint64_t size);
/* Notes whether the file is made of pages of the pool. */
int32_t find_pool(struct platform_mapping *mapping);

#endif
