/* Copying a picture into a slot. */
#ifndef WMMF_COPY_H
#define WMMF_COPY_H

#include <stddef.h>
#include <stdint.h>

/* `idle_ns`: how long the destination has not been touched, which says whether it can be in the cache. */
void copy_in(void *to, const void *from, size_t length, int64_t idle_ns);

#endif
