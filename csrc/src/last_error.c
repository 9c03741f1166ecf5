#include "last_error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

shared_u32 errors_noted;

static struct last_error *noted(void) {
    struct last_error *error = last_error();
    if (exchange_seq_u32(&error->noted, 1) == 0)
        add_seq_u32(&errors_noted, 1);
    return error;
}

void error_forget(void) {
    struct last_error *error = last_error();
    error->system = 0;
    error->detail[0] = '\0';
    if (exchange_seq_u32(&error->noted, 0) == 1)
        add_seq_u32(&errors_noted, UINT32_MAX);
}

void error_note(int32_t number) {
    noted()->system = number;
}

int32_t status_from(const struct meaning *meanings, size_t count, int32_t number) {
    error_note(number);
    for (const struct meaning *meaning = meanings; meaning != meanings + count; meaning++) {
        if (meaning->number == number) {
            if (meaning->detail)
                error_detail("%s", meaning->detail);
            return meaning->status;
        }
    }
    return WMMF_E_OS;
}

static void detail(const char *format, va_list arguments) {
    vsnprintf(noted()->detail, ERROR_DETAIL_CAPACITY, format, arguments);
}

void error_detail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    detail(format, arguments);
    va_end(arguments);
}

int32_t failed(int32_t status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    detail(format, arguments);
    va_end(arguments);
    return status;
}

int32_t null_argument(const char *argument) {
    return failed(WMMF_E_ARGUMENT, "%s is NULL", argument);
}

int32_t struct_refused(const void *given, size_t size) {
    if (!given)
        return null_argument("the pointer to the struct");
    return failed(WMMF_E_STRUCT_SIZE, "struct_size %" PRIu32 ": expected %u, its size in this version",
                  *(const uint32_t *)given, (unsigned)size);
}

int32_t refused(int32_t status, const char *option, uint64_t value, const char *expected) {
    return failed(status, "%s %" PRIu64 ": expected %s", option, value, expected);
}

int32_t out_of_range(uint64_t offset, uint64_t length, uint64_t size) {
    return failed(WMMF_E_RANGE, "%" PRIu64 " bytes at offset %" PRIu64 ": expected to end within %" PRIu64, length,
                  offset, size);
}

int32_t first_refusal(const struct refusal *refusals, size_t count) {
    for (const struct refusal *refusal = refusals; refusal != refusals + count; refusal++)
        if (refusal->applies)
            return refused(refusal->status, refusal->option, refusal->value, refusal->expected);
    return WMMF_OK;
}

int32_t with_addresses(int32_t status, uint64_t length) {
    if (status == WMMF_E_NO_MEMORY)
        error_detail("this process has no %" PRIu64 " bytes of addresses left in one piece: map fewer at once", length);
    return status;
}

int32_t size_check(uint64_t size, uint64_t most) {
    if (size == 0)
        error_detail("size 0: expected at least 1");
    else if (size > most)
        error_detail("size %" PRIu64 ": expected at most %" PRIu64, size, most);
    else
        return WMMF_OK;
    return WMMF_E_SIZE;
}

int32_t wmmf_last_os_error(void) {
    return last_error()->system;
}

const char *wmmf_last_detail(void) {
    return last_error()->detail;
}
