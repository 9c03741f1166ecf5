/* Windows of sections: parts with their own mappings, which outlive the handle. */
#include "hold.h"

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
    Window *self = hold_make(type);
    if (self) {
        self->size = size;
        self->readonly = readonly;
    }
    return (PyObject *)self;
}

static void window_dealloc(Window *self) {
    wmmf_unmap_window(self->native);
    hold_dealloc((PyObject *)self);
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

static PyGetSetDef window_getset[] = {
    {"cell", (getter)window_cell, NULL, "the address at which a call that maps stores the native window", NULL}, END};
static PyType_Slot window_slots[] = {{Py_tp_new, window_new},
                                     {Py_tp_dealloc, window_dealloc},
                                     {Py_tp_getset, window_getset},
                                     {Py_bf_getbuffer, window_view},
                                     {0, NULL}};
PyType_Spec hold_window_spec = {"pywinmmf._core.hold.Window", sizeof(Window), 0, Py_TPFLAGS_DEFAULT, window_slots};
