/* Wine's winnt.h defines what are builtins of clang for 32-bit x86: those get other names. */
#ifndef MSVC_X86_H
#define MSVC_X86_H

#define _InterlockedAnd64                  and64_of_wine
#define _InterlockedOr64                   or64_of_wine
#define _InterlockedXor64                  xor64_of_wine
#define _InterlockedCompareExchangePointer compare_exchange_pointer_of_wine
#define _InterlockedExchangeAdd64          exchange_add64_of_wine
#define _InterlockedIncrement64            increment64_of_wine
#define _InterlockedDecrement64            decrement64_of_wine
#include <windows.h>
#undef _InterlockedAnd64
#undef _InterlockedOr64
#undef _InterlockedXor64
#undef _InterlockedCompareExchangePointer
#undef _InterlockedExchangeAdd64
#undef _InterlockedIncrement64
#undef _InterlockedDecrement64

#endif
