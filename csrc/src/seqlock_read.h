/* Reading without the lock, for read-only handles. */
#ifndef WMMF_SEQLOCK_READ_H
#define WMMF_SEQLOCK_READ_H

#include "handle.h"

/* Copies bytes of one version of the payload. */
int32_t seqlock_read(wmmf_section *section, uint64_t offset, void *buffer, size_t length, int64_t timeout_ns);

#endif
