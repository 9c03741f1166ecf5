/* Looking at a native section: who is there, and whether all that is written there fits together. */
#include "map.h"
#include "participants.h"

/* At every moment 0 <= holders - (tries - given) <= holders: see end_read. */
static bool tallies_agree(const struct participant *record) {
    uint32_t given = load_seq_u32(&record->reads_given);
    uint64_t reading = load_seq_u64(&record->reading);
    uint32_t holders = (uint32_t)reading;
    uint32_t outstanding = (uint32_t)(reading >> 32) - given;
    return outstanding == holders;
}

static bool header_is_intact(const wmmf_map *map) {
    const struct header *header = map->header;
    return load_relaxed_u64(&header->magic) == SECTION_MAGIC &&
           load_relaxed_u32(&header->format_version) == WMMF_FORMAT_VERSION &&
           load_relaxed_u32(&header->participants) == map->participants &&
           load_relaxed_u32(&header->participants_used) <= map->participants &&
           load_relaxed_u64(&header->payload_offset) == (uint64_t)(map->payload - (const uint8_t *)header) &&
           load_relaxed_u64(&header->payload_size) >= map->size;
}

/* Looks at a record until it is not in the middle of a step, up to a tenth of a second. */
static bool record_is_intact(const struct participant *record) {
    for (int look = 0; look < 100; look++) {
        if (tallies_agree(record))
            return true;
        platform_pause(1000000);
    }
    return false;
}

static bool is_alive(const wmmf_map *map, uint32_t index) {
    bool ours = !map->read_only && index == map->index;
    return ours || platform_token_alive(map->section, index);
}

int32_t native_participant(wmmf_map *map, uint32_t index, wmmf_participant *out) {
    if (index >= participants_in_use(map))
        return WMMF_E_RANGE;
    const struct participant *record = &map->records[index];
    uint64_t reading = load_seq_u64(&record->reading);
    out->index = index;
    out->pid = load_relaxed_u32(&record->pid);
    out->alive = is_alive(map, index);
    out->readers = (uint32_t)reading;
    out->waiting_readers = load_seq_u32(&record->waiting_readers);
    out->waiting_writer = load_seq_u64(&record->ticket) != 0;
    out->writing = (load_seq_u64(&map->header->lock) & LOCK_OWNER) == index + 1;
    out->reads = load_relaxed_u32(&record->reads_given);
    out->writes = load_relaxed_u32(&record->writes_given);
    out->joined_unix_ns = load_relaxed_u64(&record->joined_unix_ns);
    out->writing_since_unix_ns = out->writing ? load_relaxed_u64(&record->writing_since_unix_ns) : 0;
    out->pinned_slots = load_seq_u64(&record->pins);
    return WMMF_OK;
}

int32_t native_audit(wmmf_map *map, wmmf_audit_report *report) {
    const struct header *header = map->header;
    uint64_t word = load_seq_u64(&header->lock);
    bool intact = header_is_intact(map) && lock_owner_is_valid(map, word);
    uint32_t used = participants_in_use(map);
    for (uint32_t i = 0; i < used; i++) {
        const struct participant *record = &map->records[i];
        uint32_t pid = load_relaxed_u32(&record->pid);
        bool alive = is_alive(map, i);
        if (alive)
            report->participants++;
        else if (pid != 0)
            report->dead++;
        if (alive) {
            report->readers += (uint32_t)load_seq_u64(&record->reading);
            intact = intact && record_is_intact(record);
        }
        if ((word & LOCK_OWNER) == i + 1) {
            report->writer = i + 1;
            report->writer_pid = pid;
        }
    }
    if (!intact && !map->read_only)
        native_poison(map);
    word = load_seq_u64(&header->lock);
    report->damaged = !intact;
    report->owner_died = (word & LOCK_INCONSISTENT) != 0;
    report->poisoned = (word & LOCK_POISONED) != 0;
    report->sequence = load_seq_u64(&header->sequence) / 2;
    return WMMF_OK;
}
