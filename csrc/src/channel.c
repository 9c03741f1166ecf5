/* Frame channels: opening and closing, and following from one generation of pictures to the next. Publishing is in
 * channel_write.c, reading in channel_read.c.
 *
 * A generation ends when its owner stores another in `current` (layout.h). Readers compare that word with what they
 * have each time they look for a frame, and follow. Dying before that store leaves unused pictures, which the kernel
 * removes with their creator. After it, everything is done: sleepers look again by themselves. */
#include "channel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "channel_handle.h"
#include "eventcount.h"
#include "last_error.h"
#include "participants.h"
#include "rwlock.h"
#include "section.h"
#include "tuning.h"

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
static int32_t generation_open(wmmf_channel *channel, struct base *base, struct pictures *pictures, uint32_t *index) {
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
    pictures_close(pictures);
    return failed(WMMF_E_FULL, "frames of %d earlier pictures are still held: release some", PIN_GENERATIONS - 1);
}

/* Drops what free pins keep of a generation that is no longer current: see keep_while_current. */
static void drop_kept(wmmf_channel *channel, uint32_t index) {
    struct readers *readers = &channel->generations[index].base->readers;
    for (uint32_t i = 0; i < readers->pins; i++)
        if (pins_drop(&readers->own[i], index))
            generation_leave(&channel->generations[index]);
}

/* Makes them current for this handle. The caller has set `following`. */
static int32_t make_current(wmmf_channel *channel, struct base *base, struct pictures *pictures) {
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

int32_t channel_find_readers(const struct channel_header *header, struct inner_plan *plan, uint32_t *pins) {
    uint32_t readers = load_relaxed_u32(&header->readers);
    *pins = load_relaxed_u32(&header->pins);
    if (readers == 0 || readers > WMMF_PARTICIPANTS_MAX || *pins == 0 || *pins > WMMF_CHANNEL_PINS_MAX)
        return WMMF_E_FORMAT;
    *plan = readers_plan(readers, *pins);
    plan->id = load_relaxed_u64(&header->readers_id);
    return WMMF_OK;
}

/* Copies the constants of the header, and opens the readers' section unless we have it. A read-only handle can do
 * without that section. */
static int32_t base_fill(struct base *base) {
    const wmmf_section *section = base->section;
    struct inner_plan plan;
    base->header = (struct channel_header *)(void *)section->payload;
    if (section->size < CHANNEL_HEADER_SIZE || load_relaxed_u64(&base->header->magic) != CHANNEL_MAGIC)
        return WMMF_E_FORMAT;
    base->pin_limit_ns = load_relaxed_u64(&base->header->pin_limit_ns);
    int32_t status = channel_find_readers(base->header, &plan, &base->readers.pins);
    if (status != WMMF_OK || base->readers.section)
        return status;
    plan.without_record = !section->read_only; /* so that many readers cannot keep a publisher out */
    status = section_open_inner(section, &plan, false, &base->readers.section);
    if (status == WMMF_OK || !section->read_only)
        return status;
    error_forget();
    return WMMF_OK;
}

/* What a writer's section knows of the readers, and each of our two records of the other. */
static void base_link(struct base *base) {
    wmmf_section *section = base->section, *readers = base->readers.section;
    section->poison_word = &base->header->current;
    section->poison_bits = CURRENT_POISONED;
    section->poison_sleepers = &readers->lock;
    if (readers_can_pin(&base->readers)) {
        store_relaxed_u64(&own_record(section)->twin, (uint64_t)readers->index + 1);
        store_relaxed_u64(&own_record(readers)->twin, (uint64_t)section->index + 1);
    }
}

/* Takes over the sections, and closes them on failure. NULL readers: to be opened. */
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
    int32_t status = base_fill(base);
    if (status != WMMF_OK) {
        base_close(base);
        return status;
    }
    if (!section->read_only)
        base_link(base);
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
        if (status == WMMF_E_NOT_FOUND)
            error_clear(); /* they were replaced meanwhile, or lost with their owner: no error of the system */
    }
    return status;
}

/* Makes them current for all handles. The caller owns the lock. Dying before the last store: nobody knows them. */
static void announce(struct base *base, const struct pictures *pictures, uint64_t sequence) {
    store_relaxed_u32(&base->header->number, pictures->number);
    store_relaxed_u64(&base->header->sequence, sequence);
    store_seq_u64(&base->header->current, pictures->id);
}

/* Publishers, and closing. */

bool channel_is_published(const struct base *base, bool but_us) {
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
    if (!channel_is_published(base, true))
        store_seq_u32(&base->header->left, 1);
    store_seq_u32(&own_record(base->section)->publishes, 0);
    channel_wake(base);
}

static void channel_close(wmmf_channel *channel) {
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
}

int32_t wmmf_channel_close(wmmf_channel *channel) {
    error_clear();
    if (channel)
        channel_close(channel);
    return WMMF_OK;
}

/* Creating and opening. */

/* What a channel is created with, and its parts before other processes can see them. */
struct creation {
    struct pictures_shape shape;
    wmmf_channel_options options;
    uint64_t sequence;
    uint32_t number;
    wmmf_section *readers_section;
    struct pictures pictures;
};

/* After the section could not be published, because the name was taken meanwhile. */
static void creation_undo(struct creation *creation) {
    if (!creation->readers_section)
        return;
    section_close(creation->readers_section);
    pictures_close(&creation->pictures);
    creation->readers_section = NULL;
}

static int32_t create_parts(wmmf_section *section, void *context) {
    struct creation *creation = context;
    struct channel_header *header = (struct channel_header *)(void *)section->payload;
    creation_undo(creation); /* remains of an earlier try: the name was taken, and is free again */
    header->magic = CHANNEL_MAGIC;
    header->readers = section->participants;
    header->pins = creation->options.pins ? creation->options.pins : WMMF_CHANNEL_PINS_DEFAULT;
    header->pin_limit_ns = creation->options.pin_limit_ns;
    struct inner_plan plan = readers_plan(section->participants, header->pins);
    int32_t status = section_create_inner(section, &plan, &creation->readers_section);
    if (status != WMMF_OK)
        return status;
    header->readers_id = plan.id;
    status = pictures_create(section, &creation->shape, creation->number, creation->sequence, &creation->pictures);
    if (status != WMMF_OK) {
        section_close(creation->readers_section);
        creation->readers_section = NULL;
        return status;
    }
    header->number = creation->number;
    header->sequence = creation->sequence;
    header->current = creation->pictures.id;
    return WMMF_OK;
}

static struct payload_plan plan_of(struct creation *creation) {
    struct payload_plan plan = {KIND_CHANNEL, WMMF_CHANNEL_PARTICIPANTS_DEFAULT, CHANNEL_HEADER_SIZE, create_parts,
                                creation};
    return plan;
}

/* Like options_check, and refuses other layouts. */
static int32_t channel_options_check(const wmmf_options *given, wmmf_channel **out, wmmf_options *options) {
    error_clear();
    int32_t status = out ? options_check(given, options) : null_argument("out");
    return status == WMMF_OK && options->layout != WMMF_NATIVE
               ? refused(WMMF_E_ARGUMENT, "layout", options->layout, "0 (WMMF_NATIVE), because it is a frame channel")
               : status;
}

static int32_t creation_new(uint64_t capacity, uint32_t slots, const wmmf_options *given, wmmf_channel **out,
                            struct creation *creation) {
    wmmf_options options;
    int32_t status = channel_options_check(given, out, &options);
    if (status != WMMF_OK)
        return status;
    memset(creation, 0, sizeof *creation);
    creation->shape.capacity = capacity;
    creation->shape.slots = slots ? slots : WMMF_CHANNEL_SLOTS_DEFAULT;
    creation->number = 1;
    if (options.channel)
        creation->options = *options.channel;
    creation->shape.history = creation->options.history;
    const struct refusal refusals[] = {
        {creation->options.pins > WMMF_CHANNEL_PINS_MAX, WMMF_E_ARGUMENT, "pins", creation->options.pins, "at most 64"},
        {creation->options.standby > 1, WMMF_E_ARGUMENT, "standby", creation->options.standby, "0 or 1"},
        {creation->options.pin_limit_ns > INT64_MAX, WMMF_E_ARGUMENT, "pin_limit_ns", creation->options.pin_limit_ns,
         "at most INT64_MAX"},
    };
    status = first_refusal(refusals, sizeof refusals / sizeof *refusals);
    return status != WMMF_OK ? status : pictures_check(&creation->shape);
}

/* Takes over base and pictures, and closes them on failure. */
static int32_t channel_new(const char *name, struct base *base, struct pictures *pictures, wmmf_channel **out) {
    wmmf_channel *channel = calloc(1, sizeof *channel);
    size_t name_size = strlen(name) + 1;
    char *copy = malloc(name_size);
    if (!channel || !copy) {
        free(channel);
        free(copy);
        pictures_close(pictures);
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

static int32_t channel_created(const char *name, wmmf_section *section, struct creation *creation, wmmf_channel **out) {
    struct base *base;
    int32_t status = base_new(section, creation->readers_section, &base);
    if (status != WMMF_OK) {
        pictures_close(&creation->pictures);
        return status;
    }
    status = channel_new(name, base, &creation->pictures, out);
    if (status != WMMF_OK)
        return status;
    if (!creation->options.standby)
        channel_publishes(*out);
    return WMMF_OK;
}

/* Takes the lock, and ends poison: the caller then replaces the pictures. */
static int32_t own_or_renew(wmmf_section *section, int64_t timeout_ns) {
    int32_t status = channel_own(section, timeout_ns);
    if (status != WMMF_E_POISONED)
        return status;
    rwlock_renew(section);
    return WMMF_OK;
}

/* The current pictures were lost with the owner that made them, which died before any other process had followed. */
static int32_t find_again(struct base *base, const struct pictures_shape *shape, struct pictures *pictures) {
    int32_t status = own_or_renew(base->section, READY_TIMEOUT_NS);
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

/* Takes over the section, and closes it on failure. With a shape: creates new pictures of it, if there are none any
 * more and this user owns the channel. */
static int32_t base_open(wmmf_section *section, const struct pictures_shape *shape, struct base **base,
                         struct pictures *pictures) {
    int32_t status = base_new(section, NULL, base);
    if (status != WMMF_OK)
        return status;
    status = open_current(*base, pictures);
    if (status == WMMF_E_NOT_FOUND && shape && platform_check_own(section->mapping) == WMMF_OK)
        status = find_again(*base, shape, pictures);
    if (status != WMMF_OK)
        base_close(*base);
    return status;
}

static int32_t channel_opened(const char *name, const struct pictures_shape *shape, wmmf_section *section,
                              wmmf_channel **out) {
    struct base *base;
    struct pictures pictures;
    int32_t status = base_open(section, shape, &base, &pictures);
    return status == WMMF_OK ? channel_new(name, base, &pictures, out) : status;
}

int32_t wmmf_channel_create(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                            wmmf_channel **out) {
    struct creation creation;
    wmmf_section *section;
    int32_t status = creation_new(capacity, slots, options, out, &creation);
    if (status != WMMF_OK)
        return status;
    struct payload_plan plan = plan_of(&creation);
    status = section_create(name, CHANNEL_HEADER_SIZE, options, &plan, &section);
    if (status != WMMF_OK) {
        creation_undo(&creation);
        return status;
    }
    return channel_created(name, section, &creation, out);
}

static int32_t enlarge(wmmf_channel *channel, const struct pictures_shape *least) {
    struct generation *generation = generation_enter(channel);
    struct pictures_shape shape = pictures_shape(&generation->pictures);
    generation_leave(generation);
    if (least->capacity <= shape.capacity && least->slots <= shape.slots && least->history <= shape.history)
        return WMMF_OK;
    if (platform_check_own(channel_base(channel)->section->mapping) != WMMF_OK)
        return failed(WMMF_E_SIZE,
                      "%" PRIu32 " slots of %" PRIu64 " bytes and a history of %" PRIu32 ": expected at most %" PRIu32
                      ", %" PRIu64 " and %" PRIu32 ", as the channel has, because another user owns it",
                      least->slots, least->capacity, least->history, shape.slots, shape.capacity, shape.history);
    shape.capacity = least->capacity > shape.capacity ? least->capacity : shape.capacity;
    shape.slots = least->slots > shape.slots ? least->slots : shape.slots;
    shape.history = least->history > shape.history ? least->history : shape.history;
    return wmmf_channel_resize(channel, shape.capacity, shape.slots, shape.history, READY_TIMEOUT_NS);
}

int32_t wmmf_channel_create_or_open(const char *name, uint64_t capacity, uint32_t slots, const wmmf_options *options,
                                    wmmf_channel **out, int32_t *created) {
    struct creation creation;
    wmmf_section *section;
    wmmf_channel *channel;
    int32_t made = 0;
    int32_t status = creation_new(capacity, slots, options, out, &creation);
    if (status != WMMF_OK)
        return status;
    struct payload_plan plan = plan_of(&creation);
    status = section_create_or_open(name, CHANNEL_HEADER_SIZE, options, &plan, &section, &made);
    if (status != WMMF_OK || !made)
        creation_undo(&creation);
    if (status != WMMF_OK)
        return status;
    status = made ? channel_created(name, section, &creation, &channel)
                  : channel_opened(name, &creation.shape, section, &channel);
    if (status == WMMF_OK && !made) {
        status = enlarge(channel, &creation.shape);
        if (status != WMMF_OK)
            channel_close(channel);
    }
    if (status != WMMF_OK)
        return status;
    *out = channel;
    if (created)
        *created = made;
    return WMMF_OK;
}

int32_t wmmf_channel_open(const char *name, const wmmf_options *options, wmmf_channel **out) {
    wmmf_options checked;
    wmmf_section *section;
    int32_t status = channel_options_check(options, out, &checked);
    if (status == WMMF_OK)
        status = section_open(name, 0, options, KIND_CHANNEL, &section);
    return status != WMMF_OK ? status : channel_opened(name, NULL, section, out);
}

/* Forked children, and what each call begins with. */

int32_t wmmf_channel_after_fork_child(wmmf_channel *channel) {
    error_clear();
    if (!channel)
        return null_argument("channel");
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
        return null_argument("channel");
    return platform_forked(channel_base(channel)->section->mapping) ? WMMF_E_FORKED : WMMF_OK;
}

int32_t frame_check(const wmmf_channel *channel, const wmmf_frame *frame) {
    return struct_check(channel_check(channel), frame, sizeof *frame);
}

int32_t channel_own(wmmf_section *section, int64_t timeout_ns) {
    int32_t status = rwlock_own(&section->lock, timeout_ns);
    if (status == WMMF_E_TIMEOUT)
        error_detail("another writer has begun a frame");
    return status;
}

/* The end of the thread that held it may have released it. */
void channel_disown(wmmf_section *section) {
    if (rwlock_claim(&section->lock))
        rwlock_disown(&section->lock, false);
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
    if (status == WMMF_OK)
        status = base_open(section, NULL, &base, &pictures);
    if (status != WMMF_OK)
        return status;
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
    short_lock(&channel->following);
    if (generation_at(channel, load_seq_u32(&channel->current)) == from) { /* else another thread was quicker */
        uint64_t current = load_seq_u64(&from->base->header->current);
        if (current & CURRENT_REPLACED)
            status = follow_name(channel);
        else if ((current & CURRENT_PICTURES) != from->pictures.id)
            status = follow_pictures(channel);
    }
    short_unlock(&channel->following);
    if (status != WMMF_E_NOT_FOUND)
        return status;
    error_forget(); /* the call of the caller does not fail because nothing is there yet */
    return WMMF_OK;
}

/* make_current, by a writer that owns the lock. */
static int32_t install(wmmf_channel *channel, struct base *base, struct pictures *pictures) {
    short_lock(&channel->following);
    int32_t status = make_current(channel, base, pictures);
    short_unlock(&channel->following);
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
    pictures_set_description(to, 0, &frame);
    to->order[sequence % to->slots] = 1;
    to->header->oldest = sequence;
    store_release_u64(&to->frames[0].stamp, 2 * sequence);
    store_release_u64(&to->header->newest, sequence << NEWEST_SEQUENCE_SHIFT | 1);
}

int32_t channel_replace(wmmf_channel *channel, const struct pictures_shape *given) {
    struct generation *before = generation_enter(channel);
    struct pictures_shape shape = pictures_shape(&before->pictures);
    struct pictures pictures;
    shape.capacity = given->capacity ? given->capacity : shape.capacity;
    shape.slots = given->slots ? given->slots : shape.slots;
    shape.history = given->history;
    struct base *base = before->base;
    uint64_t ours = newest_sequence(load_seq_u64(&before->pictures.header->newest));
    uint64_t sequence = load_relaxed_u64(&base->header->sequence); /* newer than ours if pictures were lost since */
    if (ours > sequence)
        sequence = ours;
    int32_t status = pictures_check(&shape);
    if (status == WMMF_OK)
        status =
            pictures_create(base->section, &shape, load_relaxed_u32(&base->header->number) + 1, sequence, &pictures);
    if (status == WMMF_OK) {
        if (sequence == ours)
            copy_newest(&before->pictures, &pictures);
        status = install(channel, base, &pictures);
    }
    if (status == WMMF_OK) {
        announce(base, &pictures, sequence);
        /* The last process that uses them may not be allowed to remove the name. Dying here leaves that to the next
         * creator. */
        platform_end_name(before->pictures.section->mapping);
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
        status = own_or_renew(section, timeout_ns);
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
    struct creation creation = {.shape = pictures_shape(&before->pictures), .number = before->pictures.number + 1};
    wmmf_options options = {.struct_size = sizeof options, .name_space = channel->name_space};
    wmmf_section *section;
    struct base *base;
    options.participants = old->section->participants;
    creation.options.pins = old->readers.pins;
    creation.options.pin_limit_ns = old->pin_limit_ns;
    creation.sequence = newest_sequence(load_seq_u64(&before->pictures.header->newest));
    struct payload_plan plan = plan_of(&creation);
    int32_t status = platform_access_of(old->section->mapping, &options);
    if (status == WMMF_OK)
        status = section_create(channel->name, CHANNEL_HEADER_SIZE, &options, &plan, &section);
    if (status != WMMF_OK) {
        creation_undo(&creation);
        return status;
    }
    status = base_new(section, creation.readers_section, &base);
    if (status != WMMF_OK) {
        pictures_close(&creation.pictures);
        return status;
    }
    copy_newest(&before->pictures, &creation.pictures);
    status = install(channel, base, &creation.pictures);
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
        error_clear(); /* `nameless` reports a failure; the call that published a frame has succeeded */
    }
    generation_leave(generation);
}

wmmf_section *channel_place(const wmmf_channel *channel) {
    const struct base *base = channel_base(channel);
    return base->readers.section ? base->readers.section : base->section;
}
