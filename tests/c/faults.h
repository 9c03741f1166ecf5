/* Makes calls of the library to the outside fail on demand: included before each of its source files, this header asks
 * before every call that can fail whether it shall. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdlib.h>

/* Whether this call shall fail. Counts the calls. */
bool faults_strike(void);

/* First all headers, which may declare what is a macro below. */
#ifdef _WIN32
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#else
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>
#endif

#define calloc(...) (faults_strike() ? NULL : calloc(__VA_ARGS__))
#define malloc(...) (faults_strike() ? NULL : malloc(__VA_ARGS__))

#ifdef _WIN32

#define FAULTY(failure, call)       (faults_strike() ? (SetLastError(ERROR_IO_DEVICE), (failure)) : (call))
#define AdjustTokenPrivileges(...)  FAULTY(FALSE, AdjustTokenPrivileges(__VA_ARGS__))
#define ConvertSidToStringSidW(...) FAULTY(FALSE, ConvertSidToStringSidW(__VA_ARGS__))
#define ConvertStringSecurityDescriptorToSecurityDescriptorW(...)                                                      \
    FAULTY(FALSE, ConvertStringSecurityDescriptorToSecurityDescriptorW(__VA_ARGS__))
#define CreateEventW(...)             FAULTY(NULL, CreateEventW(__VA_ARGS__))
#define CreateFileMappingW(...)       FAULTY(NULL, CreateFileMappingW(__VA_ARGS__))
#define CreateFileW(...)              FAULTY(INVALID_HANDLE_VALUE, CreateFileW(__VA_ARGS__))
#define CreateSemaphoreExW(...)       FAULTY(NULL, CreateSemaphoreExW(__VA_ARGS__))
#define DuplicateHandle(...)          FAULTY(FALSE, DuplicateHandle(__VA_ARGS__))
#define FlushFileBuffers(...)         FAULTY(FALSE, FlushFileBuffers(__VA_ARGS__))
#define FlushViewOfFile(...)          FAULTY(FALSE, FlushViewOfFile(__VA_ARGS__))
#define LockFileEx(...)               FAULTY(FALSE, LockFileEx(__VA_ARGS__))
#define ReadFile(...)                 FAULTY(FALSE, ReadFile(__VA_ARGS__))
#define SetEndOfFile(...)             FAULTY(FALSE, SetEndOfFile(__VA_ARGS__))
#define SetFilePointerEx(...)         FAULTY(FALSE, SetFilePointerEx(__VA_ARGS__))
#define WriteFile(...)                FAULTY(FALSE, WriteFile(__VA_ARGS__))
#define FlsAlloc(...)                 FAULTY(FLS_OUT_OF_INDEXES, FlsAlloc(__VA_ARGS__))
#define FlsSetValue(...)              FAULTY(FALSE, FlsSetValue(__VA_ARGS__))
#define GetFileAttributesW(...)       FAULTY(INVALID_FILE_ATTRIBUTES, GetFileAttributesW(__VA_ARGS__))
#define GetFileSizeEx(...)            FAULTY(FALSE, GetFileSizeEx(__VA_ARGS__))
#define GetFullPathNameW(...)         FAULTY(0u, GetFullPathNameW(__VA_ARGS__))
#define GetSecurityInfo(...)          (faults_strike() ? (DWORD)ERROR_IO_DEVICE : GetSecurityInfo(__VA_ARGS__))
#define GetTokenInformation(...)      FAULTY(FALSE, GetTokenInformation(__VA_ARGS__))
#define GetProcessWorkingSetSize(...) FAULTY(FALSE, GetProcessWorkingSetSize(__VA_ARGS__))
#define GlobalMemoryStatusEx(...)     FAULTY(FALSE, GlobalMemoryStatusEx(__VA_ARGS__))
#define LookupPrivilegeValueW(...)    FAULTY(FALSE, LookupPrivilegeValueW(__VA_ARGS__))
#define PrefetchVirtualMemory(...)    FAULTY(FALSE, PrefetchVirtualMemory(__VA_ARGS__))
#define SetProcessWorkingSetSize(...) FAULTY(FALSE, SetProcessWorkingSetSize(__VA_ARGS__))
#define VirtualLock(...)              FAULTY(FALSE, VirtualLock(__VA_ARGS__))
#define VirtualUnlock(...)            FAULTY(FALSE, VirtualUnlock(__VA_ARGS__))
#define LookupAccountSidW(...)        FAULTY(FALSE, LookupAccountSidW(__VA_ARGS__))
#define MapViewOfFile(...)            FAULTY(NULL, MapViewOfFile(__VA_ARGS__))
#define MultiByteToWideChar(...)      FAULTY(0, MultiByteToWideChar(__VA_ARGS__))
#define OpenEventW(...)               FAULTY(NULL, OpenEventW(__VA_ARGS__))
#define OpenFileMappingW(...)         FAULTY(NULL, OpenFileMappingW(__VA_ARGS__))
#define OpenProcess(...)              FAULTY(NULL, OpenProcess(__VA_ARGS__))
#define OpenProcessToken(...)         FAULTY(FALSE, OpenProcessToken(__VA_ARGS__))
#define ReadProcessMemory(...)        FAULTY(FALSE, ReadProcessMemory(__VA_ARGS__))
#define VirtualAlloc(...)             FAULTY(NULL, VirtualAlloc(__VA_ARGS__))
#define VirtualQuery(...)             FAULTY((SIZE_T)0, VirtualQuery(__VA_ARGS__))
#define WriteProcessMemory(...)       FAULTY(FALSE, WriteProcessMemory(__VA_ARGS__))

#else

#define FAULTY(failure, call)  (faults_strike() ? (errno = EIO, (failure)) : (call))
#define access(...)            FAULTY(-1, access(__VA_ARGS__))
#define faccessat(...)         FAULTY(-1, faccessat(__VA_ARGS__))
#define fallocate(...)         FAULTY(-1, fallocate(__VA_ARGS__))
#define fchmod(...)            FAULTY(-1, fchmod(__VA_ARGS__))
#define fcntl(...)             FAULTY(-1, fcntl(__VA_ARGS__))
#define fdatasync(...)         FAULTY(-1, fdatasync(__VA_ARGS__))
#define posix_fallocate(...)   (faults_strike() ? EIO : posix_fallocate(__VA_ARGS__))
#define process_vm_readv(...)  FAULTY(-1, process_vm_readv(__VA_ARGS__))
#define process_vm_writev(...) FAULTY(-1, process_vm_writev(__VA_ARGS__))
#define strdup(...)            (faults_strike() ? NULL : strdup(__VA_ARGS__))
#define flock(...)             FAULTY(-1, flock(__VA_ARGS__))
#define fopen(...)             FAULTY(NULL, fopen(__VA_ARGS__))
#define fstat(...)             FAULTY(-1, fstat(__VA_ARGS__))
#define fstatvfs(...)          FAULTY(-1, fstatvfs(__VA_ARGS__))
#define ftruncate(...)         FAULTY(-1, ftruncate(__VA_ARGS__))
#define getpwuid_r(...)        (faults_strike() ? EIO : getpwuid_r(__VA_ARGS__))
#define link(...)              FAULTY(-1, link(__VA_ARGS__))
#define linkat(...)            FAULTY(-1, linkat(__VA_ARGS__))
#define lstat(...)             FAULTY(-1, lstat(__VA_ARGS__))
#define madvise(...)           FAULTY(-1, madvise(__VA_ARGS__))
#define mlock(...)             FAULTY(-1, mlock(__VA_ARGS__))
#define fstatfs(...)           FAULTY(-1, fstatfs(__VA_ARGS__))
#define mincore(...)           FAULTY(-1, mincore(__VA_ARGS__))
#define mmap(...)              FAULTY(MAP_FAILED, mmap(__VA_ARGS__))
#define mremap(...)            FAULTY(MAP_FAILED, mremap(__VA_ARGS__))
#define open(...)              FAULTY(-1, open(__VA_ARGS__))
#define opendir(...)           FAULTY(NULL, opendir(__VA_ARGS__))
#define pread(...)             FAULTY(-1, pread(__VA_ARGS__))
#define pwrite(...)            FAULTY(-1, pwrite(__VA_ARGS__))
#define read(...)              FAULTY(-1, read(__VA_ARGS__))
/* Of the calls by number only these can fail: the others wait and wake. */
#define syscall(number, ...)                                                                                           \
    ((number) == SYS_getrandom || (number) == SYS_memfd_create ? FAULTY(-1, syscall(number, __VA_ARGS__))              \
                                                               : syscall(number, __VA_ARGS__))
#define pthread_key_create(...)  (faults_strike() ? EAGAIN : pthread_key_create(__VA_ARGS__))
#define pthread_setspecific(...) (faults_strike() ? ENOMEM : pthread_setspecific(__VA_ARGS__))
#define readdir(...)             FAULTY(NULL, readdir(__VA_ARGS__))

#endif

#endif
