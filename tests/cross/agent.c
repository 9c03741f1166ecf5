/* The matrix's agent in C: does with wmmf.h what its standard input asks for (README.md has the protocol). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wmmf.h"

#define PATIENCE_NS INT64_C(10000000000)
#define FIELDS      8

static wmmf_map *map;
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

static void create(void) {
    wmmf_options options = {.struct_size = sizeof options,
                            .name_space = (uint32_t)number(3),
                            .layout = (uint32_t)number(4),
                            .access = (uint32_t)number(5)};
    unhex(1);
    answer(map ? WMMF_E_ARGUMENT : wmmf_create(fields[1], number(2), &options, &map));
}

static void open_existing(void) {
    wmmf_options options = {.struct_size = sizeof options,
                            .name_space = (uint32_t)number(3),
                            .layout = (uint32_t)number(4),
                            .read_only = (uint32_t)number(5)};
    uint64_t size = 0;
    unhex(1);
    int32_t status = map ? WMMF_E_ARGUMENT : wmmf_open(fields[1], number(2), &options, &map);
    if (status == WMMF_OK)
        status = wmmf_size(map, &size);
    answer_number(status, size);
}

static void close_section(void) {
    int32_t status = wmmf_close(map);
    map = NULL;
    answer(status);
}

static void lock_read(void) {
    answer(wmmf_lock_read(map, timeout(1)));
}

static void unlock_read(void) {
    answer(wmmf_unlock_read(map));
}

static void lock_write(void) {
    answer(wmmf_lock_write(map, timeout(1)));
}

static void unlock_write(void) {
    answer(wmmf_unlock_write(map));
}

static void mark_consistent(void) {
    answer(wmmf_mark_consistent(map));
}

static void fill(void) {
    uint64_t length = number(2), seed = number(3);
    uint8_t *buffer = malloc(length ? (size_t)length : 1);
    for (uint64_t i = 0; buffer && i < length; i++)
        buffer[i] = pattern(i, seed);
    answer(buffer ? wmmf_write(map, number(1), buffer, length, PATIENCE_NS) : WMMF_E_NO_MEMORY);
    free(buffer);
}

static void check(void) {
    uint64_t length = number(2), seed = number(3), same = 0;
    uint8_t *buffer = malloc(length ? (size_t)length : 1);
    int32_t status = buffer ? wmmf_read(map, number(1), buffer, length, PATIENCE_NS) : WMMF_E_NO_MEMORY;
    while (status == WMMF_OK && same < length && buffer[same] == pattern(same, seed))
        same++;
    if (status == WMMF_OK && same < length)
        printf("mismatch %" PRIu64 "\n", same);
    else
        answer(status);
    free(buffer);
}

/* Where `length` bytes at `offset` are, in place. */
static int32_t place(uint64_t offset, uint64_t length, uint8_t **bytes) {
    void *data;
    uint64_t size;
    int32_t status = wmmf_data(map, &data);
    if (status == WMMF_OK)
        status = wmmf_size(map, &size);
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
    int32_t status = wmmf_sequence(map, &value);
    answer_number(status, value);
}

static void wait_for_change(void) {
    uint64_t value = 0;
    int32_t status = wmmf_wait(map, number(1), timeout(2), &value);
    answer_number(status, value);
}

static void audit(void) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    int32_t status = wmmf_audit(map, &report);
    if (status == WMMF_OK)
        printf("ok %" PRIu32 " %" PRIu32 "\n", report.damaged, report.poisoned);
    else
        answer(status);
}

static void quit(void) {
    wmmf_close(map);
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
    {"open", 6, open_existing},
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
    {"audit", 1, audit},
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
    wmmf_close(map);
    return 0;
}
