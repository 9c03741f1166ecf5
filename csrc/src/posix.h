/* What the files for Linux share. */
#ifndef WMMF_POSIX_H
#define WMMF_POSIX_H

#include "platform.h"

#define SHM_DIRECTORY "/dev/shm"

/* The status for errno, which becomes the last error of the system. */
int32_t status_from_errno(void);

/* Whether there is room for `length` bytes now, of which so many are going to be reserved at once: WMMF_E_NO_MEMORY
 * says in its detail what is lacking. That another process takes the memory meanwhile cannot be excluded. */
int32_t room_check(int fd, uint64_t length, uint64_t reserved);
/* Gives `length` bytes at `offset` memory that is theirs; what they are stays. The file grows to hold them. `base` is
 * where it is mapped. A failure may leave a part reserved, which the next try then finds done. */
int32_t room_reserve(int fd, uint8_t *base, uint64_t offset, uint64_t length);
/* Asks for room first, for those of the bytes that have no memory yet. */
int32_t room_reserve_more(int fd, uint8_t *base, uint64_t offset, uint64_t length);

#endif
