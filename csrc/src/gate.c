#include "gate.h"

/* The bell is the half that the kernel compares: the lower one, which comes first (little endian, see layout.h). */
static shared_u32 *bell_of(gate_word *gate) {
    return (shared_u32 *)(void *)gate;
}

/* The steps' names are those of tests/model/waking.pml: G1. */
uint32_t gate_enter(wmmf_map *map, enum gate_index index) {
    return (uint32_t)add_seq_u64(&map->header->gates[index], GATE_SLEEPER);
}

/* G2. */
void gate_leave(wmmf_map *map, enum gate_index index, uint32_t seen) {
    gate_word *gate = &map->header->gates[index];
    uint64_t now = load_seq_u64(gate);
    /* Once the bell has moved, our count is gone with the others. */
    while ((uint32_t)now == seen && now >= GATE_SLEEPER)
        if (cas_seq_u64(gate, &now, now - GATE_SLEEPER))
            return;
}

/* G3. */
bool gate_sleep(wmmf_map *map, enum gate_index index, uint32_t seen, int64_t timeout_ns) {
    shared_u32 *bell = bell_of(&map->header->gates[index]);
    platform_sleep(map->section, index, bell, seen, timeout_ns);
    if (load_seq_u32(bell) != seen)
        return true;
    gate_leave(map, index, seen);
    return false;
}

void gate_peek(wmmf_map *map, enum gate_index index, int64_t timeout_ns) {
    shared_u32 *bell = bell_of(&map->header->gates[index]);
    platform_sleep(map->section, index, bell, load_seq_u32(bell), timeout_ns);
}

/* G4 and, in the platform, G5. */
void gate_wake(wmmf_map *map, enum gate_index index) {
    gate_word *gate = &map->header->gates[index];
    uint64_t now = load_seq_u64(gate);
    while (now >= GATE_SLEEPER) {
        /* Dying after this, with nobody woken: the sleepers look again by themselves (RECHECK_NS). */
        if (cas_seq_u64(gate, &now, (uint32_t)(now + 1))) {
            platform_wake(map->section, index, bell_of(gate), (uint32_t)(now / GATE_SLEEPER));
            return;
        }
    }
}
