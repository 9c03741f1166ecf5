/* Sections that grow while others have them open. They never get smaller: a process that has seen a byte may use it.
 *
 * In memory. The section is created with more addresses than memory. A process that makes it larger gives the next
 * bytes memory (G1), and then stores the new size in the header, unless a larger one is there (G2). If another process
 * needs bytes beyond the size that it knows, it looks at the header (G3), and asks the system how far there is memory
 * (G4). Two at once: giving memory to a prefix of the section can be repeated in any order, and the size in the header
 * only grows. So each of the two finds at least what it has asked for. Dying before G2: nobody knows of the new bytes,
 * they stay zero, and the next process finds their memory done. After G2 everything is done. Order: G2 releases what G3
 * acquires, so that G4 comes after G1 and finds no less. The header of a hostile peer may claim anything, so the
 * smaller of its claim and of the system's answer in G4 counts. Neither Windows nor Linux takes that memory away again,
 * except from a named file on Linux (docs/threat-model.md).
 *
 * A native file. The length of the file takes the place of the memory. The disk has the new length before the header
 * says it, so that a file is never shorter than its header claims, even if the machine goes down in between. A lock
 * that the system drops with the process keeps two processes from setting the length at once, since that could also
 * truncate. Addresses behind the first view may be in use, so a handle maps the payload again, larger, and keeps the
 * old views: addresses that were given out stay valid, and show the same bytes. */
#include "growth.h"

#include <inttypes.h>
#include <stdlib.h>

#include "backoff.h"
#include "last_error.h"

/* Another view of a file's payload. */
struct larger_view {
    struct platform_window window;
    uint64_t size;
    struct larger_view *older;
};

uint64_t growth_claimed(const struct header *header) {
    uint64_t first = load_relaxed_u64(&header->payload_size), grown = load_acquire_u64(&header->committed); /* G3 */
    return grown > first ? grown : first;
}

static uint64_t lesser(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

/* Threads of this handle may look at the same time, so the known size only grows. */
static void raise(shared_u64 *size, uint64_t to) {
    uint64_t before = load_relaxed_u64(size);
    for (int i = 0; before < to && i < ATTEMPTS_MAX; i++)
        if (cas_seq_u64(size, &before, to))
            return;
}

/* G4 */
static int32_t follow_memory(wmmf_section *section) {
    uint64_t claimed = growth_claimed(section->header), there;
    int32_t status =
        platform_committed(section->mapping, payload_begin(section) + lesser(claimed, section->reserve), &there);
    if (status == WMMF_OK && there > payload_begin(section))
        raise(&section->size, lesser(lesser(claimed, section->reserve), there - payload_begin(section)));
    return status;
}

/* The address before the size: a thread that finds bytes within the size also finds a view that has them. */
static int32_t map_larger(wmmf_section *section, uint64_t size) {
    struct larger_view *view = calloc(1, sizeof *view);
    if (!view)
        return WMMF_E_NO_MEMORY;
    int32_t status = platform_window_map(section->mapping, section->file_offset, size,
                                         section->read_only ? WMMF_READ : WMMF_READ_WRITE, &view->window);
    if (status != WMMF_OK) {
        free(view);
        return status;
    }
    view->size = size;
    view->older = section->larger;
    section->larger = view;
    store_relaxed_u64(&section->larger_payload, (uint64_t)(uintptr_t)view->window.data);
    store_release_u64(&section->size, size);
    return WMMF_OK;
}

static int32_t follow_file(wmmf_section *section) {
    uint64_t claimed = growth_claimed(section->header), there;
    int32_t status = platform_file_size(section->mapping, &there);
    if (status != WMMF_OK || there <= section->file_offset)
        return status;
    uint64_t size = lesser(claimed, there - section->file_offset);
    return size > section_size(section) ? map_larger(section, size) : WMMF_OK;
}

int32_t growth_look(wmmf_section *section) {
    if (!section->grows || growth_claimed(section->header) <= section_size(section))
        return WMMF_OK;
    if (!section->file)
        return follow_memory(section);
    short_lock(&section->growing);
    int32_t status = follow_file(section);
    short_unlock(&section->growing);
    return status;
}

static int32_t grow_memory(wmmf_section *section, uint64_t size) {
    if (size > section->reserve)
        return failed(WMMF_E_SIZE, "size %" PRIu64 ": expected at most %" PRIu64 ", its reserve", size,
                      section->reserve);
    int32_t status = platform_commit(section->mapping, payload_begin(section) + size); /* G1 */
    if (status != WMMF_OK)
        return status;
    raise(&section->header->committed, size); /* G2 */
    raise(&section->size, size);
    return WMMF_OK;
}

/* The caller has the lock of the file. */
static int32_t lengthen(wmmf_section *section, uint64_t size) {
    uint64_t length;
    int32_t status = platform_file_size(section->mapping, &length);
    if (status == WMMF_OK && length < section->file_offset + size)
        status = platform_file_resize(section->mapping, section->file_offset + size, section->reserves);
    if (status == WMMF_OK)
        status = platform_file_flush(section->mapping, 0, section->file_offset, true);
    if (status == WMMF_OK)
        raise(&section->header->committed, size); /* G2 */
    return status;
}

static int32_t grow_file(wmmf_section *section, uint64_t size) {
    short_lock(&section->growing);
    int32_t status = platform_file_lock(section->mapping);
    if (status == WMMF_OK) {
        status = lengthen(section, size);
        platform_file_unlock(section->mapping);
    }
    if (status == WMMF_OK)
        status = follow_file(section);
    short_unlock(&section->growing);
    return status;
}

static int32_t grows_check(const wmmf_section *section) {
    if (section->grows)
        return section->read_only ? WMMF_E_READ_ONLY : WMMF_OK;
    return failed(WMMF_E_NOT_SUPPORTED,
                  section->file ? "this handle was opened with a size, so it shows only that many bytes of the file"
                                : "the section was created without addresses to grow into (reserve)");
}

int32_t growth_resize(wmmf_section *section, uint64_t size) {
    int32_t status = grows_check(section);
    if (status == WMMF_OK)
        status = size_check(size, LARGEST_MAPPING - payload_begin(section));
    if (status == WMMF_OK)
        status = growth_look(section);
    uint64_t before = section_size(section);
    if (status != WMMF_OK || size == before)
        return status;
    if (size < before)
        return failed(WMMF_E_SIZE,
                      "size %" PRIu64 ": expected at least %" PRIu64
                      ", because it does not get smaller: others may use those bytes",
                      size, before);
    return section->file ? grow_file(section, size) : grow_memory(section, size);
}

int32_t growth_flush(wmmf_section *section, uint64_t offset, uint64_t length) {
    short_lock(&section->growing);
    struct larger_view *view = section->larger;
    int32_t status = view ? platform_window_flush(&view->window, offset, length) : WMMF_OK;
    short_unlock(&section->growing);
    return status;
}

void growth_end(wmmf_section *section) {
    while (section->larger) {
        struct larger_view *view = section->larger;
        section->larger = view->older;
        platform_window_unmap(&view->window);
        free(view);
    }
}
