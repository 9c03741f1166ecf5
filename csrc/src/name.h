#ifndef WMMF_NAME_H
#define WMMF_NAME_H

#include "wmmf.h"

/* Whether a name may be used in a namespace: WMMF_OK or one of the WMMF_E_NAME_ codes. */
int32_t name_check(const char *name, uint32_t name_space);

#endif
