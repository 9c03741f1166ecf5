/* Inspection: which sections exist, which processes have them open, and whether the contents of a header agree. */
#include "diagnostics.h"

#include "growth.h"
#include "last_error.h"

#include <string.h>

#include "name.h"
#include "participants.h"
#include "rwlock.h"

/* The findings here are impossible while only this library writes, wherever a process is stopped or dies: so there
 * is no clock, no second try, and no false alarm. */

static bool header_is_intact(const wmmf_section *section) {
    const struct header *header = section->header;
    return load_relaxed_u64(&header->magic) == SECTION_MAGIC &&
           load_relaxed_u32(&header->format_version) == WMMF_FORMAT_VERSION &&
           load_relaxed_u32(&header->participants) == section->participants &&
           load_relaxed_u64(&header->payload_offset) == payload_begin(section) &&
           growth_claimed(header) >= section_size(section) && load_relaxed_u64(&header->reserve) == section->reserve &&
           load_relaxed_u64(&header->section_id) == section->section_id &&
           load_relaxed_u64(&header->created_unix_ns) == section->created_unix_ns &&
           load_relaxed_u32(&header->kind) == section->kind && load_relaxed_u32(&header->locks) == section->locks &&
           (load_relaxed_u64(&header->records_used) & USED_COUNT) <= section->participants;
}

/* If the word is the same before and after a look, nobody took the lock in between. */
static bool lock_is_still(const wmmf_section *section, uint64_t word) {
    return ((load_seq_u64(&section->header->lock) ^ word) & ~(LOCK_WAITERS | LOCK_POISONED)) == 0;
}

/* W6 comes before W7: if the word has no owner, the sequence is even, or the word records a death. */
static bool lock_is_intact(const wmmf_section *section, uint64_t word) {
    if (!lock_owner_is_valid(section, word) || (word & LOCK_RESERVED))
        return false;
    bool odd = load_seq_u64(&section->header->sequence) & 1;
    return !odd || (word & (LOCK_OWNER | LOCK_INCONSISTENT)) || !lock_is_still(section, word);
}

static bool record_is_intact(const wmmf_section *section, uint32_t index, uint64_t word) {
    const struct participant *record = &section->records[index];
    uint64_t reading = load_seq_u64(&record->lock.reading);
    uint64_t ticket = load_seq_u64(&record->lock.ticket);
    bool writing = load_seq_u64(&record->lock.writes) & 1;
    return (reading & READ_HOLDERS) == (reading >> READ_TALLY_SHIFT & READ_HOLDERS) &&
           ticket <= load_seq_u64(&section->header->next_ticket) &&
           (!writing || (word & LOCK_OWNER) == index + 1 || !lock_is_still(section, word));
}

/* Checks what holds say about locks in the payload. An audit cannot know where those locks are. */
static bool holds_are_intact(const wmmf_section *section, uint32_t index) {
    bool intact = true;
    for (uint32_t i = 0; i < section->locks; i++) {
        const struct hold *hold = &section->holds[(uint64_t)index * section->locks + i];
        uint64_t reading = load_seq_u64(&hold->lock.reading);
        intact = intact && load_seq_u64(&hold->offset) % PAYLOAD_ALIGNMENT == 0 &&
                 (reading & READ_HOLDERS) == (reading >> READ_TALLY_SHIFT & READ_HOLDERS);
    }
    return intact;
}

/* A record beyond those that a scan looks at: its owner would not be waited for. A participant stores its process id
 * after it has raised the count, and clears it before the count is lowered. If the time of joining is the same before
 * and after the look, it is the same participant. */
static bool is_hidden(const wmmf_section *section, uint32_t index) {
    const struct participant *record = &section->records[index];
    uint64_t joined = load_seq_u64(&record->joined_unix_ns);
    bool used = joined != 0 && load_seq_u32(&record->pid) != 0;
    return used && index >= participants_in_use(section) && load_seq_u64(&record->joined_unix_ns) == joined;
}

static bool is_alive(const wmmf_section *section, uint32_t index) {
    bool ours = !section->read_only && index == section->index;
    return ours || platform_token_alive(section->mapping, index);
}

int32_t diagnostics_participant(wmmf_section *section, uint32_t index, wmmf_participant *out) {
    if (index >= participants_in_use(section))
        return WMMF_E_RANGE;
    const struct participant *record = &section->records[index];
    uint64_t reading = load_seq_u64(&record->lock.reading);
    out->index = index;
    out->pid = load_relaxed_u32(&record->pid);
    out->alive = is_alive(section, index);
    out->readers = (uint32_t)(reading & READ_HOLDERS);
    out->waiting_readers = load_seq_u32(&record->lock.waiting_readers);
    out->waiting_writer = load_seq_u64(&record->lock.ticket) != 0;
    out->writing = (load_seq_u64(&section->header->lock) & LOCK_OWNER) == index + 1;
    out->reads = (uint32_t)(reading >> READ_ENDED_SHIFT);
    out->writes = (uint32_t)(load_relaxed_u64(&record->lock.writes) / 2);
    out->joined_unix_ns = load_relaxed_u64(&record->joined_unix_ns);
    out->writing_since_unix_ns = out->writing ? load_relaxed_u64(&record->lock.writing_since_unix_ns) : 0;
    return WMMF_OK;
}

/* The offset is read last: a thread stores it first, so what was read before it belongs to this lock, or to the lock
 * that the hold had just before. */
int32_t diagnostics_hold(const wmmf_section *section, uint32_t index, wmmf_hold *out) {
    if (section->locks == 0 || index / section->locks >= participants_in_use(section))
        return WMMF_E_RANGE;
    const struct hold *hold = &section->holds[index];
    uint64_t begin = payload_begin(section);
    out->participant = index / section->locks;
    out->pid = load_relaxed_u32(&section->records[out->participant].pid);
    out->reading = (load_seq_u64(&hold->lock.reading) & READ_HOLDERS) != 0;
    out->writing = load_seq_u64(&hold->lock.writes) & 1;
    out->waiting = load_seq_u32(&hold->lock.waiting_readers) != 0 || (!out->reading && !out->writing);
    out->writing_since_unix_ns = out->writing ? load_relaxed_u64(&hold->lock.writing_since_unix_ns) : 0;
    uint64_t offset = load_seq_u64(&hold->offset);
    out->offset = offset >= begin ? offset - begin : UINT64_MAX; /* a peer may have written anything there */
    return WMMF_OK;
}

void diagnostics_lock_state(const struct rwlock *lock, wmmf_lock_state *state) {
    const wmmf_section *section = lock->section;
    uint64_t word = load_seq_u64(lock->word);
    uint32_t owner = (uint32_t)(word & LOCK_OWNER);
    *state = (wmmf_lock_state){.struct_size = sizeof *state, .initialised = 1};
    state->writing = owner != 0;
    state->waiting = (word & LOCK_WAITERS) != 0;
    state->owner_died = (word & LOCK_INCONSISTENT) != 0;
    state->poisoned = (word & LOCK_POISONED) != 0;
    if (owner != 0 && lock_owner_is_valid(section, word)) {
        state->writer = owner;
        state->writer_pid = load_relaxed_u32(&section->records[owner - 1].pid);
    }
    state->readers = rwlock_readers(lock);
}

int32_t diagnostics_audit(wmmf_section *section, bool intact, wmmf_audit_report *report) {
    memset(report, 0, sizeof *report);
    report->struct_size = sizeof *report;
    uint64_t word = load_seq_u64(&section->header->lock);
    intact = intact && header_is_intact(section) && lock_is_intact(section, word);
    for (uint32_t i = 0; i < section->participants; i++) {
        const struct participant *record = &section->records[i];
        uint32_t pid = load_relaxed_u32(&record->pid);
        intact = intact && !is_hidden(section, i);
        if (pid == 0)
            continue;
        if (is_alive(section, i)) {
            report->participants++;
            report->readers += (uint32_t)(load_seq_u64(&record->lock.reading) & READ_HOLDERS);
            intact = intact && record_is_intact(section, i, word) && holds_are_intact(section, i);
        } else {
            report->dead++;
        }
        if ((word & LOCK_OWNER) == i + 1) {
            report->writer = i + 1;
            report->writer_pid = pid;
        }
    }
    if (!intact && !section->read_only)
        rwlock_poison(&section->lock);
    word = load_seq_u64(&section->header->lock);
    report->damaged = !intact;
    report->owner_died = (word & LOCK_INCONSISTENT) != 0;
    report->poisoned = (word & LOCK_POISONED) != 0;
    report->sequence = rwlock_changes(&section->lock);
    return WMMF_OK;
}

/* Names one after the other, as many as fit; the bytes of all are counted. */
struct name_list {
    uint32_t name_space;
    char *at;
    uint64_t room;
    uint64_t needed;
};

/* A peer may have given a file any name; only names that wmmf_open accepts are those of sections. */
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
    error_clear();
    if (name_space > WMMF_GLOBAL)
        return refused(WMMF_E_ARGUMENT, "name_space", name_space, "0 (WMMF_LOCAL) or 1 (WMMF_GLOBAL)");
    int32_t status = pointer_check(WMMF_OK, needed, "needed");
    if (capacity != 0)
        status = pointer_check(status, names, "names");
    if (status == WMMF_OK)
        status = platform_list(name_space, append_name, &list);
    if (status != WMMF_OK)
        return status;
    error_clear(); /* what was wrong with the name of a foreign file */
    *needed = list.needed;
    return list.needed <= capacity ? WMMF_OK : WMMF_E_RANGE;
}
