/* What the calling thread's last failed call adds to its status. */
#ifndef WMMF_LAST_ERROR_H
#define WMMF_LAST_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atomic.h"
#include "wmmf.h"

#define ERROR_DETAIL_CAPACITY 256

struct last_error {
    shared_u32 noted; /* 1: there is an error */
    int32_t system;   /* errno or GetLastError(); 0: not an error of the system */
    char detail[ERROR_DETAIL_CAPACITY];
};

/* The calling thread's; supplied by the platform. */
struct last_error *last_error(void);

/* The number of threads that have a last error, including threads that have ended. Nearly always it is 0, and a call
 * need not look up its own error, which costs as much as a lock. A thread sees its own count, so no order is needed. */
extern shared_u32 errors_noted;

void error_forget(void);

/* Each public call that can fail begins with this. */
static inline void error_clear(void) {
    if (load_relaxed_u32(&errors_noted) != 0)
        error_forget();
}

void error_note(int32_t number);
/* What a number of the system means. */
struct meaning {
    int32_t number;
    int32_t status;
    const char *detail; /* NULL: none */
};
/* Notes the number, and returns its status, explained; WMMF_E_OS for any other number. */
int32_t status_from(const struct meaning *meanings, size_t count, int32_t number);
/* Explains a pointer that must not be NULL; returns WMMF_E_ARGUMENT. */
int32_t null_argument(const char *argument);
/* The status, or WMMF_E_ARGUMENT, explained, if the caller passed NULL. */
static inline int32_t pointer_check(int32_t status, const void *pointer, const char *argument) {
    return status == WMMF_OK && !pointer ? null_argument(argument) : status;
}
/* Explains why a struct of the caller is not one of this size: NULL, or another size at its beginning. */
int32_t struct_refused(const void *given, size_t size);
/* Explains an option with a wrong value; returns the status. */
int32_t refused(int32_t status, const char *option, uint64_t value, const char *expected);
/* Explains a range that does not end within `size`; returns WMMF_E_RANGE. */
int32_t out_of_range(uint64_t offset, uint64_t length, uint64_t size);

struct refusal {
    bool applies;
    int32_t status;
    const char *option;
    uint64_t value;
    const char *expected;
};
/* The status of the first that applies, explained, or WMMF_OK. */
int32_t first_refusal(const struct refusal *refusals, size_t count);

/* WMMF_E_SIZE, unless the size is 1 to `most`. */
int32_t size_check(uint64_t size, uint64_t most);
/* Returns the status of a mapping of `length` bytes; explains a failure for lack of addresses. */
int32_t with_addresses(int32_t status, uint64_t length);
/* An English clause without a full stop: numbers, and what is missing. */
PRINTF_LIKE(1, 2)
void error_detail(const char *format, ...);
/* The same; returns the status. */
PRINTF_LIKE(2, 3)
int32_t failed(int32_t status, const char *format, ...);

#endif
