/* Names that mean the same on every system. */
#include "name.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "last_error.h"

/* Well-formed UTF-8 by table 3-7 of the Unicode standard: no surrogates, no overlong forms. */
static bool is_utf8(const unsigned char *text, size_t length) {
    size_t i = 0;
    while (i < length) {
        unsigned char lead = text[i++];
        if (lead < 0x80)
            continue;
        size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || length - i < more)
            return false;
        unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (text[i] < low || text[i] > high)
            return false;
        for (size_t k = 1; k < more; k++)
            if (text[i + k] < 0x80 || text[i + k] > 0xBF)
                return false;
        i += more;
    }
    return true;
}

int32_t name_check(const char *name, uint32_t name_space) {
    size_t length = strlen(name);
    if (length == 0)
        return WMMF_E_NAME_EMPTY;
    if (length > WMMF_NAME_MAX)
        return failed(WMMF_E_NAME_TOO_LONG, "it has %" PRIu64 " bytes of UTF-8: expected at most %d", (uint64_t)length,
                      WMMF_NAME_MAX);
    if (!is_utf8((const unsigned char *)name, length))
        return WMMF_E_NAME_INVALID;
    /* A custom name goes to the system unchanged; the system judges its separators. */
    if (name_space != WMMF_CUSTOM && strpbrk(name, "\\/") != NULL) {
        if (strncmp(name, "Global\\", 7) == 0 || strncmp(name, "Local\\", 6) == 0)
            error_detail("give the namespace separately, and the name without \"%.*s\"", name[0] == 'G' ? 7 : 6, name);
        return WMMF_E_NAME_INVALID;
    }
    return WMMF_OK;
}
