/* A peer may write anything into a section: opening must refuse that, and calls must stay inside the section. The
 * native header is damaged through a raw handle on the same section. */
#include <stdio.h>

#include "channel_handle.h"
#include "harness.h"
#include "layout.h"
#include "system.h"

static const char *name;
static wmmf_section *section, *raw;
static uint8_t *bytes;

static void set_up(void) {
    name = new_name();
    section = create(name, 1000, WMMF_NATIVE);
    raw = open_existing(name, WMMF_RAW);
    bytes = data_of(raw);
}

static void tear_down(void) {
    wmmf_close(raw);
    wmmf_close(section);
}

static int32_t try_open(void) {
    wmmf_section *opened = NULL;
    int32_t status = wmmf_open(name, 0, NULL, &opened);
    wmmf_close(opened);
    return status;
}

/* Opens while `size` bytes at `offset` have another value. */
static int32_t open_with(size_t offset, uint64_t value, size_t size) {
    uint8_t saved[8];
    memcpy(saved, bytes + offset, size);
    memcpy(bytes + offset, &value, size);
    int32_t status = try_open();
    memcpy(bytes + offset, saved, size);
    return status;
}

#define OPEN_WITH(field, value) open_with(offsetof(struct header, field), (value), sizeof(((struct header *)0)->field))

static void each_field_of_the_header_is_checked(void) {
    set_up();
    wmmf_info info = {.struct_size = sizeof info};
    REQUIRE_OK(wmmf_get_info(section, &info));
    CHECK_STATUS(WMMF_OK, try_open());
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(magic, 1));
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(magic, SECTION_MAGIC + 1));
    CHECK_STATUS(WMMF_E_VERSION, OPEN_WITH(format_version, 0));
    CHECK_STATUS(WMMF_E_VERSION, OPEN_WITH(format_version, WMMF_FORMAT_VERSION + 1));
    CHECK_STATUS(WMMF_E_VERSION, OPEN_WITH(format_version, UINT32_MAX));

    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(participants, 0));
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(participants, WMMF_PARTICIPANTS_DEFAULT - 1));
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(participants, WMMF_PARTICIPANTS_MAX + 1));
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(participants, UINT32_MAX));

    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(payload_offset, 0));
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(payload_offset, info.data_offset + 1));
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(payload_offset, UINT64_MAX));

    uint64_t room = info.mapped_size - info.data_offset;
    CHECK_STATUS(WMMF_E_FORMAT, OPEN_WITH(payload_size, 0));
    CHECK_STATUS(WMMF_OK, OPEN_WITH(payload_size, room));
    CHECK_STATUS(WMMF_E_TRUNCATED, OPEN_WITH(payload_size, room + 1));
    CHECK_STATUS(WMMF_E_TRUNCATED, OPEN_WITH(payload_size, UINT64_MAX));
    CHECK_STATUS(WMMF_E_TRUNCATED, OPEN_WITH(payload_size, UINT64_MAX - info.data_offset + 1)); /* the sum wraps */
    CHECK_STATUS(WMMF_OK, try_open());
    tear_down();
}

static void consistent_lies_about_the_size_are_found(void) {
    set_up();
    struct header *header = (struct header *)(void *)bytes;
    header->participants = WMMF_PARTICIPANTS_MAX;
    header->payload_offset = HEADER_SIZE + WMMF_PARTICIPANTS_MAX * sizeof(struct participant);
    CHECK_STATUS(WMMF_E_TRUNCATED, try_open());
    tear_down();
}

static void an_unfinished_section_is_waited_for_and_then_given_up(void) {
    const char *unfinished = new_name();
    wmmf_section *nothing = create(unfinished, 10000, WMMF_RAW), *opened = NULL;
    int64_t start = system_now_ns();
    CHECK_STATUS(WMMF_E_NOT_READY, wmmf_open(unfinished, 0, NULL, &opened));
    CHECK(system_now_ns() - start < LONG_TIMEOUT);
    CHECK(opened == NULL);
    wmmf_close(nothing);
}

static void finish(void *magic) {
    /* The opener may be at any step now, and succeeds. */
    store_release_u64(magic, SECTION_MAGIC);
}

static void an_early_opener_waits_for_the_creator(void) {
    set_up();
    struct header *header = (struct header *)(void *)bytes;
    header->magic = 0;
    struct thread *thread = thread_start(finish, &header->magic);
    CHECK_STATUS(WMMF_OK, try_open());
    thread_join(thread);
    tear_down();
}

static void a_section_smaller_than_a_header_is_no_section(void) {
#ifdef _WIN32
    uint64_t size = 1; /* shows as a page of zeros, like one that is being created */
    int32_t status = WMMF_E_NOT_READY;
#else
    uint64_t size = HEADER_SIZE - 1;
    int32_t status = WMMF_E_FORMAT;
#endif
    const char *small = new_name();
    wmmf_section *nothing = create(small, size, WMMF_RAW), *opened = NULL;
    CHECK_STATUS(status, wmmf_open(small, 0, NULL, &opened));
    wmmf_close(nothing);
}

/* Every call ends, with any status, and stays inside. */
static void use(void) {
    char buffer[1000];
    uint64_t sequence = 0;
    wmmf_audit_report report = {.struct_size = sizeof report};
    wmmf_section *other = NULL;
    if (wmmf_lock_read(section, 0) == WMMF_OK)
        wmmf_unlock_read(section);
    if (wmmf_lock_write(section, 0) == WMMF_OK)
        wmmf_unlock_write(section);
    wmmf_read(section, 0, buffer, sizeof buffer, 0);
    wmmf_write(section, 0, buffer, sizeof buffer, 0);
    wmmf_sequence(section, &sequence);
    wmmf_wait(section, sequence, 0, NULL);
    wmmf_audit(section, &report);
    if (wmmf_open(name, 0, NULL, &other) == WMMF_OK)
        wmmf_read(other, 0, buffer, 1, 0);
    wmmf_close(other);
}

static void damage_after_opening_harms_nobody(void) {
    static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    uint32_t participants = 2;
    size_t end = HEADER_SIZE + participants * sizeof(struct participant);
    for (size_t offset = offsetof(struct header, format_version); offset < end; offset += 4) {
        for (size_t value = 0; value < sizeof values; value++) {
            wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
            options.participants = participants;
            name = new_name();
            REQUIRE_OK(wmmf_create(name, 1000, &options, &section));
            raw = open_existing(name, WMMF_RAW);
            memset(data_of(raw) + offset, values[value], 4);
            use();
            tear_down();
        }
    }
}

/* A peer that keeps pretending deaths: of a writer with the lock, or of a reader. */
enum { PRETENDED = 5 };

struct pretender {
    struct header *header;
    bool writer;
    shared_u32 over;
};

static void pretend_deaths(void *argument) {
    struct pretender *pretender = argument;
    struct participant *record = (struct participant *)(void *)((uint8_t *)pretender->header + HEADER_SIZE) + PRETENDED;
    while (!load_acquire_u32(&pretender->over)) {
        store_seq_u64(&pretender->header->records_used, PRETENDED + 1);
        if (pretender->writer)
            store_seq_u64(&pretender->header->lock, PRETENDED + 1);
        else
            store_seq_u64(&record->lock.reading, READ_TRY);
    }
}

static int32_t read_a_byte(wmmf_section *handle, int64_t timeout_ns) {
    char byte;
    return wmmf_read(handle, 0, &byte, 1, timeout_ns);
}

static int32_t write_a_byte(wmmf_section *handle, int64_t timeout_ns) {
    return wmmf_write(handle, 0, "x", 1, timeout_ns);
}

static int32_t wait_for_a_change(wmmf_section *handle, int64_t timeout_ns) {
    uint64_t sequence;
    int32_t status = wmmf_sequence(handle, &sequence);
    return status != WMMF_OK ? status : wmmf_wait(handle, sequence, timeout_ns, NULL);
}

static void nobody_is_held_past_its_timeout(void) {
    int32_t (*const calls[])(wmmf_section *, int64_t) = {wmmf_lock_read, wmmf_lock_write, read_a_byte, write_a_byte,
                                                         wait_for_a_change};
    for (int writer = 0; writer < 2; writer++) {
        set_up();
        struct pretender pretender = {.header = (struct header *)(void *)bytes, .writer = writer};
        struct thread *thread = thread_start(pretend_deaths, &pretender);
        for (size_t i = 0; i < 5 * sizeof calls / sizeof *calls; i++) {
            int64_t start = system_now_ns();
            int32_t status = calls[i / 5](section, SECOND / 200);
            CHECK(system_now_ns() - start < 2 * SECOND);
            if (status == WMMF_OK || status == WMMF_E_OWNER_DIED)
                (void)(i / 5 == 0 ? wmmf_unlock_read(section) : wmmf_unlock_write(section));
        }
        store_release_u32(&pretender.over, 1);
        thread_join(thread);
        tear_down();
    }
}

static void a_frame_that_lies_is_not_given(void) {
    const char *channel_name = new_name();
    wmmf_channel *channel = NULL;
    wmmf_frame written = {.struct_size = sizeof written, .used = 100}, before, got = {.struct_size = sizeof got};
    uint8_t picture[100] = {0};
    REQUIRE_OK(wmmf_channel_create(channel_name, sizeof picture, 0, NULL, &channel));
    REQUIRE_OK(wmmf_channel_write(channel, picture, LONG_TIMEOUT, &written));
    REQUIRE_OK(wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &got));
    struct frame_header *header = &channel->generations[channel->current].pictures.frames[got.slot];
    REQUIRE_OK(wmmf_channel_release(channel, &got));
    header->used = 101;
    memset(&before, 'x', sizeof before);
    before.struct_size = sizeof before;
    got = before;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &got));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_read(channel, 0, picture, sizeof picture, LONG_TIMEOUT, &got));
    header->used = 100;
    header->fourcc = 0x33524742; /* BGR3 */
    header->width = 1920;
    header->height = 1080;
    header->stride = 0;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &got));
    header->width = header->height = header->fourcc = 0;
    header->array = WMMF_ELEMENT_FLOAT32 | 9 << ARRAY_DIMENSIONS_SHIFT;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &got));
    header->array = WMMF_ELEMENT_FLOAT32 | 1 << ARRAY_DIMENSIONS_SHIFT;
    header->shape[0] = 26;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &got));
    CHECK(memcmp(&before, &got, sizeof got) == 0);
    wmmf_channel_close(channel);
}

static const struct test tests[] = {
    TEST(each_field_of_the_header_is_checked),
    TEST(consistent_lies_about_the_size_are_found),
    TEST(an_unfinished_section_is_waited_for_and_then_given_up),
    TEST(an_early_opener_waits_for_the_creator),
    TEST(a_section_smaller_than_a_header_is_no_section),
    TEST(damage_after_opening_harms_nobody),
    TEST(nobody_is_held_past_its_timeout),
    TEST(a_frame_that_lies_is_not_given),
    {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_hostile = {tests, roles};
