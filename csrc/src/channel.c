/* Frame channels: opening and closing, and following from one generation of pictures to the next. Publishing is in
 * channel_write.c, reading in channel_read.c.
 *
 * A generation ends when its owner stores another in `current` (layout.h). Readers compare that word with what they
 * have each time they look for a frame, and follow. Dying before that store leaves unused pictures, which the kernel
 * removes with their creator. After it, everything is done: sleepers look again by themselves. */
#include "channel.h"

#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "channel_handle.h"
#include "deadline.h"
#include "diagnostics.h"
#include "eventcount.h"
#include "last_error.h"
#include "participants.h"
#include "rwlock.h"
#include "section.h"

#define FOLLOW_ATTEMPTS 100 /* no sane owner replaces the pictures that often while we open them */

/* Generations. Private memory: the order that matters is that of `users` and `current`. A thread counts itself in, then
 * checks that the generation is still current. A writer first makes another one current, and then removes its own
 * count. So nobody uses a generation without being counted, and nobody can enter a generation that the last user has
 * left, because it is not current.
 */

#define USERS_FREE    (UINT32_C(1) << 31) /* nothing is mapped; counts above this are of threads about to step back */
#define USERS_CLOSING (UINT32_C(1) << 30) /* with USERS_FREE: a thread is closing it */

struct generation *generation_enter(wmmf_channel *channel) {
    for (;;) {
        uint32_t index = load_seq_u32(&channel->current);
        struct generation *generation = &channel->generations[index];
        uint32_t before = add_seq_u32(&generation->users, 1);
        if (!(before & USERS_FREE) && load_seq_u32(&channel->current) == index)
            return generation;
        generation_leave(generation);
    }
}

static void generation_close(struct generation *generation) {
    pictures_close(&generation->pictures);
    free(generation->reserved);
    free(generation->taken);
    free(generation->blocked);
    generation->reserved = generation->taken = NULL;
    generation->blocked = NULL;
}

void generation_leave(struct generation *generation) {
    uint32_t none = 0;
    if (add_seq_u32(&generation->users, UINT32_MAX) != 1 ||
        !cas_seq_u32(&generation->users, &none, USERS_FREE | USERS_CLOSING))
        return;
    generation_close(generation);
    and_seq_u32(&generation->users, ~USERS_CLOSING);
}

/* Takes over the pictures, and closes them on failure. WMMF_E_FULL: frames of too many generations are held. */
static int32_t generation_open(wmmf_channel *channel, struct base *base, const struct pictures *pictures,
                               uint32_t *index) {
    struct pictures closing = *pictures;
    uint64_t words = pictures->slots / 64 + 1;
    for (uint32_t i = 0; i < PIN_GENERATIONS; i++) {
        struct generation *generation = &channel->generations[i];
        uint32_t free_one = USERS_FREE;
        if (!cas_seq_u32(&generation->users, &free_one, USERS_FREE | USERS_CLOSING))
            continue;
        generation->base = base;
        generation->pictures = *pictures;
        if (!channel->read_only) {
            generation->reserved = calloc((size_t)words, sizeof *generation->reserved);
            generation->taken = calloc((size_t)words, sizeof *generation->taken);
            generation->blocked = calloc(pictures->slots, sizeof *generation->blocked);
        }
        if (!channel->read_only && (!generation->reserved || !generation->taken || !generation->blocked)) {
            generation_close(generation);
            and_seq_u32(&generation->users, ~USERS_CLOSING);
            return WMMF_E_NO_MEMORY;
        }
        add_seq_u32(&generation->users, 1 - (USERS_FREE | USERS_CLOSING));
        *index = i;
        return WMMF_OK;
    }
    pictures_close(&closing);
    return WMMF_E_FULL;
}

static void lock_following(wmmf_channel *channel) {
    uint32_t none = 0;
    for (int turn = 0; !cas_seq_u32(&channel->following, &none, 1); turn++) {
        none = 0;
        backoff(turn, BACKOFF_PAUSE_NS);
    }
}

static void unlock_following(wmmf_channel *channel) {
    exchange_seq_u32(&channel->following, 0);
}

/* Drops what free pins keep of a generation that is no longer current: see keep_while_current. */
static void drop_kept(wmmf_channel *channel, uint32_t index) {
    struct readers *readers = &channel->generations[index].base->readers;
    for (uint32_t i = 0; i < readers->pins; i++)
        if (pins_drop(&readers->own[i], index))
            generation_leave(&channel->generations[index]);
}

/* Makes them current for this handle. The caller has set `following`. */
static int32_t make_current(wmmf_channel *channel, struct base *base, const struct pictures *pictures) {
    uint32_t index, before = load_seq_u32(&channel->current);
    int32_t status = generation_open(channel, base, pictures, &index);
    if (status != WMMF_OK)
        return status;
    struct base *old = channel_base(channel);
    if (base != old) { /* new holds differ from those of frames that are held there */
        pins_number_after(&base->readers, &old->readers);
        base->older = old;
        store_release_u64(&channel->base, (uintptr_t)base); /* complete for a thread that finds it, see channel_base */
    }
    store_seq_u32(&channel->current, index);
    drop_kept(channel, before);
    generation_leave(&channel->generations[before]);
    return WMMF_OK;
}

/* Bases. */

static void base_close(struct base *base) {
    if (base->readers.section)
        section_close(base->readers.section);
    section_close(base->section);
    free(base);
}

static struct participant *own_record(const wmmf_section *section) {
    return &section->records[section->index];
}

static struct inner_plan readers_plan(uint32_t readers, uint32_t pins) {
    struct inner_plan plan = {.kind = KIND_READERS, .participants = readers};
    plan.pins_each = (pins + PINS_ALIGNMENT - 1) / PINS_ALIGNMENT * PINS_ALIGNMENT;
    return plan;
}

/* From the channel's header, which any writer may have changed. */
static int32_t find_readers(const struct channel_header *header, struct inner_plan *plan, uint32_t *pins) {
    uint32_t readers = load_relaxed_u32(&header->readers);
    *pins = load_relaxed_u32(&header->pins);
    if (readers == 0 || readers > WMMF_PARTICIPANTS_MAX || *pins == 0 || *pins > WMMF_CHANNEL_PINS_MAX)
        return WMMF_E_FORMAT;
    *plan = readers_plan(readers, *pins);
    plan->id = load_relaxed_u64(&header->readers_id);
    return WMMF_OK;
}

/* Takes over the section, and closes it on failure. A read-only handle can do without the readers' section. */
static int32_t base_new(wmmf_section *section, wmmf_section *readers, struct base **out) {
    struct base *base = calloc(1, sizeof *base);
    if (!base) {
        if (readers)
            section_close(readers);
        section_close(section);
        return WMMF_E_NO_MEMORY;
    }
    base->section = section;
    base->readers.section = readers;
    base->header = (struct channel_header *)(void *)section->payload;
    int32_t status = WMMF_OK;
    if (section->size < CHANNEL_HEADER_SIZE || load_relaxed_u64(&base->header->magic) != CHANNEL_MAGIC)
        status = WMMF_E_FORMAT;
    struct inner_plan plan;
    if (status == WMMF_OK) {
        base->pin_limit_ns = load_relaxed_u64(&base->header->pin_limit_ns);
        status = find_readers(base->header, &plan, &base->readers.pins);
    }
    if (status == WMMF_OK && !readers) {
        plan.without_record = !section->read_only; /* so that many readers cannot keep a publisher out */
        status = section_open_inner(section, &plan, false, &base->readers.section);
        if (status != WMMF_OK)
            base->readers.section = NULL;
        if (section->read_only)
            status = WMMF_OK;
    }
    if (status != WMMF_OK) {
        base_close(base);
        return status;
    }
    if (!section->read_only) {
        section->poison_word = &base->header->current;
        section->poison_bits = CURRENT_POISONED;
        section->poison_sleepers = &base->readers.section->lock;
        if (readers_can_pin(&base->readers)) {
            store_relaxed_u64(&own_record(section)->twin, (uint64_t)base->readers.section->index + 1);
            store_relaxed_u64(&own_record(base->readers.section)->twin, (uint64_t)section->index + 1);
        }
    }
    *out = base;
    return WMMF_OK;
}

/* Opens the current pictures of a base; another generation may replace them meanwhile. */
static int32_t open_current(const struct base *base, struct pictures *pictures) {
    int32_t status = WMMF_E_NOT_FOUND;
    uint64_t seen = 0;
    for (int attempt = 0; attempt < FOLLOW_ATTEMPTS; attempt++) {
        uint64_t id = load_seq_u64(&base->header->current) & CURRENT_PICTURES;
        if (id == seen)
            break;
        seen = id;
        status = pictures_open(base->section, id, base->section->read_only, pictures);
        if (status == WMMF_OK && (load_seq_u64(&base->header->current) & CURRENT_PICTURES) == id)
            return WMMF_OK;
        if (status == WMMF_OK)
            pictures_close(pictures);
        status = status == WMMF_OK ? WMMF_E_NOT_FOUND : status;
    }
    return status;
}

/* Makes them current for all handles. The caller owns the lock. Dying before the last store: nobody knows them. */
static void announce(struct base *base, const struct pictures *pictures, uint64_t sequence) {
    store_relaxed_u32(&base->header->number, pictures->number);
    store_relaxed_u64(&base->header->sequence, sequence);
    store_seq_u64(&base->header->current, pictures->id);
}

/* Creating and opening. */

/* What a channel is created with, and its parts before other processes can see them. */
struct founding {
    struct pictures_shape shape;
    wmmf_channel_options options;
    uint64_t sequence;
    uint32_t number;
    wmmf_section *readers_section;
    struct pictures pictures;
};

/* After the section could not be published, because the name was taken meanwhile. */
static void founding_undo(struct founding *founding) {
    if (!founding->readers_section)
        return;
    section_close(founding->readers_section);
    pictures_close(&founding->pictures);
    founding->readers_section = NULL;
}

static int32_t found(wmmf_section *section, const void *context) {
    struct founding *founding = *(struct founding *const *)context;
    struct channel_header *header = (struct channel_header *)(void *)section->payload;
    founding_undo(founding); /* remains of an earlier try: the name was taken, and is free again */
    header->magic = CHANNEL_MAGIC;
    header->readers = section->participants;
    header->pins = founding->options.pins ? founding->options.pins : WMMF_CHANNEL_PINS_DEFAULT;
    header->pin_limit_ns = founding->options.pin_limit_ns;
    struct inner_plan plan = readers_plan(section->participants, header->pins);
    int32_t status = section_create_inner(section, &plan, &founding->readers_section);
    if (status != WMMF_OK)
        return status;
    header->readers_id = plan.id;
    status = pictures_create(section, &founding->shape, founding->number, founding->sequence, &founding->pictures);
    if (status != WMMF_OK) {
        section_close(founding->readers_section);
        founding->readers_section = NULL;
        return status;
    }
    header->number = founding->number;
    header->sequence = founding->sequence;
    header->current = founding->pictures.id;
    return WMMF_OK;
}

static struct payload_plan plan_of(struct founding *const *founding) {
    struct payload_plan plan = {KIND_CHANNEL, WMMF_CHANNEL_PARTICIPANTS_DEFAULT, CHANNEL_HEADER_SIZE, found, founding};
    return plan;
}

static int32_t founding_new(uint64_t capacity, uint32_t slots, const wmmf_options *options, wmmf_channel **out,
                            struct founding *founding) {
    memset(founding, 0, sizeof *founding);
    founding->shape.capacity = capacity;
    founding->shape.slots = slots ? slots : WMMF_CHANNEL_SLOTS_DEFAULT;
    founding->number = 1;
    if (!out || (options && options->layout != WMMF_NATIVE))
        return WMMF_E_ARGUMENT;
    if (options && options->channel) {
        founding->options = *options->channel;
        if (founding->options.struct_size != sizeof founding->options)
            return WMMF_E_STRUCT_SIZE;
    }
    founding->shape.history = founding->options.history;
    if (founding->options.pins > WMMF_CHANNEL_PINS_MAX || founding->options.standby > 1 ||
        founding->options.pin_limit_ns > INT64_MAX)
        return WMMF_E_ARGUMENT;
    return pictures_check(&founding->shape);
}

/* Takes over base and pictures, and closes them on failure. */
static int32_t channel_new(const char *name, struct base *base, const struct pictures *pictures, wmmf_channel **out) {
    struct pictures closing = *pictures;
    wmmf_channel *channel = calloc(1, sizeof *channel);
    size_t name_size = strlen(name) + 1;
    char *copy = malloc(name_size);
    if (!channel || !copy) {
        free(channel);
        free(copy);
        pictures_close(&closing);
        base_close(base);
        return WMMF_E_NO_MEMORY;
    }
    channel->name = memcpy(copy, name, name_size);
    channel->name_space = base->section->name_space;
    channel->read_only = base->section->read_only;
    store_relaxed_u64(&channel->base, (uintptr_t)base); /* nobody else has the channel yet */
    for (uint32_t i = 0; i < PIN_GENERATIONS; i++)
        channel->generations[i].users = USERS_FREE;
    int32_t status = generation_open(channel, base, pictures, &channel->current);
    if (status != WMMF_OK) {
        base_close(base);
        free(copy);
        free(channel);
        return status;
    }
    *out = channel;
    return WMMF_OK;
}

static int32_t channel_founded(const char *name, wmmf_section *section, struct founding *founding, wmmf_channel **out) {
    struct base *base;
    int32_t status = base_new(section, founding->readers_section, &base);
    if (status != WMMF_OK) {
        pictures_close(&founding->pictures);
        return status;
    }
    status = channel_new(name, base, &founding->pictures, out);
    if (status != WMMF_OK)
        return status;
    if (!founding->options.standby)
        channel_publishes(*out);
    return WMMF_OK;
}

/* The current pictures were lost with the owner that made them, which died before any other process had followed. */
static int32_t find_again(struct base *base, const struct pictures_shape *shape, struct pictures *pictures) {
    int32_t status = rwlock_own(&base->section->lock, READY_TIMEOUT_NS);
    if (status == WMMF_E_POISONED) {
        rwlock_renew(base->section);
        status = WMMF_OK;
    }
    if (status != WMMF_OK)
        return status;
    status = open_current(base, pictures); /* another process may have been quicker */
    if (status == WMMF_E_NOT_FOUND) {
        uint64_t sequence = load_relaxed_u64(&base->header->sequence);
        status = pictures_create(base->section, shape, load_relaxed_u32(&base->header->number) + 1, sequence, pictures);
        if (status == WMMF_OK)
            announce(base, pictures, sequence);
    }
    channel_disown(base->section);
    channel_wake(base);
    return status;
}

/* With a shape: creates new pictures of it, if there are none any more and this user owns the channel. */
static int32_t channel_opened(const char *name, const struct pictures_shape *shape, wmmf_section *section,
                              wmmf_channel **out) {
    struct base *base;
    struct pictures pictures;
    int32_t status = base_new(section, NULL, &base);
    if (status != WMMF_OK)
        return status;
    status = open_current(base, &pictures);
    if (status == WMMF_E_NOT_FOUND && shape && platform_check_own(section->mapping) == WMMF_OK)
        status = find_again(base, shape, &pictures);
    if (status != WMMF_OK) {
        base_close(base);
        return status;
    }
    return channel_new(name, base, &pictures, out);
}

int32_t wmmf_channel_create(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                            wmmf_channel **out) {
    struct founding founding, *context = &founding;
    wmmf_section *section;
    error_clear();
    int32_t status = founding_new(capacity, slots, options, out, &founding);
    if (status != WMMF_OK)
        return status;
    struct payload_plan plan = plan_of(&context);
    status = section_create(name, CHANNEL_HEADER_SIZE, options, &plan, &section);
    if (status != WMMF_OK) {
        founding_undo(&founding);
        return status;
    }
    return channel_founded(name, section, &founding, out);
}

static int32_t enlarge(wmmf_channel *channel, const struct pictures_shape *least) {
    struct generation *generation = generation_enter(channel);
    struct pictures_shape shape = {generation->pictures.capacity,
                                   generation->pictures.slots - generation->pictures.history,
                                   generation->pictures.history};
    bool enough = pictures_suffice(&generation->pictures, least);
    generation_leave(generation);
    if (enough)
        return WMMF_OK;
    if (platform_check_own(channel_base(channel)->section->mapping) != WMMF_OK)
        return WMMF_E_SIZE;
    shape.capacity = least->capacity > shape.capacity ? least->capacity : shape.capacity;
    shape.slots = least->slots > shape.slots ? least->slots : shape.slots;
    shape.history = least->history > shape.history ? least->history : shape.history;
    return wmmf_channel_resize(channel, shape.capacity, shape.slots, shape.history, READY_TIMEOUT_NS);
}

int32_t wmmf_channel_create_or_open(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                                    wmmf_channel **out, int32_t *created) {
    struct founding founding, *context = &founding;
    wmmf_section *section;
    wmmf_channel *channel;
    int32_t made = 0;
    error_clear();
    int32_t status = founding_new(capacity, slots, options, out, &founding);
    if (status != WMMF_OK)
        return status;
    struct payload_plan plan = plan_of(&context);
    status = section_create_or_open(name, CHANNEL_HEADER_SIZE, options, &plan, &section, &made);
    if (status != WMMF_OK || !made)
        founding_undo(&founding);
    if (status != WMMF_OK)
        return status;
    status = made ? channel_founded(name, section, &founding, &channel)
                  : channel_opened(name, &founding.shape, section, &channel);
    if (status == WMMF_OK && !made) {
        status = enlarge(channel, &founding.shape);
        if (status != WMMF_OK)
            wmmf_channel_close(channel);
    }
    if (status != WMMF_OK)
        return status;
    *out = channel;
    if (created)
        *created = made;
    return WMMF_OK;
}

int32_t wmmf_channel_open(const char *name, const wmmf_options *options, wmmf_channel **out) {
    wmmf_section *section;
    error_clear();
    if (!out || (options && (options->layout != WMMF_NATIVE || options->channel)))
        return WMMF_E_ARGUMENT;
    int32_t status = section_open(name, 0, options, KIND_CHANNEL, &section);
    return status != WMMF_OK ? status : channel_opened(name, NULL, section, out);
}

/* Closing. */

static bool somebody_publishes(const struct base *base, bool but_us) {
    const wmmf_section *section = base->section;
    uint32_t used = participants_in_use(section);
    for (uint32_t i = 0; i < used; i++) {
        bool ours = !section->read_only && i == section->index;
        if (load_seq_u32(&section->records[i].publishes) == 1 &&
            (ours ? !but_us : platform_token_alive(section->mapping, i)))
            return true;
    }
    return false;
}

void channel_publishes(wmmf_channel *channel) {
    store_seq_u32(&own_record(channel_base(channel)->section)->publishes, 1);
    store_seq_u32(&channel_base(channel)->header->left, 0);
    channel->publishing = true;
}

/* Dying before the second store looks like dying before the first: the channel hung up. */
static void leave_in_order(wmmf_channel *channel) {
    struct base *base = channel_base(channel);
    if (!channel->publishing || platform_forked(base->section->mapping))
        return;
    if (!somebody_publishes(base, true))
        store_seq_u32(&base->header->left, 1);
    store_seq_u32(&own_record(base->section)->publishes, 0);
    channel_wake(base);
}

int32_t wmmf_channel_close(wmmf_channel *channel) {
    error_clear();
    if (!channel)
        return WMMF_OK;
    leave_in_order(channel);
    for (uint32_t i = 0; i < PIN_GENERATIONS; i++)
        if (!(channel->generations[i].users & USERS_FREE))
            generation_close(&channel->generations[i]);
    for (struct base *base = channel_base(channel), *older; base; base = older) {
        older = base->older;
        base_close(base);
    }
    free(channel->name);
    free(channel);
    return WMMF_OK;
}

int32_t wmmf_channel_after_fork_child(wmmf_channel *channel) {
    error_clear();
    if (!channel)
        return WMMF_E_ARGUMENT;
    int32_t status = WMMF_OK;
    for (uint32_t i = 0; i < PIN_GENERATIONS && status == WMMF_OK; i++)
        if (!(load_seq_u32(&channel->generations[i].users) & USERS_FREE))
            status = platform_after_fork_child(channel->generations[i].pictures.section->mapping);
    for (struct base *base = channel_base(channel); base && status == WMMF_OK; base = base->older) {
        if (base->readers.section)
            status = platform_after_fork_child(base->readers.section->mapping);
        if (status == WMMF_OK)
            status = platform_after_fork_child(base->section->mapping);
    }
    return status;
}

int32_t channel_check(const wmmf_channel *channel) {
    error_clear();
    if (!channel)
        return WMMF_E_ARGUMENT;
    return platform_forked(channel_base(channel)->section->mapping) ? WMMF_E_FORKED : WMMF_OK;
}

int32_t frame_check(const wmmf_channel *channel, const wmmf_frame *frame) {
    int32_t status = channel_check(channel);
    if (status != WMMF_OK)
        return status;
    if (!frame)
        return WMMF_E_ARGUMENT;
    return frame->struct_size == sizeof *frame ? WMMF_OK : WMMF_E_STRUCT_SIZE;
}

/* Only if the thread that held it has not ended. */
void channel_disown(wmmf_section *section) {
    if (rwlock_claim(&section->lock))
        rwlock_disown(&section->lock);
}

/* Following. */

void channel_wake(const struct base *base) {
    if (base->readers.section)
        eventcount_wake(&base->readers.section->lock, EVENT_CHANGE);
}

/* Opens the channel that has the name now. */
static int32_t follow_name(wmmf_channel *channel) {
    wmmf_options options = {
        .struct_size = sizeof options, .name_space = channel->name_space, .read_only = channel->read_only};
    wmmf_section *section;
    struct base *base;
    struct pictures pictures;
    int32_t status = section_open(channel->name, 0, &options, KIND_CHANNEL, &section);
    if (status != WMMF_OK)
        return status;
    status = base_new(section, NULL, &base);
    if (status != WMMF_OK)
        return status;
    status = open_current(base, &pictures);
    if (status != WMMF_OK) {
        base_close(base);
        return status;
    }
    status = make_current(channel, base, &pictures);
    if (status != WMMF_OK)
        base_close(base);
    return status;
}

static int32_t follow_pictures(wmmf_channel *channel) {
    struct pictures pictures;
    int32_t status = open_current(channel_base(channel), &pictures);
    return status != WMMF_OK ? status : make_current(channel, channel_base(channel), &pictures);
}

int32_t channel_follow(wmmf_channel *channel, const struct generation *from) {
    int32_t status = WMMF_OK;
    lock_following(channel);
    if (generation_at(channel, load_seq_u32(&channel->current)) == from) { /* else another thread was quicker */
        uint64_t current = load_seq_u64(&from->base->header->current);
        if (current & CURRENT_REPLACED)
            status = follow_name(channel);
        else if ((current & CURRENT_PICTURES) != from->pictures.id)
            status = follow_pictures(channel);
    }
    unlock_following(channel);
    return status == WMMF_E_NOT_FOUND ? WMMF_OK : status;
}

/* make_current, by a writer that owns the lock. */
static int32_t install(wmmf_channel *channel, struct base *base, const struct pictures *pictures) {
    lock_following(channel);
    int32_t status = make_current(channel, base, pictures);
    unlock_following(channel);
    return status;
}

/* Replacing the pictures. */

/* Copies the newest frame to slot 0; its sequence stays. Nobody sees `to` yet. */
static void copy_newest(const struct pictures *from, const struct pictures *to) {
    store_relaxed_u64(&to->header->published_ns, load_relaxed_u64(&from->header->published_ns));
    uint64_t newest = load_seq_u64(&from->header->newest);
    uint32_t slot = newest_slot(from, newest);
    uint64_t sequence = newest_sequence(newest);
    wmmf_frame frame;
    if (slot == NO_SLOT || load_acquire_u64(&from->frames[slot].stamp) != 2 * sequence ||
        pictures_describe(from, slot, sequence, &frame) != WMMF_OK || frame.used > to->capacity ||
        pictures_reserve(to, 0) != WMMF_OK)
        return;
    memcpy(picture_at(to, 0), frame.data, (size_t)frame.used);
    pictures_tell(to, 0, &frame);
    to->order[sequence % to->slots] = 1;
    to->header->oldest = sequence;
    store_release_u64(&to->frames[0].stamp, 2 * sequence);
    store_release_u64(&to->header->newest, sequence << NEWEST_SEQUENCE_SHIFT | 1);
}

int32_t channel_replace(wmmf_channel *channel, const struct pictures_shape *given) {
    struct generation *before = generation_enter(channel);
    struct pictures_shape shape = *given;
    struct pictures pictures;
    if (shape.capacity == 0)
        shape.capacity = before->pictures.capacity;
    if (shape.slots == 0)
        shape.slots = before->pictures.slots - before->pictures.history;
    struct base *base = before->base;
    uint64_t ours = newest_sequence(load_seq_u64(&before->pictures.header->newest));
    uint64_t sequence =
        load_relaxed_u64(&base->header->sequence); /* it is newer than ours if pictures were lost in between */
    if (ours > sequence)
        sequence = ours;
    int32_t status = pictures_check(&shape);
    if (status == WMMF_OK)
        status =
            pictures_create(base->section, &shape, load_relaxed_u32(&base->header->number) + 1, sequence, &pictures);
    if (status == WMMF_OK) {
        struct pictures announced = pictures;
        if (sequence == ours)
            copy_newest(&before->pictures, &pictures);
        status = install(channel, base, &pictures);
        if (status == WMMF_OK) {
            announce(base, &announced, sequence);
            /* The last process that uses them may not be allowed to remove the name. Dying here leaves that to the next
             * creator. */
            platform_end_name(before->pictures.section->mapping);
        }
    }
    generation_leave(before);
    return status;
}

int32_t wmmf_channel_resize(wmmf_channel *channel, uint64_t capacity, uint32_t slots, uint32_t history,
                            int64_t timeout_ns) {
    struct pictures_shape shape = {capacity, slots, history};
    int32_t status = channel_check(channel);
    if (status == WMMF_OK && channel->read_only)
        status = WMMF_E_READ_ONLY;
    if (status == WMMF_OK)
        status = platform_check_own(channel_base(channel)->section->mapping);
    if (status != WMMF_OK)
        return status;
    struct generation *generation = generation_enter(channel);
    if (generation_status(generation) == CHANGED)
        status = channel_follow(channel, generation);
    generation_leave(generation);
    wmmf_section *section = channel_base(channel)->section;
    if (status == WMMF_OK)
        status = rwlock_own(&section->lock, timeout_ns);
    if (status == WMMF_E_POISONED) {
        rwlock_renew(section);
        status = WMMF_OK;
    }
    if (status != WMMF_OK)
        return status;
    status = channel_replace(channel, &shape);
    channel_disown(section);
    channel_wake(channel_base(channel));
    return status;
}

/* The name. */

/* Creates all sections again under the same name, and tells handles that have the old ones open. */
static int32_t publish_name(wmmf_channel *channel, struct generation *before) {
    struct base *old = before->base;
    struct founding founding = {.number = before->pictures.number + 1}, *context = &founding;
    wmmf_options options = {.struct_size = sizeof options, .name_space = channel->name_space};
    wmmf_section *section;
    struct base *base;
    options.participants = old->section->participants;
    founding.shape.capacity = before->pictures.capacity;
    founding.shape.history = before->pictures.history;
    founding.shape.slots = before->pictures.slots - before->pictures.history;
    founding.options.pins = old->readers.pins;
    founding.options.pin_limit_ns = old->pin_limit_ns;
    founding.sequence = newest_sequence(load_seq_u64(&before->pictures.header->newest));
    struct payload_plan plan = plan_of(&context);
    int32_t status = platform_access_of(old->section->mapping, &options);
    if (status == WMMF_OK)
        status = section_create(channel->name, CHANNEL_HEADER_SIZE, &options, &plan, &section);
    if (status != WMMF_OK) {
        founding_undo(&founding);
        return status;
    }
    status = base_new(section, founding.readers_section, &base);
    if (status != WMMF_OK) {
        pictures_close(&founding.pictures);
        return status;
    }
    copy_newest(&before->pictures, &founding.pictures);
    status = install(channel, base, &founding.pictures);
    if (status != WMMF_OK) {
        base_close(base);
        return status;
    }
    channel_publishes(channel);
    or_seq_u64(&old->header->current, CURRENT_REPLACED);
    channel_wake(old);
    return WMMF_OK;
}

void channel_keep_name(wmmf_channel *channel, int64_t now_ns) {
    if (now_ns - (int64_t)load_relaxed_u64(&channel->name_seen_ns) < NAME_CHECK_NS)
        return;
    store_relaxed_u64(&channel->name_seen_ns, (uint64_t)now_ns);
    struct generation *generation = generation_enter(channel);
    wmmf_section *section = generation->base->section;
    if (platform_is_named(section->mapping)) {
        store_relaxed_u32(&channel->nameless, 0);
    } else if (platform_check_own(section->mapping) == WMMF_OK && rwlock_own(&section->lock, 0) == WMMF_OK) {
        int32_t status = generation_status(generation);
        bool done = status == WMMF_OK && publish_name(channel, generation) == WMMF_OK;
        channel_disown(section);
        /* CHANGED: another handle was quicker, and the next frame goes where it leads. */
        store_relaxed_u32(&channel->nameless, !done && status != CHANGED);
        if (done)
            add_seq_u32(&channel->republished, 1);
    }
    generation_leave(generation);
}

/* Participants and states. */

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
    int32_t status = state ? channel_check(channel) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK)
        status = enter_current(channel, &generation);
    if (status != WMMF_OK)
        return status;
    const struct base *base = generation->base;
    uint64_t published_ns = load_relaxed_u64(&generation->pictures.header->published_ns);
    int64_t quiet_ns = (int64_t)((uint64_t)platform_monotonic_ns() - published_ns);
    /* `left` is stored before the last publisher's record is cleared: a process that sees no publisher also sees
     * `left`. */
    if (!somebody_publishes(base, false))
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
        if (!somebody_publishes(channel_base(channel), true) && rwlock_own(&section->lock, 0) == WMMF_OK) {
            bool first = !somebody_publishes(channel_base(channel), true); /* counts standbys as well */
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
    return channel ? wmmf_get_owner(channel_base(channel)->section, name, capacity, needed) : WMMF_E_ARGUMENT;
}

int32_t wmmf_channel_get_info(wmmf_channel *channel, wmmf_channel_info *info) {
    int32_t status = info ? channel_check(channel) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (info->struct_size != sizeof *info)
        return WMMF_E_STRUCT_SIZE;
    struct generation *generation;
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
    info->oldest = slot == NO_SLOT ? 0 : pictures->history ? load_seq_u64(&pictures->header->oldest) : info->sequence;
    info->timestamp_ns = slot != NO_SLOT ? load_relaxed_u64(&pictures->frames[slot].timestamp_ns) : 0;
    info->now_ns = (uint64_t)platform_monotonic_ns();
    info->participants = generation->base->section->participants;
    info->read_only = channel->read_only;
    info->in_place = readers_can_pin(&generation->base->readers);
    info->pins = generation->base->readers.pins;
    info->pin_limit_ns = generation->base->pin_limit_ns;
    info->republished = load_relaxed_u32(&channel->republished);
    info->nameless = load_relaxed_u32(&channel->nameless);
    generation_leave(generation);
    return WMMF_OK;
}

void channel_place(const wmmf_channel *channel, wmmf_section **section, enum event *event) {
    const struct base *base = channel_base(channel);
    *section = base->readers.section ? base->readers.section : base->section;
    *event = EVENT_CHANGE;
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
    int32_t status = participant ? channel_check(channel) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (participant->struct_size != sizeof *participant)
        return WMMF_E_STRUCT_SIZE;
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
    if (find_readers(header, &plan, &pins) != WMMF_OK || section_open_inner(section, &plan, true, &readers) != WMMF_OK)
        readers = NULL;
    uint64_t id = load_seq_u64(&header->current) & CURRENT_PICTURES;
    bool seen = pictures_open(section, id, true, &pictures) == WMMF_OK;
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
    int32_t status = report ? channel_check(channel) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (report->struct_size != sizeof *report)
        return WMMF_E_STRUCT_SIZE;
    struct generation *generation = generation_enter(channel);
    bool intact = constants_are_intact(generation) && newest_is_intact(generation);
    status = diagnostics_audit(generation->base->section, intact, report);
    generation_leave(generation);
    return status;
}
