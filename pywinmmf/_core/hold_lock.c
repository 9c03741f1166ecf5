/* Sections and their locks, with the thread and task that holds each. */
#include "hold.h"

#define OWN_LOCK UINT64_MAX /* the section's own lock, in place of an offset in the payload */

typedef struct {
    PyObject_HEAD Section *section;
    PyObject *timeout;
    uint64_t at; /* the offset of a lock in the payload, or OWN_LOCK */
    char writing, repair, owner_died;
} Guard;

/* A lock that a thread has. */
struct Held {
    Held *next;
    unsigned long thread;
    uint64_t code;  /* identifies the thread: a later thread may have the same number, but never the same code */
    Guard *guard;   /* borrowed: the guard owns this */
    PyObject *task; /* a weak reference to the task or greenlet that took it; NULL: neither */
};

static uint64_t running_code(void) {
    return PyThreadState_GetID(PyThreadState_Get());
}

static PyObject *section_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    (void)names;
    return hold_new_handle(type, arguments, 0);
}

void hold_forget(Section *self) {
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
    /* The size first: if a file grows meanwhile, the address is that of a view that has at least this size. */
    int32_t status = wmmf_size(self->handle.native, &size);
    if (status == WMMF_OK)
        status = wmmf_data(self->handle.native, &data);
    if (status == WMMF_OK)
        status = wmmf_get_info(self->handle.native, &info);
    if (status == WMMF_OK)
        return PyBuffer_FillInfo(view, (PyObject *)self, data, (Py_ssize_t)size, info.read_only != 0, flags);
    view->obj = NULL;
    hold_fail_call(&self->handle, status, "view");
    return -1;
}

/* Removes a lock of this thread (of this guard, if given) from the list and returns it; NULL: none. */
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

static int32_t unlock_native(wmmf_section *section, const Guard *guard) {
    if (guard->at == OWN_LOCK)
        return guard->writing ? wmmf_unlock_write(section) : wmmf_unlock_read(section);
    return guard->writing ? wmmf_unlock_write_at(section, guard->at) : wmmf_unlock_read_at(section, guard->at);
}

static int32_t unlock(Section *self, Held *held) {
    const Guard *guard = held->guard;
    Py_XDECREF(held->task);
    PyMem_Free(held);
    return unlock_native(self->handle.native, guard);
}

static PyObject *section_held(Section *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(self->held != NULL);
}

static PyObject *section_release_own(Section *self, PyObject *none) {
    (void)none;
    Held *held;
    while ((held = take_out(self, NULL, 0)))
        unlock(self, held);
    Py_RETURN_NONE;
}

/* A function of asyncio, if it is there: asyncio may just be being imported. */
static PyObject *of_asyncio(State *state, PyObject **kept, const char *name) {
    if (!*kept) {
        PyObject *asyncio = PyImport_GetModule(state->asyncio);
        *kept = asyncio ? PyObject_GetAttrString(asyncio, name) : NULL;
        Py_XDECREF(asyncio);
        PyErr_Clear();
    }
    return *kept;
}

/* A weak reference to the asyncio task that runs in this thread; NULL: none, or an exception. */
static PyObject *asyncio_task(State *state) {
    PyObject *running_loop = of_asyncio(state, &state->running_loop, "_get_running_loop");
    PyObject *loop = running_loop ? PyObject_CallNoArgs(running_loop) : NULL;
    PyObject *task = NULL, *reference = NULL;
    if (loop && loop != Py_None) {
        PyObject *running_task = of_asyncio(state, &state->running_task, "current_task");
        task = running_task ? PyObject_CallFunctionObjArgs(running_task, loop, NULL) : NULL;
    }
    if (task && task != Py_None)
        reference = PyWeakref_NewRef(task, NULL);
    Py_XDECREF(task);
    Py_XDECREF(loop);
    return reference;
}

/* A weak reference to the task or greenlet that runs in this thread; NULL: neither, or an exception. */
static PyObject *current_task(State *state) {
    PyObject *modules = PyImport_GetModuleDict();
    if (PyDict_Contains(modules, state->greenlet) == 1 || PyDict_Contains(modules, state->trio) == 1) {
        PyObject *task = PyObject_CallNoArgs(state->supplied[CURRENT_TASK]);
        if (task != Py_None)
            return task;
        Py_DECREF(task);
        return NULL;
    }
    return PyDict_Contains(modules, state->asyncio) == 1 ? asyncio_task(state) : NULL;
}

/* Converts Python's argument: None is the section's own lock, a number the offset of one in the payload. 0: an
 * exception. */
static int which_lock(PyObject *at, uint64_t *found) {
    *found = at == Py_None ? OWN_LOCK : PyLong_AsUnsignedLongLong(at);
    return !PyErr_Occurred();
}

/* (writing, at) -> a weak reference to another task of this thread that has the lock; None: there is none. Two reading
 * tasks do not conflict. */
static PyObject *section_other_task(Section *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    uint64_t at, code = running_code();
    if (!which_lock(arguments[1], &at))
        return NULL;
    PyObject *task = NULL;
    int found = 0;
    Py_BEGIN_CRITICAL_SECTION(self);
    for (Held *held = self->held; held; held = held->next) {
        if (held->code == code && held->guard->at == at && (held->guard->writing || arguments[0] == Py_True)) {
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
    if (other && !task) /* code of the thread outside all tasks has it */
        Py_RETURN_TRUE;
    if (other)
        return task;
    Py_XDECREF(task);
    Py_RETURN_NONE;
}

/* (at) -> whether the running task has that lock, and no other task of this thread has it, on any object with this
 * section's name. Then no other task can release it. */
static PyObject *section_only_own(Section *self, PyObject *which) {
    State *state = self->handle.state;
    uint64_t at;
    if (!which_lock(which, &at))
        return NULL;
    PyObject *current = current_task(state);
    if (PyErr_Occurred())
        return NULL;
    uint64_t code = running_code();
    int own = 0, others = 0;
    Py_BEGIN_CRITICAL_SECTION(state->module);
    for (Handle *handle = state->handles; handle; handle = handle->next) {
        if (handle->channel || PyUnicode_Compare(handle->what, self->handle.what) != 0)
            continue;
        Py_BEGIN_CRITICAL_SECTION(handle);
        for (Held *held = ((Section *)handle)->held; held; held = held->next) {
            int ours = held->code == code && held->guard->at == at;
            own += ours && held->task == current;
            others += ours && held->task != current;
        }
        Py_END_CRITICAL_SECTION();
    }
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(current);
    return PyBool_FromLong(own && !others);
}

typedef struct {
    wmmf_section *section;
    const Guard *guard;
    uint64_t place; /* in the queue of writers */
} Locking;

static int32_t lock(void *arguments, int64_t timeout_ns) {
    Locking *locking = arguments;
    const Guard *guard = locking->guard;
    if (guard->at == OWN_LOCK)
        return guard->writing ? wmmf_lock_write_queued(locking->section, timeout_ns, &locking->place)
                              : wmmf_lock_read(locking->section, timeout_ns);
    return guard->writing ? wmmf_lock_write_queued_at(locking->section, guard->at, timeout_ns, &locking->place)
                          : wmmf_lock_read_at(locking->section, guard->at, timeout_ns);
}

static void leave_queue(const Locking *locking) {
    if (locking->guard->at == OWN_LOCK)
        wmmf_leave_queue(locking->section, locking->place);
    else
        wmmf_leave_queue_at(locking->section, locking->guard->at, locking->place);
}

static PyObject *fail_lock(const Guard *self, int32_t status) {
    PyObject *fail = self->section->handle.state->supplied[FAIL_LOCK];
    if (self->at == OWN_LOCK)
        return PyObject_CallFunction(fail, "OiiO", self->section, status, self->writing, Py_None);
    return PyObject_CallFunction(fail, "OiiK", self->section, status, self->writing, (unsigned long long)self->at);
}

static PyObject *guard_enter(Guard *self, PyObject *none) {
    (void)none;
    Section *section = self->section;
    State *state = section->handle.state;
    if (section->handle.closed)
        return hold_fail(state, STILL_OPEN, (PyObject *)section);
    Held *held = PyMem_Malloc(sizeof *held);
    if (!held)
        return PyErr_NoMemory();
    Locking locking = {section->handle.native, self, 0};
    int32_t status = WMMF_OK;
    int raised = hold_attempt(&section->handle, self->timeout, 1, lock, &locking, &status) != 0;
    if (locking.place)
        leave_queue(&locking);
    int owner_died = !raised && self->writing && status == WMMF_E_OWNER_DIED;
    if (raised || (status != WMMF_OK && !owner_died)) {
        PyMem_Free(held);
        return raised ? NULL : fail_lock(self, status);
    }
    if (owner_died && !self->repair) { /* the next writer gets the same status */
        unlock_native(section->handle.native, self);
        PyMem_Free(held);
        return fail_lock(self, status);
    }
    *held = (Held){NULL, PyThread_get_thread_ident(), running_code(), self, current_task(state)};
    Py_BEGIN_CRITICAL_SECTION(section);
    held->next = section->held;
    section->held = held;
    Py_END_CRITICAL_SECTION();
    self->owner_died = (char)owner_died;
    return PyErr_Occurred() ? NULL : Py_NewRef((PyObject *)self); /* after an exception the guard's end releases it */
}

static PyObject *guard_exit(Guard *self, PyObject *const *arguments, Py_ssize_t count) {
    Section *section = self->section;
    Held *held = take_out(section, self, 0);
    if (!held && section->handle.forked) /* the parent's */
        Py_RETURN_NONE;
    int32_t status = held ? unlock(section, held) : WMMF_E_NOT_OWNER;
    if (status == WMMF_OK || (held && count > 0 && arguments[0] != Py_None))
        Py_RETURN_NONE;
    return hold_fail_call(&section->handle, status, "unlock");
}

static void guard_dealloc(Guard *self) {
    Held *held;
    while ((held = take_out(self->section, self, 1)))
        unlock(self->section, held);
    Py_DECREF(self->section);
    Py_DECREF(self->timeout);
    hold_dealloc((PyObject *)self);
}

/* read_lock(timeout, at), write_lock(timeout, at, repair). */
static PyObject *new_guard(Section *self, PyObject *const *arguments, int writing, int repair) {
    State *state = self->handle.state;
    PyObject *timeout = arguments[0];
    uint64_t at;
    if (!which_lock(arguments[1], &at))
        return NULL;
    Guard *guard = hold_make(state->supplied[writing ? WRITE_LOCK : READ_LOCK]);
    if (!guard)
        return NULL;
    guard->at = at;
    guard->section = (Section *)Py_NewRef((PyObject *)self);
    guard->timeout = Py_NewRef(timeout);
    guard->writing = (char)writing;
    guard->repair = (char)repair;
    return (PyObject *)guard;
}

static PyObject *section_read_lock(Section *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    return new_guard(self, arguments, 0, 0);
}

static PyObject *section_write_lock(Section *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    return new_guard(self, arguments, 1, arguments[2] != Py_False);
}

/* (size): makes a file longer or shorter, and maps it again; returns a status. None: something else (a view, a lock, a
 * call in another thread) refers to the section, so its memory must stay. */
static PyObject *section_resize(Section *self, PyObject *size) {
    unsigned long long bytes = PyLong_AsUnsignedLongLong(size);
    if (PyErr_Occurred())
        return NULL;
    if (Py_REFCNT((PyObject *)self) > 2) /* the references of the Python object and of the caller */
        Py_RETURN_NONE;
    return PyLong_FromLong(wmmf_resize(self->handle.native, bytes));
}

static PyMemberDef section_members[] = {HANDLE_MEMBERS, END};
static PyGetSetDef section_getset[] = {
    HANDLE_CELL,
    {"held", (getter)section_held, NULL, "whether a thread holds a lock through this handle", NULL},
    END,
};

static PyMethodDef section_methods[] = {
    FAST("read_lock", section_read_lock, "(timeout, at)"),
    FAST("write_lock", section_write_lock, "(timeout, at, repair)"),
    FAST("other_task", section_other_task, "(writing, at): the task or greenlet that holds the lock"),
    ONE("only_own", section_only_own, "(at): whether this thread's lock belongs to this task"),
    ONE("resize", section_resize, "(size): a status; None: something refers to it"),
    NONE("release_own", section_release_own, "release the locks of the calling thread"),
    END,
};

static void section_dealloc(Section *self) {
    hold_forget(self);
    hold_handle_dealloc((PyObject *)self);
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

PyType_Spec hold_section_spec = {"pywinmmf._core.hold.Section", sizeof(Section), 0, Py_TPFLAGS_DEFAULT, section_slots};

static PyMemberDef guard_members[] = {{"owner_died", T_BOOL, offsetof(Guard, owner_died), READONLY, NULL}, END};
static PyMethodDef guard_methods[] = {NONE("__enter__", guard_enter, "take the lock"),
                                      FAST("__exit__", guard_exit, "Release the lock."), END};
static PyType_Slot guard_slots[] = {
    {Py_tp_dealloc, guard_dealloc}, {Py_tp_members, guard_members}, {Py_tp_methods, guard_methods}, {0, NULL}};
PyType_Spec hold_guard_spec = {"pywinmmf._core.hold.Guard", sizeof(Guard), 0, FOR_PYTHON_CLASSES, guard_slots};
