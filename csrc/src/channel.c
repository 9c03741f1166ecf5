/* The frame channel: newest frame, no copies, nobody waits for anybody.
 *
 * The rule that keeps a pinned frame as it is: a reader first sets its pin, then looks whether the frame still is the
 * newest; a writer first makes another frame the newest, then looks at all pins before it chooses a slot. All four are
 * seq_cst, so of two that come at the same time at least one sees the other: the reader then tries the newer
 * frame, the writer leaves the slot alone. (Hazard pointers: Michael, IEEE TPDS 15(6), 2004.) Its model, with copies
 * that are made without a pin, deaths and poison, is tests/model/pinning.pml.
 *
 * One writer at a time: from begin to publish it owns the section's lock, which is all that the lock is used for.
 *
 * Dying: a writer before the step to `newest` has changed nothing that anybody reads; after it, everything is done
 * but a wake-up, which sleepers do without (RECHECK_NS). Its ownership is taken away like that of any lock. A
 * reader's pin goes with its record when the kernel says that it is dead, which a writer asks when it finds no slot. */
#include "channel.h"

#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "deadline.h"
#include "diagnostics.h"
#include "eventcount.h"
#include "participants.h"
#include "picture.h"
#include "rwlock.h"
#include "section.h"
#include "tuning.h"

#define NO_SLOT UINT32_MAX

/* What a frame channel is created with. */
struct channel_shape {
    uint64_t capacity;
    uint32_t slots;
};

struct wmmf_channel {
    wmmf_section *section;
    struct channel_header *header;
    uint8_t *first_slot;
    uint64_t capacity;
    uint64_t slot_size;
    uint32_t slots;
    shared_u32 filling;       /* the slot between begin and publish; NO_SLOT: none */
    uint64_t reserved;        /* slots that this handle has written to: bit = slot. For the owner of the lock */
    shared_u32 spins_in_vain; /* waits in which spinning did not help, since it last did */
    shared_u32 pin_lock;      /* 1 while a thread of this process changes the two below */
    uint32_t pin_counts[WMMF_CHANNEL_SLOTS_MAX];
};

/* The shape. */

static uint64_t slot_size(uint64_t capacity) {
    return FRAME_HEADER_SIZE + (capacity + PAYLOAD_ALIGNMENT - 1) / PAYLOAD_ALIGNMENT * PAYLOAD_ALIGNMENT;
}

/* WMMF_E_SIZE: no machine has that much. */
static int32_t payload_size(const struct channel_shape *shape, uint64_t *size) {
    if (shape->slots < WMMF_CHANNEL_SLOTS_MIN || shape->slots > WMMF_CHANNEL_SLOTS_MAX)
        return WMMF_E_ARGUMENT;
    if (shape->capacity == 0 || shape->capacity > PTRDIFF_MAX / WMMF_CHANNEL_SLOTS_MAX - 2 * FRAME_HEADER_SIZE)
        return WMMF_E_SIZE;
    *size = CHANNEL_HEADER_SIZE + shape->slots * slot_size(shape->capacity);
    return WMMF_OK;
}

/* `length` bytes of a slot, which is where nobody has been yet. */
static int32_t reserve(const wmmf_section *section, uint32_t slot, uint64_t slot_size, uint64_t length) {
    const uint8_t *at = section->payload + CHANNEL_HEADER_SIZE + slot * slot_size;
    return platform_reserve(section->mapping, (uint64_t)(at - platform_base(section->mapping)), length);
}

/* Writers look at all frame headers, and reserve a picture's memory when they first use it. */
static int32_t initialise(wmmf_section *section, const void *context) {
    const struct channel_shape *shape = context;
    struct channel_header *header = (struct channel_header *)(void *)section->payload;
    header->magic = CHANNEL_MAGIC;
    header->capacity = shape->capacity;
    header->slots = shape->slots;
    int32_t status = WMMF_OK;
    for (uint32_t slot = 0; slot < shape->slots && status == WMMF_OK; slot++)
        status = reserve(section, slot, slot_size(shape->capacity), FRAME_HEADER_SIZE);
    return status;
}

static struct payload_plan plan_of(const struct channel_shape *shape) {
    struct payload_plan plan = {KIND_CHANNEL, WMMF_CHANNEL_PARTICIPANTS_DEFAULT, CHANNEL_HEADER_SIZE, initialise,
                                shape};
    return plan;
}

/* Opening. */

/* The header is anybody's: loaded once, believed as far as the section reaches. */
static int32_t load_shape(const wmmf_section *section, struct channel_shape *shape) {
    const struct channel_header *header = (const struct channel_header *)(const void *)section->payload;
    uint64_t size;
    if (section->size < CHANNEL_HEADER_SIZE || load_relaxed_u64(&header->magic) != CHANNEL_MAGIC)
        return WMMF_E_FORMAT;
    shape->capacity = load_relaxed_u64(&header->capacity);
    shape->slots = load_relaxed_u32(&header->slots);
    if (payload_size(shape, &size) != WMMF_OK)
        return WMMF_E_FORMAT;
    return size <= section->size ? WMMF_OK : WMMF_E_TRUNCATED;
}

/* Takes over the section: it is closed on failure, too. */
static int32_t channel_new(wmmf_section *section, const struct channel_shape *least, wmmf_channel **out) {
    struct channel_shape shape = {0, 0};
    int32_t status = load_shape(section, &shape);
    if (status == WMMF_OK && (shape.capacity < least->capacity || shape.slots < least->slots))
        status = WMMF_E_SIZE;
    wmmf_channel *channel = status == WMMF_OK ? calloc(1, sizeof *channel) : NULL;
    if (!channel) {
        section_close(section);
        return status != WMMF_OK ? status : WMMF_E_NO_MEMORY;
    }
    /* Before the lock says it, so that readers need not look there. */
    section->poison_word = &((struct channel_header *)(void *)section->payload)->newest;
    section->poison_bits = NEWEST_POISONED;
    channel->section = section;
    channel->header = (struct channel_header *)(void *)section->payload;
    channel->first_slot = section->payload + CHANNEL_HEADER_SIZE;
    channel->capacity = shape.capacity;
    channel->slot_size = slot_size(shape.capacity);
    channel->slots = shape.slots;
    channel->filling = NO_SLOT;
    *out = channel;
    return WMMF_OK;
}

static int32_t create_check(uint64_t capacity, uint32_t slots, const wmmf_options *options, wmmf_channel **out,
                            struct channel_shape *shape, uint64_t *size) {
    shape->capacity = capacity;
    shape->slots = slots ? slots : WMMF_CHANNEL_SLOTS_DEFAULT;
    if (!out || (options && options->layout != WMMF_NATIVE))
        return WMMF_E_ARGUMENT;
    return payload_size(shape, size);
}

int32_t wmmf_channel_create(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                            wmmf_channel **out) {
    struct channel_shape shape;
    uint64_t size;
    wmmf_section *section;
    int32_t status = create_check(capacity, slots, options, out, &shape, &size);
    struct payload_plan plan = plan_of(&shape);
    if (status == WMMF_OK)
        status = section_create(name, size, options, &plan, &section);
    return status != WMMF_OK ? status : channel_new(section, &shape, out);
}

int32_t wmmf_channel_create_or_open(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                                    wmmf_channel **out, int32_t *created) {
    struct channel_shape shape;
    uint64_t size;
    wmmf_section *section;
    int32_t made;
    int32_t status = create_check(capacity, slots, options, out, &shape, &size);
    struct payload_plan plan = plan_of(&shape);
    if (status == WMMF_OK)
        status = section_create_or_open(name, size, options, &plan, &section, &made);
    if (status == WMMF_OK)
        status = channel_new(section, &shape, out);
    if (status == WMMF_OK && created)
        *created = made;
    return status;
}

int32_t wmmf_channel_open(const char *name, const wmmf_options *options, wmmf_channel **out) {
    static const struct channel_shape any = {0, 0};
    wmmf_section *section;
    if (!out || (options && options->layout != WMMF_NATIVE))
        return WMMF_E_ARGUMENT;
    int32_t status = section_open(name, 0, options, KIND_CHANNEL, &section);
    return status != WMMF_OK ? status : channel_new(section, &any, out);
}

int32_t wmmf_channel_close(wmmf_channel *channel) {
    if (!channel)
        return WMMF_OK;
    section_close(channel->section);
    free(channel);
    return WMMF_OK;
}

int32_t wmmf_channel_after_fork_child(wmmf_channel *channel) {
    return channel ? wmmf_after_fork_child(channel->section) : WMMF_E_ARGUMENT;
}

/* Slots and pins. */

static struct frame_header *slot_at(const wmmf_channel *channel, uint32_t slot) {
    return (struct frame_header *)(void *)(channel->first_slot + slot * channel->slot_size);
}

static uint8_t *picture_at(const wmmf_channel *channel, uint32_t slot) {
    return channel->first_slot + slot * channel->slot_size + FRAME_HEADER_SIZE;
}

static uint64_t newest_sequence(uint64_t newest) {
    return (newest & ~NEWEST_POISONED) >> NEWEST_SEQUENCE_SHIFT;
}

static uint32_t newest_slot(uint64_t newest) {
    return (uint32_t)(newest & NEWEST_SLOT);
}

/* WMMF_E_FORMAT: no slot that this channel has, so a peer wrote it. */
static int32_t newest_check(const wmmf_channel *channel, uint64_t newest) {
    if (newest & NEWEST_POISONED)
        return WMMF_E_POISONED;
    return newest_slot(newest) < channel->slots ? WMMF_OK : WMMF_E_FORMAT;
}

static void lock_pins(wmmf_channel *channel) {
    uint32_t free = 0;
    for (int turn = 0; !cas_seq_u32(&channel->pin_lock, &free, 1); turn++) {
        free = 0;
        backoff(turn, BACKOFF_PAUSE_NS);
    }
}

static void unlock_pins(wmmf_channel *channel) {
    store_release_u32(&channel->pin_lock, 0);
}

/* Dying with a pin set: see the top. */
static void pin(wmmf_channel *channel, uint32_t slot) {
    lock_pins(channel);
    if (channel->pin_counts[slot]++ == 0)
        or_seq_u64(&channel->section->records[channel->section->index].pins, UINT64_C(1) << slot);
    unlock_pins(channel);
}

/* seq_cst, which releases: our loads of the picture are done before a writer sees the pin gone. False: not pinned. */
static bool unpin(wmmf_channel *channel, uint32_t slot) {
    lock_pins(channel);
    bool pinned = channel->pin_counts[slot] != 0;
    bool last = pinned && --channel->pin_counts[slot] == 0;
    if (last)
        and_seq_u64(&channel->section->records[channel->section->index].pins, ~(UINT64_C(1) << slot));
    unlock_pins(channel);
    if (last)
        eventcount_wake(channel->section, EVENT_READERS); /* where only writers that wait for a slot sleep, here */
    return pinned;
}

static uint64_t pinned_slots(const wmmf_channel *channel) {
    uint64_t pinned = 0;
    uint32_t used = participants_in_use(channel->section);
    for (uint32_t i = 0; i < used; i++)
        pinned |= load_seq_u64(&channel->section->records[i].pins);
    return pinned;
}

/* A slot let go of meanwhile may have a newer frame, or a half-filled one: only what is still pinned then counts. */
uint64_t channel_oldest_pinned(const wmmf_section *section, uint32_t index) {
    const struct participant *record = &section->records[index];
    struct channel_shape shape;
    if (load_relaxed_u32(&section->header->kind) != KIND_CHANNEL || load_shape(section, &shape) != WMMF_OK)
        return 0;
    uint64_t oldest = 0;
    for (uint32_t slot = 0; slot < shape.slots; slot++) {
        if (!(load_seq_u64(&record->pins) >> slot & 1))
            continue;
        const uint8_t *at = section->payload + CHANNEL_HEADER_SIZE + slot * slot_size(shape.capacity);
        uint64_t sequence = load_acquire_u64(&((const struct frame_header *)(const void *)at)->stamp) / 2;
        if ((load_seq_u64(&record->pins) >> slot & 1) && (oldest == 0 || sequence < oldest))
            oldest = sequence;
    }
    return oldest;
}

static void reap_dead_readers(wmmf_channel *channel) {
    uint32_t used = participants_in_use(channel->section);
    for (uint32_t i = 0; i < used; i++)
        if (load_seq_u64(&channel->section->records[i].pins) != 0)
            reap_if_dead(channel->section, i);
}

/* The slot that was the newest last, of those that are free: its memory is still in the cache. */
static uint32_t find_slot(const wmmf_channel *channel) {
    uint64_t taken = pinned_slots(channel);
    uint64_t newest = load_relaxed_u64(&channel->header->newest);
    uint64_t best_stamp = 0;
    uint32_t best = NO_SLOT;
    if (newest != 0)
        taken |= UINT64_C(1) << (newest & (WMMF_CHANNEL_SLOTS_MAX - 1));
    for (uint32_t slot = 0; slot < channel->slots; slot++) {
        if (taken & (UINT64_C(1) << slot))
            continue;
        uint64_t stamp = load_relaxed_u64(&slot_at(channel, slot)->stamp);
        if (best == NO_SLOT || stamp > best_stamp) {
            best = slot;
            best_stamp = stamp;
        }
    }
    return best;
}

static int32_t wait_for_slot(wmmf_channel *channel, int64_t deadline, uint32_t *slot) {
    while ((*slot = find_slot(channel)) == NO_SLOT) {
        reap_dead_readers(channel);
        if ((*slot = find_slot(channel)) != NO_SLOT)
            break;
        int64_t slice = deadline_remaining(deadline, RECHECK_NS);
        if (slice == 0)
            return WMMF_E_TIMEOUT;
        if (rwlock_is_poisoned(channel->section))
            return WMMF_E_POISONED;
        uint32_t seen = eventcount_prepare(channel->section, EVENT_READERS);
        if (find_slot(channel) != NO_SLOT)
            eventcount_cancel(channel->section, EVENT_READERS, seen);
        else
            eventcount_wait(channel->section, EVENT_READERS, seen, slice);
    }
    return WMMF_OK;
}

/* Writing. */

static int32_t channel_check(const wmmf_channel *channel) {
    if (!channel)
        return WMMF_E_ARGUMENT;
    return platform_forked(channel->section->mapping) ? WMMF_E_FORKED : WMMF_OK;
}

static int32_t frame_check(const wmmf_channel *channel, const wmmf_frame *frame) {
    int32_t status = channel_check(channel);
    if (status != WMMF_OK)
        return status;
    if (!frame)
        return WMMF_E_ARGUMENT;
    if (frame->struct_size != sizeof *frame)
        return WMMF_E_STRUCT_SIZE;
    return channel->section->read_only ? WMMF_E_READ_ONLY : WMMF_OK;
}

/* Whether another handle has been there, we do not know; to reserve it again changes nothing. */
static int32_t make_room(wmmf_channel *channel, uint32_t slot) {
    uint64_t bit = UINT64_C(1) << slot;
    if (channel->reserved & bit)
        return WMMF_OK;
    int32_t status = reserve(channel->section, slot, channel->slot_size, channel->slot_size);
    if (status == WMMF_OK)
        channel->reserved |= bit;
    return status;
}

static int32_t begin(wmmf_channel *channel, int64_t timeout_ns) {
    wmmf_section *section = channel->section;
    /* Readers may be looking at it, and we shall look before we store: once it is here, for both. */
    prefetch_to_store(&channel->header->newest);
    int64_t deadline = deadline_after(timeout_ns);
    int32_t status = rwlock_own(section, timeout_ns);
    if (status != WMMF_OK)
        return status;
    uint32_t found;
    status = wait_for_slot(channel, deadline, &found);
    if (status == WMMF_OK)
        status = make_room(channel, found);
    if (status != WMMF_OK) {
        if (rwlock_claim(section))
            rwlock_disown(section);
        return status;
    }
    store_relaxed_u32(&channel->filling, found);
    struct frame_header *slot = slot_at(channel, found);
    /* For those who copy without a pin: the fence keeps our stores to the slot behind the odd stamp. */
    store_relaxed_u64(&slot->stamp, load_relaxed_u64(&slot->stamp) | 1);
    fence_release_before_copy();
    return WMMF_OK;
}

/* Of the threads that end what was begun, the first: another one, or the end of the thread that began it, may be
 * quicker. */
static bool claim(wmmf_channel *channel, uint32_t slot) {
    return load_relaxed_u32(&channel->filling) == slot && rwlock_claim(channel->section);
}

/* By the thread with the claim. */
static void end(wmmf_channel *channel) {
    store_relaxed_u32(&channel->filling, NO_SLOT);
    rwlock_disown(channel->section);
}

/* Whether what describes the frame is true of its bytes, as the writer says it and as a reader finds it. */
static int32_t frame_is_sound(wmmf_frame *frame, uint64_t capacity) {
    if (frame->used > capacity || frame->user_size > WMMF_FRAME_USER_SIZE)
        return WMMF_E_RANGE;
    return picture_check(frame);
}

/* Releases the picture: from here on the frame is everybody's. Between our look and this step only poison comes. */
static int32_t make_newest(wmmf_channel *channel, uint64_t before, uint64_t sequence) {
    uint64_t expected = before & ~NEWEST_POISONED;
    if (cas_seq_u64(&channel->header->newest, &expected, sequence << NEWEST_SEQUENCE_SHIFT | channel->filling))
        return WMMF_OK;
    return expected & NEWEST_POISONED ? WMMF_E_POISONED : WMMF_E_FORMAT;
}

/* Unless it is pinned, the next frame goes where the one before was: what readers took of it comes back meanwhile. */
static void fetch_next(const wmmf_channel *channel, uint64_t before) {
    if (newest_check(channel, before) != WMMF_OK)
        return;
    prefetch_to_store(slot_at(channel, newest_slot(before)));
    prefetch_to_store(picture_at(channel, newest_slot(before)));
}

/* Ends what begin began, whatever comes out. */
static int32_t publish(wmmf_channel *channel, wmmf_frame *frame) {
    struct frame_header *slot = slot_at(channel, channel->filling);
    uint64_t before = load_relaxed_u64(&channel->header->newest);
    if (frame->timestamp_ns == 0)
        frame->timestamp_ns = (uint64_t)platform_monotonic_ns();
    frame->sequence = newest_sequence(before) + 1;
    store_relaxed_u64(&slot->timestamp_ns, frame->timestamp_ns);
    store_relaxed_u64(&slot->used, frame->used);
    store_relaxed_u32(&slot->width, frame->width);
    store_relaxed_u32(&slot->height, frame->height);
    store_relaxed_u32(&slot->stride, frame->stride);
    store_relaxed_u32(&slot->fourcc, frame->fourcc);
    store_relaxed_u32(&slot->user_size, frame->user_size);
    store_relaxed_u32(&slot->array, frame->element | frame->dimensions << ARRAY_DIMENSIONS_SHIFT);
    store_relaxed_u64(&slot->device_timestamp, frame->device_timestamp);
    store_relaxed_u64(&slot->device_frame, frame->device_frame);
    memcpy(slot->user, frame->user, frame->user_size);
    for (uint32_t i = 0; i < frame->dimensions; i++)
        store_relaxed_u64(&slot->shape[i], frame->shape[i]);
    store_release_u64(&slot->stamp, 2 * frame->sequence);
    int32_t status = make_newest(channel, before, frame->sequence);
    end(channel);
    if (status != WMMF_OK)
        return status;
    eventcount_wake(channel->section, EVENT_CHANGE);
    fetch_next(channel, before);
    return WMMF_OK;
}

int32_t wmmf_channel_begin(wmmf_channel *channel, int64_t timeout_ns, wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status == WMMF_OK)
        status = begin(channel, timeout_ns);
    if (status != WMMF_OK)
        return status;
    memset(frame, 0, sizeof *frame);
    frame->struct_size = sizeof *frame;
    frame->slot = channel->filling;
    frame->data = picture_at(channel, channel->filling);
    frame->used = frame->capacity = channel->capacity;
    return WMMF_OK;
}

int32_t wmmf_channel_publish(wmmf_channel *channel, wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status != WMMF_OK)
        return status;
    if (load_relaxed_u32(&channel->filling) != frame->slot)
        return WMMF_E_NOT_OWNER;
    status = frame_is_sound(frame, channel->capacity);
    if (status != WMMF_OK)
        return status;
    return claim(channel, frame->slot) ? publish(channel, frame) : WMMF_E_NOT_OWNER;
}

int32_t wmmf_channel_cancel(wmmf_channel *channel, const wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status != WMMF_OK)
        return status;
    if (!claim(channel, frame->slot))
        return WMMF_E_NOT_OWNER;
    end(channel);
    return WMMF_OK;
}

int32_t wmmf_channel_write(wmmf_channel *channel, const void *data, int64_t timeout_ns, wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status == WMMF_OK && !data && frame->used != 0)
        status = WMMF_E_ARGUMENT;
    if (status == WMMF_OK)
        status = frame_is_sound(frame, channel->capacity);
    if (status == WMMF_OK)
        status = begin(channel, timeout_ns);
    if (status != WMMF_OK)
        return status;
    frame->slot = channel->filling;
    memcpy(picture_at(channel, channel->filling), data, (size_t)frame->used);
    return claim(channel, frame->slot) ? publish(channel, frame) : WMMF_E_NOT_OWNER;
}

/* Reading. */

/* WMMF_E_TIMEOUT: not yet. At nothing but `newest`, lest a writer has to get the lock's cache line back from us. */
static int32_t look_for_newer(const wmmf_channel *channel, uint64_t after, uint64_t *newest) {
    *newest = load_seq_u64(&channel->header->newest);
    int32_t status = newest_check(channel, *newest);
    return status == WMMF_OK && (*newest == 0 || newest_sequence(*newest) == after) ? WMMF_E_TIMEOUT : status;
}

void channel_place(const wmmf_channel *channel, wmmf_section **section, enum event *event) {
    *section = channel->section;
    *event = EVENT_CHANGE;
}

/* A read-only handle cannot count itself in, so it looks by itself, often. */
static void sleep_until_newer(wmmf_channel *channel, uint64_t after, int64_t slice) {
    wmmf_section *section = channel->section;
    if (section->read_only) {
        eventcount_poll(section, EVENT_CHANGE, slice < READ_ONLY_RECHECK_NS ? slice : READ_ONLY_RECHECK_NS);
        return;
    }
    uint64_t newest;
    uint32_t seen = eventcount_prepare(section, EVENT_CHANGE);
    if (look_for_newer(channel, after, &newest) == WMMF_E_TIMEOUT)
        eventcount_wait(section, EVENT_CHANGE, seen, slice);
    else
        eventcount_cancel(section, EVENT_CHANGE, seen);
}

/* A writer that answers at once is seen at once, if it runs on another core; on ours it cannot run while we spin. So we
 * spin as long as that helps. */
static int32_t spin_until_newer(wmmf_channel *channel, uint64_t after, uint64_t *newest) {
    uint32_t in_vain = load_relaxed_u32(&channel->spins_in_vain);
    int32_t status = WMMF_E_TIMEOUT;
    int turns = in_vain < CHANNEL_VAIN_SPINS || in_vain % CHANNEL_SPIN_AGAIN == 0 ? CHANNEL_SPINS : 0;
    while (turns-- > 0 && (status = look_for_newer(channel, after, newest)) == WMMF_E_TIMEOUT)
        spin_pause();
    store_relaxed_u32(&channel->spins_in_vain, status == WMMF_E_TIMEOUT ? in_vain + 1 : 0);
    return status;
}

static int32_t wait_for_newer(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, uint64_t *newest) {
    int32_t status = look_for_newer(channel, after, newest);
    if (status != WMMF_E_TIMEOUT || timeout_ns == 0)
        return status;
    int64_t deadline = deadline_after(timeout_ns);
    status = spin_until_newer(channel, after, newest);
    for (int64_t slice; status == WMMF_E_TIMEOUT && (slice = deadline_remaining(deadline, RECHECK_NS)) != 0;
         status = look_for_newer(channel, after, newest))
        sleep_until_newer(channel, after, slice);
    return status;
}

/* Each field is loaded once. False: a peer wrote what no writer of ours does. */
static bool describe(const wmmf_channel *channel, uint64_t newest, uint64_t after, wmmf_frame *frame) {
    uint32_t index = newest_slot(newest);
    const struct frame_header *slot = slot_at(channel, index);
    frame->struct_size = sizeof *frame;
    frame->slot = index;
    frame->data = picture_at(channel, index);
    frame->capacity = channel->capacity;
    frame->sequence = newest_sequence(newest);
    frame->missed = after != 0 && frame->sequence > after ? frame->sequence - after - 1 : 0;
    frame->used = load_relaxed_u64(&slot->used);
    frame->timestamp_ns = load_relaxed_u64(&slot->timestamp_ns);
    frame->width = load_relaxed_u32(&slot->width);
    frame->height = load_relaxed_u32(&slot->height);
    frame->stride = load_relaxed_u32(&slot->stride);
    frame->fourcc = load_relaxed_u32(&slot->fourcc);
    frame->user_size = load_relaxed_u32(&slot->user_size);
    frame->device_timestamp = load_relaxed_u64(&slot->device_timestamp);
    frame->device_frame = load_relaxed_u64(&slot->device_frame);
    frame->hold = 0;
    uint32_t array = load_relaxed_u32(&slot->array);
    frame->element = array & ARRAY_ELEMENT;
    frame->dimensions = array >> ARRAY_DIMENSIONS_SHIFT;
    memset(frame->shape, 0, sizeof frame->shape);
    for (uint32_t i = 0; i < frame->dimensions && i < WMMF_FRAME_DIMENSIONS_MAX; i++)
        frame->shape[i] = load_relaxed_u64(&slot->shape[i]);
    memset(frame->user, 0, sizeof frame->user);
    if (frame_is_sound(frame, channel->capacity) != WMMF_OK)
        return false;
    memcpy(frame->user, slot->user, frame->user_size);
    return true;
}

/* That one, or one that is newer still. */
static int32_t pin_newest(wmmf_channel *channel, uint64_t newest, uint64_t after, wmmf_frame *frame) {
    for (int attempt = 0; attempt < CHANNEL_ATTEMPTS; attempt++) {
        int32_t status = newest_check(channel, newest);
        if (status != WMMF_OK)
            return status;
        uint32_t slot = newest_slot(newest);
        pin(channel, slot);
        uint64_t now = load_seq_u64(&channel->header->newest);
        if (now == newest) {
            wmmf_frame found;
            if (describe(channel, newest, after, &found)) {
                *frame = found;
                return WMMF_OK;
            }
            unpin(channel, slot);
            return WMMF_E_FORMAT;
        }
        unpin(channel, slot);
        newest = now;
    }
    return WMMF_E_FORMAT;
}

/* The sequence of a frame that will not do. */
static uint64_t unwanted(uint32_t pick, uint64_t after) {
    return pick == WMMF_PICK_LATEST ? 0 : after;
}

int32_t wmmf_channel_acquire_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, int64_t timeout_ns,
                                  wmmf_frame *frame) {
    uint64_t newest;
    int32_t status = frame_check(channel, frame);
    if (status == WMMF_OK && pick > WMMF_PICK_LATEST)
        status = WMMF_E_ARGUMENT;
    if (status == WMMF_OK)
        status = wait_for_newer(channel, unwanted(pick, after), timeout_ns, &newest);
    return status != WMMF_OK ? status : pin_newest(channel, newest, after, frame);
}

int32_t wmmf_channel_acquire(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, wmmf_frame *frame) {
    return wmmf_channel_acquire_pick(channel, WMMF_PICK_NEXT, after, timeout_ns, frame);
}

int32_t wmmf_channel_release(wmmf_channel *channel, const wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status != WMMF_OK)
        return status;
    return frame->slot < channel->slots && unpin(channel, frame->slot) ? WMMF_OK : WMMF_E_NOT_OWNER;
}

/* A seqlock on the slot's stamp: if that is the same before and after, the copy is of one frame. False: a writer was
 * quicker. */
static bool copy_without_pin(const wmmf_channel *channel, uint64_t newest, uint64_t after, void *buffer,
                             uint64_t length, wmmf_frame *frame, int32_t *status) {
    *status = WMMF_E_FORMAT;
    const struct frame_header *slot = slot_at(channel, newest_slot(newest));
    uint64_t stamp = 2 * newest_sequence(newest);
    if (load_acquire_u64(&slot->stamp) != stamp)
        return false;
    wmmf_frame found;
    bool sound = describe(channel, newest, after, &found);
    if (sound) {
        *status = found.used <= length ? WMMF_OK : WMMF_E_RANGE;
        if (*status == WMMF_OK)
            memcpy(buffer, found.data, (size_t)found.used);
    }
    fence_acquire();
    bool whole = load_relaxed_u64(&slot->stamp) == stamp;
    if (whole && sound)
        *frame = found;
    return whole;
}

static int32_t read_without_pin(wmmf_channel *channel, uint32_t pick, uint64_t after, void *buffer, uint64_t length,
                                int64_t timeout_ns, wmmf_frame *frame) {
    int64_t deadline = deadline_after(timeout_ns);
    for (;;) {
        uint64_t newest;
        int32_t status =
            wait_for_newer(channel, unwanted(pick, after), deadline_remaining(deadline, INT64_MAX), &newest);
        if (status != WMMF_OK || copy_without_pin(channel, newest, after, buffer, length, frame, &status))
            return status;
        if (deadline_remaining(deadline, 1) == 0)
            return WMMF_E_TIMEOUT;
        spin_pause();
    }
}

/* What is copied in a moment is tried without a pin first: a pin makes the writer's next look at it wait for memory. */
static int32_t read_with_pin(wmmf_channel *channel, uint32_t pick, uint64_t after, void *buffer, uint64_t length,
                             int64_t timeout_ns, wmmf_frame *frame) {
    uint64_t newest;
    int32_t status = wait_for_newer(channel, unwanted(pick, after), timeout_ns, &newest);
    if (status != WMMF_OK || (channel->capacity <= CHANNEL_MOMENTARY &&
                              copy_without_pin(channel, newest, after, buffer, length, frame, &status)))
        return status;
    status = pin_newest(channel, newest, after, frame);
    if (status != WMMF_OK)
        return status;
    if (frame->used <= length)
        memcpy(buffer, frame->data, (size_t)frame->used);
    else
        status = WMMF_E_RANGE;
    unpin(channel, frame->slot);
    return status;
}

int32_t wmmf_channel_read_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, void *buffer, uint64_t length,
                               int64_t timeout_ns, wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    bool read_only = status == WMMF_E_READ_ONLY;
    if (status != WMMF_OK && !read_only)
        return status;
    if ((!buffer && length != 0) || pick > WMMF_PICK_LATEST)
        return WMMF_E_ARGUMENT;
    status = read_only ? read_without_pin(channel, pick, after, buffer, length, timeout_ns, frame)
                       : read_with_pin(channel, pick, after, buffer, length, timeout_ns, frame);
    if (status == WMMF_OK || status == WMMF_E_RANGE)
        frame->data = NULL;
    return status;
}

int32_t wmmf_channel_read(wmmf_channel *channel, uint64_t after, void *buffer, uint64_t length, int64_t timeout_ns,
                          wmmf_frame *frame) {
    return wmmf_channel_read_pick(channel, WMMF_PICK_NEXT, after, buffer, length, timeout_ns, frame);
}

int32_t wmmf_channel_wait(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, uint64_t *sequence) {
    uint64_t newest;
    int32_t status = channel_check(channel);
    if (status == WMMF_OK)
        status = wait_for_newer(channel, after, timeout_ns, &newest);
    if (status == WMMF_OK && sequence)
        *sequence = newest_sequence(newest);
    return status;
}

int32_t wmmf_channel_get_owner(wmmf_channel *channel, char *name, uint64_t capacity, uint64_t *needed) {
    return channel ? wmmf_get_owner(channel->section, name, capacity, needed) : WMMF_E_ARGUMENT;
}

int32_t wmmf_channel_get_info(wmmf_channel *channel, wmmf_channel_info *info) {
    int32_t status = info ? channel_check(channel) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (info->struct_size != sizeof *info)
        return WMMF_E_STRUCT_SIZE;
    uint64_t newest = load_acquire_u64(&channel->header->newest);
    info->slots = channel->slots;
    info->capacity = channel->capacity;
    info->sequence = newest_sequence(newest);
    info->timestamp_ns = 0;
    if (newest != 0 && newest_slot(newest) < channel->slots)
        info->timestamp_ns = load_relaxed_u64(&slot_at(channel, newest_slot(newest))->timestamp_ns);
    info->now_ns = (uint64_t)platform_monotonic_ns();
    info->participants = channel->section->participants;
    info->read_only = channel->section->read_only;
    return WMMF_OK;
}

static uint64_t all_slots(const wmmf_channel *channel) {
    return UINT64_MAX >> (WMMF_CHANNEL_SLOTS_MAX - channel->slots);
}

/* While a frame is the newest nobody writes to its slot, whose stamp then is the frame's. Poison that the lock does not
 * tell of comes from one who died, and is to be completed. */
static bool newest_is_intact(const wmmf_channel *channel) {
    uint64_t newest = load_seq_u64(&channel->header->newest);
    if (newest & NEWEST_POISONED)
        return rwlock_is_poisoned(channel->section);
    if (newest_sequence(newest) == 0)
        return newest_slot(newest) == 0;
    if (newest_slot(newest) >= channel->slots)
        return false;
    uint64_t stamp = load_acquire_u64(&slot_at(channel, newest_slot(newest))->stamp);
    return stamp == 2 * newest_sequence(newest) || load_seq_u64(&channel->header->newest) != newest;
}

int32_t wmmf_channel_audit(wmmf_channel *channel, wmmf_audit_report *report) {
    struct channel_shape shape = {0, 0};
    int32_t status = report ? channel_check(channel) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (report->struct_size != sizeof *report)
        return WMMF_E_STRUCT_SIZE;
    bool intact = load_shape(channel->section, &shape) == WMMF_OK && shape.capacity == channel->capacity &&
                  shape.slots == channel->slots && newest_is_intact(channel);
    return diagnostics_audit(channel->section, all_slots(channel), intact, report);
}
