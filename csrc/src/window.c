/* Windows: parts of a section or file in mappings of their own. Also hints to the system about mapped memory, and the
 * sizes of its pages. */
#include <inttypes.h>
#include <stdlib.h>

#include "growth.h"
#include "last_error.h"
#include "section.h"

struct wmmf_window {
    struct platform_window platform;
    uint64_t length;
    bool copy_on_write;
};

/* How far from the payload's beginning windows may reach: in a raw file, to the end of the file. */
static int32_t find_end(wmmf_section *section, uint64_t *end) {
    int32_t status = growth_look(section);
    *end = section_size(section);
    if (status != WMMF_OK || !section->file || section->layout != WMMF_RAW)
        return status;
    status = platform_file_size(section->mapping, end);
    *end = *end > section->file_offset ? *end - section->file_offset : 0;
    return status;
}

static int32_t window_check(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t protection) {
    if (protection > WMMF_COPY_ON_WRITE)
        return refused(WMMF_E_ARGUMENT, "protection", protection, "0 to 2");
    int32_t status = section_plain_check(section);
    if (status != WMMF_OK)
        return status;
    if (protection == WMMF_READ_WRITE && (section->read_only || section->copy_on_write)) {
        if (section->copy_on_write)
            error_detail("protection 0: expected 1 or 2, because this handle copies on write");
        return WMMF_E_READ_ONLY;
    }
    uint64_t end;
    status = find_end(section, &end);
    if (status != WMMF_OK)
        return status;
    if (length != 0 && offset <= end && length <= end - offset)
        return WMMF_OK;
    return failed(WMMF_E_RANGE, "%" PRIu64 " bytes at offset %" PRIu64 ": expected 1 or more that end within %" PRIu64,
                  length, offset, end);
}

int32_t wmmf_map_window(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t protection,
                        wmmf_window **out) {
    error_clear();
    int32_t status = out ? section_check(section) : null_argument("out");
    if (status == WMMF_OK)
        status = window_check(section, offset, length, protection);
    if (status != WMMF_OK)
        return status;
    wmmf_window *window = calloc(1, sizeof *window);
    if (!window)
        return WMMF_E_NO_MEMORY;
    uint64_t begin = section->file ? section->file_offset : payload_begin(section);
    status = platform_window_map(section->mapping, begin + offset, length, protection, &window->platform);
    if (status != WMMF_OK) {
        free(window);
        return status;
    }
    window->length = length;
    window->copy_on_write = protection == WMMF_COPY_ON_WRITE;
    *out = window;
    return WMMF_OK;
}

int32_t wmmf_window_data(wmmf_window *window, void **data) {
    error_clear();
    int32_t status = pointer_check(pointer_check(WMMF_OK, window, "window"), data, "data");
    if (status == WMMF_OK)
        *data = window->platform.data;
    return status;
}

int32_t wmmf_unmap_window(wmmf_window *window) {
    error_clear();
    if (window)
        platform_window_unmap(&window->platform);
    free(window);
    return WMMF_OK;
}

/* `kept`: these pages must not be released. */
static int32_t advise(uint8_t *data, uint64_t length, uint32_t advice, bool kept) {
    if (advice > WMMF_ADVICE_LARGE_PAGES)
        return refused(WMMF_E_ARGUMENT, "advice", advice, "0 to 5");
    if (kept && advice == WMMF_ADVICE_DONT_NEED)
        return failed(WMMF_E_NOT_SUPPORTED,
                      "copy-on-write changes would be lost, and locked memory cannot be released");
    return length != 0 ? platform_advise(data, length, advice) : WMMF_OK;
}

int32_t wmmf_advise(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t advice) {
    int32_t status = section_check(section);
    if (status == WMMF_OK)
        status = section_mapped_check(section);
    if (status == WMMF_OK)
        status = section_range(section, offset, length);
    if (status != WMMF_OK)
        return status;
    if (length == 0)
        length = section_size(section) - offset;
    return advise(section_payload(section) + offset, length, advice, section->copy_on_write || section->locked);
}

int32_t wmmf_advise_window(wmmf_window *window, uint64_t offset, uint64_t length, uint32_t advice) {
    error_clear();
    if (!window)
        return null_argument("window");
    if (offset > window->length || length > window->length - offset)
        return out_of_range(offset, length, window->length);
    if (length == 0)
        length = window->length - offset;
    return advise(window->platform.data + offset, length, advice, window->copy_on_write);
}

int32_t wmmf_page_sizes(uint64_t *page, uint64_t *granularity, uint64_t *large) {
    uint64_t unused;
    error_clear();
    platform_page_sizes(page ? page : &unused, granularity ? granularity : &unused, large ? large : &unused);
    return WMMF_OK;
}
