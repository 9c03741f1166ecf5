/* Shared by the files of the module `hold`. hold.c describes the module. */
#ifndef PYWINMMF_HOLD_H
#define PYWINMMF_HOLD_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "atomic.h"
#include "channel.h"
#include "deadline.h"
#include "picture.h"
#include "wmmf.h"

#ifndef Py_BEGIN_CRITICAL_SECTION /* the stable ABI, which always has the GIL */
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION()         }
#endif

#define NO_SLOT UINT32_MAX

/* Supplied by Python, by name (`supplied_names`): functions for rare cases, and the classes that extend the types of
 * this module. */
enum {
    NANOSECONDS,  /* (timeout) -> int, -1 for ever */
    STILL_OPEN,   /* (handle): raises if it was closed; Python runs signal handlers meanwhile */
    FAIL,         /* (handle, status, action): raises */
    FAIL_LOCK,    /* (section, status, writing, at): raises */
    FAIL_PUBLISH, /* (channel, frame, status): raises */
    TOO_SMALL,    /* (channel, size, needed): raises */
    CURRENT_TASK, /* () -> a weak reference to the running task or greenlet, or None; only with greenlet or trio */
    USED,         /* (value, capacity) -> int */
    OVER,         /* (frame): raises */
    NO_PICTURE,   /* (frame): raises */
    TORN,         /* (frame): raises */
    FRAME,
    NEW_FRAME,
    READ_LOCK,
    WRITE_LOCK,
    SUPPLIED
};

typedef struct Handle Handle;

typedef struct {
    PyObject *supplied[SUPPLIED];
    PyTypeObject *bytes;                   /* hold_bytes_spec's */
    PyObject *asyncio, *greenlet, *trio;   /* their names */
    PyObject *running_loop, *running_task; /* asyncio's functions, when it is imported */
    PyObject *module;                      /* borrowed; its critical section is that of `handles` */
    Handle *handles;                       /* all open ones */
} State;

/* Raises the exception of this supplied function for self; returns NULL. */
PyObject *hold_fail(State *state, int function, PyObject *self);

void hold_dealloc(PyObject *self);

/* A new object of a type that Python cannot call. */
void *hold_make(void *type);

/* __enter__ that returns self. */
PyObject *hold_enter(PyObject *self, PyObject *none);

/* -- Open sections and channels: hold_handle.c -- */

struct Handle {
    PyObject_HEAD void *native; /* the call that opens stores it here */
    PyObject *pointer;          /* the same for CFFI */
    PyObject *what;             /* for messages: "section 'camera'" */
    PyObject *key;              /* for `all_open`: namespace and name */
    State *state;
    Handle *next, **previous; /* in state->handles */
    int channel;              /* or a section */
    char closed;              /* closed by its user; it stays open while something refers to it */
    char forked;              /* it belongs to the parent */
};

/* __new__ of a section or a channel: (what, key). */
PyObject *hold_new_handle(PyTypeObject *type, PyObject *arguments, int channel);
void hold_handle_dealloc(PyObject *self);
PyObject *hold_handle_cell(Handle *self, void *closure);

#define HANDLE_MEMBERS                                                                                                 \
    {"pointer", T_OBJECT, offsetof(Handle, pointer), 0, "the native handle, for CFFI"},                                \
        {"what", T_OBJECT, offsetof(Handle, what), READONLY, "for messages"},                                          \
        {"closed", T_BOOL, offsetof(Handle, closed), 0, "whether its user closed it"}, {                               \
        "forked", T_BOOL, offsetof(Handle, forked), READONLY, "whether it belongs to the parent process"               \
    }

#define HANDLE_CELL                                                                                                    \
    { "cell", (getter)hold_handle_cell, NULL, "the address at which a call that opens stores the native handle", NULL }

/* Raises the exception for the status of a call; returns NULL. */
void *hold_fail_call(Handle *self, int32_t status, const char *action);

/* A call of the library that may wait. */
typedef int32_t (*Call)(void *arguments, int64_t timeout_ns);

/* Makes a call: if it is `quick`, first once with the GIL; then without it, in slices, until the timeout. Between
 * slices Python runs signal handlers and notices if another thread closed the handle. -1: an exception; the caller then
 * releases what the call has acquired. */
int hold_attempt(Handle *handle, PyObject *timeout, int quick, Call call, void *arguments, int32_t *status);

/* -- Sections and their locks: hold_lock.c -- */

typedef struct Held Held;

typedef struct {
    Handle handle;
    Held *held; /* locks held by this process through this handle */
} Section;

/* Forgets which threads have locks, without releasing them. */
void hold_forget(Section *self);

/* -- Frames: hold_frame.c; channels: hold_channel.c -- */

typedef struct {
    Handle handle;
    uint64_t last_returned; /* sequence of the last frame that it returned */
    char small;             /* its slots are small, so the library reserves one quickly at its first use */
} Channel;

enum { PINNED, BEGUN, COPIED };

typedef struct {
    PyObject_HEAD wmmf_frame frame;
    State *module;
    Channel *channel; /* NULL: the frame was released */
    Py_buffer target; /* of a copy */
    shared_u32 state;
    int kind;
    int32_t intact; /* the status of its release: WMMF_OK, or WMMF_E_NOT_INTACT */
} Frame;

/* A frame without a slot yet, of the given kind. */
Frame *hold_new_frame(void *type, int kind, Channel *channel);

/* -- How a frame's bytes lie in memory, as an array: hold_array.c -- */

typedef struct {
    Py_ssize_t shape[WMMF_FRAME_DIMENSIONS_MAX], strides[WMMF_FRAME_DIMENSIONS_MAX];
    Py_ssize_t itemsize;
    const char *format; /* of the buffer protocol */
    int dimensions;
} Array;

/* Describes the frame as the array that was sent, a picture, or else bytes. 0: the description does not fit its bytes.
 */
int hold_describe(wmmf_frame frame, Array *array);

/* -- Tables of types -- */

#define FAST(name, call, text)                                                                                         \
    { name, (PyCFunction)(void *)(call), METH_FASTCALL, text }
#define NONE(name, call, text)                                                                                         \
    { name, (PyCFunction)(call), METH_NOARGS, text }
#define ONE(name, call, text)                                                                                          \
    { name, (PyCFunction)(call), METH_O, text }
#define END                                                                                                            \
    { NULL }
#define FOR_PYTHON_CLASSES (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION)

extern PyType_Spec hold_section_spec, hold_guard_spec, hold_window_spec, hold_channel_spec, hold_frame_spec,
    hold_new_frame_spec, hold_bytes_spec;

#endif
