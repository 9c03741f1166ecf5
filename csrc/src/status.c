/* Names and sentences of the statuses. -Wswitch makes a status that is missing here an error. */
#include <stddef.h>

#include "wmmf.h"

#ifndef WMMF_VERSION_STRING
#define WMMF_VERSION_STRING "unknown"
#endif

#define STATUS_LIST(X)                                                                                                 \
    X(WMMF_OK, "success")                                                                                              \
    X(WMMF_E_ARGUMENT, "an argument is NULL, an unknown value, or does not fit the others")                            \
    X(WMMF_E_SIZE, "the size is 0, too large for this machine, or larger than the section")                            \
    X(WMMF_E_RANGE, "offset and length reach outside the section")                                                     \
    X(WMMF_E_STRUCT_SIZE, "this library does not know this struct_size")                                               \
    X(WMMF_E_NAME_EMPTY, "the name is empty")                                                                          \
    X(WMMF_E_NAME_TOO_LONG, "the name is too long")                                                                    \
    X(WMMF_E_NAME_INVALID, "the name is not UTF-8 or contains a slash or backslash where none may be")                 \
    X(WMMF_E_EXISTS, "the name is already taken")                                                                      \
    X(WMMF_E_NOT_FOUND, "there is no section or file with this name")                                                  \
    X(WMMF_E_TIMEOUT, "the timeout expired")                                                                           \
    X(WMMF_E_OWNER_DIED, "a writer died while it held the lock, so the payload may be half written")                   \
    X(WMMF_E_POISONED, "the section is poisoned: its payload was left inconsistent, or damage was found")              \
    X(WMMF_E_CLOSED, "the section is closed")                                                                          \
    X(WMMF_E_DEADLOCK, "this thread already holds the lock")                                                           \
    X(WMMF_E_NOT_OWNER, "this thread does not hold the lock")                                                          \
    X(WMMF_E_READ_ONLY, "the section was opened read-only")                                                            \
    X(WMMF_E_NOT_SUPPORTED, "not supported by this layout or this system")                                             \
    X(WMMF_E_FULL, "all participant records, or the handle's places for readers, locks or frames, are in use")         \
    X(WMMF_E_FORKED, "the handle belongs to the parent process")                                                       \
    X(WMMF_E_FORMAT, "what is there is not a section of this layout")                                                  \
    X(WMMF_E_VERSION, "the section has a format version that this library does not know")                              \
    X(WMMF_E_TRUNCATED, "the section is smaller than its header claims, or the file was cut")                          \
    X(WMMF_E_NOT_READY, "the section's creator did not initialise it in time")                                         \
    X(WMMF_E_NOT_INTACT, "the frame was overwritten while it was held")                                                \
    X(WMMF_E_LOST, "the channel no longer has the frame, or never had it")                                             \
    X(WMMF_E_ACCESS, "access denied")                                                                                  \
    X(WMMF_E_NO_MEMORY, "the system cannot reserve that much memory")                                                  \
    X(WMMF_E_OS, "the operating system reported an error")                                                             \
    X(WMMF_E_DESCRIPTOR, "the program has closed the file descriptor that this handle needs")

const char *wmmf_strerror(int32_t status) {
    switch ((enum wmmf_status)status) {
#define X(name, text)                                                                                                  \
    case name:                                                                                                         \
        return text;
        STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

const char *wmmf_status_name(int32_t status) {
    switch ((enum wmmf_status)status) {
#define X(name, text)                                                                                                  \
    case name:                                                                                                         \
        return #name;
        STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

int32_t wmmf_abi_version(void) {
    return WMMF_ABI_VERSION;
}

const char *wmmf_version(void) {
    return WMMF_VERSION_STRING;
}
