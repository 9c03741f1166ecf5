/* What may be a name, and where it is looked up. */
#ifndef _WIN32
#define _GNU_SOURCE
#include <unistd.h>
#endif
#include <stdio.h>

#include "harness.h"
#include "system.h"

static int32_t try_name(const char *name, uint32_t name_space) {
    wmmf_options options = options_of(WMMF_NATIVE, name_space);
    wmmf_section *section = NULL;
    int32_t status = wmmf_create(name, 10, &options, &section);
    wmmf_close(section);
    return status;
}

static void bad_names_are_refused_by_every_call(void) {
    static const struct {
        const char *name;
        int32_t status;
    } bad[] = {
        {"", WMMF_E_NAME_EMPTY},
        {"a\\b", WMMF_E_NAME_INVALID},
        {"a/b", WMMF_E_NAME_INVALID},
        {"..\\b", WMMF_E_NAME_INVALID},
        {"/", WMMF_E_NAME_INVALID},
        {"\x80", WMMF_E_NAME_INVALID},             /* a continuation without a beginning */
        {"abc\xC3", WMMF_E_NAME_INVALID},          /* cut short */
        {"\xC0\xAF", WMMF_E_NAME_INVALID},         /* an overlong slash */
        {"\xE0\x80\xAF", WMMF_E_NAME_INVALID},     /* and another */
        {"\xED\xA0\x80", WMMF_E_NAME_INVALID},     /* a surrogate */
        {"\xF4\x90\x80\x80", WMMF_E_NAME_INVALID}, /* behind the last code point */
        {"\xFF", WMMF_E_NAME_INVALID},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (uint32_t name_space = WMMF_LOCAL; name_space <= WMMF_GLOBAL; name_space++) {
            wmmf_options options = options_of(WMMF_NATIVE, name_space);
            wmmf_section *section = NULL;
            CHECK_STATUS(bad[i].status, wmmf_create(bad[i].name, 10, &options, &section));
            CHECK_STATUS(bad[i].status, wmmf_create_or_open(bad[i].name, 10, &options, &section, NULL));
            CHECK_STATUS(bad[i].status, wmmf_open(bad[i].name, 0, &options, &section));
            CHECK(section == NULL);
            CHECK_EQUAL(0, wmmf_last_os_error());
        }
    }
}

static void the_longest_name_is_as_long_as_promised(void) {
    char name[WMMF_NAME_MAX + 2];
    const char *beginning = new_name();
    wmmf_section *none = NULL;
    memset(name, 'n', sizeof name);
    memcpy(name, beginning, strlen(beginning));
    name[WMMF_NAME_MAX + 1] = '\0';
    for (uint32_t name_space = WMMF_LOCAL; name_space <= WMMF_CUSTOM; name_space++)
        CHECK_STATUS(WMMF_E_NAME_TOO_LONG, try_name(name, name_space));
    CHECK_STATUS(WMMF_E_NAME_TOO_LONG, wmmf_open(name, 0, NULL, &none));
    CHECK(strstr(wmmf_last_detail(), "231 bytes of UTF-8: expected at most 230") != NULL);
    name[WMMF_NAME_MAX] = '\0';
    for (uint32_t name_space = WMMF_LOCAL; name_space <= WMMF_CUSTOM; name_space++)
        CHECK_STATUS(WMMF_OK, try_name(name, name_space));
}

static void names_are_text_of_any_script(void) {
    static const char *const names[] = {
        "wmmf test with spaces, %s and 'quotes'",
        "wmmf-\xD0\xBA\xD0\xB0\xD0\xBC\xD0\xB5\xD1\x80\xD0\xB0", /* Cyrillic */
        "wmmf-\xE7\x9B\xB8\xE6\x9C\xBA",                         /* Chinese */
        "wmmf-\xF0\x9F\x93\xB7",                                 /* outside the basic plane */
        ".",
        "..",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        wmmf_section *section = NULL; /* or the section of another run of this test, because all runs use these names */
        REQUIRE_OK(wmmf_create_or_open(names[i], 10, NULL, &section, NULL));
        wmmf_section *second = open_existing(names[i], WMMF_NATIVE);
        wmmf_close(second);
        wmmf_close(section);
    }
}

static void case_matters(void) {
    const char *name = new_name();
    char upper[64];
    snprintf(upper, sizeof upper, "W%s", name + 1);
    wmmf_section *section = create(name, 10, WMMF_NATIVE), *other = create(upper, 10, WMMF_NATIVE);
    wmmf_close(other);
    wmmf_close(section);
}

static void namespaces_are_apart(void) {
    const char *name = new_name();
    wmmf_section *maps[3];
    for (uint32_t i = WMMF_LOCAL; i <= WMMF_GLOBAL; i++) {
        wmmf_options options = options_of(WMMF_NATIVE, i);
        REQUIRE_OK(wmmf_create(name, 10, &options, &maps[i]));
        data_of(maps[i])[0] = (uint8_t)(i + 1);
    }
    for (uint32_t i = WMMF_LOCAL; i <= WMMF_GLOBAL; i++) {
        wmmf_options options = options_of(WMMF_NATIVE, i);
        wmmf_section *section;
        REQUIRE_OK(wmmf_open(name, 0, &options, &section));
        CHECK_EQUAL(i + 1, data_of(section)[0]);
        wmmf_close(section);
    }
    wmmf_close(maps[0]);
    wmmf_close(maps[1]);
}

static wmmf_section *create_in(const char *name, uint32_t name_space) {
    wmmf_options options = options_of(WMMF_NATIVE, name_space);
    wmmf_section *section = NULL;
    REQUIRE_OK(wmmf_create(name, 10, &options, &section));
    return section;
}

/* Where WMMF_ANY finds the name; the status, if it does not. */
static int32_t found_in(const char *name) {
    wmmf_options any = options_of(WMMF_NATIVE, WMMF_ANY);
    wmmf_info info = {.struct_size = sizeof info};
    wmmf_section *section = NULL;
    int32_t status = wmmf_open(name, 0, &any, &section);
    if (status != WMMF_OK) {
        CHECK(section == NULL);
        return status;
    }
    REQUIRE_OK(wmmf_get_info(section, &info));
    wmmf_close(section);
    return (int32_t)info.name_space;
}

static void any_namespace_is_the_global_one_then_the_local_one(void) {
    const char *name = new_name();
    CHECK_STATUS(WMMF_E_NOT_FOUND, found_in(name));
    wmmf_section *local = create_in(name, WMMF_LOCAL);
    CHECK_EQUAL(WMMF_LOCAL, found_in(name));
    wmmf_section *global = create_in(name, WMMF_GLOBAL);
    CHECK_EQUAL(WMMF_GLOBAL, found_in(name));
    wmmf_close(local);
    CHECK_EQUAL(WMMF_GLOBAL, found_in(name));
    wmmf_close(global);
    CHECK_STATUS(WMMF_E_NOT_FOUND, found_in(name));
}

static void a_channel_knows_where_its_name_was_found(void) {
    const char *name = new_name();
    wmmf_options any = options_of(WMMF_NATIVE, WMMF_ANY);
    wmmf_channel_info info = {.struct_size = sizeof info, .reserved = 7};
    wmmf_channel *channel = NULL, *found = NULL;
    REQUIRE_OK(wmmf_channel_create(name, 10, 0, NULL, &channel));
    REQUIRE_OK(wmmf_channel_open(name, &any, &found));
    REQUIRE_OK(wmmf_channel_get_info(found, &info));
    CHECK(info.name_space == WMMF_LOCAL && info.reserved == 0);
    wmmf_channel_close(found);
    wmmf_channel_close(channel);
}

static void any_namespace_is_for_opening_only(void) {
    wmmf_options any = options_of(WMMF_NATIVE, WMMF_ANY);
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create(new_name(), 10, &any, &section));
    CHECK(strstr(wmmf_last_detail(), "WMMF_ANY is for opening only") != NULL);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create_or_open(new_name(), 10, &any, &section, NULL));
    CHECK(section == NULL);
}

/* The global namespace decides, whatever has the name there: going on would hide it behind another section. */
static void an_unfit_global_name_is_the_answer(void) {
    const char *name = new_name();
    wmmf_options raw = options_of(WMMF_RAW, WMMF_GLOBAL);
    wmmf_section *local = create_in(name, WMMF_LOCAL), *global = NULL;
    REQUIRE_OK(wmmf_create(name, 10000, &raw, &global));
    memset(data_of(global), 'x', 10000);
    CHECK_STATUS(WMMF_E_FORMAT, found_in(name));
    wmmf_close(global);
    CHECK_EQUAL(WMMF_LOCAL, found_in(name));
    wmmf_close(local);
}

static void look_behind_a_forbidden_global_name(void) {
    const char *name = new_name();
    wmmf_options forbidden = options_of(WMMF_NATIVE, WMMF_GLOBAL);
#ifdef _WIN32
    forbidden.access = WMMF_ACCESS_SDDL;
    forbidden.sddl = "D:P(D;;GA;;;WD)";
#else
    if (geteuid() == 0 && !CHECK(setuid(65534) == 0)) /* root may do everything */
        return;
    forbidden.access = WMMF_ACCESS_MODE;
#endif
    wmmf_section *local = create_in(name, WMMF_LOCAL), *global = NULL;
    REQUIRE_OK(wmmf_create(name, 10, &forbidden, &global));
    CHECK_STATUS(WMMF_E_ACCESS, found_in(name));
    wmmf_close(global);
    CHECK_EQUAL(WMMF_LOCAL, found_in(name));
    wmmf_close(local);
}

static void a_forbidden_global_name_is_the_answer(void) {
#ifdef _WIN32
    look_behind_a_forbidden_global_name();
#else
    in_a_child(look_behind_a_forbidden_global_name); /* which becomes another user */
#endif
}

static void null_is_no_name(void) {
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create(NULL, 10, NULL, &section));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create_or_open(NULL, 10, NULL, &section, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_open(NULL, 10, NULL, &section));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_open_file(NULL, 10, NULL, &section));
    CHECK(section == NULL);
}

static const struct test tests[] = {
    TEST(bad_names_are_refused_by_every_call),
    TEST(the_longest_name_is_as_long_as_promised),
    TEST(names_are_text_of_any_script),
    TEST(case_matters),
    TEST(namespaces_are_apart),
    TEST(any_namespace_is_the_global_one_then_the_local_one),
    TEST(a_channel_knows_where_its_name_was_found),
    TEST(any_namespace_is_for_opening_only),
    TEST(an_unfit_global_name_is_the_answer),
    TEST(a_forbidden_global_name_is_the_answer),
    TEST(null_is_no_name),
    {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_names = {tests, roles};
