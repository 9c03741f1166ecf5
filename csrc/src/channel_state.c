/* Frame channels: their state, participants and audit, and standing by. */
#include "channel.h"
#include "channel_handle.h"
#include "deadline.h"
#include "diagnostics.h"
#include "last_error.h"
#include "participants.h"
#include "rwlock.h"
#include "section.h"
#include "tuning.h"

/* Like generation_enter, after following to what is current for all. */
static int32_t enter_current(wmmf_channel *channel, struct generation **out) {
    struct generation *generation = generation_enter(channel);
    int32_t status = WMMF_OK;
    if (generation_status(generation) == CHANGED) {
        status = channel_follow(channel, generation);
        generation_leave(generation);
        if (status != WMMF_OK)
            return status;
        generation = generation_enter(channel);
    }
    *out = generation;
    return WMMF_OK;
}

int32_t wmmf_channel_get_state(wmmf_channel *channel, int64_t stalled_ns, uint32_t *state) {
    struct generation *generation;
    int32_t status = pointer_check(channel_check(channel), state, "state");
    if (status == WMMF_OK)
        status = enter_current(channel, &generation);
    if (status != WMMF_OK)
        return status;
    const struct base *base = generation->base;
    uint64_t published_ns = load_relaxed_u64(&generation->pictures.header->published_ns);
    int64_t quiet_ns = (int64_t)((uint64_t)platform_monotonic_ns() - published_ns);
    /* `left` is stored before the last publisher's record is cleared: a process that sees no publisher also sees
     * `left`. */
    if (!channel_is_published(base, false))
        *state = load_seq_u32(&base->header->left) == 1 ? WMMF_CHANNEL_GONE : WMMF_CHANNEL_HUNG_UP;
    else
        *state = stalled_ns >= 0 && quiet_ns > stalled_ns ? WMMF_CHANNEL_STALLED : WMMF_CHANNEL_LIVE;
    generation_leave(generation);
    return WMMF_OK;
}

/* Asking who lives costs one system call, on Windows two. If many stand by, one of them looks soon in any case. */
static int64_t standby_pause(const struct base *base) {
    return RECHECK_NS * (1 + participants_in_use(base->section) / STANDBYS_AS_ONE);
}

int32_t wmmf_channel_stand_by(wmmf_channel *channel, int64_t timeout_ns) {
    int32_t status = channel_check(channel);
    if (status == WMMF_OK && channel->read_only)
        status = WMMF_E_READ_ONLY;
    int64_t deadline = deadline_after(timeout_ns);
    while (status == WMMF_OK) {
        struct generation *generation = generation_enter(channel);
        status = generation_status(generation);
        if (status == CHANGED)
            status = channel_follow(channel, generation);
        generation_leave(generation);
        if (status != WMMF_OK)
            break;
        wmmf_section *section = channel_base(channel)->section;
        if (!channel_is_published(channel_base(channel), true) && rwlock_own(&section->lock, 0) == WMMF_OK) {
            bool first = !channel_is_published(channel_base(channel), true); /* counts standbys as well */
            if (first)
                channel_publishes(channel);
            channel_disown(section);
            if (first)
                return WMMF_OK;
        }
        int64_t pause = deadline_remaining(deadline, standby_pause(channel_base(channel)));
        if (pause == 0)
            return WMMF_E_TIMEOUT;
        platform_pause(pause);
    }
    return status;
}

int32_t wmmf_channel_get_owner(wmmf_channel *channel, char *name, uint64_t capacity, uint64_t *needed) {
    int32_t status = channel_check(channel);
    return status == WMMF_OK ? wmmf_get_owner(channel_base(channel)->section, name, capacity, needed) : status;
}

int32_t wmmf_channel_get_info(wmmf_channel *channel, wmmf_channel_info *info) {
    struct generation *generation;
    int32_t status = struct_check(channel_check(channel), info, sizeof *info);
    if (status == WMMF_OK)
        status = enter_current(channel, &generation);
    if (status != WMMF_OK)
        return status;
    const struct pictures *pictures = &generation->pictures;
    uint64_t newest = load_acquire_u64(&pictures->header->newest);
    uint32_t slot = newest_slot(pictures, newest);
    info->slots = pictures->slots - pictures->history;
    info->history = pictures->history;
    info->capacity = pictures->capacity;
    info->generation = pictures->number;
    info->sequence = newest_sequence(newest);
    info->oldest = slot == NO_SLOT ? 0 : oldest_sequence(pictures, info->sequence);
    info->timestamp_ns = slot != NO_SLOT ? load_relaxed_u64(&pictures->frames[slot].timestamp_ns) : 0;
    info->now_ns = (uint64_t)platform_monotonic_ns();
    info->participants = generation->base->section->participants;
    info->read_only = channel->read_only;
    info->in_place = readers_can_pin(&generation->base->readers);
    info->pins = generation->base->readers.pins;
    info->pin_limit_ns = generation->base->pin_limit_ns;
    info->republished = load_relaxed_u32(&channel->republished);
    info->nameless = load_relaxed_u32(&channel->nameless);
    info->name_space = channel->name_space;
    info->reserved = 0;
    generation_leave(generation);
    return WMMF_OK;
}

/* First writable handles, then read-only ones. A writable handle is also among the readers, but is listed only once. */
static int32_t describe_participant(wmmf_section *section, wmmf_section *readers, const struct pictures *pictures,
                                    uint32_t index, wmmf_participant *out) {
    uint32_t writers = participants_in_use(section);
    uint64_t twin = index < writers ? load_relaxed_u64(&section->records[index].twin) : 0;
    out->pins = 0;
    out->oldest_pinned = 0;
    out->read_only = index >= writers;
    if (index < writers) {
        int32_t status = diagnostics_participant(section, index, out);
        if (status == WMMF_OK && readers && pictures && twin != 0 && twin <= readers->participants)
            out->pins = pins_of(readers, pictures, (uint32_t)twin - 1, &out->oldest_pinned);
        return status;
    }
    uint32_t record = index - writers;
    int32_t status = readers ? diagnostics_participant(readers, record, out) : WMMF_E_RANGE;
    if (status != WMMF_OK)
        return status;
    out->index = index;
    if (load_relaxed_u64(&readers->records[record].twin) != 0)
        out->pid = out->alive = 0;
    else if (pictures)
        out->pins = pins_of(readers, pictures, record, &out->oldest_pinned);
    return WMMF_OK;
}

int32_t wmmf_channel_get_participant(wmmf_channel *channel, uint32_t index, wmmf_participant *participant) {
    int32_t status = struct_check(channel_check(channel), participant, sizeof *participant);
    if (status != WMMF_OK)
        return status;
    struct generation *generation = generation_enter(channel);
    const struct base *base = generation->base;
    status = describe_participant(base->section, base->readers.section, &generation->pictures, index, participant);
    generation_leave(generation);
    return status;
}

int32_t channel_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant) {
    const struct channel_header *header = (const struct channel_header *)(const void *)section->payload;
    if (section->size < CHANNEL_HEADER_SIZE || load_relaxed_u64(&header->magic) != CHANNEL_MAGIC)
        return WMMF_E_FORMAT;
    struct inner_plan plan;
    uint32_t pins;
    wmmf_section *readers;
    struct pictures pictures;
    if (channel_find_readers(header, &plan, &pins) != WMMF_OK ||
        section_open_inner(section, &plan, true, &readers) != WMMF_OK)
        readers = NULL;
    uint64_t id = load_seq_u64(&header->current) & CURRENT_PICTURES;
    bool seen = pictures_open(section, id, true, &pictures) == WMMF_OK;
    error_clear(); /* a description lacks what cannot be opened */
    int32_t status = describe_participant(section, readers, seen ? &pictures : NULL, index, participant);
    if (seen)
        pictures_close(&pictures);
    if (readers)
        section_close(readers);
    return status;
}

/* While a frame is the newest nobody writes to its slot, whose stamp then is the frame's. If the lock does not show the
 * poison, the process that began to poison died; it is completed here. */
static bool newest_is_intact(const struct generation *generation) {
    const struct pictures *pictures = &generation->pictures;
    if (load_seq_u64(&generation->base->header->current) & CURRENT_POISONED)
        return rwlock_is_poisoned(&generation->base->section->lock);
    uint64_t newest = load_seq_u64(&pictures->header->newest);
    if ((newest & NEWEST_SLOT) == 0)
        return true;
    uint32_t slot = newest_slot(pictures, newest);
    return slot != NO_SLOT && (load_acquire_u64(&pictures->frames[slot].stamp) == 2 * newest_sequence(newest) ||
                               load_seq_u64(&pictures->header->newest) != newest);
}

static bool constants_are_intact(const struct generation *generation) {
    const struct pictures *pictures = &generation->pictures;
    const struct channel_header *header = generation->base->header;
    return load_relaxed_u64(&header->magic) == CHANNEL_MAGIC &&
           load_relaxed_u32(&header->pins) == generation->base->readers.pins &&
           load_relaxed_u64(&header->pin_limit_ns) == generation->base->pin_limit_ns &&
           load_relaxed_u64(&pictures->header->magic) == PICTURES_MAGIC &&
           load_relaxed_u64(&pictures->header->capacity) == pictures->capacity &&
           load_relaxed_u32(&pictures->header->slots) == pictures->slots &&
           load_relaxed_u32(&pictures->header->history) == pictures->history;
}

int32_t wmmf_channel_audit(wmmf_channel *channel, wmmf_audit_report *report) {
    int32_t status = struct_check(channel_check(channel), report, sizeof *report);
    if (status != WMMF_OK)
        return status;
    struct generation *generation = generation_enter(channel);
    bool intact = constants_are_intact(generation) && newest_is_intact(generation);
    status = diagnostics_audit(generation->base->section, intact, report);
    generation_leave(generation);
    return status;
}
