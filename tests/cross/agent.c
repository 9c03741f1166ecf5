/* The matrix's agent in C: does with wmmf.h what its standard input asks for (README.md has the protocol). */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_system.h"
#include "wmmf.h"

#define YIELDING_NS INT64_C(10000000000)
#define FIELDS      10

static wmmf_section *section;
static wmmf_channel *channel;
static bool channel_is_read_only;
static wmmf_frame begun, taken; /* data: NULL if none */
static void *copied;            /* the picture of `taken`, of a read-only channel */
static uint64_t had;            /* the sequence of the frame taken last */
static char line[1 << 20];
static char *fields[FIELDS];

static uint64_t number(int field) {
    return strtoull(fields[field], NULL, 10);
}

static int64_t timeout(int field) {
    return strtoll(fields[field], NULL, 10);
}

static void answer(int32_t status) {
    if (status == WMMF_OK)
        printf("ok\n");
    else
        printf("error %" PRId32 "\n", status);
}

static void answer_number(int32_t status, uint64_t value) {
    if (status == WMMF_OK)
        printf("ok %" PRIu64 "\n", value);
    else
        answer(status);
}

/* Turns a field of hexadecimal digits into the bytes they mean, in place; returns how many. */
static size_t unhex(int field) {
    char *text = fields[field];
    size_t length = strlen(text) / 2;
    for (size_t i = 0; i < length; i++) {
        char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        text[i] = (char)strtoul(digits, NULL, 16);
    }
    text[length] = '\0';
    return length;
}

static uint8_t pattern(uint64_t index, uint64_t seed) {
    return (uint8_t)(seed + index * 7 + (index >> 8));
}

static void version(void) {
    printf("ok %" PRId32 " %s\n", wmmf_abi_version(), wmmf_version());
}

static bool is_open(void) {
    return section || channel;
}

static void create(void) {
    wmmf_options options = {.struct_size = sizeof options,
                            .name_space = (uint32_t)number(3),
                            .layout = (uint32_t)number(4),
                            .access = (uint32_t)number(5)};
    unhex(1);
    answer(is_open() ? WMMF_E_ARGUMENT : wmmf_create(fields[1], number(2), &options, &section));
}

static void create_growing(void) {
    wmmf_options options = {.struct_size = sizeof options, .reserve = number(3)};
    unhex(1);
    answer(is_open() ? WMMF_E_ARGUMENT : wmmf_create(fields[1], number(2), &options, &section));
}

static void resize(void) {
    answer(wmmf_resize(section, number(1)));
}

static void tell_size(void) {
    uint64_t bytes = 0;
    int32_t status = wmmf_size(section, &bytes);
    answer_number(status, bytes);
}

static void process(void) {
    answer_number(WMMF_OK, own_process_id());
}

static void create_unnamed(void) {
    answer(is_open() ? WMMF_E_ARGUMENT : wmmf_create_unnamed(number(1), NULL, &section));
}

static void share(void) {
    int64_t handle = 0;
    int32_t status = wmmf_share(section, (uint32_t)number(1), 0, &handle);
    answer_number(status, (uint64_t)handle);
}

static void open_handle(void) {
    int64_t handle = handle_from(fields[1], fields[2]);
    int32_t status = is_open() ? WMMF_E_ARGUMENT : wmmf_open_handle(handle, 0, NULL, &section);
    close_handle(handle);
    if (status == WMMF_OK)
        tell_size();
    else
        answer(status);
}

static void open_existing(void) {
    wmmf_options options = {.struct_size = sizeof options,
                            .name_space = (uint32_t)number(3),
                            .layout = (uint32_t)number(4),
                            .read_only = (uint32_t)number(5)};
    uint64_t size = 0;
    unhex(1);
    int32_t status = is_open() ? WMMF_E_ARGUMENT : wmmf_open(fields[1], number(2), &options, &section);
    if (status == WMMF_OK)
        status = wmmf_size(section, &size);
    answer_number(status, size);
}

/* Frames that the channel still has are gone with it. */
static int32_t close_all(void) {
    int32_t status = section ? wmmf_close(section) : wmmf_channel_close(channel);
    free(copied);
    section = NULL;
    channel = NULL;
    copied = NULL;
    begun.data = taken.data = NULL;
    had = 0;
    return status;
}

static void close_section(void) {
    answer(close_all());
}

static void lock_read(void) {
    answer(wmmf_lock_read(section, timeout(1)));
}

static void unlock_read(void) {
    answer(wmmf_unlock_read(section));
}

static void lock_write(void) {
    answer(wmmf_lock_write(section, timeout(1)));
}

static void unlock_write(void) {
    answer(wmmf_unlock_write(section));
}

static void mark_consistent(void) {
    answer(wmmf_mark_consistent(section));
}

static void fill(void) {
    uint64_t length = number(2), seed = number(3);
    uint8_t *buffer = malloc(length ? (size_t)length : 1);
    for (uint64_t i = 0; buffer && i < length; i++)
        buffer[i] = pattern(i, seed);
    answer(buffer ? wmmf_write(section, number(1), buffer, length, YIELDING_NS) : WMMF_E_NO_MEMORY);
    free(buffer);
}

/* How many bytes from the first on are those of the pattern. */
static uint64_t same_bytes(const uint8_t *bytes, uint64_t length, uint64_t seed) {
    uint64_t same = 0;
    while (same < length && bytes[same] == pattern(same, seed))
        same++;
    return same;
}

static void answer_compared(uint64_t same, bool all) {
    if (all)
        answer(WMMF_OK);
    else
        printf("mismatch %" PRIu64 "\n", same);
}

static void check(void) {
    uint64_t length = number(2);
    uint8_t *buffer = malloc(length ? (size_t)length : 1);
    int32_t status = buffer ? wmmf_read(section, number(1), buffer, length, YIELDING_NS) : WMMF_E_NO_MEMORY;
    if (status == WMMF_OK) {
        uint64_t same = same_bytes(buffer, length, number(3));
        answer_compared(same, same == length);
    } else {
        answer(status);
    }
    free(buffer);
}

/* Where `length` bytes at `offset` are, in place. */
static int32_t place(uint64_t offset, uint64_t length, uint8_t **bytes) {
    void *data;
    uint64_t size;
    int32_t status = wmmf_data(section, &data);
    if (status == WMMF_OK)
        status = wmmf_size(section, &size);
    if (status != WMMF_OK)
        return status;
    if (offset > size || length > size - offset)
        return WMMF_E_RANGE;
    *bytes = (uint8_t *)data + offset;
    return WMMF_OK;
}

static void poke(void) {
    uint8_t *bytes;
    size_t length = unhex(2);
    int32_t status = place(number(1), length, &bytes);
    if (status == WMMF_OK)
        memcpy(bytes, fields[2], length);
    answer(status);
}

static void peek(void) {
    uint8_t *bytes;
    uint64_t length = number(2);
    int32_t status = place(number(1), length, &bytes);
    if (status != WMMF_OK) {
        answer(status);
        return;
    }
    printf("ok ");
    for (uint64_t i = 0; i < length; i++)
        printf("%02x", bytes[i]);
    printf("\n");
}

static void sequence(void) {
    uint64_t value = 0;
    int32_t status = wmmf_sequence(section, &value);
    answer_number(status, value);
}

static void wait_for_change(void) {
    uint64_t value = 0;
    int32_t status = wmmf_wait(section, number(1), timeout(2), &value);
    answer_number(status, value);
}

static void notify(void) {
    answer(wmmf_notify(section));
}

/* Locks in the payload. */

static void create_with_locks(void) {
    wmmf_options options = {.struct_size = sizeof options, .locks = (uint32_t)number(3)};
    unhex(1);
    answer(is_open() ? WMMF_E_ARGUMENT : wmmf_create(fields[1], number(2), &options, &section));
}

static void lock_read_at(void) {
    answer(wmmf_lock_read_at(section, number(1), timeout(2)));
}

static void unlock_read_at(void) {
    answer(wmmf_unlock_read_at(section, number(1)));
}

static void lock_write_at(void) {
    answer(wmmf_lock_write_at(section, number(1), timeout(2)));
}

static void unlock_write_at(void) {
    answer(wmmf_unlock_write_at(section, number(1)));
}

static void mark_consistent_at(void) {
    answer(wmmf_mark_consistent_at(section, number(1)));
}

static void poison_at(void) {
    answer(wmmf_poison_at(section, number(1)));
}

static void notify_at(void) {
    answer(wmmf_notify_at(section, number(1)));
}

static void wait_at(void) {
    uint64_t value = 0;
    int32_t status = wmmf_wait_at(section, number(1), number(2), timeout(3), &value);
    answer_number(status, value);
}

static void audit(void) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    int32_t status = wmmf_audit(section, &report);
    if (status == WMMF_OK)
        printf("ok %" PRIu32 " %" PRIu32 "\n", report.damaged, report.poisoned);
    else
        answer(status);
}

/* Channels. */

static void channel_create(void) {
    wmmf_options options = {
        .struct_size = sizeof options, .name_space = (uint32_t)number(4), .access = (uint32_t)number(5)};
    unhex(1);
    channel_is_read_only = false;
    answer(is_open() ? WMMF_E_ARGUMENT
                     : wmmf_channel_create(fields[1], number(2), (uint32_t)number(3), &options, &channel));
}

static void channel_open(void) {
    wmmf_options options = {
        .struct_size = sizeof options, .name_space = (uint32_t)number(2), .read_only = (uint32_t)number(3)};
    wmmf_channel_info info = {.struct_size = sizeof info};
    unhex(1);
    channel_is_read_only = options.read_only != 0;
    int32_t status = is_open() ? WMMF_E_ARGUMENT : wmmf_channel_open(fields[1], &options, &channel);
    if (status == WMMF_OK)
        status = wmmf_channel_get_info(channel, &info);
    if (status == WMMF_OK)
        printf("ok %" PRIu64 " %" PRIu32 "\n", info.capacity, info.slots);
    else
        answer(status);
}

static void channel_resize(void) {
    answer(wmmf_channel_resize(channel, number(1), 0, 0, -1));
}

static void begin(void) {
    begun.struct_size = sizeof begun;
    answer(wmmf_channel_begin(channel, timeout(1), &begun));
}

/* From the fields of `publish` and `copy`. */
static void describe(wmmf_frame *frame) {
    frame->used = number(1);
    frame->width = (uint32_t)number(3);
    frame->height = (uint32_t)number(4);
    frame->stride = (uint32_t)number(5);
    frame->timestamp_ns = number(7);
    for (int i = 3; i >= 0; i--)
        frame->fourcc = frame->fourcc << 8 | (uint8_t)fields[6][i];
    frame->user_size = (uint32_t)unhex(8);
    memcpy(frame->user, fields[8], frame->user_size);
}

static void fill_with_pattern(uint8_t *bytes) {
    for (uint64_t i = 0; i < number(1); i++)
        bytes[i] = pattern(i, number(2));
}

static void publish(void) {
    if (!begun.data || number(1) > begun.capacity) {
        answer(begun.data ? WMMF_E_RANGE : WMMF_E_NOT_OWNER);
        return;
    }
    fill_with_pattern(begun.data);
    describe(&begun);
    int32_t status = wmmf_channel_publish(channel, &begun);
    if (status == WMMF_OK)
        begun.data = NULL;
    answer_number(status, begun.sequence);
}

static void drop(void) {
    int32_t status = begun.data ? wmmf_channel_cancel(channel, &begun) : WMMF_E_NOT_OWNER;
    begun.data = NULL;
    answer(status);
}

static void copy(void) {
    wmmf_frame frame = {.struct_size = sizeof frame};
    uint8_t *buffer = malloc((size_t)number(1) + 1);
    int32_t status = buffer ? WMMF_OK : WMMF_E_NO_MEMORY;
    if (buffer) {
        fill_with_pattern(buffer);
        describe(&frame);
        status = wmmf_channel_write(channel, buffer, 0, &frame);
    }
    answer_number(status, frame.sequence);
    free(buffer);
}

static int32_t let_go(void) {
    int32_t status = WMMF_OK;
    if (!taken.data)
        status = WMMF_E_NOT_OWNER;
    else if (!channel_is_read_only)
        status = wmmf_channel_release(channel, &taken);
    taken.data = NULL;
    return status;
}

/* A copy, because a read-only channel gives no other. */
static int32_t take_copy(void) {
    wmmf_channel_info info = {.struct_size = sizeof info};
    int32_t status = wmmf_channel_get_info(channel, &info);
    if (status == WMMF_OK && !copied && !(copied = malloc((size_t)info.capacity)))
        status = WMMF_E_NO_MEMORY;
    if (status == WMMF_OK)
        status = wmmf_channel_read(channel, had, copied, info.capacity, timeout(1), &taken);
    if (status == WMMF_OK)
        taken.data = copied;
    return status;
}

static void next(void) {
    if (taken.data)
        let_go();
    taken.struct_size = sizeof taken;
    int32_t status = channel_is_read_only ? take_copy() : wmmf_channel_acquire(channel, had, timeout(1), &taken);
    if (status != WMMF_OK) {
        answer(status);
        return;
    }
    had = taken.sequence;
    printf("ok %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32 " %" PRIu32 " ", taken.sequence, taken.missed,
           taken.timestamp_ns, taken.width, taken.height, taken.stride);
    for (int i = 0; i < 4; i++)
        printf("%c", (char)(taken.fourcc >> 8 * i & 0xff));
    printf(" ");
    for (uint32_t i = 0; i < taken.user_size; i++)
        printf("%02x", taken.user[i]);
    printf("\n");
}

static void picture(void) {
    if (!taken.data) {
        answer(WMMF_E_NOT_OWNER);
        return;
    }
    uint64_t same = same_bytes(taken.data, taken.used, number(2));
    answer_compared(same, same == taken.used && same == number(1));
}

static void release(void) {
    answer(let_go());
}

static void quit(void) {
    close_all();
    printf("ok\n");
    exit(0);
}

static const struct {
    const char *name;
    int fields; /* with the name */
    void (*run)(void);
} requests[] = {
    {"version", 1, version},
    {"create", 6, create},
    {"create_growing", 4, create_growing},
    {"resize", 2, resize},
    {"size", 1, tell_size},
    {"open", 6, open_existing},
    {"process", 1, process},
    {"create_unnamed", 2, create_unnamed},
    {"share", 2, share},
    {"open_handle", 3, open_handle},
    {"close", 1, close_section},
    {"lock_read", 2, lock_read},
    {"unlock_read", 1, unlock_read},
    {"lock_write", 2, lock_write},
    {"unlock_write", 1, unlock_write},
    {"mark_consistent", 1, mark_consistent},
    {"fill", 4, fill},
    {"check", 4, check},
    {"poke", 3, poke},
    {"peek", 3, peek},
    {"sequence", 1, sequence},
    {"wait", 3, wait_for_change},
    {"notify", 1, notify},
    {"create_with_locks", 4, create_with_locks},
    {"lock_read_at", 3, lock_read_at},
    {"unlock_read_at", 2, unlock_read_at},
    {"lock_write_at", 3, lock_write_at},
    {"unlock_write_at", 2, unlock_write_at},
    {"mark_consistent_at", 2, mark_consistent_at},
    {"poison_at", 2, poison_at},
    {"notify_at", 2, notify_at},
    {"wait_at", 4, wait_at},
    {"audit", 1, audit},
    {"channel_create", 6, channel_create},
    {"channel_open", 4, channel_open},
    {"channel_resize", 2, channel_resize},
    {"begin", 2, begin},
    {"publish", 9, publish},
    {"drop", 1, drop},
    {"copy", 9, copy},
    {"next", 2, next},
    {"picture", 3, picture},
    {"release", 1, release},
    {"quit", 1, quit},
};

/* One space separates fields, so a field may be empty. */
static int split(char *text) {
    int count = 0;
    text[strcspn(text, "\r\n")] = '\0';
    while (text && count < FIELDS) {
        fields[count++] = text;
        text = strchr(text, ' ');
        if (text)
            *text++ = '\0';
    }
    return count;
}

static void serve(void) {
    int count = split(line);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        if (strcmp(requests[i].name, fields[0]) == 0 && requests[i].fields == count) {
            requests[i].run();
            return;
        }
    }
    answer(WMMF_E_ARGUMENT);
}

int main(void) {
    while (fgets(line, sizeof line, stdin)) {
        serve();
        fflush(stdout);
    }
    close_all();
    return 0;
}
