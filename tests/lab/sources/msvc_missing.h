/* What Microsoft's headers declare and Wine's do not. */
#ifndef MSVC_MISSING_H
#define MSVC_MISSING_H

#define FILE_MAP_LARGE_PAGES 0x20000000

#ifdef __cplusplus
extern "C" {
#endif
struct _WIN32_MEMORY_RANGE_ENTRY;
__declspec(dllimport) unsigned __int64 __stdcall GetLargePageMinimum(void);
__declspec(dllimport) int __stdcall PrefetchVirtualMemory(void *process, unsigned __int64 count,
                                                          struct _WIN32_MEMORY_RANGE_ENTRY *ranges,
                                                          unsigned long flags);
#ifdef __cplusplus
}
#endif

#endif
