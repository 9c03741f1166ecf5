/* An audit finds damage, and raises no false alarm. */
#include <stdio.h>

#include "atomic.h"
#include "channel_handle.h"
#include "eventcount.h"
#include "harness.h"
#include "layout.h"
#include "system.h"

static uint8_t *bytes_of(const char *name, wmmf_section **raw) {
    *raw = open_existing(name, WMMF_RAW);
    return data_of(*raw);
}

static struct participant *record_of(uint8_t *bytes, uint32_t index) {
    return (struct participant *)(void *)(bytes + HEADER_SIZE) + index;
}

/* Damage, with two participants that hold nothing. */

static void change_magic(struct header *header) {
    header->magic++;
}

static void change_id(struct header *header) {
    header->section_id++;
}

static void change_time(struct header *header) {
    header->created_unix_ns++;
}

static void change_kind(struct header *header) {
    header->kind++;
}

static void change_size(struct header *header) {
    header->payload_size--;
}

static void hide_participants(struct header *header) {
    header->records_used = 1;
}

static void set_a_reserved_bit(struct header *header) {
    header->lock |= UINT64_C(1) << 31;
}

static void own_by_nobody(struct header *header) {
    header->lock |= 4000;
}

static void make_the_sequence_odd(struct header *header) {
    header->sequence |= 1;
}

static void count_a_reader(struct header *header) {
    record_of((uint8_t *)header, 1)->lock.reading++;
}

static void count_a_tally(struct header *header) {
    record_of((uint8_t *)header, 1)->lock.reading += UINT64_C(1) << READ_TALLY_SHIFT;
}

static void count_a_write(struct header *header) {
    record_of((uint8_t *)header, 1)->lock.writes++;
}

static void draw_a_ticket(struct header *header) {
    record_of((uint8_t *)header, 1)->lock.ticket = 1000;
}

static void damage_is_found(void) {
    void (*const damages[])(struct header *) = {
        change_magic,      change_id,          change_time,   change_kind,           change_size,
        hide_participants, set_a_reserved_bit, own_by_nobody, make_the_sequence_odd, count_a_reader,
        count_a_tally,     count_a_write,      draw_a_ticket,
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *name = new_name();
        wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE), *raw;
        wmmf_audit_report report = {.struct_size = sizeof report};
        uint8_t *bytes = bytes_of(name, &raw);
        REQUIRE_OK(wmmf_audit(section, &report));
        CHECK_EQUAL(0, report.damaged);
        damages[i]((struct header *)(void *)bytes);
        REQUIRE_OK(wmmf_audit(section, &report));
        if (!CHECK_EQUAL(1, report.damaged))
            printf("  damage %zu\n", i);
        CHECK_STATUS(WMMF_E_POISONED, wmmf_lock_read(other, LONG_TIMEOUT));
        wmmf_close(raw);
        wmmf_close(other);
        wmmf_close(section);
    }
}

/* What only writers may change, in the mapping of the channel's own handle. */

static struct pictures_header *pictures_of(wmmf_channel *channel) {
    return channel->generations[channel->current].pictures.header;
}

static void move_newest(wmmf_channel *channel) {
    pictures_of(channel)->newest++;
}

static void renumber_newest(wmmf_channel *channel) {
    pictures_of(channel)->newest += UINT64_C(1) << 60;
}

static void poison_by_halves(wmmf_channel *channel) {
    channel_base(channel)->header->current |= CURRENT_POISONED;
}

static void shrink(wmmf_channel *channel) {
    pictures_of(channel)->capacity--;
}

static void lose_a_slot(wmmf_channel *channel) {
    pictures_of(channel)->slots--;
}

static void allow_more_pins(wmmf_channel *channel) {
    channel_base(channel)->header->pins++;
}

static void renumber_the_channel(wmmf_channel *channel) {
    channel_base(channel)->section->header->section_id++;
}

/* Threads that wait for a frame are woken at once: the channel's readers sleep in a section of their own. */
static void damage_of_a_channel_is_found(void) {
    void (*const damages[])(wmmf_channel *) = {
        move_newest, renumber_newest, poison_by_halves, shrink, lose_a_slot, allow_more_pins, renumber_the_channel,
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *name = new_name();
        wmmf_channel *channel = NULL;
        wmmf_frame frame = {.struct_size = sizeof frame};
        wmmf_audit_report report = {.struct_size = sizeof report};
        REQUIRE_OK(wmmf_channel_create(name, 100, 0, NULL, &channel));
        REQUIRE_OK(wmmf_channel_write(channel, "", LONG_TIMEOUT, &frame));
        REQUIRE_OK(wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &frame));
        REQUIRE_OK(wmmf_channel_audit(channel, &report));
        CHECK_EQUAL(0, report.damaged);
        const struct rwlock *sleepers = &channel_base(channel)->readers.section->lock;
        uint32_t seen = eventcount_prepare(sleepers, EVENT_CHANGE);
        damages[i](channel);
        REQUIRE_OK(wmmf_channel_audit(channel, &report));
        if (!CHECK(report.damaged == 1 && eventcount_epoch(sleepers, EVENT_CHANGE) != seen))
            printf("  damage %zu\n", i);
        CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_begin(channel, 0, &frame));
        wmmf_channel_close(channel);
    }
}

/* No false alarms: an audit may come between any two instructions of the others. */

#define CROWD 16

struct busy {
    wmmf_section *section;
    wmmf_channel *channel;
    uint32_t stop;
};

static void lock_without_pause(void *argument) {
    struct busy *it = argument;
    for (uint32_t turn = 0; !load_relaxed_u32(&it->stop); turn++) {
        if (turn % 8 == 0) {
            REQUIRE_OK(wmmf_write(it->section, 0, "x", 1, LONG_TIMEOUT));
        } else {
            REQUIRE_OK(wmmf_lock_read(it->section, LONG_TIMEOUT));
            REQUIRE_OK(wmmf_unlock_read(it->section));
        }
    }
}

static void use_frames_without_pause(void *argument) {
    struct busy *it = argument;
    wmmf_frame frame = {.struct_size = sizeof frame};
    while (!load_relaxed_u32(&it->stop)) {
        int32_t status = wmmf_channel_begin(it->channel, LONG_TIMEOUT, &frame);
        if (status == WMMF_OK)
            REQUIRE_OK(wmmf_channel_publish(it->channel, &frame));
        else
            CHECK_STATUS(WMMF_E_DEADLOCK, status);
        REQUIRE_OK(wmmf_channel_acquire(it->channel, 0, LONG_TIMEOUT, &frame));
        REQUIRE_OK(wmmf_channel_release(it->channel, &frame));
    }
}

static void whoever_works_is_sound(void) {
    const char *name = new_name();
    struct busy busy = {.section = create(name, 100, WMMF_NATIVE)};
    wmmf_audit_report report = {.struct_size = sizeof report};
    struct thread *threads[CROWD];
    for (int i = 0; i < CROWD; i++)
        threads[i] = thread_start(lock_without_pause, &busy);
    wmmf_section *auditor = open_existing(name, WMMF_NATIVE);
    for (int i = 0; i < 2000; i++) {
        REQUIRE_OK(wmmf_audit(auditor, &report));
        if (!CHECK_EQUAL(0, report.damaged))
            break;
    }
    store_relaxed_u32(&busy.stop, 1);
    for (int i = 0; i < CROWD; i++)
        thread_join(threads[i]);
    wmmf_close(auditor);
    wmmf_close(busy.section);
}

static void a_channel_at_work_is_sound(void) {
    const char *name = new_name();
    struct busy busy = {.section = NULL};
    wmmf_channel *auditor = NULL;
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_channel_create(name, 100, 0, NULL, &busy.channel));
    REQUIRE_OK(wmmf_channel_open(name, NULL, &auditor));
    struct thread *thread = thread_start(use_frames_without_pause, &busy);
    for (int i = 0; i < 20000; i++) {
        REQUIRE_OK(wmmf_channel_audit(auditor, &report));
        if (!CHECK_EQUAL(0, report.damaged))
            break;
    }
    store_relaxed_u32(&busy.stop, 1);
    thread_join(thread);
    wmmf_channel_close(auditor);
    wmmf_channel_close(busy.channel);
}

/* A poisoned lock serves nobody, not even its holders. */
static void poison_reaches_the_holder_of_the_lock(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *raw;
    uint64_t sequence;
    char byte;
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    change_id((struct header *)(void *)bytes_of(name, &raw));
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(1, report.poisoned);
    CHECK_STATUS(WMMF_E_POISONED, wmmf_write(section, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_E_POISONED, wmmf_read(section, 0, &byte, 1, 0));
    CHECK_STATUS(WMMF_E_POISONED, wmmf_mark_consistent(section));
    CHECK_STATUS(WMMF_E_POISONED, wmmf_sequence(section, &sequence));
    CHECK_STATUS(WMMF_E_POISONED, wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_write(section)); /* it was released anyway */
    wmmf_close(raw);
    wmmf_close(section);
}

static const struct test tests[] = {
    TEST(damage_is_found),
    TEST(damage_of_a_channel_is_found),
    TEST(whoever_works_is_sound),
    TEST(a_channel_at_work_is_sound),
    TEST(poison_reaches_the_holder_of_the_lock),
    {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_audit = {tests, roles};
