#include "gate.h"

uint32_t gate_enter(wmmf_map *map, enum gate_index index) {
    struct gate *gate = &map->header->gates[index];
    uint32_t seen = load_seq_u32(&gate->bell);
    add_seq_u32(&gate->sleepers, 1);
    return seen;
}

void gate_leave(wmmf_map *map, enum gate_index index, uint32_t seen) {
    struct gate *gate = &map->header->gates[index];
    /* Once the bell has moved, our count is gone with the others. In the moment between the two a wrong count
     * may stand: it costs a needless wake-up, or delays one until the sleeper's next look. */
    uint32_t count = load_seq_u32(&gate->sleepers);
    while (count != 0 && load_seq_u32(&gate->bell) == seen)
        if (cas_seq_u32(&gate->sleepers, &count, count - 1))
            return;
}

bool gate_sleep(wmmf_map *map, enum gate_index index, uint32_t seen, int64_t timeout_ns) {
    struct gate *gate = &map->header->gates[index];
    platform_sleep(map->section, index, &gate->bell, seen, timeout_ns);
    if (load_seq_u32(&gate->bell) != seen)
        return true;
    gate_leave(map, index, seen);
    return false;
}

void gate_wake(wmmf_map *map, enum gate_index index) {
    struct gate *gate = &map->header->gates[index];
    if (load_seq_u32(&gate->sleepers) == 0)
        return;
    uint32_t sleepers = exchange_seq_u32(&gate->sleepers, 0);
    if (sleepers == 0)
        return;
    /* Dying before the bell moves: the sleepers look again by themselves (RECHECK_NS). */
    add_seq_u32(&gate->bell, 1);
    platform_wake(map->section, index, &gate->bell, sleepers);
}
