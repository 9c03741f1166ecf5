#include "last_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "wmmf.h"

void error_detail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error()->detail, ERROR_DETAIL_CAPACITY, format, arguments);
    va_end(arguments);
}

int32_t wmmf_last_os_error(void) {
    return last_error()->system;
}

const char *wmmf_last_detail(void) {
    return last_error()->detail;
}
