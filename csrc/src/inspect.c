/* Looking at sections: which are there, who has them open, and whether all that is written in one fits together. */
#include <string.h>

#include "map.h"
#include "name.h"
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
    out->oldest_pinned = channel_oldest_pinned(map, record);
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
