/* What the bytes of a frame are: a picture of a pixel format, an array, or just bytes. */
#ifndef WMMF_PICTURE_H
#define WMMF_PICTURE_H

#include "wmmf.h"

/* Whether the description and the used bytes agree. A stride of 0 becomes that of rows without gaps, if the pixel
 * format is a known one. WMMF_E_RANGE: the picture or the array has more bytes than are used. WMMF_E_ARGUMENT: the
 * description contradicts itself. The frame is in private memory: the caller has loaded each field once. */
int32_t picture_check(wmmf_frame *frame);
/* Bytes of an element of an array; 0: unknown kind, or no array. */
uint64_t picture_element_size(uint32_t element);

#endif
