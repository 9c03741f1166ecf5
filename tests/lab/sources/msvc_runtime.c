/* What the linker takes from Microsoft's own C runtime and no DLL of Wine has: where DLLs and programs begin, and the
 * directory of thread-local variables. */
#include <windows.h>

ULONG _tls_index = 0;
#pragma section(".tls", read, write)
#pragma section(".tls$ZZZ", read, write)
__declspec(allocate(".tls")) char _tls_start = 0;
__declspec(allocate(".tls$ZZZ")) char _tls_end = 0;
#pragma section(".CRT$XLA", read)
#pragma section(".CRT$XLZ", read)
__declspec(allocate(".CRT$XLA")) const PIMAGE_TLS_CALLBACK tls_callbacks_begin = 0;
__declspec(allocate(".CRT$XLZ")) const PIMAGE_TLS_CALLBACK tls_callbacks_end = 0;
#pragma section(".rdata$T", read)
__declspec(allocate(".rdata$T")) const IMAGE_TLS_DIRECTORY64 _tls_used = {
    (ULONGLONG)&_tls_start, (ULONGLONG)&_tls_end, (ULONGLONG)&_tls_index, (ULONGLONG)(&tls_callbacks_begin + 1), 0, 0};

/* The checks of /guard:cf, which Windows puts in the place of these: here every target is allowed. */
#if defined(_M_ARM64)
static void check_target(void) {
}
void (*__guard_check_icall_fptr)(void) = check_target;
#else
__attribute__((naked)) static void jump_to_target(void) {
    __asm__("jmp *%rax");
}
void (*__guard_dispatch_icall_fptr)(void) = jump_to_target;
#endif

int _fltused = 0x9875;

/* atexit of a DLL is run when the DLL is unloaded, so each DLL and program has a table of its own. */
typedef int (*exit_function)(void);
static struct { exit_function *first, *last, *end; } exit_table;
int _initialize_onexit_table(void *table);
int _register_onexit_function(void *table, exit_function function);
int _execute_onexit_table(void *table);
static int at_exit(void (*function)(void)) {
    return _register_onexit_function(&exit_table, (exit_function)function);
}
int (*__imp_atexit)(void (*)(void)) = at_exit; /* the headers of Wine take it for a function of a DLL */

BOOL WINAPI _DllMainCRTStartup(HINSTANCE self, DWORD why, void *reserved) {
    (void)self, (void)reserved;
    if (why == DLL_PROCESS_ATTACH)
        _initialize_onexit_table(&exit_table);
    if (why == DLL_PROCESS_DETACH)
        _execute_onexit_table(&exit_table);
    return TRUE;
}

int main(int argc, char **argv);
int *__p___argc(void);
char ***__p___argv(void);
int _configure_narrow_argv(int mode);
__declspec(noreturn) void exit(int status);
__declspec(noreturn) void _exit(int status);
int _seh_filter_exe(unsigned long code, struct _EXCEPTION_POINTERS *pointers);

/* Programs begin here; a DLL that is linked with this has no main, so the linker takes weak_main. */
int weak_main(int argc, char **argv) {
    return argc < 0 && argv ? 1 : 0;
}
#pragma comment(linker, "/alternatename:main=weak_main")

void mainCRTStartup(void) {
    _configure_narrow_argv(1);
    _initialize_onexit_table(&exit_table);
    __try {
        int status = main(*__p___argc(), *__p___argv());
        _execute_onexit_table(&exit_table);
        exit(status);
    } __except (_seh_filter_exe(_exception_code(), _exception_info())) { /* what makes signals of exceptions */
        _exit((int)_exception_code());
    }
}
