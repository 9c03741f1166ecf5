/* The layout of a frame's bytes as an array, for the buffer protocol. */
#include "hold.h"

static const char *const FORMATS[] = {
    [WMMF_ELEMENT_NONE] = "B",    [WMMF_ELEMENT_BOOL] = "?",       [WMMF_ELEMENT_INT8] = "b",
    [WMMF_ELEMENT_UINT8] = "B",   [WMMF_ELEMENT_INT16] = "h",      [WMMF_ELEMENT_UINT16] = "H",
    [WMMF_ELEMENT_INT32] = "i",   [WMMF_ELEMENT_UINT32] = "I",     [WMMF_ELEMENT_INT64] = "q",
    [WMMF_ELEMENT_UINT64] = "Q",  [WMMF_ELEMENT_FLOAT16] = "e",    [WMMF_ELEMENT_FLOAT32] = "f",
    [WMMF_ELEMENT_FLOAT64] = "d", [WMMF_ELEMENT_COMPLEX64] = "Zf", [WMMF_ELEMENT_COMPLEX128] = "Zd",
};

#define Y16 ((uint32_t)'Y' | (uint32_t)'1' << 8 | (uint32_t)'6' << 16 | (uint32_t)' ' << 24)

static void describe_array(const wmmf_frame *frame, Array *array) {
    array->dimensions = (int)frame->dimensions;
    Py_ssize_t stride = array->itemsize;
    for (int i = array->dimensions - 1; i >= 0; i--) {
        array->shape[i] = (Py_ssize_t)frame->shape[i];
        array->strides[i] = stride;
        stride *= array->shape[i];
    }
}

/* Rows x pixels (x bytes of a pixel); 4:2:0 formats have 1.5 times as many rows of bytes, as in OpenCV. */
static void describe_picture(const wmmf_frame *frame, Array *array) {
    uint32_t row = 0;
    uint64_t bytes, rows = frame->height;
    if (wmmf_picture_size(frame->fourcc, frame->width, frame->height, &row, &bytes) == WMMF_OK)
        rows = bytes / row;
    else /* unknown format: all of the stride is pixels */
        row = frame->stride;
    Py_ssize_t pixel = row / frame->width;
    if (pixel == 0)
        return;
    if (frame->fourcc == Y16) {
        array->itemsize = 2;
        array->format = "H";
    }
    array->shape[0] = (Py_ssize_t)rows;
    array->strides[0] = frame->stride;
    array->shape[1] = frame->width;
    array->strides[1] = pixel;
    array->shape[2] = pixel;
    array->strides[2] = 1;
    array->dimensions = pixel == array->itemsize ? 2 : 3;
}

int hold_describe(wmmf_frame frame, Array *array) {
    if (picture_check(&frame) != WMMF_OK)
        return 0;
    array->itemsize = frame.element == WMMF_ELEMENT_NONE ? 1 : (Py_ssize_t)picture_element_size(frame.element);
    array->format = FORMATS[frame.element];
    array->dimensions = 1;
    array->shape[0] = (Py_ssize_t)frame.used;
    array->strides[0] = 1;
    if (frame.element != WMMF_ELEMENT_NONE)
        describe_array(&frame, array);
    else if (frame.width != 0 && frame.stride != 0)
        describe_picture(&frame, array);
    return 1;
}
