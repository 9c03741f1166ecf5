/* What the calling thread's last failed call adds to its status. */
#ifndef WMMF_LAST_ERROR_H
#define WMMF_LAST_ERROR_H

#include <stdint.h>

#include "atomic.h"

#define ERROR_DETAIL_CAPACITY 256

struct last_error {
    int32_t system; /* errno or GetLastError(); 0: the system had no part in it */
    char detail[ERROR_DETAIL_CAPACITY];
};

/* The calling thread's; supplied by the platform. */
struct last_error *last_error(void);

/* Each public call that can fail begins with this. */
static inline void error_clear(void) {
    struct last_error *error = last_error();
    error->system = 0;
    error->detail[0] = '\0';
}
/* A clause in English, without a full stop: numbers, and what is missing. */
PRINTF_LIKE(1, 2)
void error_detail(const char *format, ...);

#endif
