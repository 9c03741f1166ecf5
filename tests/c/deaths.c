/* A peer dies again each time that it was reaped. A caller whose timeout has expired reaps at most one round, and
 * returns. The test uses no clock: it counts the deaths that the caller has seen. Linked with
 * --wrap=platform_token_drop, which ends every reaping. */
#include <stdio.h>

#include "channel_handle.h"
#include "harness.h"

enum {
    PEER = 5,        /* the record of the peer: nobody has its token, so to the kernel it is dead */
    TOO_MANY = 100,  /* deaths */
    GIVING_UP = 1000 /* then the peer stays dead, so that a caller without a bound returns as well */
};
#define AT_ONCE        INT64_C(0)
#define ALMOST_AT_ONCE INT64_C(1)

static wmmf_section *section;
static wmmf_channel *channel;
static void (*die)(void); /* stores what a peer that dies in this state leaves behind; NULL: it stays dead */
static int deaths;

void __real_platform_token_drop(struct platform_mapping *mapping, uint32_t index);
void __wrap_platform_token_drop(struct platform_mapping *mapping, uint32_t index);
void __wrap_platform_token_drop(struct platform_mapping *mapping, uint32_t index) {
    __real_platform_token_drop(mapping, index);
    if (index == PEER && die && ++deaths < GIVING_UP)
        die();
}

static struct participant *peer_of(wmmf_section *in) {
    store_seq_u64(&in->records[PEER].joined_unix_ns, 1);
    store_seq_u64(&in->header->records_used, PEER + 1);
    return &in->records[PEER];
}

static void die_as_writer(void) {
    peer_of(section);
    store_seq_u64(&section->header->lock, PEER + 1);
}

static void die_inside(void) {
    peer_of(section);
    store_seq_u64(&section->header->sequence, 1);
    store_seq_u64(&section->header->lock, PEER + 1);
}

static void die_as_reader(void) {
    store_seq_u64(&peer_of(section)->lock.reading, READ_TRY);
}

/* With a ticket that comes before every other. */
static void die_in_queue(void) {
    struct participant *peer = peer_of(section);
    store_seq_u64(&section->header->next_ticket, 2);
    store_seq_u32(&peer->lock.wait_epoch, load_seq_u32(&section->skipped[PEER]) + 1);
    store_seq_u64(&peer->lock.ticket, 1);
    or_seq_u64(&section->header->lock, LOCK_WAITERS);
}

static void die_with_all_pictures(void) {
    const struct generation *generation = &channel->generations[channel->current];
    wmmf_section *readers = channel_base(channel)->readers.section;
    uint64_t number = (uint64_t)(generation->pictures.number & 0xFFFF) << PIN_GENERATION_SHIFT;
    peer_of(readers);
    for (uint32_t slot = 0; slot < generation->pictures.slots; slot++)
        store_seq_u64(&readers->pins[PEER * readers->pins_each + slot], number | (slot + 1));
}

static int32_t write_a_byte(int64_t timeout_ns) {
    return wmmf_write(section, 0, "x", 1, timeout_ns);
}

static int32_t lock_write(int64_t timeout_ns) {
    return wmmf_lock_write(section, timeout_ns);
}

static int32_t lock_read(int64_t timeout_ns) {
    return wmmf_lock_read(section, timeout_ns);
}

static int32_t wait_for_a_change(int64_t timeout_ns) {
    uint64_t sequence;
    int32_t status = wmmf_sequence(section, &sequence);
    return status == WMMF_OK ? wmmf_wait(section, sequence, timeout_ns, NULL) : status;
}

static int32_t begin_a_frame(int64_t timeout_ns) {
    wmmf_frame frame = {.struct_size = sizeof frame, .used = 1};
    return wmmf_channel_write(channel, "x", timeout_ns, &frame);
}

static int32_t stand_by(int64_t timeout_ns) {
    return wmmf_channel_stand_by(channel, timeout_ns);
}

/* The number of deaths that this call has seen. */
static int deaths_in(int32_t (*call)(int64_t), int64_t timeout_ns, void (*peer)(void)) {
    deaths = 0;
    die = peer;
    die();
    call(timeout_ns);
    die = NULL;
    return deaths;
}

static int deaths_in_section(int32_t (*call)(int64_t), int64_t timeout_ns, void (*peer)(void)) {
    section = create(new_name(), 1000, WMMF_NATIVE);
    int seen = deaths_in(call, timeout_ns, peer);
    wmmf_close(section);
    return seen;
}

/* In a channel, whose lock is that of its section. */
static int deaths_in_channel(int32_t (*call)(int64_t), int64_t timeout_ns, void (*peer)(void)) {
    REQUIRE_OK(wmmf_channel_create(new_name(), 100, WMMF_CHANNEL_SLOTS_MIN, NULL, &channel));
    section = channel_base(channel)->section;
    int seen = deaths_in(call, timeout_ns, peer);
    wmmf_channel_close(channel);
    return seen;
}

struct attempt {
    int32_t (*call)(int64_t timeout_ns);
    void (*peer)(void);
};

static void check_each(const struct attempt *attempt,
                       int (*deaths_seen)(int32_t (*)(int64_t), int64_t, void (*)(void))) {
    for (int number = 0; attempt->call; attempt++, number++) {
        int at_once = deaths_seen(attempt->call, AT_ONCE, attempt->peer);
        int later = deaths_seen(attempt->call, ALMOST_AT_ONCE, attempt->peer);
        if (!CHECK(at_once > 0 && at_once < TOO_MANY && later > 0 && later < TOO_MANY))
            printf("attempt %d: %d and %d deaths\n", number, at_once, later);
    }
}

static void deaths_keep_no_call_past_its_timeout(void) {
    static const struct attempt attempts[] = {
        {lock_write, die_as_writer},   {lock_write, die_inside},
        {lock_write, die_as_reader},   {lock_write, die_in_queue},
        {lock_read, die_as_writer},    {wait_for_a_change, die_as_writer},
        {write_a_byte, die_as_writer}, {write_a_byte, die_in_queue},
        {write_a_byte, die_as_reader}, {NULL, NULL},
    };
    check_each(attempts, deaths_in_section);
}

static void deaths_keep_no_call_of_a_channel_past_its_timeout(void) {
    static const struct attempt attempts[] = {
        {begin_a_frame, die_as_writer},
        {begin_a_frame, die_in_queue},
        {begin_a_frame, die_with_all_pictures},
        {stand_by, die_as_writer},
        {NULL, NULL},
    };
    check_each(attempts, deaths_in_channel);
}

static const struct test tests[] = {
    TEST(deaths_keep_no_call_past_its_timeout),
    TEST(deaths_keep_no_call_of_a_channel_past_its_timeout),
    {NULL, NULL},
};

int main(int argc, char **argv) {
    return harness_run(argc, argv, tests);
}
