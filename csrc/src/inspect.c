/* Looking at sections: which are there, who has them open, and whether all that is written in one fits together. */
#include <string.h>

#include "map.h"
#include "name.h"
#include "participants.h"

/* What is looked for here can never be seen while only this library writes, whoever is stopped or dies where: so there
 * is no clock, no second try, and no false alarm. */

static bool header_is_intact(const wmmf_map *map) {
    const struct header *header = map->header;
    return load_relaxed_u64(&header->magic) == SECTION_MAGIC &&
           load_relaxed_u32(&header->format_version) == WMMF_FORMAT_VERSION &&
           load_relaxed_u32(&header->participants) == map->participants &&
           load_relaxed_u64(&header->payload_offset) == (uint64_t)(map->payload - (const uint8_t *)header) &&
           load_relaxed_u64(&header->payload_size) >= map->size &&
           load_relaxed_u64(&header->section_id) == map->section_id &&
           load_relaxed_u64(&header->created_unix_ns) == map->created_unix_ns &&
           load_relaxed_u32(&header->kind) == map->kind &&
           load_relaxed_u32(&header->participants_used) <= map->participants;
}

/* The word is the same before and after something was looked at: then nobody took the lock meanwhile. */
static bool lock_is_still(const wmmf_map *map, uint64_t word) {
    return ((load_seq_u64(&map->header->lock) ^ word) & ~(LOCK_WAITERS | LOCK_POISONED)) == 0;
}

/* W6 comes before W7: with nobody in the word the sequence is even, or a death is on record. */
static bool lock_is_intact(const wmmf_map *map, uint64_t word) {
    if (!lock_owner_is_valid(map, word) || (word & LOCK_RESERVED))
        return false;
    bool odd = load_seq_u64(&map->header->sequence) & 1;
    return !odd || (word & (LOCK_OWNER | LOCK_INCONSISTENT)) || !lock_is_still(map, word);
}

static bool record_is_intact(const wmmf_map *map, uint32_t index, uint64_t pins_allowed, uint64_t word) {
    const struct participant *record = &map->records[index];
    uint64_t reading = load_seq_u64(&record->reading);
    uint64_t ticket = load_seq_u64(&record->ticket);
    bool writing = load_seq_u64(&record->writes) & 1;
    return (reading & READ_HOLDERS) == (reading >> READ_TALLY_SHIFT & READ_HOLDERS) &&
           ticket <= load_seq_u64(&map->header->next_ticket) && (load_seq_u64(&record->pins) & ~pins_allowed) == 0 &&
           (!writing || (word & LOCK_OWNER) == index + 1 || !lock_is_still(map, word));
}

/* A record beyond those that a scan looks at: its owner would not be waited for. */
static bool is_hidden(const wmmf_map *map, uint32_t index) {
    bool used = load_acquire_u32(&map->records[index].pid) != 0;
    return used && index >= participants_in_use(map);
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
    out->readers = (uint32_t)(reading & READ_HOLDERS);
    out->waiting_readers = load_seq_u32(&record->waiting_readers);
    out->waiting_writer = load_seq_u64(&record->ticket) != 0;
    out->writing = (load_seq_u64(&map->header->lock) & LOCK_OWNER) == index + 1;
    out->reads = (uint32_t)(reading >> READ_ENDED_SHIFT);
    out->writes = (uint32_t)(load_relaxed_u64(&record->writes) / 2);
    out->joined_unix_ns = load_relaxed_u64(&record->joined_unix_ns);
    out->writing_since_unix_ns = out->writing ? load_relaxed_u64(&record->writing_since_unix_ns) : 0;
    out->pinned_slots = load_seq_u64(&record->pins);
    out->oldest_pinned = channel_oldest_pinned(map, record);
    return WMMF_OK;
}

int32_t native_audit(wmmf_map *map, uint64_t pins_allowed, bool intact, wmmf_audit_report *report) {
    memset(report, 0, sizeof *report);
    report->struct_size = sizeof *report;
    uint64_t word = load_seq_u64(&map->header->lock);
    intact = intact && header_is_intact(map) && lock_is_intact(map, word);
    for (uint32_t i = 0; i < map->participants; i++) {
        const struct participant *record = &map->records[i];
        uint32_t pid = load_relaxed_u32(&record->pid);
        intact = intact && !is_hidden(map, i);
        if (pid == 0)
            continue;
        if (is_alive(map, i)) {
            report->participants++;
            report->readers += (uint32_t)(load_seq_u64(&record->reading) & READ_HOLDERS);
            intact = intact && record_is_intact(map, i, pins_allowed, word);
        } else {
            report->dead++;
        }
        if ((word & LOCK_OWNER) == i + 1) {
            report->writer = i + 1;
            report->writer_pid = pid;
        }
    }
    if (!intact && !map->read_only)
        native_poison(map);
    word = load_seq_u64(&map->header->lock);
    report->damaged = !intact;
    report->owner_died = (word & LOCK_INCONSISTENT) != 0;
    report->poisoned = (word & LOCK_POISONED) != 0;
    report->sequence = load_seq_u64(&map->header->sequence) / 2;
    return WMMF_OK;
}

/* Names one after the other, as many as fit; the room they all need is counted on. */
struct name_list {
    uint32_t name_space;
    char *at;
    uint64_t room;
    uint64_t needed;
};

/* A peer may have given a file any name; only what wmmf_open takes is one of a section. */
static bool append_name(void *context, const char *name) {
    struct name_list *list = context;
    if (name_check(name, list->name_space) != WMMF_OK)
        return true;
    size_t size = strlen(name) + 1;
    list->needed += size;
    if (size > list->room) {
        list->room = 0;
        return true;
    }
    memcpy(list->at, name, size);
    list->at += size;
    list->room -= size;
    return true;
}

int32_t wmmf_list(uint32_t name_space, char *names, uint64_t capacity, uint64_t *needed) {
    struct name_list list = {name_space, names, capacity, 0};
    platform_clear_error();
    if (!needed || (!names && capacity != 0) || name_space > WMMF_GLOBAL)
        return WMMF_E_ARGUMENT;
    int32_t status = platform_list(name_space, append_name, &list);
    if (status != WMMF_OK)
        return status;
    *needed = list.needed;
    return list.needed <= capacity ? WMMF_OK : WMMF_E_RANGE;
}
