/* Creating, opening and closing sections. */
#ifndef WMMF_SECTION_H
#define WMMF_SECTION_H

#include "handle.h"
#include "last_error.h"

/* How a frame channel fills the payload of its native section. */
struct payload_plan {
    enum section_kind kind;
    uint32_t participants; /* records, unless the options say */
    uint64_t reserved;     /* bytes of the payload that get their memory at once */
    /* Fills the payload of a section that no other process sees yet. */
    int32_t (*initialise)(wmmf_section *section, void *context);
    void *context;
};

/* Checks the options. A NULL plan: plain bytes. *created may be NULL. */
int32_t section_create(const char *name, uint64_t size, const wmmf_options *given, const struct payload_plan *plan,
                       wmmf_section **out);
int32_t section_create_or_open(const char *name, uint64_t size, const wmmf_options *given,
                               const struct payload_plan *plan, wmmf_section **out, int32_t *created);
int32_t section_open(const char *name, uint64_t size, const wmmf_options *given, enum section_kind kind,
                     wmmf_section **out);
/* WMMF_E_STRUCT_SIZE or WMMF_E_ARGUMENT: the options are wrong. Else *options becomes a copy, or the default. */
int32_t options_check(const wmmf_options *given, wmmf_options *options);
/* The length of a native file with such a payload. */
uint64_t section_file_size(const wmmf_options *options, uint64_t size);
/* A native section over the mapping of a whole file, new or not (files.c). Takes over the mapping, and closes it on
 * failure. */
int32_t section_of_file(struct platform_mapping *mapping, uint64_t size, const wmmf_options *options, bool is_new,
                        wmmf_section **out);
void section_close(wmmf_section *section);
/* Explains WMMF_E_TRUNCATED, and returns it. */
int32_t file_was_cut(void);
/* False: another program cut the file of this native section, so that the header or some of these first bytes of the
 * payload are missing. Touching a missing page would end this process. */
bool section_file_has(const wmmf_section *section, uint64_t payload);

/* An inner section, which belongs to an outer one: it has no name that users know, only a random number, and its access
 * follows from that of the outer one. The opener gives the sizes, so nothing in it need be trusted. */
struct inner_plan {
    /* KIND_PLAIN: raw bytes; the users of the outer section may use them in the same way. KIND_READERS: with
     * participants; every user who may read the outer section may write it. */
    enum section_kind kind;
    uint64_t id;           /* for creating: out */
    uint32_t participants; /* KIND_READERS: records */
    uint32_t pins_each;    /* KIND_READERS: words of payload for each record */
    bool without_record;   /* KIND_READERS: open it even if no record is free */
    uint64_t size;         /* of raw bytes: for creating */
    uint64_t reserved;     /* of those, bytes that get their memory at once */
};
int32_t section_create_inner(const wmmf_section *outer, struct inner_plan *plan, wmmf_section **out);
/* WMMF_E_ACCESS also if the section belongs to another user. */
int32_t section_open_inner(const wmmf_section *outer, const struct inner_plan *plan, bool read_only,
                           wmmf_section **out);

static inline bool section_has(const wmmf_section *section, uint64_t offset, uint64_t length) {
    uint64_t size = section_size(section);
    return offset <= size && length <= size - offset;
}

/* WMMF_E_NOT_SUPPORTED: it is a channel, whose payload is not that of the caller. */
int32_t section_plain_check(const wmmf_section *section);
/* The same, or the payload has no addresses for the caller. Slots of a channel may have no memory yet. */
int32_t section_mapped_check(const wmmf_section *section);
int32_t section_range_after_look(wmmf_section *section, uint64_t offset, uint64_t length);

/* WMMF_E_RANGE: the payload does not have these bytes, even if it has grown. Inline, because each copy asks. */
static inline int32_t section_range(wmmf_section *section, uint64_t offset, uint64_t length) {
    return section_has(section, offset, length) ? WMMF_OK : section_range_after_look(section, offset, length);
}

/* Every call with a handle begins with this: WMMF_E_ARGUMENT for NULL, WMMF_E_FORKED in a child. */
int32_t section_check(const wmmf_section *section);
/* The status. If it is WMMF_OK: WMMF_E_ARGUMENT for NULL, WMMF_E_STRUCT_SIZE for a struct that does not begin with its
 * size. */
static inline int32_t struct_check(int32_t status, const void *given, size_t size) {
    if (status != WMMF_OK || (given && *(const uint32_t *)given == size))
        return status;
    return struct_refused(given, size);
}

#endif
