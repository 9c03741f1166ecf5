/* Mapped files. */
#ifndef WMMF_FILES_H
#define WMMF_FILES_H

#include "handle.h"

/* Copies from and to a raw file, through the system. The caller has checked the range. */
int32_t files_read(wmmf_section *section, uint64_t offset, void *buffer, size_t length);
int32_t files_write(wmmf_section *section, uint64_t offset, const void *buffer, size_t length);
/* Gives a raw file another length, and maps it again. */
int32_t files_resize(wmmf_section *section, uint64_t size);

#endif
