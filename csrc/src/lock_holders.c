/* Which threads of this process hold locks, through which handles. Private memory: peers cannot change it.
 *
 * A lock owner (wmmf_new_lock_owner) is like a thread whose number one thread after another takes. The caller ensures
 * that each thread sees what the previous one did.
 *
 * A thread only ever asks for and changes its own entries, so relaxed order is enough: it sees its own stores by
 * program order, and of the others' entries it only needs to see that they are not its own. There are two exceptions: a
 * thread may publish a frame that another thread began, and when a thread ends, what it still holds is taken from it.
 * Both claim the entry with one compare-and-swap, so that it happens only once.
 *
 * All open handles are in one list, which a thread searches for everything that it holds when it ends, and before it
 * waits. So taking and releasing a lock costs no more than a store. */
#include "lock_holders.h"

#include <inttypes.h>

#include "backoff.h"
#include "last_error.h"
#include "payload_locks.h"

static struct {
    shared_u32 locked_by; /* the process that changes or walks the list, 0 = none */
    wmmf_section *first;
} handles;

/* A fork copies the lock as it is, but not the thread that held it, so a child takes over what its parent's thread
 * held. It finds the list consistent, since each change that a walk depends on is one store. */
static void lock_handles(const struct platform_mapping *mapping) {
    uint32_t process = platform_process_id(mapping);
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
    lock_handles(section->mapping);
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
    lock_handles(section->mapping);
    if (section->previous)
        section->previous->next = section->next;
    else
        handles.first = section->next;
    if (section->next)
        section->next->previous = section->previous;
    unlock_handles();
}

/* The hold of this handle that the thread has for this lock; NULL: none. */
static struct holding *holding_of(const struct rwlock *lock, uint64_t thread, uint32_t writing) {
    const wmmf_section *section = lock->section;
    for (uint32_t i = 0; i < section->locks && section->holdings; i++) {
        struct holding *holding = &section->holdings[i];
        if (load_relaxed_u64(&holding->thread) == thread && load_relaxed_u64(&holding->offset) == lock->offset &&
            load_relaxed_u32(&holding->writing) == writing)
            return holding;
    }
    return NULL;
}

/* The entry that says that this thread reads; NULL: it does not. */
static inline shared_u64 *reader_place(const struct rwlock *lock, uint64_t thread) {
    const wmmf_section *section = lock->section;
    if (lock->offset != 0) {
        struct holding *holding = holding_of(lock, thread, 0);
        return holding ? &holding->thread : NULL;
    }
    uint32_t used = load_relaxed_u32(&section->reader_places_used);
    for (uint32_t i = 0; i < used; i++)
        if (load_relaxed_u64(&section->reader_threads[i]) == thread)
            return (shared_u64 *)&section->reader_threads[i];
    return NULL;
}

static inline bool is_writer(const struct rwlock *lock, uint64_t thread) {
    if (lock->offset != 0)
        return thread != 0 && holding_of(lock, thread, 1) != NULL;
    return thread != 0 && load_relaxed_u64(&lock->section->writer_thread) == thread;
}

static void use_hold(struct rwlock *lock, uint32_t i) {
    wmmf_section *section = lock->section;
    lock->me = &section->holds[(uint64_t)section->index * section->locks + i].lock;
    lock->notes = &section->holdings[i].notes;
}

static struct holding *our_holding(const struct rwlock *lock) {
    wmmf_section *section = lock->section;
    const struct hold *first = &section->holds[(uint64_t)section->index * section->locks];
    return &section->holdings[(const struct hold *)(const void *)lock->me - first];
}

int32_t holders_take_hold(struct rwlock *lock) {
    wmmf_section *section = lock->section;
    for (uint32_t i = 0; i < section->locks; i++) {
        struct holding *holding = &section->holdings[i];
        uint64_t nobody = 0;
        if (cas_seq_u64(&holding->thread, &nobody, HOLDING_TAKEN)) {
            store_relaxed_u64(&holding->offset, lock->offset);
            store_relaxed_u32(&holding->writing, 0);
            use_hold(lock, i);
            return WMMF_OK;
        }
    }
    return failed(WMMF_E_FULL, "this handle holds or waits for as many locks in the payload as it can, %u",
                  section->locks);
}

void holders_keep_place(const struct rwlock *lock, uint64_t place) {
    if (lock->offset != 0)
        store_release_u64(&our_holding(lock)->place, place);
}

/* Acquires, with the place, what the thread that kept it stored in the hold. Only one thread gets it. */
bool holders_find_place(struct rwlock *lock, uint64_t place) {
    wmmf_section *section = lock->section;
    for (uint32_t i = 0; i < section->locks && place != 0; i++) {
        struct holding *holding = &section->holdings[i];
        uint64_t kept = place;
        if (load_acquire_u64(&holding->place) == place && load_relaxed_u64(&holding->offset) == lock->offset &&
            cas_seq_u64(&holding->place, &kept, 0)) {
            use_hold(lock, i);
            return true;
        }
    }
    return false;
}

void holders_free(const struct rwlock *lock) {
    store_seq_u64(&our_holding(lock)->thread, 0);
}

/* From now on the hold belongs to no thread, until it is freed. */
static void leave_holding(struct rwlock *lock, struct holding *holding) {
    store_relaxed_u64(&holding->thread, HOLDING_TAKEN);
    use_hold(lock, (uint32_t)(holding - lock->section->holdings));
}

static void end_holding(wmmf_section *section, struct holding *holding) {
    struct rwlock lock;
    payload_lock(section, load_relaxed_u64(&holding->offset), &lock);
    leave_holding(&lock, holding);
    if (load_relaxed_u32(&holding->writing) != 0)
        section->abandon->end_write(&lock);
    else
        section->abandon->end_read(&lock);
}

/* Runs in a thread that ends. Takes away what it still holds, as from a process that died. */
void thread_ended(uint64_t thread) {
    lock_handles(NULL); /* so no handle is closed meanwhile */
    for (wmmf_section *section = handles.first; section; section = section->next) {
        if (platform_forked(section->mapping))
            continue; /* the parent's */
        shared_u64 *place = reader_place(&section->lock, thread);
        if (place) {
            store_relaxed_u64(place, 0);
            section->abandon->end_read(&section->lock);
        }
        uint64_t writer = thread;
        if (is_writer(&section->lock, thread) && cas_seq_u64(&section->writer_thread, &writer, 0))
            section->abandon->end_write(&section->lock);
        for (uint32_t i = 0; i < section->locks && section->holdings; i++)
            if (load_relaxed_u64(&section->holdings[i].thread) == thread)
                end_holding(section, &section->holdings[i]);
    }
    unlock_handles();
}

#define LOCK_OWNER_FLAG (1ULL << 63) /* no thread's number has it */

static shared_u64 lock_owners; /* given so far */

int32_t wmmf_new_lock_owner(uint64_t *owner) {
    error_clear();
    if (!owner)
        return null_argument("owner");
    *owner = LOCK_OWNER_FLAG | (add_seq_u64(&lock_owners, 1) + 1);
    return WMMF_OK;
}

static bool is_lock_owner(uint64_t owner) {
    return (owner & LOCK_OWNER_FLAG) && (owner & ~LOCK_OWNER_FLAG) - 1 < load_seq_u64(&lock_owners);
}

int32_t wmmf_set_lock_owner(uint64_t owner, uint64_t *previous) {
    uint64_t before;
    error_clear();
    if (owner != 0 && !is_lock_owner(owner))
        return failed(WMMF_E_ARGUMENT, "owner %" PRIu64 ": expected 0 or a number of wmmf_new_lock_owner", owner);
    if (!platform_act_as(owner, &before))
        return WMMF_E_NO_MEMORY;
    if (previous)
        *previous = before;
    return WMMF_OK;
}

bool holders_writing(const struct rwlock *lock) {
    return is_writer(lock, platform_thread_number());
}

bool holders_holding(const struct rwlock *lock) {
    uint64_t thread = platform_thread_number();
    return thread != 0 && (is_writer(lock, thread) || reader_place(lock, thread) != NULL);
}

/* The same lock, seen through another handle. */
static struct rwlock seen_through(const struct rwlock *lock, wmmf_section *other) {
    struct rwlock same = {.section = other, .offset = lock->offset};
    return same;
}

bool holders_elsewhere(const struct rwlock *lock) {
    const wmmf_section *section = lock->section;
    uint64_t thread = platform_thread_number();
    bool found = false;
    if (thread == 0)
        return false;
    lock_handles(section->mapping);
    for (wmmf_section *other = handles.first; other && !found; other = other->next) {
        struct rwlock same = seen_through(lock, other);
        found = other != section && other->abandon == section->abandon && other->identity == section->identity &&
                !platform_forked(other->mapping) && (is_writer(&same, thread) || reader_place(&same, thread));
    }
    unlock_handles();
    return found;
}

static int32_t entry_check(const struct rwlock *lock, uint64_t thread) {
    if (thread == 0)
        return WMMF_E_NO_MEMORY;
    return is_writer(lock, thread) || reader_place(lock, thread) ? WMMF_E_DEADLOCK : WMMF_OK;
}

static int32_t take_reader_place(wmmf_section *section, uint64_t thread) {
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

int32_t holders_enter_reader(struct rwlock *lock) {
    uint64_t thread = platform_thread_number();
    int32_t status = entry_check(lock, thread);
    if (status != WMMF_OK)
        return status;
    if (lock->offset == 0)
        return take_reader_place(lock->section, thread);
    status = holders_take_hold(lock);
    if (status == WMMF_OK)
        store_relaxed_u64(&our_holding(lock)->thread, thread);
    return status;
}

bool holders_leave_reader(struct rwlock *lock) {
    uint64_t thread = platform_thread_number();
    if (thread != 0 && lock->offset != 0) {
        struct holding *holding = holding_of(lock, thread, 0);
        if (holding)
            leave_holding(lock, holding);
        return holding != NULL;
    }
    shared_u64 *place = thread != 0 ? reader_place(lock, thread) : NULL;
    if (place)
        store_relaxed_u64(place, 0);
    return place != NULL;
}

int32_t holders_check_writer(const struct rwlock *lock, uint64_t *thread) {
    *thread = platform_thread_number();
    return entry_check(lock, *thread);
}

void holders_enter_writer(struct rwlock *lock, uint64_t thread) {
    if (lock->offset == 0) {
        store_relaxed_u64(&lock->section->writer_thread, thread);
        return;
    }
    struct holding *holding = our_holding(lock);
    store_relaxed_u32(&holding->writing, 1);
    store_relaxed_u64(&holding->thread, thread);
}

bool holders_leave_writer(struct rwlock *lock) {
    uint64_t thread = platform_thread_number();
    if (!is_writer(lock, thread))
        return false;
    if (lock->offset == 0)
        store_relaxed_u64(&lock->section->writer_thread, 0);
    else
        leave_holding(lock, holding_of(lock, thread, 1));
    return true;
}

void holders_forget_writer(struct rwlock *lock) {
    store_relaxed_u64(&lock->section->writer_thread, 0);
}

bool holders_claim_writer(struct rwlock *lock) {
    uint64_t writer = load_relaxed_u64(&lock->section->writer_thread);
    return writer != 0 && cas_seq_u64(&lock->section->writer_thread, &writer, 0);
}
