/* What the limited API's headers need to know of 64-bit Windows, in place of CPython's PC/pyconfig.h. */
#ifndef Py_PYCONFIG_H
#define Py_PYCONFIG_H

#define MS_WINDOWS
#define MS_WIN32
#define MS_WIN64
#define HAVE_DECLSPEC_DLL   1 /* Py_IMPORTED_SYMBOL is __declspec(dllimport) */

#define HAVE_STDDEF_H       1
#define HAVE_SYS_TYPES_H    1
#define HAVE_WCHAR_H        1
#define HAVE_SSIZE_T        1

#define SIZEOF_SHORT        2
#define SIZEOF_INT          4
#define SIZEOF_LONG         4
#define SIZEOF_LONG_LONG    8
#define SIZEOF_VOID_P       8
#define SIZEOF_SIZE_T       8
#define SIZEOF_TIME_T       8
#define SIZEOF_WCHAR_T      2
#define SIZEOF_FLOAT        4
#define SIZEOF_DOUBLE       8
#define ALIGNOF_MAX_ALIGN_T 16

#endif
