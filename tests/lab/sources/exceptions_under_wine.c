/* Only for .NET 8 under Wine 8: real Windows needs none of this.
 *
 * Wine keeps its own __TRY frames in a list at the thread's TEB. When .NET unwinds a managed exception it cuts
 * the stack without telling Wine, so frames of the dispatcher stay listed although their stack is gone, and the
 * next exception on that thread walks into them and recurses until the stack overflows.
 * So empty the list before Wine walks it, except for faults inside Wine's own code, which its __TRY is for.
 */
#include <stdbool.h>
#include <windows.h>

enum { MANAGED_EXCEPTION = 0xE0434352, RESUME_AFTER_CATCH = 0x02345678 };

static struct { DWORD64 begin, end; } wine_code[3];

static LONG CALLBACK forget_stale_frames(EXCEPTION_POINTERS *exception) {
    DWORD code = exception->ExceptionRecord->ExceptionCode;
    DWORD64 address = exception->ContextRecord->Rip;
    bool meant_for_wine = false;
    if (code != MANAGED_EXCEPTION && code != RESUME_AFTER_CATCH)
        for (int i = 0; i < 3; i++)
            meant_for_wine = meant_for_wine || (address >= wine_code[i].begin && address < wine_code[i].end);
    if (!meant_for_wine)
        ((NT_TIB *)NtCurrentTeb())->ExceptionList = (void *)~(ULONG_PTR)0;
    return EXCEPTION_CONTINUE_SEARCH;
}

__declspec(dllexport) int cure_exceptions(void) {
    static const wchar_t *const names[3] = {L"ntdll", L"kernelbase", L"kernel32"};
    for (int i = 0; i < 3; i++) {
        const char *base = (const char *)GetModuleHandleW(names[i]);
        const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);
        wine_code[i].begin = (DWORD64)base;
        wine_code[i].end = (DWORD64)base + headers->OptionalHeader.SizeOfImage;
    }
    return AddVectoredExceptionHandler(1, forget_stale_frames) != NULL;
}
