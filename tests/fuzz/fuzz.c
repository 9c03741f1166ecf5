/* A hostile peer for libFuzzer: an input is a program that opens handles, calls the library and, between the calls or
 * from another thread while they run, writes anything anywhere into the section's header, records and payload; or, of
 * a channel, into its pictures, or into what its readers may write.
 *
 * Whatever it writes: no call may crash, reach outside the mapping (ASan, UBSan and guarded.h), take longer than its
 * timeout, or leave a descriptor, a mapping or a file behind. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guarded.h"
#include "wmmf.h"

#define SIZE         700 /* of a payload or frame: the section ends within a page */
#define LARGEST      4096
#define SLOTS        3
#define PARTICIPANTS 4
#define LOCKS        2
#define HANDLES      3
#define RESERVE      UINT64_C(100000)
#define GROWTH       256 /* where a header says how far the section can grow, and has grown */
#define SHORT_NS     INT64_C(50000)
#define LONG_NS      INT64_C(3000000)    /* longer than a writer yields to waiters */
#define HANG_NS      INT64_C(3000000000) /* a second is the library's own timeout with an unfinished section */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void succeed(int32_t status) {
    require(status == WMMF_OK, wmmf_strerror(status));
}

/* The input. */

static const uint8_t *input, *input_end;

static uint8_t take_byte(void) {
    return input < input_end ? *input++ : 0;
}

static uint16_t take_short(void) {
    uint16_t high = take_byte();
    return (uint16_t)(high << 8 | take_byte());
}

static int64_t take_timeout(void) {
    uint8_t choice = take_byte() % 16;
    return choice == 0 ? LONG_NS : choice % 2 ? SHORT_NS : 0;
}

/* The section, as the hostile peer sees it. A custom name: nobody lists or sweeps those, so nobody else on this machine
 * ever has it open. */

static char name[32], path[64], inner_path[64];
static wmmf_section *raw;
static wmmf_section *outer; /* the section by its name, where `raw` is an inner one */
static uint8_t *bytes;
static uint64_t bytes_size;

static void poke(void) {
    uint16_t at = take_short();
    uint8_t length = take_byte() % 17;
    for (uint8_t i = 0; i < length; i++)
        __atomic_store_n(&bytes[(at + i) % bytes_size], take_byte(), __ATOMIC_RELAXED);
}

/* An opener would wait a second for its creator: tests/c does that. */
static bool looks_unfinished(void) {
    static const uint8_t nothing[sizeof(uint64_t)];
    return bytes_size >= sizeof nothing && memcmp(bytes, nothing, sizeof nothing) == 0;
}

/* Writes on and on into a few bytes, while the calls run. */
struct scribbler {
    pthread_t thread;
    uint16_t at;
    uint8_t length;
    uint32_t random;
    int32_t stop;
};

static void *scribble(void *argument) {
    struct scribbler *self = argument;
    while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
        for (int i = 0; i < 32; i++) {
            self->random = self->random * 1664525 + 1013904223;
            uint64_t at = self->at + (self->random >> 8) % (self->length + 1u);
            __atomic_store_n(&bytes[at % bytes_size], (uint8_t)(self->random >> 24), __ATOMIC_RELAXED);
        }
        sched_yield();
    }
    return NULL;
}

static void scribbler_start(struct scribbler *scribbler) {
    scribbler->at = take_short();
    scribbler->length = take_byte();
    scribbler->random = take_byte();
    scribbler->stop = 0;
    require(pthread_create(&scribbler->thread, NULL, scribble, scribbler) == 0, "a thread");
}

static void scribbler_stop(struct scribbler *scribbler) {
    __atomic_store_n(&scribbler->stop, 1, __ATOMIC_RELAXED);
    pthread_join(scribbler->thread, NULL);
}

/* The victims' handles. */

struct reader {
    wmmf_channel *channel;
    wmmf_frame pinned, begun;
};

static wmmf_section *maps[HANDLES];
static struct reader readers[HANDLES];

static wmmf_section **take_map(void) {
    return &maps[take_byte() % HANDLES];
}

static struct reader *take_reader(void) {
    return &readers[take_byte() % HANDLES];
}

static wmmf_options options_for(uint32_t layout) {
    wmmf_options options = {.struct_size = sizeof options, .name_space = WMMF_CUSTOM, .layout = layout};
    if (layout == WMMF_NATIVE)
        options.participants = PARTICIPANTS;
    return options;
}

static wmmf_options take_options(void) {
    uint8_t bits = take_byte();
    wmmf_options options = options_for(bits % 3);
    options.read_only = bits >> 7;
    return options;
}

static void answered(int32_t status) {
    require(status <= 0 && strcmp(wmmf_status_name(status), wmmf_status_name(1)) != 0, "an unknown status");
    require(strcmp(wmmf_strerror(status), wmmf_strerror(1)) != 0, "a status without a message");
}

/* Exactly as long as needed, so that one byte too many is seen. */
static uint8_t *new_buffer(uint64_t length) {
    uint8_t *buffer = malloc(length);
    require(buffer != NULL, "memory");
    memset(buffer, 1, length);
    return buffer;
}

static void check_payload(wmmf_section *section) {
    wmmf_info info = {.struct_size = sizeof info};
    void *data;
    uint64_t size;
    if (!section)
        return;
    succeed(wmmf_get_info(section, &info));
    succeed(wmmf_size(section, &size));
    require(info.mapped_size <= bytes_size && info.data_offset < info.mapped_size && size == info.size && size != 0 &&
                size <= info.mapped_size - info.data_offset,
            "a payload outside the section");
    int32_t status = wmmf_data(section, &data);
    if (status == WMMF_E_NOT_SUPPORTED) /* a channel's */
        return;
    succeed(status);
    volatile uint8_t *edge = data;
    (void)edge[0];
    (void)edge[size - 1];
}

/* Calls on sections. */

static void call_create(void) {
    wmmf_options options = take_options();
    wmmf_section *section = NULL;
    int32_t status = wmmf_create(name, SIZE, &options, &section);
    answered(status);
    require(status != WMMF_OK && !section, "a name that is taken");
}

static void call_open(void) {
    wmmf_section **section = take_map();
    wmmf_options options = take_options();
    uint64_t size = take_short() % (2 * SIZE);
    if (*section || (options.layout == WMMF_NATIVE && looks_unfinished()))
        return;
    answered(wmmf_open(name, size, &options, section));
    check_payload(*section);
}

static void call_create_or_open(void) {
    wmmf_section **section = take_map();
    wmmf_options options = take_options();
    uint64_t size = take_short() % (2 * SIZE);
    int32_t created = 0;
    if (*section || (options.layout == WMMF_NATIVE && looks_unfinished()))
        return;
    answered(wmmf_create_or_open(name, size, &options, section, &created));
    require(created == 0, "created what was there");
    check_payload(*section);
}

static void call_open_file(void) {
    wmmf_section **section = take_map();
    wmmf_options options = take_options();
    uint64_t size = take_short() % (2 * SIZE);
    if (*section)
        return;
    answered(wmmf_open_file(path, size, &options, section));
    check_payload(*section);
}

static void call_close(void) {
    wmmf_section **section = take_map();
    answered(wmmf_close(*section));
    *section = NULL;
}

static void call_look(void) {
    wmmf_section *section = *take_map();
    uint64_t sequence;
    check_payload(section);
    answered(wmmf_sequence(section, &sequence));
    require(wmmf_after_fork_child(section) == WMMF_E_ARGUMENT, "given up without a fork");
    wmmf_lock_state state = {.struct_size = sizeof state};
    uint32_t named;
    uint64_t needed;
    char owner[8];
    answered(wmmf_get_lock_state(section, &state));
    answered(wmmf_is_named(section, &named));
    answered(wmmf_get_owner(section, owner, take_byte() % sizeof owner, &needed));
    require(strlen(wmmf_last_detail()) < 256, "a detail without an end");
}

static void call_poison(void) {
    answered(wmmf_poison(*take_map()));
}

/* All calls on a handle that was just opened on bytes of the peer. Takes nothing from the input, because that would
 * change the meaning of the rest. */
static void use_once(wmmf_section *section) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    uint64_t size;
    check_payload(section);
    succeed(wmmf_size(section, &size));
    uint8_t *buffer = new_buffer(size);
    answered(wmmf_read(section, 0, buffer, size, SHORT_NS));
    answered(wmmf_write(section, size - 1, buffer, 1, SHORT_NS));
    answered(wmmf_audit(section, &report));
    answered(wmmf_close(section));
    free(buffer);
}

/* As a native file, whose users of an earlier start of the machine may never have left. */
static void map_native_file(uint32_t protection) {
    wmmf_file_options options = {.struct_size = sizeof options, .native = 1, .protection = protection};
    wmmf_section *section = NULL;
    int32_t status = wmmf_map_file(path, 0, &options, &section);
    answered(status);
    if (status == WMMF_OK)
        use_once(section);
}

/* The same bytes in memory without a name, which the peer hands over. */
static void open_handle(void) {
    wmmf_options options = options_for(WMMF_RAW);
    wmmf_section *theirs = NULL, *section = NULL;
    void *data;
    int64_t handle;
    succeed(wmmf_create_unnamed(bytes_size, &options, &theirs));
    succeed(wmmf_data(theirs, &data));
    memcpy(data, bytes, bytes_size);
    succeed(wmmf_share(theirs, 0, 0, &handle));
    succeed(wmmf_close(theirs));
    options.layout = WMMF_NATIVE;
    int32_t status = wmmf_open_handle(handle, 0, &options, &section);
    answered(status);
    if (status == WMMF_OK)
        use_once(section);
    close((int)handle);
}

/* What has grown, or is claimed to have. */
static void check_growing(wmmf_section *section) {
    void *data;
    uint64_t size;
    succeed(wmmf_size(section, &size));
    succeed(wmmf_data(section, &data));
    require(size != 0 && size <= RESERVE, "a payload beyond its reserve");
    volatile uint8_t *edge = data;
    (void)edge[0];
    (void)edge[size - 1];
}

/* The same bytes at the beginning of a section that can grow, and of whose memory they claim a lot. */
static void grow_handle(void) {
    wmmf_options options = options_for(WMMF_NATIVE);
    wmmf_info info = {.struct_size = sizeof info};
    wmmf_section *theirs = NULL, *early = NULL, *late = NULL;
    void *data;
    int64_t handle;
    options.reserve = RESERVE;
    succeed(wmmf_create_unnamed(SIZE, &options, &theirs));
    succeed(wmmf_get_info(theirs, &info));
    succeed(wmmf_data(theirs, &data));
    succeed(wmmf_share(theirs, 0, 0, &handle));
    succeed(wmmf_open_handle(handle, 0, &options, &early));
    uint8_t *header = (uint8_t *)data - info.data_offset;
    uint64_t room = info.data_offset + SIZE, claims[] = {RESERVE, 3 * SIZE};
    memcpy(header, bytes, bytes_size < room ? bytes_size : room);
    memcpy(header + GROWTH, claims, sizeof claims);
    check_growing(early);
    int32_t status = wmmf_open_handle(handle, 0, &options, &late);
    answered(status);
    if (status == WMMF_OK)
        check_growing(late);
    answered(wmmf_resize(early, 2 * SIZE));
    check_growing(early);
    answered(wmmf_resize(early, RESERVE));
    check_growing(early);
    if (status == WMMF_OK)
        check_growing(late);
    answered(wmmf_close(late));
    answered(wmmf_close(early));
    answered(wmmf_close(theirs));
    close((int)handle);
}

/* Files: what is there is mapped again, in parts, and keeps its size, which the peer's own mapping needs. */
static void call_map_file(void) {
    wmmf_section *section = NULL;
    wmmf_window *window = NULL;
    map_native_file(WMMF_READ);
    map_native_file(WMMF_READ_WRITE);
    open_handle();
    grow_handle();
    uint64_t size = take_short() % bytes_size, offset = take_short() % LARGEST, length = take_short() % LARGEST;
    void *data;
    if (wmmf_map_file(path, size, NULL, &section) != WMMF_OK)
        return;
    answered(wmmf_flush(section, offset, length, 0));
    if (wmmf_map_window(section, offset, length, 0, &window) == WMMF_OK) {
        succeed(wmmf_window_data(window, &data));
        volatile uint8_t *first = data;
        (void)first[0];
    }
    answered(wmmf_advise(section, offset, length, (uint32_t)(length % 8)));
    answered(wmmf_advise_window(window, offset, length, (uint32_t)(offset % 8)));
    answered(wmmf_unmap_window(window));
    answered(wmmf_close(section));
    answered(wmmf_resize(*take_map(), 0));
}

static void call_lock_read(void) {
    wmmf_section *section = *take_map();
    answered(wmmf_lock_read(section, take_timeout()));
}

static void call_unlock_read(void) {
    answered(wmmf_unlock_read(*take_map()));
}

static void call_lock_write(void) {
    wmmf_section *section = *take_map();
    uint64_t place = 0;
    int32_t status = wmmf_lock_write(section, take_timeout());
    answered(status);
    if (status == WMMF_E_TIMEOUT) {
        answered(wmmf_lock_write_queued(section, SHORT_NS, &place));
        answered(wmmf_leave_queue(section, place));
    }
}

static void call_unlock_write(void) {
    answered(wmmf_unlock_write(*take_map()));
}

/* What repairs: each layout has one of the two. */
static void call_mark_consistent(void) {
    wmmf_section *section = *take_map();
    answered(wmmf_mark_consistent(section));
    answered(wmmf_break_lock(section));
}

static void call_read(void) {
    wmmf_section *section = *take_map();
    uint64_t offset = take_short() % LARGEST, length = take_short() % LARGEST;
    uint8_t *buffer = new_buffer(length);
    answered(wmmf_read(section, offset, buffer, length, take_timeout()));
    free(buffer);
}

static void call_write(void) {
    wmmf_section *section = *take_map();
    uint64_t offset = take_short() % LARGEST, length = take_short() % LARGEST;
    uint8_t *buffer = new_buffer(length);
    uint64_t place = 0;
    int32_t status = wmmf_write(section, offset, buffer, length, take_timeout());
    answered(status);
    if (status == WMMF_E_TIMEOUT) {
        answered(wmmf_write_queued(section, offset, buffer, length, SHORT_NS, &place));
        answered(wmmf_leave_queue(section, place));
    }
    free(buffer);
}

static void call_wait(void) {
    wmmf_section *section = *take_map();
    uint64_t current, sequence = take_byte();
    answered(wmmf_wait(section, sequence, take_timeout(), &current));
}

static void call_wait_many(void) {
    wmmf_wait_item items[2] = {{.section = *take_map(), .sequence = take_byte()},
                               {.channel = readers[0].channel, .sequence = take_byte()}};
    wmmf_waker *waker = NULL;
    succeed(wmmf_waker_create(&waker));
    if (take_byte() & 1)
        succeed(wmmf_waker_wake(waker));
    answered(wmmf_wait_many(items, 2, waker, take_timeout()));
    succeed(wmmf_waker_close(waker));
}

static void call_audit(void) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    answered(wmmf_audit(*take_map(), &report));
}

static void call_get_participant(void) {
    wmmf_participant participant = {.struct_size = sizeof participant};
    wmmf_hold hold = {.struct_size = sizeof hold};
    wmmf_section *section = *take_map();
    uint32_t index = take_short();
    answered(wmmf_get_participant(section, index, &participant));
    answered(wmmf_get_hold(section, index, &hold));
}

static void call_lock_at(void) {
    wmmf_section *section = *take_map();
    uint64_t offset = take_byte() % (SIZE / 64 + 2) * 64, sequence = take_byte(), now;
    wmmf_lock_state state = {.struct_size = sizeof state};
    answered(wmmf_get_lock_state_at(section, offset, &state));
    switch (take_byte() % 7) {
    case 0:
        answered(wmmf_lock_read_at(section, offset, take_timeout()));
        break;
    case 1:
        answered(wmmf_unlock_read_at(section, offset));
        break;
    case 2:
        answered(wmmf_lock_write_queued_at(section, offset, take_timeout(), &sequence));
        answered(wmmf_leave_queue_at(section, offset, sequence));
        answered(wmmf_lock_write_at(section, offset, take_timeout()));
        break;
    case 3:
        answered(wmmf_mark_consistent_at(section, offset));
        answered(wmmf_unlock_write_at(section, offset));
        break;
    case 4:
        answered(wmmf_poison_at(section, offset));
        break;
    case 5:
        answered(wmmf_notify_at(section, offset));
        answered(wmmf_notify(section));
        break;
    default:
        answered(wmmf_wait_at(section, offset, sequence, take_timeout(), &now));
    }
}

/* From here on all other calls are made as an owner, or as the thread itself again. */
static void call_set_lock_owner(void) {
    static uint64_t owner;
    if (owner == 0)
        answered(wmmf_new_lock_owner(&owner));
    answered(wmmf_set_lock_owner(take_byte() % 2 ? owner : take_byte() % 2, NULL));
}

/* One of both, so that the corpus keeps its meaning. */
static void call_list_or_lock_at(void) {
    uint64_t needed, capacity = take_byte();
    if (capacity >= 64) {
        call_lock_at();
        return;
    }
    char *names = (char *)new_buffer(capacity);
    answered(wmmf_list(WMMF_LOCAL, names, capacity, &needed));
    free(names);
}

/* Calls on channels. */

static wmmf_frame no_frame(void) {
    wmmf_frame frame = {.struct_size = sizeof frame};
    return frame;
}

static void call_channel_create(void) {
    wmmf_options options = options_for(WMMF_NATIVE);
    wmmf_channel *channel = NULL;
    int32_t status = wmmf_channel_create(name, SIZE, SLOTS, &options, &channel);
    answered(status);
    require(status != WMMF_OK && !channel, "a name that is taken");
}

static void reader_reset(struct reader *reader) {
    reader->channel = NULL;
    reader->pinned = no_frame();
    reader->begun = no_frame();
}

static void call_channel_open(void) {
    struct reader *reader = take_reader();
    wmmf_options options = options_for(WMMF_NATIVE);
    options.read_only = take_byte() & 1;
    if (!reader->channel && !looks_unfinished())
        answered(wmmf_channel_open(name, &options, &reader->channel));
}

static void call_channel_create_or_open(void) {
    struct reader *reader = take_reader();
    wmmf_options options = options_for(WMMF_NATIVE);
    uint64_t capacity = take_short() % (2 * SIZE);
    int32_t created = 0;
    if (!reader->channel && !looks_unfinished())
        answered(wmmf_channel_create_or_open(name, capacity, SLOTS, &options, &reader->channel, &created));
    require(created == 0, "created what was there");
}

static void call_channel_close(void) {
    struct reader *reader = take_reader();
    answered(wmmf_channel_close(reader->channel));
    reader_reset(reader);
}

static void call_channel_get_info(void) {
    wmmf_channel *channel = take_reader()->channel;
    wmmf_channel_info info = {.struct_size = sizeof info};
    answered(wmmf_channel_get_info(channel, &info));
    require(wmmf_channel_after_fork_child(channel) == WMMF_E_ARGUMENT, "given up without a fork");
    wmmf_participant participant = {.struct_size = sizeof participant};
    uint32_t state;
    uint64_t needed;
    char owner[8];
    answered(wmmf_channel_get_state(channel, 1000000, &state));
    answered(wmmf_channel_get_participant(channel, take_byte(), &participant));
    answered(wmmf_channel_get_owner(channel, owner, take_byte() % sizeof owner, &needed));
}

static void call_channel_begin(void) {
    struct reader *reader = take_reader();
    int32_t status = wmmf_channel_begin(reader->channel, take_timeout(), &reader->begun);
    answered(status);
    if (status == WMMF_OK)
        memset(reader->begun.data, 1, reader->begun.capacity);
}

static void take_shape(wmmf_frame *frame) {
    frame->used = take_short() % (2 * SIZE);
    frame->stride = take_byte();
    frame->height = take_byte();
    frame->user_size = take_byte();
}

static void call_channel_publish(void) {
    struct reader *reader = take_reader();
    take_shape(&reader->begun);
    answered(wmmf_channel_publish(reader->channel, &reader->begun));
}

static void call_channel_cancel(void) {
    struct reader *reader = take_reader();
    answered(wmmf_channel_cancel(reader->channel, &reader->begun));
}

static void call_channel_write(void) {
    struct reader *reader = take_reader();
    wmmf_frame frame = no_frame();
    take_shape(&frame);
    uint8_t *picture = new_buffer(frame.used);
    answered(wmmf_channel_write(reader->channel, picture, take_timeout(), &frame));
    free(picture);
}

static void check_frame(const wmmf_frame *frame) {
    const volatile uint8_t *picture = frame->data;
    require(frame->used <= frame->capacity && (uint64_t)frame->stride * frame->height <= frame->used &&
                frame->user_size <= sizeof frame->user,
            "a frame outside its slot");
    (void)picture[0];
    (void)picture[frame->capacity - 1];
}

static void call_channel_acquire(void) {
    struct reader *reader = take_reader();
    uint64_t after = take_byte();
    int32_t status = wmmf_channel_acquire(reader->channel, after, take_timeout(), &reader->pinned);
    answered(status);
    if (status == WMMF_OK)
        check_frame(&reader->pinned);
}

static void call_channel_acquire_set(void) {
    wmmf_frame frames[2] = {no_frame(), no_frame()};
    wmmf_set_item items[2] = {{.frame = &frames[0]}, {.frame = &frames[1]}};
    for (int i = 0; i < 2; i++) {
        items[i].channel = take_reader()->channel;
        items[i].after = take_byte();
    }
    uint64_t tolerance = take_byte() & 1 ? UINT64_MAX : take_byte();
    int32_t status = wmmf_channel_acquire_set(items, 2, tolerance, take_timeout());
    answered(status);
    for (int i = 0; i < 2 && status == WMMF_OK; i++) {
        check_frame(&frames[i]);
        answered(wmmf_channel_release(items[i].channel, &frames[i]));
    }
}

static void call_channel_pick(void) {
    struct reader *reader = take_reader();
    uint32_t pick = take_byte() % 6;
    uint64_t after = take_byte();
    uint64_t length = take_short() % (2 * SIZE);
    wmmf_frame frame = no_frame();
    uint8_t *buffer = new_buffer(length);
    answered(wmmf_channel_read_pick(reader->channel, pick, after, buffer, length, take_timeout(), &frame));
    free(buffer);
    int32_t status = wmmf_channel_acquire_pick(reader->channel, pick, after, take_timeout(), &reader->pinned);
    answered(status);
    if (status == WMMF_OK)
        check_frame(&reader->pinned);
}

static void call_channel_change(void) {
    struct reader *reader = take_reader();
    answered(wmmf_channel_stand_by(reader->channel, SHORT_NS));
    answered(wmmf_channel_resize(reader->channel, take_short() % (2 * SIZE), SLOTS + take_byte() % 3, 0, SHORT_NS));
}

static void call_channel_release(void) {
    struct reader *reader = take_reader();
    answered(wmmf_channel_intact(reader->channel, &reader->pinned));
    answered(wmmf_channel_release(reader->channel, &reader->pinned));
}

static void call_channel_read(void) {
    struct reader *reader = take_reader();
    wmmf_frame frame = no_frame();
    uint64_t after = take_byte(), length = take_short() % (2 * SIZE);
    uint8_t *buffer = new_buffer(length);
    int32_t status = wmmf_channel_read(reader->channel, after, buffer, length, take_timeout(), &frame);
    answered(status);
    require(status != WMMF_OK || frame.used <= length, "more than the buffer");
    free(buffer);
}

static void call_channel_wait(void) {
    struct reader *reader = take_reader();
    uint64_t sequence, after = take_byte();
    answered(wmmf_channel_wait(reader->channel, after, take_timeout(), &sequence));
}

static void call_channel_audit(void) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    answered(wmmf_channel_audit(take_reader()->channel, &report));
}

static void (*const calls[])(void) = {
    call_create,
    call_open,
    call_create_or_open,
    call_open_file,
    call_close,
    call_look,
    call_poison,
    call_map_file,
    call_lock_read,
    call_unlock_read,
    call_lock_write,
    call_unlock_write,
    call_mark_consistent,
    call_read,
    call_write,
    call_wait,
    call_wait_many,
    call_audit,
    call_get_participant,
    call_list_or_lock_at,
    call_channel_create,
    call_channel_open,
    call_channel_create_or_open,
    call_channel_close,
    call_channel_get_info,
    call_channel_begin,
    call_channel_publish,
    call_channel_cancel,
    call_channel_write,
    call_channel_acquire,
    call_channel_pick,
    call_channel_acquire_set,
    call_channel_change,
    call_channel_release,
    call_channel_read,
    call_channel_wait,
    call_channel_audit,
    call_set_lock_owner,
};

#define CALLS (sizeof calls / sizeof *calls)
#define POKES 8 /* as often as this many calls */

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void step(void) {
    size_t action = take_byte() % (CALLS + POKES);
    int64_t start = now_ns();
    if (action < CALLS)
        calls[action]();
    else
        poke();
    require(now_ns() - start < HANG_NS, "a call took longer than its timeout");
}

/* What is there to be opened. */

static void create_map(const char *map_name, uint64_t size, uint32_t layout, wmmf_section **section) {
    wmmf_options options = options_for(layout);
    options.locks = layout == WMMF_NATIVE ? LOCKS : 0;
    succeed(wmmf_create(map_name, size, &options, section));
}

static void create_channel(const char *channel_name, wmmf_channel **channel) {
    wmmf_options options = options_for(WMMF_NATIVE);
    succeed(wmmf_channel_create(channel_name, SIZE, SLOTS, &options, channel));
}

static void open_raw(const char *map_name, wmmf_section **section, uint8_t **data, uint64_t *size) {
    wmmf_options options = options_for(WMMF_RAW);
    void *payload;
    succeed(wmmf_open(map_name, 0, &options, section));
    succeed(wmmf_data(*section, &payload));
    succeed(wmmf_size(*section, size));
    *data = payload;
}

/* Not made by the library: any size, with the first bytes of a genuine section or channel. */
static void plant(bool channel) {
    char model_name[sizeof name + 8];
    wmmf_section *model = NULL, *model_raw;
    wmmf_channel *model_channel = NULL;
    uint8_t *model_bytes, *planted_bytes;
    uint64_t model_size, planted_size;
    snprintf(model_name, sizeof model_name, "%s-model", name);
    create_map(name, take_short() % LARGEST + 1, WMMF_RAW, &maps[0]);
    open_raw(name, &raw, &planted_bytes, &planted_size);
    if (channel)
        create_channel(model_name, &model_channel);
    else
        create_map(model_name, SIZE, WMMF_NATIVE, &model);
    open_raw(model_name, &model_raw, &model_bytes, &model_size);
    memcpy(planted_bytes, model_bytes, planted_size < model_size ? planted_size : model_size);
    wmmf_close(model_raw);
    wmmf_close(model);
    wmmf_channel_close(model_channel);
    wmmf_close(raw);
}

/* What a reader can write, and what a writer can: the inner sections of a channel, whose numbers are in its header. */
#define CHANNEL_HEADER (512 + 64 * PARTICIPANTS)
#define READERS        (CHANNEL_HEADER + 8)
#define PICTURES       (CHANNEL_HEADER + 64)

static void open_inner(uint64_t place) {
    char inner[40];
    uint64_t id;
    open_raw(name, &outer, &bytes, &bytes_size); /* stays open, so that the name stays taken */
    memcpy(&id, bytes + place, sizeof id);
    snprintf(inner, sizeof inner, "wmmf-i-%016llx", (unsigned long long)id);
    snprintf(inner_path, sizeof inner_path, "/dev/shm/%s", inner);
    open_raw(inner, &raw, &bytes, &bytes_size);
}

static void set_up(uint8_t kind) {
    for (int i = 0; i < HANDLES; i++)
        reader_reset(&readers[i]);
    snprintf(name, sizeof name, "fuzz-%d", (int)getpid());
    snprintf(path, sizeof path, "/dev/shm/%s", name);
    switch (kind) {
    case 0:
        create_map(name, SIZE, WMMF_NATIVE, &maps[0]);
        break;
    case 1:
        create_channel(name, &readers[0].channel);
        break;
    case 2:
        create_map(name, SIZE, WMMF_WINMMF, &maps[0]);
        break;
    case 3:
    case 4:
        create_channel(name, &readers[0].channel);
        open_inner(kind == 3 ? READERS : PICTURES);
        return;
    default:
        plant(kind & 1);
    }
    open_raw(name, &raw, &bytes, &bytes_size);
}

static void tear_down(void) {
    for (int i = 0; i < HANDLES; i++) {
        wmmf_close(maps[i]);
        wmmf_channel_close(readers[i].channel);
        maps[i] = NULL;
    }
    wmmf_close(raw);
    wmmf_close(outer);
    outer = NULL;
    succeed(wmmf_set_lock_owner(0, NULL));
}

static int count_descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    closedir(folder);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int mappings = -1; /* what the library keeps for the whole process */
    int descriptors = count_descriptors();
    struct scribbler scribbler;
    input = data;
    input_end = data + size;
    uint8_t mode = take_byte();
    bool scribbles = mode & 1;

    if (mappings < 0) {
        set_up(0);
        tear_down();
        mappings = guarded_count();
        descriptors = count_descriptors();
    }
    inner_path[0] = '\0';
    set_up(mode / 2 % 7);
    if (scribbles)
        scribbler_start(&scribbler);
    while (input < input_end)
        step();
    if (scribbles)
        scribbler_stop(&scribbler);
    tear_down();

    require(access(path, F_OK) != 0 && access(inner_path, F_OK) != 0, "a file is left");
    require(guarded_count() == mappings, "a mapping is left");
    require(count_descriptors() == descriptors, "a descriptor is left");
    return 0;
}
