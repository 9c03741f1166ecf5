#include "pictures.h"

#include <inttypes.h>
#include <string.h>

#include "last_error.h"
#include "picture.h"
#include "section.h"

static uint64_t aligned(uint64_t size) {
    return (size + PAYLOAD_ALIGNMENT - 1) / PAYLOAD_ALIGNMENT * PAYLOAD_ALIGNMENT;
}

/* Computes the parts of the section for this many slots. */

static uint64_t frames_offset(uint64_t slots) {
    return PICTURES_HEADER_SIZE + aligned(slots * sizeof(shared_u32));
}

static uint64_t pictures_offset(uint64_t slots) {
    return frames_offset(slots) + slots * FRAME_HEADER_SIZE;
}

int32_t pictures_check(const struct pictures_shape *shape) {
    const struct refusal refusals[] = {
        {shape->slots < WMMF_CHANNEL_SLOTS_MIN || shape->slots > WMMF_CHANNEL_SLOTS_MAX, WMMF_E_ARGUMENT, "slots",
         shape->slots, "3 to 64"},
        {shape->history > WMMF_CHANNEL_HISTORY_MAX, WMMF_E_ARGUMENT, "history", shape->history, "at most 60000"},
        {shape->capacity == 0, WMMF_E_SIZE, "capacity", shape->capacity, "at least 1"},
    };
    int32_t status = first_refusal(refusals, sizeof refusals / sizeof *refusals);
    if (status != WMMF_OK)
        return status;
    uint64_t slots = (uint64_t)shape->slots + shape->history;
    uint64_t most = PTRDIFF_MAX / slots - FRAME_HEADER_SIZE - 4096; /* no machine has that much */
    if (shape->capacity <= most)
        return WMMF_OK;
    return failed(WMMF_E_SIZE, "capacity %" PRIu64 ": expected at most %" PRIu64 " for each of %" PRIu64 " slots",
                  shape->capacity, most, slots);
}

/* The header comes from a writer, which may be hostile: load it once, and trust it only as far as the section reaches.
 */
static int32_t find_parts(struct pictures *pictures) {
    wmmf_section *section = pictures->section;
    if (section->size < PICTURES_HEADER_SIZE)
        return WMMF_E_TRUNCATED;
    pictures->header = (struct pictures_header *)(void *)section->payload;
    if (load_acquire_u64(&pictures->header->magic) != PICTURES_MAGIC)
        return WMMF_E_FORMAT;
    struct pictures_shape shape;
    shape.capacity = load_relaxed_u64(&pictures->header->capacity);
    shape.history = load_relaxed_u32(&pictures->header->history);
    uint32_t slots = load_relaxed_u32(&pictures->header->slots);
    shape.slots = slots - shape.history;
    if (slots < shape.history || pictures_check(&shape) != WMMF_OK)
        return WMMF_E_FORMAT;
    pictures->capacity = shape.capacity;
    pictures->history = shape.history;
    pictures->slots = slots;
    pictures->number = load_relaxed_u32(&pictures->header->number);
    pictures->picture_size = aligned(shape.capacity);
    pictures->order = (shared_u32 *)(void *)(section->payload + PICTURES_HEADER_SIZE);
    pictures->frames = (struct frame_header *)(void *)(section->payload + frames_offset(slots));
    pictures->first = section->payload + pictures_offset(slots);
    return pictures_offset(slots) + slots * pictures->picture_size <= section->size ? WMMF_OK : WMMF_E_TRUNCATED;
}

static int32_t find_parts_or_close(struct pictures *pictures) {
    int32_t status = find_parts(pictures);
    if (status != WMMF_OK)
        section_close(pictures->section);
    return status;
}

int32_t pictures_create(const wmmf_section *channel, const struct pictures_shape *shape, uint32_t number,
                        uint64_t sequence, struct pictures *pictures) {
    uint32_t slots = shape->slots + shape->history;
    struct inner_plan plan = {.kind = KIND_PLAIN, .reserved = pictures_offset(slots)};
    plan.size = plan.reserved + slots * aligned(shape->capacity);
    int32_t status = section_create_inner(channel, &plan, &pictures->section);
    if (status != WMMF_OK)
        return status;
    struct pictures_header *header = (struct pictures_header *)(void *)pictures->section->payload;
    header->capacity = shape->capacity;
    header->slots = slots;
    header->history = shape->history;
    header->number = number;
    header->newest = sequence << NEWEST_SEQUENCE_SHIFT;
    header->oldest = sequence + 1;
    header->published_ns = (uint64_t)platform_monotonic_ns();
    /* Nobody knows the section's name before the channel says it, which releases all of this. */
    header->magic = PICTURES_MAGIC;
    pictures->id = plan.id;
    return find_parts_or_close(pictures);
}

int32_t pictures_open(const wmmf_section *channel, uint64_t id, bool read_only, struct pictures *pictures) {
    struct inner_plan plan = {.kind = KIND_PLAIN, .id = id};
    pictures->id = id;
    int32_t status = section_open_inner(channel, &plan, read_only, &pictures->section);
    return status == WMMF_OK ? find_parts_or_close(pictures) : status;
}

void pictures_close(struct pictures *pictures) {
    section_close(pictures->section);
    memset(pictures, 0, sizeof *pictures);
}

int32_t pictures_reserve(const struct pictures *pictures, uint32_t slot) {
    uint64_t at = (uint64_t)(picture_at(pictures, slot) - platform_base(pictures->section->mapping));
    return platform_reserve(pictures->section->mapping, at, pictures->picture_size);
}

int32_t frame_is_sound(wmmf_frame *frame, uint64_t capacity) {
    if (frame->used > capacity || frame->user_size > WMMF_FRAME_USER_SIZE)
        return WMMF_E_RANGE;
    return picture_check(frame);
}

int32_t pictures_describe(const struct pictures *pictures, uint32_t slot, uint64_t sequence, wmmf_frame *frame) {
    const struct frame_header *header = &pictures->frames[slot];
    frame->struct_size = sizeof *frame;
    frame->slot = slot;
    frame->data = picture_at(pictures, slot);
    frame->capacity = pictures->capacity;
    frame->sequence = sequence;
    frame->missed = 0;
    frame->used = load_relaxed_u64(&header->used);
    frame->timestamp_ns = load_relaxed_u64(&header->timestamp_ns);
    frame->width = load_relaxed_u32(&header->width);
    frame->height = load_relaxed_u32(&header->height);
    frame->stride = load_relaxed_u32(&header->stride);
    frame->fourcc = load_relaxed_u32(&header->fourcc);
    frame->user_size = load_relaxed_u32(&header->user_size);
    frame->device_timestamp = load_relaxed_u64(&header->device_timestamp);
    frame->device_frame = load_relaxed_u64(&header->device_frame);
    frame->hold = 0;
    uint32_t array = load_relaxed_u32(&header->array);
    frame->element = array & ARRAY_ELEMENT;
    frame->dimensions = array >> ARRAY_DIMENSIONS_SHIFT;
    memset(frame->shape, 0, sizeof frame->shape);
    for (uint32_t i = 0; i < frame->dimensions && i < WMMF_FRAME_DIMENSIONS_MAX; i++)
        frame->shape[i] = load_relaxed_u64(&header->shape[i]);
    memset(frame->user, 0, sizeof frame->user);
    if (frame_is_sound(frame, pictures->capacity) != WMMF_OK)
        return WMMF_E_FORMAT;
    memcpy(frame->user, header->user, frame->user_size);
    return WMMF_OK;
}

void pictures_set_description(const struct pictures *pictures, uint32_t slot, const wmmf_frame *frame) {
    struct frame_header *header = &pictures->frames[slot];
    store_relaxed_u64(&header->timestamp_ns, frame->timestamp_ns);
    store_relaxed_u64(&header->used, frame->used);
    store_relaxed_u32(&header->width, frame->width);
    store_relaxed_u32(&header->height, frame->height);
    store_relaxed_u32(&header->stride, frame->stride);
    store_relaxed_u32(&header->fourcc, frame->fourcc);
    store_relaxed_u32(&header->user_size, frame->user_size);
    store_relaxed_u32(&header->array, frame->element | frame->dimensions << ARRAY_DIMENSIONS_SHIFT);
    store_relaxed_u64(&header->device_timestamp, frame->device_timestamp);
    store_relaxed_u64(&header->device_frame, frame->device_frame);
    memcpy(header->user, frame->user, frame->user_size);
    for (uint32_t i = 0; i < frame->dimensions; i++)
        store_relaxed_u64(&header->shape[i], frame->shape[i]);
}
