#include "payload_locks.h"

void payload_lock(wmmf_section *section, uint64_t offset, struct rwlock *lock) {
    struct payload_lock *shared =
        (struct payload_lock *)(void *)(section_payload(section) + (offset - payload_begin(section)));
    struct rwlock found = {.section = section,
                           .offset = offset,
                           .word = &shared->word,
                           .next_ticket = &shared->next_ticket,
                           .sequence = &shared->sequence,
                           .notified = &shared->notified,
                           .events = shared->events};
    *lock = found;
}

bool payload_lock_of_hold(wmmf_section *section, uint64_t offset, struct rwlock *lock) {
    uint64_t begin = payload_begin(section), size = section_size(section);
    if (offset < begin || offset % PAYLOAD_ALIGNMENT != 0 || size < PAYLOAD_ALIGNMENT ||
        offset - begin > size - PAYLOAD_ALIGNMENT)
        return false;
    payload_lock(section, offset, lock);
    return true;
}
