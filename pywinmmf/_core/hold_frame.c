/* Frames: pinned for reading in place, begun for filling, or copied. Each ends exactly once. */
#include "hold.h"

/* The word `state` is a frame's life: whether it is over, whether a thread is just ending it, and how many views there
 * are. The thread that changes it to "over, without views" releases its slot and its channel; that is one atomic
 * change, so it happens once. */
#define IS_OVER 1u
#define ENDING  2u
#define A_VIEW  4u
static void clear_bits(shared_u32 *word, uint32_t bits) {
    uint32_t before = load_seq_u32(word);
    while (!cas_seq_u32(word, &before, before & ~bits))
        continue;
}

static uint32_t set_bits(shared_u32 *word, uint32_t bits) {
    uint32_t before = load_seq_u32(word);
    while ((before & bits) != bits && !cas_seq_u32(word, &before, before | bits))
        continue;
    return before;
}

/* Claims the end of the frame: false if it is over, or another thread is ending it. */
static int claim(Frame *self) {
    return (set_bits(&self->state, ENDING) & (IS_OVER | ENDING)) == 0;
}

/* Over, without views: releases everything. */
static void release_all(Frame *self) {
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
        release_all(self);
}

static int begin_view(Frame *self) {
    uint32_t before = load_seq_u32(&self->state);
    do {
        if (before & (IS_OVER | ENDING)) {
            hold_fail(self->module, OVER, (PyObject *)self);
            return -1;
        }
    } while (!cas_seq_u32(&self->state, &before, before + A_VIEW));
    return 0;
}

static void end_view(Frame *self) {
    uint32_t before = add_seq_u32(&self->state, 0u - A_VIEW);
    if (before < 2 * A_VIEW && before & IS_OVER)
        release_all(self);
}

static void release_view(Frame *self, Py_buffer *view) {
    PyMem_Free(view->internal);
    end_view(self);
}

static void *memory_of(const Frame *self) {
    return self->kind == COPIED ? self->target.buf : self->frame.data;
}

/* The description; a frame without its picture has no bytes. */
static wmmf_frame description_of(const Frame *self) {
    wmmf_frame frame = self->frame; /* the description of a frame that is being filled may change meanwhile */
    if (self->kind == COPIED && frame.used > (uint64_t)self->target.len)
        frame = (wmmf_frame){.used = 0};
    return frame;
}

/* Whether a request has all bits of this flag: those of PyBUF_STRIDES are also in the flags for an order. */
static int asks(int flags, int flag) {
    return (flags & flag) == flag;
}

/* Leaves out what was not requested. -1: the elements do not lie as requested. */
static int leave_out(Py_buffer *view, int flags) {
    int strided = asks(flags, PyBUF_STRIDES);
    if ((!strided || asks(flags, PyBUF_C_CONTIGUOUS) || asks(flags, PyBUF_ANY_CONTIGUOUS)) &&
        !PyBuffer_IsContiguous(view, 'C')) {
        PyErr_SetString(PyExc_BufferError, "there are gaps between the frame's rows");
        return -1;
    }
    if (asks(flags, PyBUF_F_CONTIGUOUS) && !PyBuffer_IsContiguous(view, 'F')) {
        PyErr_SetString(PyExc_BufferError, "a frame has C order: expected no request for Fortran order");
        return -1;
    }
    if (!strided)
        view->strides = NULL;
    if (!asks(flags, PyBUF_ND)) {
        view->shape = NULL;
        view->ndim = 1;
    }
    return 0;
}

static int fill_view(Frame *self, Array *array, Py_buffer *view, int flags) {
    if (!hold_describe(description_of(self), array)) {
        hold_fail(self->module, NO_PICTURE, (PyObject *)self);
        return -1;
    }
    if (flags & PyBUF_WRITABLE && self->kind != BEGUN) {
        PyErr_SetString(PyExc_BufferError, "a frame is read-only");
        return -1;
    }
    view->buf = memory_of(self);
    view->itemsize = array->itemsize;
    view->len = array->itemsize;
    for (int i = 0; i < array->dimensions; i++)
        view->len *= array->shape[i];
    view->readonly = self->kind != BEGUN;
    view->format = flags & PyBUF_FORMAT ? (char *)array->format : NULL;
    view->ndim = array->dimensions;
    view->shape = array->shape;
    view->strides = array->strides;
    view->suboffsets = NULL;
    view->internal = array;
    if (leave_out(view, flags) != 0)
        return -1;
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

/* `data` is a view of this: a frame's bytes, whatever they mean. The view refers to the frame itself. */
typedef struct {
    PyObject_HEAD Frame *frame;
} Bytes;

static int bytes_view(Bytes *self, Py_buffer *view, int flags) {
    Frame *frame = self->frame;
    view->obj = NULL;
    if (begin_view(frame) != 0)
        return -1;
    uint64_t size = frame->kind == BEGUN ? frame->frame.capacity : description_of(frame).used;
    int readonly = frame->kind != BEGUN;
    int failed = PyBuffer_FillInfo(view, (PyObject *)frame, memory_of(frame), (Py_ssize_t)size, readonly, flags);
    if (failed)
        end_view(frame);
    return failed;
}

static void bytes_dealloc(Bytes *self) {
    Py_DECREF(self->frame);
    hold_dealloc((PyObject *)self);
}

static PyObject *frame_data(Frame *self, void *closure) {
    (void)closure;
    Bytes *bytes = hold_make(self->module->bytes);
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

static PyObject *frame_used(Frame *self, void *closure) {
    (void)closure;
    return PyLong_FromUnsignedLongLong(self->frame.used);
}

/* Python converts the value to a number, or reports what is wrong with it. */
static int set_used(Frame *self, PyObject *value, void *closure) {
    (void)closure;
    if (value && PyLong_CheckExact(value)) {
        int overflow;
        long long used = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (used >= 0 && (uint64_t)used <= self->frame.capacity) {
            self->frame.used = (uint64_t)used;
            return 0;
        }
    }
    PyObject *checked = PyObject_CallFunction(self->module->supplied[USED], "OK", value ? value : Py_None,
                                              (unsigned long long)self->frame.capacity);
    if (!checked)
        return -1;
    self->frame.used = PyLong_AsUnsignedLongLong(checked);
    Py_DECREF(checked);
    return 0;
}

static PyObject *frame_is_over(Frame *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(load_seq_u32(&self->state) & (IS_OVER | ENDING));
}

Frame *hold_new_frame(void *type, int kind, Channel *channel) {
    Frame *self = hold_make(type);
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

/* Whether it is unchanged, or was until its release. */
static int32_t intact(Frame *self) {
    uint32_t before = load_seq_u32(&self->state);
    do {
        if (before & IS_OVER && before < A_VIEW)
            return self->intact;
    } while (!cas_seq_u32(&self->state, &before, before + A_VIEW)); /* keeps its slot meanwhile */
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
        return hold_fail(self->module, TORN, (PyObject *)self);
    Py_RETURN_NONE;
}

/* Frames that are being filled. Their slot is released when they are published or dropped; views of them, which must
 * not be used after that, keep only the channel. */

/* -1: an exception. */
static int publish(Frame *self) {
    if (!claim(self)) {
        hold_fail(self->module, OVER, (PyObject *)self);
        return -1;
    }
    Channel *channel = (Channel *)Py_NewRef((PyObject *)self->channel);
    int32_t status = wmmf_channel_publish(channel->handle.native, &self->frame);
    if (status == WMMF_OK) {
        self->frame.slot = NO_SLOT;
        end(self);
    } else { /* still begun */
        clear_bits(&self->state, ENDING);
        PyObject_CallFunction(self->module->supplied[FAIL_PUBLISH], "OOi", channel, self, status);
    }
    Py_DECREF(channel);
    return status == WMMF_OK ? 0 : -1;
}

static PyObject *new_frame_publish(Frame *self, PyObject *none) {
    (void)none;
    return publish(self) == 0 ? PyLong_FromUnsignedLongLong(self->frame.sequence) : NULL;
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
        return hold_fail(self->module, OVER, (PyObject *)self);
    drop(self);
    Py_RETURN_NONE;
}

static PyObject *new_frame_exit(Frame *self, PyObject *const *arguments, Py_ssize_t count) {
    if (load_seq_u32(&self->state) & IS_OVER)
        Py_RETURN_NONE;
    int failed = count > 0 && arguments[0] == Py_None ? publish(self) : 0;
    drop(self); /* if it was not published */
    return failed ? NULL : Py_NewRef(Py_None);
}

static void frame_dealloc(Frame *self) {
    if (self->kind == BEGUN)
        drop(self);
    end(self);
    hold_dealloc((PyObject *)self);
}

#define FIELD(name, type)                                                                                              \
    { #name, type, offsetof(Frame, frame) + offsetof(wmmf_frame, name), READONLY, NULL }
static PyMemberDef frame_members[] = {
    FIELD(sequence, T_ULONGLONG), FIELD(missed, T_ULONGLONG), FIELD(timestamp_ns, T_ULONGLONG), FIELD(width, T_UINT),
    FIELD(height, T_UINT),        FIELD(stride, T_UINT),      FIELD(capacity, T_ULONGLONG),     END,
};

#define FRAME_GETSET                                                                                                   \
    {"data", (getter)frame_data, NULL, "its bytes, in place", NULL},                                                   \
        {"address", (getter)frame_address, NULL, "of the wmmf_frame, which lives as long as this object", NULL},       \
        {"intact", (getter)frame_is_intact, NULL, "whether it is unchanged, or was until its release", NULL},          \
        {"over", (getter)frame_is_over, NULL, "whether it was released, published or dropped", NULL}, END

static PyGetSetDef frame_getset[] = {{"used", (getter)frame_used, NULL, "bytes of the picture", NULL}, FRAME_GETSET};
static PyGetSetDef new_frame_getset[] = {{"used", (getter)frame_used, (setter)set_used, "Bytes of the picture.", NULL},
                                         FRAME_GETSET};

static PyMethodDef frame_methods[] = {
    NONE("__enter__", hold_enter, "the frame"),
    FAST("__exit__", frame_exit, "release it"),
    NONE("release", frame_release,
         "Release the frame. Calling it again does nothing. Views keep the picture unchanged until they are gone."),
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

PyType_Spec hold_frame_spec = {"pywinmmf._core.hold.Frame", sizeof(Frame), 0, FOR_PYTHON_CLASSES, frame_slots};

static PyMethodDef new_frame_methods[] = {
    NONE("__enter__", hold_enter, "the frame"),
    FAST("__exit__", new_frame_exit, "publish it, or drop it after an exception"),
    NONE("publish", new_frame_publish, "Make it the newest frame, before the block ends; its sequence."),
    NONE("cancel", cancel, "Drop it."),
    END,
};

static PyType_Slot new_frame_slots[] = {
    {Py_tp_dealloc, frame_dealloc},
    {Py_tp_members, frame_members},
    {Py_tp_getset, new_frame_getset},
    {Py_tp_methods, new_frame_methods},
    {Py_bf_getbuffer, frame_view},
    {Py_bf_releasebuffer, release_view},
    {0, NULL},
};

PyType_Spec hold_new_frame_spec = {"pywinmmf._core.hold.NewFrame", sizeof(Frame), 0, FOR_PYTHON_CLASSES,
                                   new_frame_slots};

static PyType_Slot bytes_slots[] = {{Py_tp_dealloc, bytes_dealloc}, {Py_bf_getbuffer, bytes_view}, {0, NULL}};
PyType_Spec hold_bytes_spec = {"pywinmmf._core.hold.Bytes", sizeof(Bytes), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, bytes_slots};
