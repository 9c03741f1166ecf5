/* The Python types that hold something in shared memory: an open section or channel, a lock, a frame.
 *
 * Each releases what it holds exactly once, here in C: when its with block ends, or when the last reference is gone.
 * No signal handler can run in between, and the garbage collector does not know these types, so it cannot take
 * apart what they hold in an order of its own. References point one way: view -> frame or section, frame -> channel,
 * lock -> section. Hence a handle closes after everything that was got through it.
 *
 * What is rare is written in Python, and C calls it: `helpers` names those functions. Signatures, docstrings and checks
 * of arguments are in the Python classes that use or extend these types.
 *
 * Without the GIL: a frame's life is one atomic word; what several threads may change together is inside a critical
 * section of its owner. With the GIL these sections are nothing. Objects are freed with the thread attached, so a fork,
 * for which Python stops all other threads, finds each handle open or closed and never in between. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "atomic.h"
#include "deadline.h"
#include "picture.h"
#include "wmmf.h"

#ifndef Py_BEGIN_CRITICAL_SECTION /* the stable ABI, which always has the GIL */
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION()         }
#endif

#define NO_SLOT    UINT32_MAX
#define QUICK_COPY 32768 /* bytes that are copied without giving up the GIL: about a microsecond. As in Python. */

/* What Python supplies, by name: functions for what is rare, and the classes that extend the types below. */
enum {
    NANOSECONDS,  /* (timeout) -> int, -1 for ever */
    STILL_OPEN,   /* (handle): raises if it was closed; Python runs signal handlers meanwhile */
    FAIL,         /* (handle, status, action): raises */
    FAIL_LOCK,    /* (section, status, writing): raises */
    FAIL_PUBLISH, /* (channel, frame, status): raises */
    TOO_SMALL,    /* (channel, size, needed): raises */
    CURRENT_TASK, /* () -> a weak reference to the running task or greenlet, or None */
    OVER,         /* (frame): raises */
    NO_PICTURE,   /* (frame): raises */
    TORN,         /* (frame): raises */
    FRAME,
    NEW_FRAME,
    READ_LOCK,
    WRITE_LOCK,
    SUPPLIED
};
static const char *const supplied_names[SUPPLIED] = {
    "nanoseconds", "still_open", "fail", "fail_lock", "fail_publish", "too_small", "current_task",
    "over",        "no_picture", "torn", "Frame",     "NewFrame",     "ReadLock",  "WriteLock"};

typedef struct Handle Handle;

typedef struct {
    PyObject *supplied[SUPPLIED];
    PyTypeObject *bytes;          /* the type below */
    PyObject *asyncio, *greenlet; /* their names */
    PyObject *running_loop;       /* asyncio's function, once that is imported */
    PyObject *module;             /* borrowed; its critical section is that of `handles` */
    Handle *handles;              /* all that are open */
} State;

/* Raises, in Python. */
static PyObject *fail(State *state, int function, PyObject *self) {
    Py_XDECREF(PyObject_CallFunctionObjArgs(state->supplied[function], self, NULL));
    return NULL;
}

static void dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* A new object of a type that Python cannot call. */
static void *make(void *type) {
    return PyType_GenericAlloc(type, 0);
}

/* -- Open sections and channels -- */

struct Handle {
    PyObject_HEAD void *native; /* where the call that opens stores it */
    PyObject *pointer;          /* the same for CFFI */
    PyObject *what;             /* for messages: "section 'camera'" */
    PyObject *key;              /* by which `all_open` tells it: namespace and name */
    State *state;
    Handle *next, **previous; /* in state->handles */
    int channel;              /* or a section */
    char closed;              /* by its user; it stays open while something refers to it */
    char forked;              /* it is the parent's */
};

static void enlist(Handle *self) {
    State *state = self->state;
    Py_BEGIN_CRITICAL_SECTION(state->module);
    self->next = state->handles;
    self->previous = &state->handles;
    if (self->next)
        self->next->previous = &self->next;
    state->handles = self;
    Py_END_CRITICAL_SECTION();
}

static void handle_close(Handle *self) {
    Py_BEGIN_CRITICAL_SECTION(self->state->module);
    *self->previous = self->next;
    if (self->next)
        self->next->previous = self->previous;
    if (self->channel)
        wmmf_channel_close(self->native);
    else
        wmmf_close(self->native);
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(self->pointer);
    Py_DECREF(self->what);
    Py_DECREF(self->key);
}

static void handle_dealloc(PyObject *self) {
    handle_close((Handle *)self);
    dealloc(self);
}

static PyObject *new_handle(PyTypeObject *type, PyObject *arguments, int channel) {
    PyObject *what, *key;
    if (!PyArg_ParseTuple(arguments, "UO", &what, &key))
        return NULL;
    Handle *self = make(type);
    if (!self)
        return NULL;
    self->what = Py_NewRef(what);
    self->key = Py_NewRef(key);
    self->state = PyType_GetModuleState(type);
    self->channel = channel;
    enlist(self);
    return (PyObject *)self;
}

static PyObject *handle_cell(Handle *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(&self->native);
}

#define HANDLE_MEMBERS                                                                                                 \
    {"pointer", T_OBJECT, offsetof(Handle, pointer), 0, "the native handle, for CFFI"},                                \
        {"what", T_OBJECT, offsetof(Handle, what), READONLY, "for messages"},                                          \
        {"closed", T_BOOL, offsetof(Handle, closed), 0, "whether its user closed it"}, {                               \
        "forked", T_BOOL, offsetof(Handle, forked), READONLY, "whether it is the parent process's"                     \
    }

static PyGetSetDef handle_getset[] = {
    {"cell", (getter)handle_cell, NULL, "the address at which a call that opens stores the native handle", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* Nanoseconds of a timeout in seconds, -1 for ever, -2: an exception. */
static int64_t nanoseconds(State *state, PyObject *timeout) {
    if (timeout == Py_None)
        return -1;
    if (PyFloat_CheckExact(timeout)) {
        double ns = PyFloat_AsDouble(timeout) * 1e9;
        if (ns >= 0 && ns < 9e18)
            return (int64_t)ns;
    } else if (PyLong_CheckExact(timeout)) {
        int overflow;
        long long seconds = PyLong_AsLongLongAndOverflow(timeout, &overflow);
        if (seconds >= 0 && seconds < INT64_C(9000000000))
            return seconds * INT64_C(1000000000);
    }
    PyObject *answer = PyObject_CallFunctionObjArgs(state->supplied[NANOSECONDS], timeout, NULL);
    if (!answer)
        return -2;
    int64_t ns = PyLong_AsLongLong(answer);
    Py_DECREF(answer);
    return ns;
}

/* A call of the library that may wait. */
typedef int32_t (*Call)(void *arguments, int64_t timeout_ns);

/* Makes a call: at once with the GIL if that is `quick`, then without it, in slices, until the timeout is over. Between
 * slices Python runs signal handlers and notices that another thread closed the handle. -1: an exception; the caller
 * then releases what the call has got. */
static int attempt(Handle *handle, PyObject *timeout, int quick, Call call, void *arguments, int32_t *status) {
    int64_t timeout_ns = nanoseconds(handle->state, timeout);
    if (timeout_ns < -1)
        return -1;
    if (quick) {
        *status = call(arguments, 0);
        if (*status != WMMF_E_TIMEOUT || timeout_ns == 0)
            return 0;
    }
    int64_t deadline = deadline_after(timeout_ns);
    for (;;) {
        int64_t slice_ns = deadline_remaining(deadline, WMMF_WAIT_SLICE_NS);
        Py_BEGIN_ALLOW_THREADS;
        *status = call(arguments, slice_ns);
        Py_END_ALLOW_THREADS;
        if (*status != WMMF_E_TIMEOUT || slice_ns < WMMF_WAIT_SLICE_NS)
            return 0;
        PyObject *open = PyObject_CallFunctionObjArgs(handle->state->supplied[STILL_OPEN], (PyObject *)handle, NULL);
        if (!open)
            return -1;
        Py_DECREF(open);
    }
}

/* -- Sections and their lock -- */

typedef struct Held Held;

typedef struct {
    Handle handle;
    Held *held; /* by this process through this handle */
} Section;

typedef struct {
    PyObject_HEAD Section *section;
    PyObject *timeout;
    char writing, repair, owner_died;
} Guard;

/* A lock that a thread has. */
struct Held {
    Held *next;
    unsigned long thread;
    Guard *guard;   /* borrowed: it has this */
    PyObject *task; /* a weak reference to the asyncio task or greenlet that took it; NULL: neither */
};

static PyObject *section_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    (void)names;
    return new_handle(type, arguments, 0);
}

static void forget(Section *self) {
    while (self->held) {
        Held *held = self->held;
        self->held = held->next;
        Py_XDECREF(held->task);
        PyMem_Free(held);
    }
}

static int section_view(Section *self, Py_buffer *view, int flags) {
    void *data;
    uint64_t size = 0;
    wmmf_info info = {.struct_size = sizeof info};
    int32_t status = wmmf_data(self->handle.native, &data);
    if (status == WMMF_OK)
        status = wmmf_size(self->handle.native, &size);
    if (status == WMMF_OK)
        status = wmmf_get_info(self->handle.native, &info);
    if (status == WMMF_OK)
        return PyBuffer_FillInfo(view, (PyObject *)self, data, (Py_ssize_t)size, info.read_only != 0, flags);
    view->obj = NULL;
    PyObject_CallFunction(self->handle.state->supplied[FAIL], "Ois", self, status, "view");
    return -1;
}

/* A lock taken by this thread, by this guard if that is given; taken out of the list, or NULL. */
static Held *take_out(Section *self, const Guard *guard, int any_thread) {
    unsigned long thread = PyThread_get_thread_ident();
    Held *found = NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    for (Held **place = &self->held; *place; place = &(*place)->next) {
        if ((any_thread || (*place)->thread == thread) && (!guard || (*place)->guard == guard)) {
            found = *place;
            *place = found->next;
            break;
        }
    }
    Py_END_CRITICAL_SECTION();
    return found;
}

static int32_t unlock(Section *self, Held *held) {
    int writing = held->guard->writing;
    Py_XDECREF(held->task);
    PyMem_Free(held);
    return writing ? wmmf_unlock_write(self->handle.native) : wmmf_unlock_read(self->handle.native);
}

static PyObject *section_held(Section *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(self->held != NULL);
}

static PyObject *section_give_back(Section *self, PyObject *none) {
    (void)none;
    Held *held = take_out(self, NULL, 0);
    if (held)
        unlock(self, held);
    Py_RETURN_NONE;
}

/* A weak reference to the task or greenlet that runs in this thread; NULL: neither, or an exception. */
static PyObject *current_task(State *state) {
    PyObject *modules = PyImport_GetModuleDict();
    int asking = PyDict_Contains(modules, state->greenlet);
    if (asking == 0 && PyDict_Contains(modules, state->asyncio) == 1) {
        if (!state->running_loop) {
            PyObject *asyncio = PyImport_GetModule(state->asyncio);
            /* Nothing yet: asyncio itself is just being imported. */
            state->running_loop = asyncio ? PyObject_GetAttrString(asyncio, "_get_running_loop") : NULL;
            Py_XDECREF(asyncio);
            PyErr_Clear();
        }
        PyObject *loop = state->running_loop ? PyObject_CallNoArgs(state->running_loop) : NULL;
        asking = loop && loop != Py_None;
        Py_XDECREF(loop);
    }
    if (asking <= 0)
        return NULL;
    PyObject *task = PyObject_CallNoArgs(state->supplied[CURRENT_TASK]);
    if (task != Py_None)
        return task;
    Py_DECREF(task);
    return NULL;
}

/* (writing) -> what a call that needs the lock has to know: None: nothing; else the weak reference to another task of
 * this thread that has the lock. Reading together with a reading task is harmless. */
static PyObject *section_other_task(Section *self, PyObject *writing) {
    unsigned long thread = PyThread_get_thread_ident();
    PyObject *task = NULL;
    int found = 0;
    Py_BEGIN_CRITICAL_SECTION(self);
    for (Held *held = self->held; held; held = held->next) {
        if (held->thread == thread && (held->guard->writing || writing == Py_True)) {
            task = Py_XNewRef(held->task);
            found = 1;
            break;
        }
    }
    Py_END_CRITICAL_SECTION();
    if (!found)
        Py_RETURN_NONE;
    PyObject *current = current_task(self->handle.state);
    if (PyErr_Occurred()) {
        Py_XDECREF(task);
        return NULL;
    }
    int other = current != task;
    Py_XDECREF(current);
    if (other && !task) /* the thread's own code has it, outside all tasks */
        Py_RETURN_TRUE;
    if (other)
        return task;
    Py_XDECREF(task);
    Py_RETURN_NONE;
}

typedef struct {
    wmmf_section *section;
    int writing;
    uint64_t place; /* in the queue of writers */
} Locking;

static int32_t lock(void *arguments, int64_t timeout_ns) {
    Locking *locking = arguments;
    return locking->writing ? wmmf_lock_write_queued(locking->section, timeout_ns, &locking->place)
                            : wmmf_lock_read(locking->section, timeout_ns);
}

static PyObject *guard_enter(Guard *self, PyObject *none) {
    (void)none;
    Section *section = self->section;
    State *state = section->handle.state;
    if (section->handle.closed)
        return fail(state, STILL_OPEN, (PyObject *)section);
    Held *held = PyMem_Malloc(sizeof *held);
    if (!held)
        return PyErr_NoMemory();
    Locking locking = {section->handle.native, self->writing, 0};
    int32_t status = WMMF_OK;
    int raised = attempt(&section->handle, self->timeout, 1, lock, &locking, &status) != 0;
    if (locking.place)
        wmmf_leave_queue(section->handle.native, locking.place);
    int owner_died = !raised && self->writing && status == WMMF_E_OWNER_DIED;
    if (raised || (status != WMMF_OK && !owner_died)) {
        PyMem_Free(held);
        if (!raised)
            PyObject_CallFunction(state->supplied[FAIL_LOCK], "Oii", section, status, self->writing);
        return NULL;
    }
    if (owner_died && !self->repair) { /* and stays so for the next one */
        wmmf_unlock_write(section->handle.native);
        PyMem_Free(held);
        PyObject_CallFunction(state->supplied[FAIL_LOCK], "Oii", section, status, self->writing);
        return NULL;
    }
    *held = (Held){NULL, PyThread_get_thread_ident(), self, current_task(state)};
    Py_BEGIN_CRITICAL_SECTION(section);
    held->next = section->held;
    section->held = held;
    Py_END_CRITICAL_SECTION();
    self->owner_died = (char)owner_died;
    return PyErr_Occurred() ? NULL : Py_NewRef((PyObject *)self); /* in the first case the guard's end releases it */
}

static PyObject *guard_exit(Guard *self, PyObject *const *arguments, Py_ssize_t count) {
    Section *section = self->section;
    Held *held = take_out(section, self, 0);
    if (!held && section->handle.forked) /* the parent's */
        Py_RETURN_NONE;
    int32_t status = held ? unlock(section, held) : WMMF_E_NOT_OWNER;
    if (status == WMMF_OK || (held && count > 0 && arguments[0] != Py_None))
        Py_RETURN_NONE;
    return PyObject_CallFunction(section->handle.state->supplied[FAIL], "Ois", section, status, "unlock");
}

static PyObject *enter(PyObject *self, PyObject *none) {
    (void)none;
    return Py_NewRef(self);
}

static void guard_dealloc(Guard *self) {
    Held *held;
    while ((held = take_out(self->section, self, 1)))
        unlock(self->section, held);
    Py_DECREF(self->section);
    Py_DECREF(self->timeout);
    dealloc((PyObject *)self);
}

/* read_lock(timeout), write_lock(timeout, repair). */
static PyObject *new_guard(Section *self, PyObject *timeout, int writing, int repair) {
    State *state = self->handle.state;
    Guard *guard = make(state->supplied[writing ? WRITE_LOCK : READ_LOCK]);
    if (!guard)
        return NULL;
    guard->section = (Section *)Py_NewRef((PyObject *)self);
    guard->timeout = Py_NewRef(timeout);
    guard->writing = (char)writing;
    guard->repair = (char)repair;
    return (PyObject *)guard;
}

static PyObject *section_read_lock(Section *self, PyObject *timeout) {
    return new_guard(self, timeout, 0, 0);
}

static PyObject *section_write_lock(Section *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    return new_guard(self, arguments[0], 1, arguments[1] != Py_False);
}

/* (size): makes a file longer or shorter, and maps it again; a status. None: something else refers to the section - a
 * view, a lock, a call in another thread - for which its memory must stay. */
static PyObject *section_resize(Section *self, PyObject *size) {
    unsigned long long bytes = PyLong_AsUnsignedLongLong(size);
    if (PyErr_Occurred())
        return NULL;
    if (Py_REFCNT((PyObject *)self) > 2) /* the Python object and the caller's look at it */
        Py_RETURN_NONE;
    return PyLong_FromLong(wmmf_resize(self->handle.native, bytes));
}

/* -- Windows of sections -- */

typedef struct {
    PyObject_HEAD wmmf_window *native; /* where the call that maps stores it */
    Py_ssize_t size;
    int readonly;
} Window;

static PyObject *window_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    (void)names;
    Py_ssize_t size;
    int readonly;
    if (!PyArg_ParseTuple(arguments, "np", &size, &readonly))
        return NULL;
    Window *self = make(type);
    if (self) {
        self->size = size;
        self->readonly = readonly;
    }
    return (PyObject *)self;
}

static void window_dealloc(Window *self) {
    wmmf_unmap_window(self->native);
    dealloc((PyObject *)self);
}

static PyObject *window_cell(Window *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(&self->native);
}

static int window_view(Window *self, Py_buffer *view, int flags) {
    void *data;
    if (wmmf_window_data(self->native, &data) == WMMF_OK)
        return PyBuffer_FillInfo(view, (PyObject *)self, data, self->size, self->readonly, flags);
    view->obj = NULL;
    PyErr_SetString(PyExc_BufferError, "the window is not mapped");
    return -1;
}

/* A base for Python classes: they export the buffer of what their method _exporter() gives. From Python 3.12 on a class
 * can do that itself. */
static int exporter_view(PyObject *self, Py_buffer *view, int flags) {
    PyObject *exporter = PyObject_CallMethod(self, "_exporter", NULL);
    view->obj = NULL;
    if (!exporter)
        return -1;
    int failed = PyObject_GetBuffer(exporter, view, flags);
    Py_DECREF(exporter);
    return failed;
}

/* -- Frames -- */

typedef struct {
    Handle handle;
    uint64_t had; /* sequence of the frame that was given last */
    char small;   /* its slots: the library reserves one, when it is first used, in a moment */
} Channel;

/* A frame's life is the word `state`: whether it is over, whether somebody is just ending it, how many views there are.
 * The thread that makes it "over, without views" releases its slot and its channel; one atomic change does that, so it
 * happens once. */
#define IS_OVER 1u
#define ENDING  2u
#define A_VIEW  4u

enum { PINNED, BEGUN, COPIED };

typedef struct {
    PyObject_HEAD wmmf_frame frame;
    State *module;
    Channel *channel; /* NULL: it was released */
    Py_buffer target; /* of a copy */
    shared_u32 state;
    int kind;
    int32_t intact; /* what its release answered: WMMF_OK, or WMMF_E_NOT_INTACT */
} Frame;

static void clear_bits(shared_u32 *word, uint32_t bits) {
    uint32_t before = load_seq_u32(word);
    while (!cas_seq_u32(word, &before, before & ~bits))
        continue;
}

static uint32_t set_bits(shared_u32 *word, uint32_t bits) {
    uint32_t before = load_seq_u32(word);
    while (!cas_seq_u32(word, &before, before | bits))
        continue;
    return before;
}

/* Claims the end of the frame: false if it is over, or another thread is ending it. */
static int claim(Frame *self) {
    return (set_bits(&self->state, ENDING) & (IS_OVER | ENDING)) == 0;
}

/* Over, without views: releases everything. */
static void settle(Frame *self) {
    Channel *channel = self->channel;
    self->channel = NULL;
    if (self->kind == PINNED && self->frame.slot != NO_SLOT)
        self->intact = wmmf_channel_release(channel->handle.native, &self->frame);
    if (self->kind == COPIED)
        PyBuffer_Release(&self->target);
    Py_XDECREF((PyObject *)channel); /* may close it */
}

static void end(Frame *self) {
    uint32_t before = set_bits(&self->state, IS_OVER);
    if (before < A_VIEW && !(before & IS_OVER))
        settle(self);
}

static int begin_view(Frame *self) {
    uint32_t before = load_seq_u32(&self->state);
    do {
        if (before & (IS_OVER | ENDING)) {
            fail(self->module, OVER, (PyObject *)self);
            return -1;
        }
    } while (!cas_seq_u32(&self->state, &before, before + A_VIEW));
    return 0;
}

static void end_view(Frame *self) {
    uint32_t before = add_seq_u32(&self->state, 0u - A_VIEW);
    if (before < 2 * A_VIEW && before & IS_OVER)
        settle(self);
}

static void release_view(Frame *self, Py_buffer *view) {
    PyMem_Free(view->internal);
    end_view(self);
}

static void *memory_of(const Frame *self) {
    return self->kind == COPIED ? self->target.buf : self->frame.data;
}

/* What there is of it: of a frame that was only looked at, no bytes. */
static wmmf_frame description_of(const Frame *self) {
    wmmf_frame frame = self->frame; /* a frame that is being filled may get another description meanwhile */
    if (self->kind == COPIED && frame.used > (uint64_t)self->target.len)
        frame = (wmmf_frame){.used = 0};
    return frame;
}

/* How an array lies in a frame. */
typedef struct {
    Py_ssize_t shape[WMMF_FRAME_DIMENSIONS_MAX], strides[WMMF_FRAME_DIMENSIONS_MAX];
    Py_ssize_t itemsize;
    const char *format; /* of the buffer protocol */
    int dimensions;
} Array;

static const struct {
    const char *format;
    Py_ssize_t itemsize;
} ELEMENTS[] = {
    [WMMF_ELEMENT_NONE] = {"B", 1},    [WMMF_ELEMENT_BOOL] = {"?", 1},       [WMMF_ELEMENT_INT8] = {"b", 1},
    [WMMF_ELEMENT_UINT8] = {"B", 1},   [WMMF_ELEMENT_INT16] = {"h", 2},      [WMMF_ELEMENT_UINT16] = {"H", 2},
    [WMMF_ELEMENT_INT32] = {"i", 4},   [WMMF_ELEMENT_UINT32] = {"I", 4},     [WMMF_ELEMENT_INT64] = {"q", 8},
    [WMMF_ELEMENT_UINT64] = {"Q", 8},  [WMMF_ELEMENT_FLOAT16] = {"e", 2},    [WMMF_ELEMENT_FLOAT32] = {"f", 4},
    [WMMF_ELEMENT_FLOAT64] = {"d", 8}, [WMMF_ELEMENT_COMPLEX64] = {"Zf", 8}, [WMMF_ELEMENT_COMPLEX128] = {"Zd", 16},
};

#define Y16 ((uint32_t)'Y' | (uint32_t)'1' << 8 | (uint32_t)'6' << 16 | (uint32_t)' ' << 24)

static void describe_array(const wmmf_frame *frame, Array *array) {
    array->dimensions = (int)frame->dimensions;
    Py_ssize_t stride = array->itemsize;
    for (int i = array->dimensions - 1; i >= 0; i--) {
        array->shape[i] = (Py_ssize_t)frame->shape[i];
        array->strides[i] = stride;
        stride *= array->shape[i];
    }
}

/* Rows x pixels (x bytes of a pixel); 4:2:0 formats rows x 1.5 rows of bytes, as OpenCV has them. */
static void describe_picture(const wmmf_frame *frame, Array *array) {
    uint32_t row = 0;
    uint64_t bytes, rows = frame->height;
    if (wmmf_picture_size(frame->fourcc, frame->width, frame->height, &row, &bytes) == WMMF_OK)
        rows = bytes / row;
    else /* of the user's own: all of the stride is pixels */
        row = frame->stride;
    Py_ssize_t pixel = row / frame->width;
    if (pixel == 0)
        return;
    if (frame->fourcc == Y16) {
        array->itemsize = 2;
        array->format = "H";
    }
    array->shape[0] = (Py_ssize_t)rows;
    array->strides[0] = frame->stride;
    array->shape[1] = frame->width;
    array->strides[1] = pixel;
    array->shape[2] = pixel;
    array->strides[2] = 1;
    array->dimensions = pixel == array->itemsize ? 2 : 3;
}

/* An array as it was sent, a picture, or else bytes. 0: what describes the frame is not true of its bytes. */
static int describe(wmmf_frame frame, Array *array) {
    if (picture_check(&frame) != WMMF_OK)
        return 0;
    array->itemsize = ELEMENTS[frame.element].itemsize;
    array->format = ELEMENTS[frame.element].format;
    array->dimensions = 1;
    array->shape[0] = (Py_ssize_t)frame.used;
    array->strides[0] = 1;
    if (frame.element != WMMF_ELEMENT_NONE)
        describe_array(&frame, array);
    else if (frame.width != 0 && frame.stride != 0)
        describe_picture(&frame, array);
    return 1;
}

static int dense(const Array *array) {
    Py_ssize_t expected = array->itemsize;
    for (int i = array->dimensions - 1; i >= 0; expected *= array->shape[i--])
        if (array->strides[i] != expected)
            return 0;
    return 1;
}

static int fill_view(Frame *self, Array *array, Py_buffer *view, int flags) {
    if (!describe(description_of(self), array)) {
        fail(self->module, NO_PICTURE, (PyObject *)self);
        return -1;
    }
    if (flags & PyBUF_WRITABLE && self->kind != BEGUN) {
        PyErr_SetString(PyExc_BufferError, "a frame is read-only");
        return -1;
    }
    if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES && !dense(array)) {
        PyErr_SetString(PyExc_BufferError, "there are gaps between the frame's rows");
        return -1;
    }
    view->buf = memory_of(self);
    view->itemsize = array->itemsize;
    view->len = array->itemsize;
    for (int i = 0; i < array->dimensions; i++)
        view->len *= array->shape[i];
    view->readonly = self->kind != BEGUN;
    view->format = flags & PyBUF_FORMAT ? (char *)array->format : NULL;
    view->ndim = flags & PyBUF_ND ? array->dimensions : 1;
    view->shape = flags & PyBUF_ND ? array->shape : NULL;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? array->strides : NULL;
    view->suboffsets = NULL;
    view->internal = array;
    view->obj = Py_NewRef((PyObject *)self);
    return 0;
}

static int frame_view(Frame *self, Py_buffer *view, int flags) {
    view->obj = NULL;
    if (begin_view(self) != 0)
        return -1;
    Array *array = PyMem_Malloc(sizeof *array);
    if (!array)
        PyErr_NoMemory();
    else if (fill_view(self, array, view, flags) == 0)
        return 0;
    PyMem_Free(array);
    end_view(self);
    return -1;
}

/* What `data` is a view of: a frame's bytes, whatever they mean. The view refers to the frame itself. */
typedef struct {
    PyObject_HEAD Frame *frame;
} Bytes;

static int bytes_view(Bytes *self, Py_buffer *view, int flags) {
    Frame *frame = self->frame;
    view->obj = NULL;
    if (begin_view(frame) != 0)
        return -1;
    uint64_t size = frame->kind == BEGUN ? frame->frame.capacity : description_of(frame).used;
    if (PyBuffer_FillInfo(view, (PyObject *)frame, memory_of(frame), (Py_ssize_t)size, frame->kind != BEGUN, flags) ==
        0)
        return 0;
    end_view(frame);
    return -1;
}

static void bytes_dealloc(Bytes *self) {
    Py_DECREF(self->frame);
    dealloc((PyObject *)self);
}

static PyObject *frame_data(Frame *self, void *closure) {
    (void)closure;
    Bytes *bytes = make(self->module->bytes);
    if (!bytes)
        return NULL;
    bytes->frame = (Frame *)Py_NewRef((PyObject *)self);
    PyObject *view = PyMemoryView_FromObject((PyObject *)bytes);
    Py_DECREF(bytes);
    return view;
}

static PyObject *frame_address(Frame *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(&self->frame);
}

static PyObject *frame_is_over(Frame *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(load_seq_u32(&self->state) & (IS_OVER | ENDING));
}

static Frame *new_frame(void *type, int kind, Channel *channel) {
    Frame *self = make(type);
    if (!self)
        return NULL;
    self->frame.struct_size = sizeof self->frame;
    self->frame.slot = NO_SLOT;
    self->module = channel->handle.state;
    self->channel = (Channel *)Py_NewRef((PyObject *)channel);
    self->kind = kind;
    return self;
}

static PyObject *frame_release(Frame *self, PyObject *none) {
    (void)none;
    end(self);
    Py_RETURN_NONE;
}

/* Whether it is, or was until its release, as it was published. */
static int32_t intact(Frame *self) {
    uint32_t before = load_seq_u32(&self->state);
    do {
        if (before & IS_OVER && before < A_VIEW)
            return self->intact;
    } while (!cas_seq_u32(&self->state, &before, before + A_VIEW)); /* nobody gives its slot back meanwhile */
    int32_t status = self->kind == PINNED ? wmmf_channel_intact(self->channel->handle.native, &self->frame) : WMMF_OK;
    end_view(self);
    return status;
}

static PyObject *frame_is_intact(Frame *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(intact(self) != WMMF_E_NOT_INTACT);
}

static PyObject *frame_exit(Frame *self, PyObject *const *arguments, Py_ssize_t count) {
    end(self);
    if (intact(self) == WMMF_E_NOT_INTACT && count > 0 && arguments[0] == Py_None)
        return fail(self->module, TORN, (PyObject *)self);
    Py_RETURN_NONE;
}

/* Frames that are being filled. Their slot goes when they are published or dropped; views of them, which nobody may use
 * after that, keep only the channel. */

static PyObject *publish(Frame *self, PyObject *none) {
    (void)none;
    if (!claim(self))
        return fail(self->module, OVER, (PyObject *)self);
    Channel *channel = (Channel *)Py_NewRef((PyObject *)self->channel);
    int32_t status = wmmf_channel_publish(channel->handle.native, &self->frame);
    PyObject *sequence = NULL;
    if (status == WMMF_OK) {
        self->frame.slot = NO_SLOT;
        end(self);
        sequence = PyLong_FromUnsignedLongLong(self->frame.sequence);
    } else { /* still begun */
        clear_bits(&self->state, ENDING);
        PyObject_CallFunction(self->module->supplied[FAIL_PUBLISH], "OOi", channel, self, status);
    }
    Py_DECREF(channel);
    return sequence;
}

static void drop(Frame *self) {
    if (!claim(self))
        return;
    if (self->frame.slot != NO_SLOT)
        wmmf_channel_cancel(self->channel->handle.native, &self->frame);
    self->frame.slot = NO_SLOT;
    end(self);
}

static PyObject *cancel(Frame *self, PyObject *none) {
    (void)none;
    if (load_seq_u32(&self->state) & (IS_OVER | ENDING))
        return fail(self->module, OVER, (PyObject *)self);
    drop(self);
    Py_RETURN_NONE;
}

static PyObject *new_frame_exit(Frame *self, PyObject *const *arguments, Py_ssize_t count) {
    if (load_seq_u32(&self->state) & IS_OVER)
        Py_RETURN_NONE;
    PyObject *published = count > 0 && arguments[0] == Py_None ? publish(self, NULL) : Py_NewRef(Py_None);
    drop(self); /* if it was not published */
    if (!published)
        return NULL;
    Py_DECREF(published);
    Py_RETURN_NONE;
}

static void frame_dealloc(Frame *self) {
    if (self->kind == BEGUN)
        drop(self);
    end(self);
    dealloc((PyObject *)self);
}

/* -- Channels -- */

static PyObject *channel_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    (void)names;
    return new_handle(type, arguments, 1);
}

typedef struct {
    wmmf_channel *channel;
    uint32_t pick; /* to read */
    uint64_t after;
    void *target; /* to copy from or to */
    uint64_t length;
    wmmf_frame *frame;
} Framing;

static int32_t acquire_call(void *arguments, int64_t timeout_ns) {
    Framing *framing = arguments;
    return wmmf_channel_acquire_pick(framing->channel, framing->pick, framing->after, timeout_ns, framing->frame);
}

static int32_t read_call(void *arguments, int64_t timeout_ns) {
    Framing *framing = arguments;
    return wmmf_channel_read_pick(framing->channel, framing->pick, framing->after, framing->target, framing->length,
                                  timeout_ns, framing->frame);
}

static int32_t begin_call(void *arguments, int64_t timeout_ns) {
    Framing *framing = arguments;
    return wmmf_channel_begin(framing->channel, timeout_ns, framing->frame);
}

static int32_t write_call(void *arguments, int64_t timeout_ns) {
    Framing *framing = arguments;
    return wmmf_channel_write(framing->channel, framing->target, timeout_ns, framing->frame);
}

/* Raises for a status. */
static void *failed(Channel *self, int32_t status, const char *action) {
    PyObject_CallFunction(self->handle.state->supplied[FAIL], "Ois", self, status, action);
    return NULL;
}

static uint64_t get_had(Channel *self) {
    uint64_t had;
    Py_BEGIN_CRITICAL_SECTION(self);
    had = self->had;
    Py_END_CRITICAL_SECTION();
    return had;
}

static void set_had(Channel *self, const Frame *frame) {
    Py_BEGIN_CRITICAL_SECTION(self);
    self->had = frame->frame.sequence;
    Py_END_CRITICAL_SECTION();
}

/* A pinned frame. */
static Frame *acquire(Channel *self, uint32_t pick, uint64_t after, PyObject *timeout) {
    Frame *frame = new_frame(self->handle.state->supplied[FRAME], PINNED, self);
    if (!frame)
        return NULL;
    Framing framing = {.channel = self->handle.native, .pick = pick, .after = after, .frame = &frame->frame};
    int32_t status = WMMF_OK;
    int raised = attempt(&self->handle, timeout, 1, acquire_call, &framing, &status) != 0;
    if (!raised && status == WMMF_OK)
        return frame;
    Py_DECREF(frame);
    return raised ? NULL : failed(self, status, "get a frame of");
}

/* A frame that this channel object then counts as given. */
static PyObject *acquire_newer(Channel *self, uint32_t pick, uint64_t after, PyObject *timeout) {
    Frame *frame = acquire(self, pick, after, timeout);
    if (frame)
        set_had(self, frame);
    return (PyObject *)frame;
}

static PyObject *channel_latest(Channel *self, PyObject *timeout) {
    return acquire_newer(self, WMMF_PICK_LATEST, get_had(self), timeout);
}

static PyObject *channel_next(Channel *self, PyObject *timeout) {
    return acquire_newer(self, WMMF_PICK_NEXT, get_had(self), timeout);
}

/* (pick, after, timeout) */
static PyObject *channel_pick(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    uint32_t pick = (uint32_t)PyLong_AsUnsignedLong(arguments[0]);
    uint64_t after = PyLong_AsUnsignedLongLong(arguments[1]);
    if (PyErr_Occurred())
        return NULL;
    if (pick == WMMF_PICK_AT || pick == WMMF_PICK_TIME)
        return (PyObject *)acquire(self, pick, after, arguments[2]);
    return acquire_newer(self, pick, after, arguments[2]);
}

/* (pick, after, buffer, timeout): a copy in this buffer; None: only what describes the frame. */
static PyObject *channel_read(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    State *state = self->handle.state;
    unsigned long pick = PyLong_AsUnsignedLong(arguments[0]);
    uint64_t after = PyLong_AsUnsignedLongLong(arguments[1]);
    int peek = arguments[2] == Py_None;
    if (PyErr_Occurred())
        return NULL;
    Frame *frame = new_frame(state->supplied[FRAME], COPIED, self);
    if (!frame)
        return NULL;
    if (!peek && PyObject_GetBuffer(arguments[2], &frame->target, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) != 0) {
        Py_DECREF(frame);
        return NULL;
    }
    Framing framing = {.channel = self->handle.native,
                       .pick = (uint32_t)pick,
                       .after = after,
                       .target = frame->target.buf,
                       .length = (uint64_t)frame->target.len,
                       .frame = &frame->frame};
    int32_t status = WMMF_OK;
    int quick = frame->target.len <= QUICK_COPY;
    int raised = attempt(&self->handle, arguments[3], quick, read_call, &framing, &status) != 0;
    uint64_t used = frame->frame.used;
    if (peek && status == WMMF_E_RANGE) /* as intended: there is no room at all */
        status = WMMF_OK;
    if (!raised && status == WMMF_OK)
        return (PyObject *)frame;
    Py_ssize_t size = frame->target.len;
    Py_DECREF(frame);
    if (!raised && status == WMMF_E_RANGE)
        return PyObject_CallFunction(state->supplied[TOO_SMALL], "OnK", self, size, (unsigned long long)used);
    return raised ? NULL : failed(self, status, "read a frame of");
}

/* What a wmmf_frame is to say, as the bytes of such a struct; None: nothing. -1: an exception. */
static int described(PyObject *bytes, wmmf_frame *frame) {
    if (bytes == Py_None)
        return 0;
    const char *data = PyBytes_AsString(bytes);
    if (!data)
        return -1;
    memcpy(frame, data, sizeof *frame);
    return 0;
}

/* (description, timeout) */
static PyObject *channel_begin(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    wmmf_frame description = {.used = 0};
    if (described(arguments[0], &description) != 0)
        return NULL;
    Frame *frame = new_frame(self->handle.state->supplied[NEW_FRAME], BEGUN, self);
    if (!frame)
        return NULL;
    Framing framing = {.channel = self->handle.native, .frame = &frame->frame};
    int32_t status = WMMF_OK;
    int raised = attempt(&self->handle, arguments[1], self->small, begin_call, &framing, &status) != 0;
    if (raised || status != WMMF_OK) {
        Py_DECREF(frame);
        return raised ? NULL : failed(self, status, "begin a frame in");
    }
    if (arguments[0] != Py_None) {
        description.struct_size = frame->frame.struct_size;
        description.slot = frame->frame.slot;
        description.capacity = frame->frame.capacity;
        description.hold = frame->frame.hold;
        description.data = frame->frame.data;
        frame->frame = description;
    }
    return (PyObject *)frame;
}

/* (buffer, description, timeout): the sequence, or 0 after the timeout. */
static PyObject *channel_publish(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    Py_buffer source;
    wmmf_frame frame = {.used = 0};
    if (described(arguments[1], &frame) != 0 || PyObject_GetBuffer(arguments[0], &source, PyBUF_C_CONTIGUOUS) != 0)
        return NULL;
    frame.struct_size = sizeof frame;
    frame.slot = NO_SLOT;
    frame.used = (uint64_t)source.len;
    Framing framing = {.channel = self->handle.native, .target = source.buf, .frame = &frame};
    int32_t status = WMMF_OK;
    int raised = attempt(&self->handle, arguments[2], self->small, write_call, &framing, &status) != 0;
    PyBuffer_Release(&source);
    if (raised)
        return NULL;
    if (status == WMMF_OK)
        return PyLong_FromUnsignedLongLong(frame.sequence);
    return status == WMMF_E_TIMEOUT ? PyLong_FromLong(0) : failed(self, status, "publish a frame in");
}

/* -- The types and the module -- */

#define FAST(name, call, text)                                                                                         \
    { name, (PyCFunction)(void *)(call), METH_FASTCALL, text }
#define NONE(name, call, text)                                                                                         \
    { name, (PyCFunction)(call), METH_NOARGS, text }
#define ONE(name, call, text)                                                                                          \
    { name, (PyCFunction)(call), METH_O, text }
#define END                                                                                                            \
    { NULL }

static PyMemberDef section_members[] = {HANDLE_MEMBERS, END};
static PyGetSetDef section_getset[] = {
    {"cell", (getter)handle_cell, NULL, "the address at which a call that opens stores the native handle", NULL},
    {"held", (getter)section_held, NULL, "whether some thread has the lock through this handle", NULL},
    END,
};
static PyMethodDef section_methods[] = {
    ONE("read_lock", section_read_lock, "(timeout)"),
    FAST("write_lock", section_write_lock, "(timeout, repair)"),
    ONE("other_task", section_other_task, "(writing): the task or greenlet whose lock is in the way"),
    ONE("resize", section_resize, "(size): a status, or None: something refers to it"),
    NONE("give_back", section_give_back, "the lock that the calling thread has, if it has one"),
    END,
};
static void section_dealloc(Section *self) {
    forget(self);
    handle_dealloc((PyObject *)self);
}
static PyType_Slot section_slots[] = {
    {Py_tp_new, section_new},
    {Py_tp_dealloc, section_dealloc},
    {Py_tp_members, section_members},
    {Py_tp_getset, section_getset},
    {Py_tp_methods, section_methods},
    {Py_bf_getbuffer, section_view},
    {0, NULL},
};
static PyType_Spec section_spec = {"pywinmmf._core.hold.Section", sizeof(Section), 0, Py_TPFLAGS_DEFAULT,
                                   section_slots};

static PyMemberDef channel_members[] = {
    HANDLE_MEMBERS,
    {"had", T_ULONGLONG, offsetof(Channel, had), 0, "sequence of the frame given last"},
    {"small", T_BOOL, offsetof(Channel, small), 0, "whether its slots are reserved and copied in a moment"},
    END};
static PyMethodDef channel_methods[] = {
    ONE("latest", channel_latest, "(timeout)"),
    ONE("next", channel_next, "(timeout)"),
    FAST("pick", channel_pick, "(pick, after, timeout)"),
    FAST("read", channel_read, "(pick, after, buffer, timeout)"),
    FAST("begin", channel_begin, "(description, timeout)"),
    FAST("publish", channel_publish, "(buffer, description, timeout)"),
    END,
};
static PyType_Slot channel_slots[] = {
    {Py_tp_new, channel_new},      {Py_tp_dealloc, handle_dealloc},  {Py_tp_members, channel_members},
    {Py_tp_getset, handle_getset}, {Py_tp_methods, channel_methods}, {0, NULL},
};
static PyType_Spec channel_spec = {"pywinmmf._core.hold.Channel", sizeof(Channel), 0, Py_TPFLAGS_DEFAULT,
                                   channel_slots};

#define FOR_PYTHON_CLASSES (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION)

static PyMemberDef guard_members[] = {{"owner_died", T_BOOL, offsetof(Guard, owner_died), READONLY, NULL}, END};
static PyMethodDef guard_methods[] = {NONE("__enter__", guard_enter, "take the lock"),
                                      FAST("__exit__", guard_exit, "Release the lock."), END};
static PyType_Slot guard_slots[] = {
    {Py_tp_dealloc, guard_dealloc}, {Py_tp_members, guard_members}, {Py_tp_methods, guard_methods}, {0, NULL}};
static PyType_Spec guard_spec = {"pywinmmf._core.hold.Guard", sizeof(Guard), 0, FOR_PYTHON_CLASSES, guard_slots};

#define FIELD(name, type, text)                                                                                        \
    { #name, type, offsetof(Frame, frame) + offsetof(wmmf_frame, name), READONLY, text }
static PyMemberDef frame_members[] = {
    FIELD(sequence, T_ULONGLONG, NULL), FIELD(missed, T_ULONGLONG, NULL),   FIELD(timestamp_ns, T_ULONGLONG, NULL),
    FIELD(used, T_ULONGLONG, NULL),     FIELD(width, T_UINT, NULL),         FIELD(height, T_UINT, NULL),
    FIELD(stride, T_UINT, NULL),        FIELD(capacity, T_ULONGLONG, NULL), END,
};
static PyGetSetDef frame_getset[] = {
    {"data", (getter)frame_data, NULL, "its bytes, in place", NULL},
    {"address", (getter)frame_address, NULL, "of the wmmf_frame, which lives as long as this object", NULL},
    {"intact", (getter)frame_is_intact, NULL, "whether it is, or was until its release, as it was published", NULL},
    {"over", (getter)frame_is_over, NULL, "whether it was given back, published or dropped", NULL},
    END,
};
static PyMethodDef frame_methods[] = {
    NONE("__enter__", enter, "the frame"),
    FAST("__exit__", frame_exit, "release it"),
    NONE("release", frame_release,
         "Release the frame. Calling it again does nothing. Views keep the picture as it is until they are gone."),
    END,
};
static PyType_Slot frame_slots[] = {
    {Py_tp_dealloc, frame_dealloc},
    {Py_tp_members, frame_members},
    {Py_tp_getset, frame_getset},
    {Py_tp_methods, frame_methods},
    {Py_bf_getbuffer, frame_view},
    {Py_bf_releasebuffer, release_view},
    {0, NULL},
};
static PyType_Spec frame_spec = {"pywinmmf._core.hold.Frame", sizeof(Frame), 0, FOR_PYTHON_CLASSES, frame_slots};

static PyMethodDef new_frame_methods[] = {
    NONE("__enter__", enter, "the frame"),
    FAST("__exit__", new_frame_exit, "publish it, or drop it after an exception"),
    NONE("publish", publish, "Make it the newest frame, before the block ends; its sequence."),
    NONE("cancel", cancel, "Drop it."),
    END,
};
static PyType_Slot new_frame_slots[] = {
    {Py_tp_dealloc, frame_dealloc},
    {Py_tp_members, frame_members},
    {Py_tp_getset, frame_getset},
    {Py_tp_methods, new_frame_methods},
    {Py_bf_getbuffer, frame_view},
    {Py_bf_releasebuffer, release_view},
    {0, NULL},
};
static PyType_Spec new_frame_spec = {"pywinmmf._core.hold.NewFrame", sizeof(Frame), 0, FOR_PYTHON_CLASSES,
                                     new_frame_slots};

static PyType_Slot bytes_slots[] = {{Py_tp_dealloc, bytes_dealloc}, {Py_bf_getbuffer, bytes_view}, {0, NULL}};
static PyType_Spec bytes_spec = {"pywinmmf._core.hold.Bytes", sizeof(Bytes), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, bytes_slots};

static PyGetSetDef window_getset[] = {
    {"cell", (getter)window_cell, NULL, "the address at which a call that maps stores the native window", NULL}, END};
static PyType_Slot window_slots[] = {{Py_tp_new, window_new},
                                     {Py_tp_dealloc, window_dealloc},
                                     {Py_tp_getset, window_getset},
                                     {Py_bf_getbuffer, window_view},
                                     {0, NULL}};
static PyType_Spec window_spec = {"pywinmmf._core.hold.Window", sizeof(Window), 0, Py_TPFLAGS_DEFAULT, window_slots};

static PyType_Slot exporter_slots[] = {{Py_bf_getbuffer, exporter_view}, {0, NULL}};
static PyType_Spec exporter_spec = {"pywinmmf._core.hold.Exporter", sizeof(PyObject), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, exporter_slots};

/* use(supplied): a dict of what Python supplies, or of a part of it. */
static PyObject *use(PyObject *module, PyObject *supplied) {
    State *state = PyModule_GetState(module);
    for (int i = 0; i < SUPPLIED; i++) {
        PyObject *object = PyDict_GetItemString(supplied, supplied_names[i]);
        if (object)
            state->supplied[i] = Py_NewRef(object);
    }
    Py_RETURN_NONE;
}

/* The keys of all handles that are open, closed by their users or not, each with whether it was closed. Not the
 * handles: one may be about to be freed. */
static PyObject *all_open(PyObject *module, PyObject *none) {
    (void)none;
    State *state = PyModule_GetState(module);
    PyObject *found = PyList_New(0);
    int failed = !found;
    Py_BEGIN_CRITICAL_SECTION(module);
    for (Handle *handle = state->handles; handle && !failed; handle = handle->next) {
        PyObject *one = handle->native ? Py_BuildValue("OO", handle->key, handle->closed ? Py_True : Py_False) : NULL;
        failed = handle->native && (!one || PyList_Append(found, one) != 0);
        Py_XDECREF(one);
    }
    Py_END_CRITICAL_SECTION();
    if (failed)
        Py_CLEAR(found);
    return found;
}

/* In a forked child: what is open belongs to the parent, and must not make that look alive. The first failure. */
static PyObject *after_fork(PyObject *module, PyObject *none) {
    (void)none;
    State *state = PyModule_GetState(module);
    int32_t first = WMMF_OK;
    for (Handle *handle = state->handles; handle; handle = handle->next) {
        int32_t status = WMMF_OK;
        handle->forked = handle->closed = 1;
        if (handle->channel)
            status = handle->native ? wmmf_channel_after_fork_child(handle->native) : WMMF_OK;
        else {
            forget((Section *)handle);
            status = handle->native ? wmmf_after_fork_child(handle->native) : WMMF_OK;
        }
        if (first == WMMF_OK)
            first = status;
    }
    return PyLong_FromLong(first);
}

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **kept) {
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (!type || PyModule_AddType(module, (PyTypeObject *)type) != 0) {
        Py_XDECREF(type);
        return -1;
    }
    if (kept)
        *kept = (PyTypeObject *)Py_NewRef(type);
    Py_DECREF(type);
    return 0;
}

static int start(PyObject *module) {
    State *state = PyModule_GetState(module);
    state->module = module;
    state->asyncio = PyUnicode_InternFromString("asyncio");
    state->greenlet = PyUnicode_InternFromString("greenlet");
    if (!state->asyncio || !state->greenlet)
        return -1;
    PyType_Spec *specs[] = {&section_spec,   &channel_spec,  &guard_spec, &frame_spec,
                            &new_frame_spec, &exporter_spec, &window_spec};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        if (add_type(module, specs[i], NULL) != 0)
            return -1;
    return add_type(module, &bytes_spec, &state->bytes);
}

static PyMethodDef functions[] = {
    ONE("use", use, "(supplied): what Python supplies, by name"),
    NONE("all_open", all_open, "the keys of what this process has open, each with whether its user closed it"),
    NONE("after_fork", after_fork, "in a forked child: give up what is the parent's; a status"),
    END,
};
static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, start},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "hold", NULL, sizeof(State), functions,
                             module_slots,          NULL,   NULL, NULL};

PyMODINIT_FUNC PyInit_hold(void) {
    return PyModuleDef_Init(&module);
}
