/* Channels, which return frames and publish them. */
#include "hold.h"

#define QUICK_COPY 32768 /* bytes that are copied without releasing the GIL: about a microsecond. As in Python. */

static PyObject *channel_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    (void)names;
    return hold_new_handle(type, arguments, 1);
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
    return channel_begin_without_memory(framing->channel, timeout_ns, framing->frame);
}

static int32_t write_call(void *arguments, int64_t timeout_ns) {
    Framing *framing = arguments;
    return wmmf_channel_write(framing->channel, framing->target, timeout_ns, framing->frame);
}

static uint64_t get_last_returned(Channel *self) {
    uint64_t last;
    Py_BEGIN_CRITICAL_SECTION(self);
    last = self->last_returned;
    Py_END_CRITICAL_SECTION();
    return last;
}

/* Notes a returned frame that was chosen when `after` was the last one. If another thread got a later one since, that
 * counts. */
static void note_returned(Channel *self, uint64_t sequence, uint64_t after) {
    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->last_returned == after || self->last_returned < sequence)
        self->last_returned = sequence;
    Py_END_CRITICAL_SECTION();
}

/* A pinned frame. */
static Frame *acquire(Channel *self, uint32_t pick, uint64_t after, PyObject *timeout) {
    Frame *frame = hold_new_frame(self->handle.state->supplied[FRAME], PINNED, self);
    if (!frame)
        return NULL;
    Framing framing = {.channel = self->handle.native, .pick = pick, .after = after, .frame = &frame->frame};
    int32_t status = WMMF_OK;
    int raised = hold_attempt(&self->handle, timeout, 1, acquire_call, &framing, &status) != 0;
    if (!raised && status == WMMF_OK)
        return frame;
    Py_DECREF(frame);
    return raised ? NULL : hold_fail_call(&self->handle, status, "get a frame of");
}

/* A frame that this channel object then counts as returned. */
static PyObject *acquire_newer(Channel *self, uint32_t pick, uint64_t after, PyObject *timeout) {
    Frame *frame = acquire(self, pick, after, timeout);
    if (frame)
        note_returned(self, frame->frame.sequence, after);
    return (PyObject *)frame;
}

static PyObject *channel_latest(Channel *self, PyObject *timeout) {
    return acquire_newer(self, WMMF_PICK_LATEST, get_last_returned(self), timeout);
}

static PyObject *channel_next(Channel *self, PyObject *timeout) {
    return acquire_newer(self, WMMF_PICK_NEXT, get_last_returned(self), timeout);
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

/* A frame to be copied into this buffer; None: without its bytes. */
static Frame *new_copy(Channel *self, PyObject *buffer) {
    Frame *frame = hold_new_frame(self->handle.state->supplied[FRAME], COPIED, self);
    if (frame && buffer != Py_None &&
        PyObject_GetBuffer(buffer, &frame->target, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) != 0)
        Py_CLEAR(frame);
    return frame;
}

/* (buffer): a frame that wmmf_channel_acquire_set fills: pinned, or with a buffer a copy. */
static PyObject *channel_new_frame(Channel *self, PyObject *buffer) {
    if (buffer != Py_None)
        return (PyObject *)new_copy(self, buffer);
    return (PyObject *)hold_new_frame(self->handle.state->supplied[FRAME], PINNED, self);
}

/* Copies a frame into the target of this one, or only its description if there is no target. */
static Frame *fill(Channel *self, Frame *frame, uint32_t pick, uint64_t after, PyObject *timeout) {
    Framing framing = {.channel = self->handle.native,
                       .pick = pick,
                       .after = after,
                       .target = frame->target.buf,
                       .length = (uint64_t)frame->target.len,
                       .frame = &frame->frame};
    int32_t status = WMMF_OK;
    int quick = frame->target.len <= QUICK_COPY;
    int raised = hold_attempt(&self->handle, timeout, quick, read_call, &framing, &status) != 0;
    uint64_t used = frame->frame.used;
    if (!frame->target.obj && status == WMMF_E_RANGE) /* as intended: there is no buffer */
        status = WMMF_OK;
    if (!raised && status == WMMF_OK)
        return frame;
    Py_ssize_t size = frame->target.len;
    Py_DECREF(frame);
    if (!raised && status == WMMF_E_RANGE)
        PyObject_CallFunction(self->handle.state->supplied[TOO_SMALL], "OnK", self, size, (unsigned long long)used);
    else if (!raised)
        hold_fail_call(&self->handle, status, "read a frame of");
    return NULL;
}

/* (pick, after, buffer, timeout): a copy in this buffer; None: only the description. */
static PyObject *channel_read(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    unsigned long pick = PyLong_AsUnsignedLong(arguments[0]);
    uint64_t after = PyLong_AsUnsignedLongLong(arguments[1]);
    if (PyErr_Occurred())
        return NULL;
    Frame *frame = new_copy(self, arguments[2]);
    return frame ? (PyObject *)fill(self, frame, (uint32_t)pick, after, arguments[3]) : NULL;
}

/* Takes the buffer of an object that consists of plain bytes. 0: it does not; -1: an exception. */
static int take_bytes(PyObject *object, Py_buffer *buffer, int flags) {
    if (PyObject_GetBuffer(object, buffer, flags | PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Clear();
        return 0;
    }
    const char *format = buffer->format ? buffer->format : "B";
    if (buffer->ndim == 1 && buffer->itemsize == 1 && (strcmp(format, "B") == 0 || strcmp(format, "c") == 0))
        return 1;
    PyBuffer_Release(buffer);
    return 0;
}

/* (buffer, timeout): a copy of the next frame in this buffer. None: it is not plain bytes, so Python must handle it. */
static PyObject *channel_read_next(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    Frame *frame = hold_new_frame(self->handle.state->supplied[FRAME], COPIED, self);
    if (!frame)
        return NULL;
    int taken = take_bytes(arguments[0], &frame->target, PyBUF_WRITABLE);
    if (taken <= 0) {
        Py_DECREF(frame);
        return taken < 0 ? NULL : Py_NewRef(Py_None);
    }
    uint64_t after = get_last_returned(self);
    frame = fill(self, frame, WMMF_PICK_NEXT, after, arguments[1]);
    if (frame)
        note_returned(self, frame->frame.sequence, after);
    return (PyObject *)frame;
}

/* Sets a wmmf_frame from the bytes of such a struct; None: empty. -1: an exception. */
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
    Frame *frame = hold_new_frame(self->handle.state->supplied[NEW_FRAME], BEGUN, self);
    if (!frame)
        return NULL;
    Framing framing = {.channel = self->handle.native, .frame = &frame->frame};
    int32_t status = WMMF_OK;
    int raised = hold_attempt(&self->handle, arguments[1], 1, begin_call, &framing, &status) != 0;
    if (!raised && status == WMMF_OK && !channel_has_memory(framing.channel, framing.frame)) {
        Py_BEGIN_ALLOW_THREADS;
        status = channel_reserve(framing.channel, framing.frame);
        Py_END_ALLOW_THREADS;
    }
    if (raised || status != WMMF_OK) {
        if (!raised)
            hold_fail_call(&self->handle, status, "begin a frame in");
        Py_DECREF(frame);
        return NULL;
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

/* Copies the source into a slot, and releases it. -1: an exception. */
static int write_frame(Channel *self, Py_buffer *source, wmmf_frame *frame, PyObject *timeout, int32_t *status) {
    frame->struct_size = sizeof *frame;
    frame->slot = NO_SLOT;
    frame->used = (uint64_t)source->len;
    Framing framing = {.channel = self->handle.native, .target = source->buf, .frame = frame};
    int raised = hold_attempt(&self->handle, timeout, self->small, write_call, &framing, status);
    PyBuffer_Release(source);
    return raised;
}

/* The sequence, or 0 after the timeout. */
static PyObject *published(Channel *self, const wmmf_frame *frame, int32_t status) {
    if (status == WMMF_OK)
        return PyLong_FromUnsignedLongLong(frame->sequence);
    return status == WMMF_E_TIMEOUT ? PyLong_FromLong(0) : hold_fail_call(&self->handle, status, "publish a frame in");
}

/* (buffer, description, timeout) */
static PyObject *channel_publish(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    Py_buffer source;
    wmmf_frame frame = {.used = 0};
    int32_t status = WMMF_OK;
    if (described(arguments[1], &frame) != 0 || PyObject_GetBuffer(arguments[0], &source, PyBUF_C_CONTIGUOUS) != 0)
        return NULL;
    return write_frame(self, &source, &frame, arguments[2], &status) != 0 ? NULL : published(self, &frame, status);
}

/* (buffer, timeout): None: it is not plain bytes, or too many, so Python must handle it. */
static PyObject *channel_publish_bytes(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    Py_buffer source;
    wmmf_frame frame = {.used = 0};
    int32_t status = WMMF_OK;
    /* An object of a class may have more than its buffer, such as a masked array. */
    if (PyType_GetFlags(Py_TYPE(arguments[0])) & Py_TPFLAGS_HEAPTYPE)
        return Py_NewRef(Py_None);
    int taken = take_bytes(arguments[0], &source, PyBUF_SIMPLE);
    if (taken <= 0)
        return taken < 0 ? NULL : Py_NewRef(Py_None);
    if (write_frame(self, &source, &frame, arguments[1], &status) != 0)
        return NULL;
    return status == WMMF_E_RANGE ? Py_NewRef(Py_None) : published(self, &frame, status);
}

/* (sequence, after): a frame that was copied, or belongs to a set. */
static PyObject *channel_note_returned(Channel *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    uint64_t sequence = PyLong_AsUnsignedLongLong(arguments[0]), after = PyLong_AsUnsignedLongLong(arguments[1]);
    if (PyErr_Occurred())
        return NULL;
    note_returned(self, sequence, after);
    Py_RETURN_NONE;
}

static PyGetSetDef channel_getset[] = {HANDLE_CELL, END};
static PyMemberDef channel_members[] = {
    HANDLE_MEMBERS,
    {"last_returned", T_ULONGLONG, offsetof(Channel, last_returned), READONLY, "sequence of the last returned frame"},
    {"small", T_BOOL, offsetof(Channel, small), 0,
     "whether its slots are so small that they are reserved and copied quickly"},
    END};
static PyMethodDef channel_methods[] = {
    ONE("latest", channel_latest, "(timeout)"),
    ONE("next", channel_next, "(timeout)"),
    FAST("pick", channel_pick, "(pick, after, timeout)"),
    FAST("read", channel_read, "(pick, after, buffer, timeout)"),
    FAST("read_next", channel_read_next, "(buffer, timeout)"),
    FAST("note_returned", channel_note_returned, "(sequence, after)"),
    ONE("new_frame", channel_new_frame, "(buffer)"),
    FAST("begin", channel_begin, "(description, timeout)"),
    FAST("publish", channel_publish, "(buffer, description, timeout)"),
    FAST("publish_bytes", channel_publish_bytes, "(buffer, timeout)"),
    END,
};

static PyType_Slot channel_slots[] = {
    {Py_tp_new, channel_new},       {Py_tp_dealloc, hold_handle_dealloc}, {Py_tp_members, channel_members},
    {Py_tp_getset, channel_getset}, {Py_tp_methods, channel_methods},     {0, NULL},
};

PyType_Spec hold_channel_spec = {"pywinmmf._core.hold.Channel", sizeof(Channel), 0, Py_TPFLAGS_DEFAULT, channel_slots};
