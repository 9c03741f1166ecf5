/* Open sections and channels, which close when the last reference is gone; calls that wait. */
#include "hold.h"

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

void hold_handle_dealloc(PyObject *self) {
    handle_close((Handle *)self);
    hold_dealloc(self);
}

PyObject *hold_new_handle(PyTypeObject *type, PyObject *arguments, int channel) {
    PyObject *what, *key;
    if (!PyArg_ParseTuple(arguments, "UO", &what, &key))
        return NULL;
    Handle *self = hold_make(type);
    if (!self)
        return NULL;
    self->what = Py_NewRef(what);
    self->key = Py_NewRef(key);
    self->state = PyType_GetModuleState(type);
    self->channel = channel;
    enlist(self);
    return (PyObject *)self;
}

PyObject *hold_handle_cell(Handle *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(&self->native);
}

void *hold_fail_call(Handle *self, int32_t status, const char *action) {
    return PyObject_CallFunction(self->state->supplied[FAIL], "Ois", self, status, action);
}

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

int hold_attempt(Handle *handle, PyObject *timeout, int quick, Call call, void *arguments, int32_t *status) {
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
