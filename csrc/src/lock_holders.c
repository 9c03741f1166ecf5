/* Which threads of this process hold the lock through a handle. Private memory: peers cannot change it.
 *
 * A thread only ever asks for and changes its own entry, so relaxed order is enough: program order gives it its own
 * stores, and of the others' entries it only needs to see that they are not its own. */
#include "section.h"

/* Not the system's, which gives the number of a thread that has ended, maybe with a lock, to the next one. 0: none. */
static uintptr_t thread_id(void) {
    static uintptr_t threads;
    static __thread uintptr_t own;
    if (own == 0)
        own = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
    return own;
}

static uintptr_t entry(const uintptr_t *place) {
    return __atomic_load_n(place, __ATOMIC_RELAXED);
}

static uintptr_t *reader_place(const wmmf_section *section, uintptr_t thread) {
    for (int i = 0; i < READER_THREADS; i++)
        if (entry(&section->reader_threads[i]) == thread)
            return (uintptr_t *)&section->reader_threads[i];
    return NULL;
}

bool holders_reading(const wmmf_section *section) {
    uintptr_t thread = thread_id();
    return entry(&section->reader_threads[0]) == thread ||
           (load_relaxed_u32(&section->reader_places_used) > 1 && reader_place(section, thread) != NULL);
}

bool holders_writing(const wmmf_section *section) {
    return entry(&section->writer_thread) == thread_id();
}

int32_t holders_enter_reader(wmmf_section *section) {
    if (holders_writing(section) || holders_reading(section))
        return WMMF_E_DEADLOCK;
    uintptr_t thread = thread_id();
    for (uint32_t i = 0; i < READER_THREADS; i++) {
        uintptr_t none = 0;
        if (__atomic_compare_exchange_n(&section->reader_threads[i], &none, thread, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            uint32_t used = load_relaxed_u32(&section->reader_places_used);
            while (used < i + 1 && !cas_seq_u32(&section->reader_places_used, &used, i + 1))
                continue;
            return WMMF_OK;
        }
    }
    return WMMF_E_FULL;
}

void holders_leave_reader(wmmf_section *section) {
    __atomic_store_n(reader_place(section, thread_id()), 0, __ATOMIC_RELAXED);
}

void holders_set_writer(wmmf_section *section, bool writing) {
    __atomic_store_n(&section->writer_thread, writing ? thread_id() : 0, __ATOMIC_RELAXED);
}
