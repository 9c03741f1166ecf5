/* Which threads of this process hold locks, through which handles. Private memory: peers cannot change it.
 *
 * A thread only ever asks for and changes its own entries, so relaxed order is enough: program order gives it its own
 * stores, and of the others' entries it only needs to see that they are not its own. Two things are done for others:
 * a frame is published by a thread that did not begin it, and what a thread still holds when it ends is taken from it.
 * Both claim the entry with one compare-and-swap, so that it happens once.
 *
 * All open handles are in one list, for the questions that a thread asks about all that it holds: when it ends, and
 * before it waits. So taking and giving back a lock costs no more than a store. */
#include "lock_holders.h"

#include "backoff.h"

static struct {
    shared_u32 locked_by; /* the process that changes or walks the list, 0 = none */
    wmmf_section *first;
} handles;

/* A fork copies the lock as it is, but not the thread that held it: a child takes over what its parent's thread held.
 * It finds the list whole, since each change of it that a walk depends on is one store. */
static void lock_handles(void) {
    uint32_t process = platform_process_id();
    uint32_t holder = 0;
    for (int turn = 0; !cas_seq_u32(&handles.locked_by, &holder, process); turn++) {
        if (holder != process)
            continue; /* tries again with what is there: 0, or a process that is not this one */
        backoff(turn, BACKOFF_PAUSE_NS);
        holder = 0;
    }
}

static void unlock_handles(void) {
    store_release_u32(&handles.locked_by, 0);
}

void holders_add_handle(wmmf_section *section) {
    lock_handles();
    section->previous = NULL;
    section->next = handles.first;
    if (section->next)
        section->next->previous = section;
    handles.first = section;
    unlock_handles();
}

void holders_remove_handle(wmmf_section *section) {
    if (!section->abandon)
        return;
    lock_handles();
    if (section->previous)
        section->previous->next = section->next;
    else
        handles.first = section->next;
    if (section->next)
        section->next->previous = section->previous;
    unlock_handles();
}

/* NULL: that thread does not read. */
static shared_u64 *reader_place(const wmmf_section *section, uint64_t thread) {
    uint32_t used = load_relaxed_u32(&section->reader_places_used);
    for (uint32_t i = 0; i < used; i++)
        if (load_relaxed_u64(&section->reader_threads[i]) == thread)
            return (shared_u64 *)&section->reader_threads[i];
    return NULL;
}

static bool is_writer(const wmmf_section *section, uint64_t thread) {
    return thread != 0 && load_relaxed_u64(&section->writer_thread) == thread;
}

/* Runs in a thread that ends, and takes from it what it still holds, as from a process that died. */
void thread_ended(uint64_t thread) {
    lock_handles(); /* so no handle is closed meanwhile */
    for (wmmf_section *section = handles.first; section; section = section->next) {
        if (platform_forked(section->mapping))
            continue; /* the parent's */
        shared_u64 *place = reader_place(section, thread);
        if (place) {
            store_relaxed_u64(place, 0);
            section->abandon->end_read(section);
        }
        uint64_t writer = thread;
        if (is_writer(section, thread) && cas_seq_u64(&section->writer_thread, &writer, 0))
            section->abandon->end_write(section);
    }
    unlock_handles();
}

static uint64_t this_thread(void) {
    return platform_thread_number();
}

bool holders_reading(const wmmf_section *section) {
    uint64_t thread = this_thread();
    return thread != 0 && reader_place(section, thread) != NULL;
}

bool holders_writing(const wmmf_section *section) {
    return is_writer(section, this_thread());
}

bool holders_elsewhere(const wmmf_section *section) {
    uint64_t thread = this_thread();
    bool found = false;
    if (thread == 0)
        return false;
    lock_handles();
    for (const wmmf_section *other = handles.first; other && !found; other = other->next)
        found = other != section && other->abandon == section->abandon && other->identity == section->identity &&
                !platform_forked(other->mapping) && (is_writer(other, thread) || reader_place(other, thread));
    unlock_handles();
    return found;
}

static int32_t entry_check(const wmmf_section *section, uint64_t thread) {
    if (thread == 0)
        return WMMF_E_NO_MEMORY;
    return is_writer(section, thread) || reader_place(section, thread) ? WMMF_E_DEADLOCK : WMMF_OK;
}

int32_t holders_enter_reader(wmmf_section *section) {
    uint64_t thread = this_thread();
    int32_t status = entry_check(section, thread);
    if (status != WMMF_OK)
        return status;
    for (uint32_t i = 0; i < READER_THREADS; i++) {
        uint64_t none = 0;
        if (cas_seq_u64(&section->reader_threads[i], &none, thread)) {
            uint32_t used = load_relaxed_u32(&section->reader_places_used);
            while (used < i + 1 && !cas_seq_u32(&section->reader_places_used, &used, i + 1))
                continue;
            return WMMF_OK;
        }
    }
    return WMMF_E_FULL;
}

bool holders_leave_reader(wmmf_section *section) {
    uint64_t thread = this_thread();
    shared_u64 *place = thread != 0 ? reader_place(section, thread) : NULL;
    if (place)
        store_relaxed_u64(place, 0);
    return place != NULL;
}

int32_t holders_check_writer(const wmmf_section *section, uint64_t *thread) {
    *thread = this_thread();
    return entry_check(section, *thread);
}

void holders_enter_writer(wmmf_section *section, uint64_t thread) {
    store_relaxed_u64(&section->writer_thread, thread);
}

bool holders_leave_writer(wmmf_section *section) {
    bool writing = is_writer(section, this_thread());
    if (writing)
        store_relaxed_u64(&section->writer_thread, 0);
    return writing;
}

void holders_forget_writer(wmmf_section *section) {
    store_relaxed_u64(&section->writer_thread, 0);
}

bool holders_claim_writer(wmmf_section *section) {
    uint64_t writer = load_relaxed_u64(&section->writer_thread);
    return writer != 0 && cas_seq_u64(&section->writer_thread, &writer, 0);
}
