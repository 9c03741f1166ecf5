/* Which threads of this process hold the lock through a handle. Private memory: peers cannot change it.
 *
 * A thread only ever asks for and changes its own entry, so relaxed order is enough: program order gives it its own
 * stores, and of the others' entries it only needs to see that they are not its own. */
#include "lock_holders.h"

/* Not the system's, which gives the number of a thread that has ended, maybe with a lock, to the next one. 0: none. */
static uint64_t thread_id(void) {
    static shared_u64 threads;
    static THREAD_LOCAL uint64_t own;
    if (own == 0)
        own = add_seq_u64(&threads, 1) + 1;
    return own;
}

static shared_u64 *reader_place(const wmmf_section *section, uint64_t thread) {
    for (int i = 0; i < READER_THREADS; i++)
        if (load_relaxed_u64(&section->reader_threads[i]) == thread)
            return (shared_u64 *)&section->reader_threads[i];
    return NULL;
}

bool holders_reading(const wmmf_section *section) {
    uint64_t thread = thread_id();
    return load_relaxed_u64(&section->reader_threads[0]) == thread ||
           (load_relaxed_u32(&section->reader_places_used) > 1 && reader_place(section, thread) != NULL);
}

bool holders_writing(const wmmf_section *section) {
    return load_relaxed_u64(&section->writer_thread) == thread_id();
}

int32_t holders_enter_reader(wmmf_section *section) {
    if (holders_writing(section) || holders_reading(section))
        return WMMF_E_DEADLOCK;
    uint64_t thread = thread_id();
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

void holders_leave_reader(wmmf_section *section) {
    store_relaxed_u64(reader_place(section, thread_id()), 0);
}

void holders_set_writer(wmmf_section *section, bool writing) {
    store_relaxed_u64(&section->writer_thread, writing ? thread_id() : 0);
}
