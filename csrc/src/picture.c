#include "picture.h"

#include <stdbool.h>
#include <stddef.h>

#include "last_error.h"

/* The codes are those of Video4Linux and libyuv. */
#define FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

struct format {
    uint32_t fourcc;
    uint8_t pixel_size;  /* bytes that a pixel takes in its row */
    bool even;           /* pairs of pixels in a row share a colour */
    bool colours_follow; /* 4:2:0: half as many rows follow for the colours */
};

static const struct format FORMATS[] = {
    {FOURCC('G', 'R', 'E', 'Y'), 1, false, false}, {FOURCC('Y', '1', '6', ' '), 2, false, false},
    {FOURCC('B', 'G', 'R', '3'), 3, false, false}, {FOURCC('R', 'G', 'B', '3'), 3, false, false},
    {FOURCC('B', 'G', 'R', 'A'), 4, false, false}, {FOURCC('R', 'G', 'B', 'A'), 4, false, false},
    {FOURCC('Y', 'U', 'Y', 'V'), 2, true, false},  {FOURCC('U', 'Y', 'V', 'Y'), 2, true, false},
    {FOURCC('N', 'V', '1', '2'), 1, true, true},   {FOURCC('N', 'V', '2', '1'), 1, true, true},
    {FOURCC('I', '4', '2', '0'), 1, true, true},   {FOURCC('Y', 'V', '1', '2'), 1, true, true},
};

/* NULL: compressed, or unknown. */
static const struct format *find_format(uint32_t fourcc) {
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++)
        if (FORMATS[i].fourcc == fourcc)
            return &FORMATS[i];
    return NULL;
}

static int32_t size_of(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t *stride, uint64_t *size) {
    const struct format *format = find_format(fourcc);
    if (!format)
        return WMMF_E_NOT_SUPPORTED;
    uint64_t row = (uint64_t)width * format->pixel_size;
    uint64_t rows = format->colours_follow ? (uint64_t)height + height / 2 : height;
    uint64_t step = *stride ? *stride : row;
    if (width == 0 || height == 0 || step < row || step > UINT32_MAX || (format->even && width % 2) ||
        (format->colours_follow && height % 2) || rows > INT64_MAX / step)
        return WMMF_E_ARGUMENT;
    *stride = (uint32_t)step;
    *size = rows * step;
    return WMMF_OK;
}

int32_t wmmf_picture_size(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t *stride, uint64_t *size) {
    error_clear();
    int32_t status = pointer_check(pointer_check(WMMF_OK, stride, "stride"), size, "size");
    return status == WMMF_OK ? size_of(fourcc, width, height, stride, size) : status;
}

static int32_t check_picture(wmmf_frame *frame) {
    if ((frame->width == 0) != (frame->height == 0))
        return WMMF_E_ARGUMENT;
    if (frame->width == 0 || !find_format(frame->fourcc)) /* the writer then defines the meaning of the stride */
        return frame->stride == 0 || frame->height <= frame->used / frame->stride ? WMMF_OK : WMMF_E_RANGE;
    uint64_t size;
    int32_t status = size_of(frame->fourcc, frame->width, frame->height, &frame->stride, &size);
    return status == WMMF_OK && size > frame->used ? WMMF_E_RANGE : status;
}

uint64_t picture_element_size(uint32_t element) {
    static const uint8_t sizes[] = {
        [WMMF_ELEMENT_BOOL] = 1,      [WMMF_ELEMENT_INT8] = 1,        [WMMF_ELEMENT_UINT8] = 1,
        [WMMF_ELEMENT_INT16] = 2,     [WMMF_ELEMENT_UINT16] = 2,      [WMMF_ELEMENT_FLOAT16] = 2,
        [WMMF_ELEMENT_INT32] = 4,     [WMMF_ELEMENT_UINT32] = 4,      [WMMF_ELEMENT_FLOAT32] = 4,
        [WMMF_ELEMENT_INT64] = 8,     [WMMF_ELEMENT_UINT64] = 8,      [WMMF_ELEMENT_FLOAT64] = 8,
        [WMMF_ELEMENT_COMPLEX64] = 8, [WMMF_ELEMENT_COMPLEX128] = 16,
    };
    return element < sizeof sizes ? sizes[element] : 0;
}

static int32_t check_array(const wmmf_frame *frame) {
    uint64_t size = picture_element_size(frame->element);
    if (size == 0 || frame->dimensions > WMMF_FRAME_DIMENSIONS_MAX || frame->width != 0 || frame->height != 0 ||
        frame->stride != 0 || frame->fourcc != 0)
        return WMMF_E_ARGUMENT;
    for (uint32_t i = 0; i < frame->dimensions; i++)
        if (frame->shape[i] == 0)
            size = 0;
    for (uint32_t i = 0; i < frame->dimensions && size != 0; i++) {
        if (frame->shape[i] > frame->used / size)
            return WMMF_E_RANGE;
        size *= frame->shape[i];
    }
    return size == frame->used ? WMMF_OK : size > frame->used ? WMMF_E_RANGE : WMMF_E_ARGUMENT;
}

int32_t picture_check(wmmf_frame *frame) {
    if (frame->element != WMMF_ELEMENT_NONE)
        return check_array(frame);
    return frame->dimensions == 0 ? check_picture(frame) : WMMF_E_ARGUMENT;
}
