/* Writing files so that a failure leaves what was there. */
#include "python/serial.h"

#include "base/error.h"
#include "python/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 100 };

static int no_file(const struct output *o)
{
    PyObject *path = PyUnicode_DecodeFSDefault(o->path.text);

    if (path)
        PyErr_Format(PyExc_RuntimeError, "File %U cannot be opened.", path);
    Py_XDECREF(path);
    return -1;
}

/* The length of the folder's part of a path, its slash included; 0 for the current folder. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) + 1 : 0;
}

static int check_folder(const struct output *o)
{
    size_t length = folder_length(o->path.text);
    struct strbuf folder = STRBUF_INIT;
    struct stat st;
    int status = 0;

    strbuf_add(&folder, o->path.text, length > 1 ? length - 1 : length);
    if (length > 0 && stat(folder.text, &st) != 0) {
        PyErr_Format(PyExc_RuntimeError, "Parent directory %s does not exist.", folder.text);
        status = -1;
    }
    strbuf_release(&folder);
    return status;
}

/* ---- opening ---- */

/* In memory until the end. */
static int open_memory(struct output *o)
{
    PyObject *io = PyImport_ImportModule("io");

    o->file = io ? PyObject_CallMethod(io, "BytesIO", NULL) : NULL;
    Py_XDECREF(io);
    return o->file ? 0 : -1;
}

/* A new file in the same folder. -1 with errno. */
static int open_beside(struct output *o)
{
    int fd = -1;

    for (int i = 0; fd < 0 && i < NAMES_MAX; i++) {
        strbuf_clear(&o->temp);
        strbuf_add(&o->temp, o->path.text, folder_length(o->path.text));
        strbuf_addf(&o->temp, ".saddle-%ld-%d.tmp", (long)getpid(), i);
        errno = ENOMEM;
        if (o->temp.failed)
            break;
        fd = open(o->temp.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        strbuf_clear(&o->temp);
    return fd;
}

static int open_path(struct output *o)
{
    char *resolved = realpath(o->path.text, NULL);
    struct stat st;
    bool exists;
    int fd;

    if (resolved) { /* through a link: the file it leads to is the one to replace */
        strbuf_clear(&o->path);
        strbuf_adds(&o->path, resolved);
        free(resolved);
    }
    if (check_folder(o) < 0)
        return -1;
    exists = stat(o->path.text, &st) == 0;
    if (exists && (S_ISDIR(st.st_mode) || access(o->path.text, W_OK) != 0))
        return no_file(o);
    if (exists && !S_ISREG(st.st_mode)) /* a pipe or a device cannot be replaced */
        return open_memory(o);
    fd = open_beside(o);
    if (fd < 0 && exists && (errno == EACCES || errno == EPERM))
        return open_memory(o); /* the folder takes no new file, but this one may be written */
    if (fd < 0)
        return no_file(o);
    if (exists && fchmod(fd, st.st_mode & 07777) != 0)
        errno = 0; /* the folder belongs to somebody else: the mode of a new file will do */
    o->file = PyFile_FromFd(fd, o->temp.text, "wb", -1, NULL, NULL, NULL, 1);
    if (!o->file)
        close(fd);
    return o->file ? 0 : -1;
}

int output_open(struct output *o, PyObject *to)
{
    PyObject *path = NULL, *write = NULL;
    int status = -1;

    *o = (struct output){.path = STRBUF_INIT, .temp = STRBUF_INIT};
    if (!PyUnicode_Check(to) && !PyBytes_Check(to) && !PyObject_HasAttrString(to, "__fspath__")) {
        write = PyObject_GetAttrString(to, "write");
        o->sink = to;
        status = write ? open_memory(o) : -1;
        Py_XDECREF(write);
    } else if (PyUnicode_FSConverter(to, &path)) {
        strbuf_adds(&o->path, PyBytes_AS_STRING(path));
        status = o->path.failed ? (python_error(), -1) : open_path(o);
        Py_DECREF(path);
    }
    return status < 0 ? output_close(o, status) : 0;
}

int output_write(const struct output *o, const void *bytes, size_t length)
{
    PyObject *view = PyMemoryView_FromMemory((char *)bytes, (Py_ssize_t)length, PyBUF_READ);
    PyObject *done = view ? PyObject_CallMethod(o->file, "write", "O", view) : NULL;

    Py_XDECREF(view);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* ---- closing ---- */

static int call(PyObject *object, const char *method)
{
    PyObject *done = PyObject_CallMethod(object, method, NULL);

    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What was written in memory goes to the user's object or into the file. */
static int pass_on(struct output *o, PyObject *to)
{
    PyObject *bytes = PyObject_CallMethod(o->file, "getvalue", NULL);
    PyObject *done = bytes ? PyObject_CallMethod(to, "write", "O", bytes) : NULL;

    Py_XDECREF(bytes);
    Py_XDECREF(done);
    if (!done)
        return -1;
    return PyObject_HasAttrString(to, "flush") ? call(to, "flush") : 0;
}

static int pass_to_path(struct output *o)
{
    PyObject *io = PyImport_ImportModule("io"), *path = PyUnicode_DecodeFSDefault(o->path.text);
    PyObject *file = io && path ? PyObject_CallMethod(io, "open", "Os", path, "wb") : NULL;
    int status = file ? pass_on(o, file) : -1;

    if (file && call(file, "close") < 0)
        status = -1;
    Py_XDECREF(io);
    Py_XDECREF(path);
    Py_XDECREF(file);
    return status;
}

/* A file that replaces another is on the disk before it does. */
static int put_in_place(struct output *o)
{
    int fd = call(o->file, "flush") < 0 ? -1 : PyObject_AsFileDescriptor(o->file);

    if (fd < 0)
        return -1;
    if ((access(o->path.text, F_OK) == 0 && fsync(fd) != 0)) {
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, o->path.text);
        return -1;
    }
    if (call(o->file, "close") < 0)
        return -1;
    if (rename(o->temp.text, o->path.text) != 0) {
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, o->path.text);
        return -1;
    }
    strbuf_clear(&o->temp);
    return 0;
}

int output_close(struct output *o, int status)
{
    PyObject *type, *value, *trace;

    if (status == 0 && o->temp.length > 0)
        status = put_in_place(o);
    else if (status == 0)
        status = o->sink ? pass_on(o, o->sink) : pass_to_path(o);
    PyErr_Fetch(&type, &value, &trace);
    if (o->temp.length > 0) {
        if (o->file && call(o->file, "close") < 0)
            PyErr_Clear(); /* the failure before it is the one to tell */
        unlink(o->temp.text);
    }
    Py_CLEAR(o->file);
    strbuf_release(&o->path);
    strbuf_release(&o->temp);
    PyErr_Restore(type, value, trace);
    return status;
}
