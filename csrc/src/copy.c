/* Copying a picture into a slot. */
#include "copy.h"

#include <string.h>

void copy_in(void *to, const void *from, size_t length, int64_t idle_ns) {
    (void)idle_ns;
    memcpy(to, from, length);
}
