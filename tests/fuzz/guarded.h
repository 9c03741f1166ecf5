/* Included before each source file of the library: each mapping lies between inaccessible pages, and the rest of its
 * last page is also forbidden. Without this, reading a little too far would go unnoticed. */
#ifndef GUARDED_H
#define GUARDED_H

#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

void *guarded_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *guarded_mremap(void *address, size_t size, size_t new_size, int flags);
int guarded_munmap(void *address, size_t size);
/* Mappings that are there now. */
int guarded_count(void);

#define mmap   guarded_mmap
#define mremap guarded_mremap
#define munmap guarded_munmap

#endif
