/* The lock word of the Rust crate WinMMF, bit for bit: seen and set through a raw handle on the same section. */
#include "harness.h"
#include "system.h"

#define WRITER        UINT32_C(0x80000000)
#define UNINITIALISED UINT32_C(0xFF000000)

static struct {
    wmmf_section *section, *raw;
    volatile uint32_t *word;
} it;

static void set_up(void) {
    const char *name = new_name();
    it.section = create(name, 100, WMMF_WINMMF);
    it.raw = open_existing(name, WMMF_RAW);
    it.word = (volatile uint32_t *)(void *)data_of(it.raw);
}

static void tear_down(void) {
    wmmf_close(it.raw);
    wmmf_close(it.section);
}

static void the_word_is_what_the_crate_expects(void) {
    set_up();
    CHECK_EQUAL(0, *it.word);
    CHECK(wmmf_write(it.section, 0, "payload", 7, LONG_TIMEOUT) == WMMF_OK &&
          memcmp(data_of(it.raw) + 4, "payload", 7) == 0);
    REQUIRE_OK(wmmf_lock_read(it.section, 0));
    CHECK_EQUAL(1, *it.word);
    REQUIRE_OK(wmmf_unlock_read(it.section));
    CHECK_EQUAL(0, *it.word);
    REQUIRE_OK(wmmf_lock_write(it.section, 0));
    CHECK_EQUAL(WRITER, *it.word);
    REQUIRE_OK(wmmf_unlock_write(it.section));
    CHECK_EQUAL(0, *it.word);
    tear_down();
}

static void words_of_others_are_respected(void) {
    static const struct {
        uint32_t word;
        bool can_read, can_write;
    } words[] = {
        {0, true, true},
        {1, true, false},
        {0x00FFFFFE, true, false},
        {0x00FFFFFF, false, false}, /* no place for another reader */
        {WRITER, false, false},
        {WRITER | 5, false, false},
        {UNINITIALISED, false, false},
        {UNINITIALISED | 1, false, false},
        {0x01000000, true, true}, /* the spare bits mean nothing */
        {0x7F000000, true, true},
        {0x7F000003, true, false},
    };
    set_up();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        uint32_t word = *it.word = words[i].word;
        CHECK_STATUS(words[i].can_read ? WMMF_OK : WMMF_E_TIMEOUT, wmmf_lock_read(it.section, 0));
        CHECK_EQUAL(word + words[i].can_read, *it.word);
        CHECK_STATUS(words[i].can_read ? WMMF_OK : WMMF_E_NOT_OWNER, wmmf_unlock_read(it.section));
        CHECK_EQUAL(word, *it.word);
        CHECK_STATUS(words[i].can_write ? WMMF_OK : WMMF_E_TIMEOUT, wmmf_lock_write(it.section, 0));
        CHECK_EQUAL(words[i].can_write ? word | WRITER : word, *it.word);
        CHECK_STATUS(words[i].can_write ? WMMF_OK : WMMF_E_NOT_OWNER, wmmf_unlock_write(it.section));
        CHECK_EQUAL(word, *it.word);
    }
    tear_down();
}

static void a_count_of_others_is_kept(void) {
    set_up();
    REQUIRE_OK(wmmf_lock_read(it.section, 0));
    *it.word += 2; /* two readers of the crate came */
    REQUIRE_OK(wmmf_unlock_read(it.section));
    CHECK_EQUAL(2, *it.word);
    *it.word = 0;
    REQUIRE_OK(wmmf_lock_read(it.section, 0));
    *it.word = 0; /* damage: nobody is counted any more */
    CHECK_STATUS(WMMF_OK, wmmf_unlock_read(it.section));
    CHECK_EQUAL(0, *it.word);
    tear_down();
}

static void opening_leaves_the_word_alone(void) {
    const char *name = new_name();
    wmmf_section *raw = create(name, 104, WMMF_RAW);
    volatile uint32_t *word = (volatile uint32_t *)(void *)data_of(raw);
    *word = WRITER;
    wmmf_section *section = open_existing(name, WMMF_WINMMF);
    CHECK_EQUAL(WRITER, *word);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_read(section, 1000000));
    *word = 0;
    CHECK_STATUS(WMMF_OK, wmmf_lock_read(section, 0));
    wmmf_close(section);
    wmmf_close(raw);
}

static void reading_without_rights_is_refused(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_WINMMF), *reader = open_read_only(name, WMMF_WINMMF);
    char byte;
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_read(reader, 0, &byte, 1, 0));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_lock_read(reader, 0));
    wmmf_close(reader);
    wmmf_close(section);
}

static void a_lock_of_the_dead_is_broken(void) {
    set_up();
    wmmf_section *native = create(new_name(), 100, WMMF_NATIVE);
    *it.word = WRITER | 3 | 0x05000000;
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_write(it.section, 0, "x", 1, 0));
    REQUIRE_OK(wmmf_break_lock(it.section));
    CHECK_EQUAL(0x05000000, *it.word); /* the spare bits stay */
    REQUIRE_OK(wmmf_write(it.section, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_break_lock(native));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_break_lock(it.raw));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_break_lock(NULL));
    wmmf_close(native);
    tear_down();
}

static void what_its_creator_left_is_not_ready(void) {
    const char *name = new_name();
    wmmf_section *raw = create(name, 100, WMMF_RAW), *section = NULL;
    wmmf_options options = options_of(WMMF_WINMMF, WMMF_LOCAL);
    volatile uint32_t *word = (volatile uint32_t *)(void *)data_of(raw);
    *word = UNINITIALISED;
    CHECK_STATUS(WMMF_E_NOT_READY, wmmf_open(name, 0, &options, &section));
    options.read_only = 1;
    CHECK_STATUS(WMMF_E_NOT_READY, wmmf_open(name, 0, &options, &section));
    *word = 0;
    REQUIRE_OK(wmmf_open(name, 0, &options, &section));
    wmmf_close(section);
    wmmf_close(raw);
}

static void what_the_crate_cannot_do_is_refused(void) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcde"; /* 57 */
    wmmf_options options = options_of(WMMF_WINMMF, WMMF_LOCAL);
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_NAME_TOO_LONG, wmmf_create(letters, 100, &options, &section));
    CHECK(strstr(wmmf_last_detail(), "57 bytes: expected at most 56") != NULL);
    CHECK(strstr(wmmf_strerror(WMMF_E_NAME_TOO_LONG), "230") == NULL);
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(letters + 1, 0, &options, &section));
    CHECK_STATUS(WMMF_E_NAME_INVALID, wmmf_open("b\xc3\xa4r", 0, &options, &section));
    CHECK(strstr(wmmf_last_detail(), "ASCII") != NULL);
    options.access = WMMF_ACCESS_USERS_READ;
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_create(new_name(), 100, &options, &section));
    CHECK(strstr(wmmf_last_detail(), "all rights") != NULL);
    CHECK_STATUS(WMMF_E_NAME_INVALID, wmmf_create("Global\\thing", 100, NULL, &section));
    CHECK(strstr(wmmf_last_detail(), "namespace separately") != NULL);
}

/* A section of another program exists before it has a size. */
static void what_has_no_size_yet_is_waited_for(void) {
    const char *name = new_name();
    wmmf_section *section = NULL;
    wmmf_options options = options_of(WMMF_RAW, WMMF_CUSTOM);
    if (!system_sizes_later(name, 4096))
        return; /* on Windows they have one from the beginning */
    REQUIRE_OK(wmmf_open(name, 0, &options, &section));
    uint64_t size = 0;
    REQUIRE_OK(wmmf_size(section, &size));
    CHECK_EQUAL(4096, size);
    wmmf_close(section);
    system_sizes_later(name, 0);
    CHECK_STATUS(WMMF_E_NOT_READY, wmmf_open(name, 0, &options, &section));
    system_sizes_later(name, -1);
}

static const struct test tests[] = {
    TEST(a_lock_of_the_dead_is_broken),        TEST(what_its_creator_left_is_not_ready),
    TEST(what_the_crate_cannot_do_is_refused), TEST(what_has_no_size_yet_is_waited_for),
    TEST(the_word_is_what_the_crate_expects),  TEST(words_of_others_are_respected),
    TEST(a_count_of_others_is_kept),           TEST(opening_leaves_the_word_alone),
    TEST(reading_without_rights_is_refused),   {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_winmmf = {tests, roles};
