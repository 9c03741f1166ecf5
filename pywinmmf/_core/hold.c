/* The Python types that hold something in shared memory: an open section or channel, a lock, a frame.
 *
 * Each releases what it holds exactly once, here in C: when its with block ends, or when the last reference is gone.
 * No signal handler can run in between, and the garbage collector does not know these types, so it cannot destroy what
 * they hold in another order. References point one way: view -> frame or section, frame -> channel, lock -> section. So
 * a handle closes after everything that was made through it.
 *
 * Rare cases are written in Python, and C calls them: `supplied_names` lists those functions. Signatures, docstrings
 * and checks of arguments are in the Python classes that use or extend these types.
 *
 * Handles are in hold_handle.c, sections and locks in hold_lock.c, windows in hold_window.c, frames in hold_frame.c and
 * hold_array.c, channels in hold_channel.c. Here is the module itself.
 *
 * Without the GIL: a frame's life is one atomic word, and a critical section of the owner protects what several threads
 * may change. With the GIL these sections are empty. Objects are freed with the thread attached, so a fork, for which
 * Python stops all other threads, finds each handle either open or closed. */
#include "hold.h"

static const char *const supplied_names[SUPPLIED] = {
    "nanoseconds", "still_open", "fail", "fail_lock", "fail_publish", "too_small", "current_task", "used",
    "over",        "no_picture", "torn", "Frame",     "NewFrame",     "ReadLock",  "WriteLock"};

PyObject *hold_fail(State *state, int function, PyObject *self) {
    Py_XDECREF(PyObject_CallFunctionObjArgs(state->supplied[function], self, NULL));
    return NULL;
}

void hold_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

void *hold_make(void *type) {
    return PyType_GenericAlloc(type, 0);
}

PyObject *hold_enter(PyObject *self, PyObject *none) {
    (void)none;
    return Py_NewRef(self);
}

/* A base for Python classes that export the buffer of the object that their method _exporter() returns. From Python
 * 3.12 on a class can do that itself. */
static int exporter_view(PyObject *self, Py_buffer *view, int flags) {
    PyObject *exporter = PyObject_CallMethod(self, "_exporter", NULL);
    view->obj = NULL;
    if (!exporter)
        return -1;
    int failed = PyObject_GetBuffer(exporter, view, flags);
    Py_DECREF(exporter);
    return failed;
}

static PyType_Slot exporter_slots[] = {{Py_bf_getbuffer, exporter_view}, {0, NULL}};
static PyType_Spec exporter_spec = {"pywinmmf._core.hold.Exporter", sizeof(PyObject), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, exporter_slots};

/* use(supplied): a dict with the functions and classes of Python, or some of them. */
static PyObject *use(PyObject *module, PyObject *supplied) {
    State *state = PyModule_GetState(module);
    for (int i = 0; i < SUPPLIED; i++) {
        PyObject *object = PyDict_GetItemString(supplied, supplied_names[i]);
        if (object)
            state->supplied[i] = Py_NewRef(object);
    }
    Py_RETURN_NONE;
}

/* The keys of all open handles, each with a flag whether its user closed it. Not the handles themselves, since one may
 * just be freed. In Python 3.11 an allocation can start a garbage collection, which may free the handle in hand, so
 * collections wait. */
static PyObject *all_open(PyObject *module, PyObject *none) {
    (void)none;
    State *state = PyModule_GetState(module);
    PyObject *found = PyList_New(0);
    int failed = !found, collecting = PyGC_Disable();
    Py_BEGIN_CRITICAL_SECTION(module);
    for (Handle *handle = state->handles; handle && !failed; handle = handle->next) {
        PyObject *one = handle->native ? Py_BuildValue("OO", handle->key, handle->closed ? Py_True : Py_False) : NULL;
        failed = handle->native && (!one || PyList_Append(found, one) != 0);
        Py_XDECREF(one);
    }
    Py_END_CRITICAL_SECTION();
    if (collecting)
        PyGC_Enable();
    if (failed)
        Py_CLEAR(found);
    return found;
}

/* In a forked child: drops the open handles, which belong to the parent, so that they do not make it look alive.
 * Returns the first failure. */
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
            hold_forget((Section *)handle);
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
    state->trio = PyUnicode_InternFromString("trio");
    if (!state->asyncio || !state->greenlet || !state->trio)
        return -1;
    PyType_Spec *specs[] = {&hold_section_spec,   &hold_channel_spec, &hold_guard_spec, &hold_frame_spec,
                            &hold_new_frame_spec, &exporter_spec,     &hold_window_spec};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        if (add_type(module, specs[i], NULL) != 0)
            return -1;
    return add_type(module, &hold_bytes_spec, &state->bytes);
}

static PyMethodDef functions[] = {
    ONE("use", use, "(supplied): the functions and classes of Python, by name"),
    NONE("all_open", all_open,
         "the keys of the open handles of this process, each with a flag whether its user closed it"),
    NONE("after_fork", after_fork, "in a forked child: drop the parent's handles; a status"),
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
