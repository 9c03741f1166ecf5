/* What Microsoft's headers declare and Wine's do not. */
#ifndef MSVC_MISSING_H
#define MSVC_MISSING_H

#ifdef __cplusplus
extern "C"
#endif
    __declspec(dllimport) unsigned __int64 __stdcall GetLargePageMinimum(void);

#endif
