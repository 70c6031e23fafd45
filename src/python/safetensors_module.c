/* The modules safetensors and safetensors.torch. */
#include "python/safetensors.h"

#include "python/module.h"
#include "python/nn_module.h"
#include "python/serial.h"
#include "python/types.h"

#include <stdlib.h>
#include <string.h>

PyObject *safetensor_error;
static PyTypeObject *safe_open_type;

/* ---- reading ---- */

/* The bytes of a whole file. */
static PyObject *read_file(PyObject *path)
{
    PyObject *io = PyImport_ImportModule("io"), *bytes = NULL, *closed;
    PyObject *file = io ? PyObject_CallMethod(io, "open", "Os", path, "rb") : NULL;

    bytes = file ? PyObject_CallMethod(file, "read", NULL) : NULL;
    closed = bytes ? PyObject_CallMethod(file, "close", NULL) : NULL;
    if (!closed)
        Py_CLEAR(bytes);
    Py_XDECREF(io);
    Py_XDECREF(file);
    Py_XDECREF(closed);
    return bytes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct safe_entry *)a)->name, ((const struct safe_entry *)b)->name);
}

/* {name: tensor} of a file in memory, in the order of the data or of the names. */
static PyObject *read_all(PyObject *bytes, bool sorted)
{
    struct safe_file f = {0};
    PyObject *dict = safe_parse(&f, bytes) == 0 ? PyDict_New() : NULL;

    if (dict && sorted && f.entries.count > 0)
        qsort(f.entries.at, f.entries.count, sizeof(*f.entries.at), by_name);
    for (size_t i = 0; dict && i < f.entries.count; i++) {
        PyObject *tensor = safe_tensor(&f, &f.entries.at[i]);

        if (!tensor || PyDict_SetItemString(dict, f.entries.at[i].name, tensor) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(tensor);
    }
    safe_release(&f);
    return dict;
}

static PyObject *load(PyObject *Py_UNUSED(module), PyObject *data)
{
    PyObject *bytes = PyBytes_FromObject(data), *dict;

    dict = bytes ? read_all(bytes, false) : NULL;
    Py_XDECREF(bytes);
    return dict;
}

static PyObject *load_file(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"filename", "device", NULL};
    PyObject *path, *device = Py_None, *bytes, *dict;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:load_file", names, &path, &device) ||
        device_check(device) < 0)
        return NULL;
    bytes = read_file(path);
    dict = bytes ? read_all(bytes, true) : NULL;
    Py_XDECREF(bytes);
    return dict;
}

/* ---- writing ---- */

static PyObject *save(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"tensors", "metadata", NULL};
    PyObject *tensors, *metadata = Py_None;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:save", names, &tensors, &metadata))
        return NULL;
    return safe_bytes(tensors, metadata);
}

static PyObject *save_file(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"tensors", "filename", "metadata", NULL};
    PyObject *tensors, *path, *metadata = Py_None, *bytes;
    struct output o;
    int status = -1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O:save_file", names, &tensors, &path,
                                     &metadata))
        return NULL;
    bytes = safe_bytes(tensors, metadata);
    if (bytes && output_open(&o, path) == 0)
        status = output_close(
            &o, output_write(&o, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)));
    Py_XDECREF(bytes);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- safe_open: one tensor at a time ---- */

typedef struct {
    PyObject_HEAD struct safe_file file;
} OpenObject;

static PyObject *open_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"filename", "framework", "device", NULL};
    PyObject *path, *device = Py_None, *bytes;
    const char *framework;
    OpenObject *self;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Os|O:safe_open", names, &path, &framework,
                                     &device) ||
        device_check(device) < 0)
        return NULL;
    if (strcmp(framework, "pt") != 0 && strcmp(framework, "torch") != 0 &&
        strcmp(framework, "pytorch") != 0)
        return PyErr_Format(safetensor_error, "framework %s is invalid", framework);
    bytes = read_file(path);
    self = bytes ? (OpenObject *)type->tp_alloc(type, 0) : NULL;
    if (self && safe_parse(&self->file, bytes) < 0)
        Py_CLEAR(self);
    Py_XDECREF(bytes);
    return (PyObject *)self;
}

static void open_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    safe_release(&((OpenObject *)self)->file);
    type->tp_free(self);
    Py_DECREF(type);
}

/* NULL with an exception after the end of the `with` block. */
static struct safe_file *file_of(PyObject *self)
{
    struct safe_file *file = &((OpenObject *)self)->file;

    if (!file->bytes)
        PyErr_SetString(safetensor_error, "File is closed");
    return file->bytes ? file : NULL;
}

static PyObject *open_keys(PyObject *self, PyObject *Py_UNUSED(none))
{
    struct safe_file *f = file_of(self);
    PyObject *keys = f ? PyList_New(0) : NULL;

    for (size_t i = 0; keys && i < f->entries.count; i++) {
        PyObject *name = PyUnicode_FromString(f->entries.at[i].name);

        if (!name || PyList_Append(keys, name) < 0)
            Py_CLEAR(keys);
        Py_XDECREF(name);
    }
    if (keys && PyList_Sort(keys) < 0)
        Py_CLEAR(keys);
    return keys;
}

static PyObject *open_metadata(PyObject *self, PyObject *Py_UNUSED(none))
{
    struct safe_file *f = file_of(self);

    return f ? safe_metadata(f) : NULL;
}

static PyObject *open_get_tensor(PyObject *self, PyObject *name)
{
    struct safe_file *f = file_of(self);
    const char *text = f ? PyUnicode_AsUTF8(name) : NULL;

    if (!text)
        return NULL;
    for (size_t i = 0; i < f->entries.count; i++)
        if (strcmp(f->entries.at[i].name, text) == 0)
            return safe_tensor(f, &f->entries.at[i]);
    return PyErr_Format(safetensor_error, "File does not contain tensor %U", name);
}

static PyObject *open_enter(PyObject *self, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(self);
}

static PyObject *open_exit(PyObject *self, PyObject *Py_UNUSED(args))
{
    safe_release(&((OpenObject *)self)->file);
    Py_RETURN_NONE;
}

static PyMethodDef open_methods[] = {
    {"keys", open_keys, METH_NOARGS, "the names of the tensors"},
    {"metadata", open_metadata, METH_NOARGS, "the texts that were saved beside them, or None"},
    {"get_tensor", open_get_tensor, METH_O, "one of the tensors"},
    {"__enter__", open_enter, METH_NOARGS, NULL},
    {"__exit__", open_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Spec open_spec = {
    "safetensors.safe_open", sizeof(OpenObject), 0, Py_TPFLAGS_DEFAULT,
    (PyType_Slot[]){{Py_tp_new, open_new},
                    {Py_tp_dealloc, open_dealloc},
                    {Py_tp_methods, open_methods},
                    {Py_tp_doc, "safe_open(filename, framework, device='cpu')\n--\n\n"
                                "A file of tensors, read one by one."},
                    {0, NULL}}};

/* ---- the modules ---- */

static PyMethodDef torch_functions[] = {
    {"load", load, METH_O, "load(data): the tensors of a file in memory, by name."},
    {"load_file", WITH_KEYWORDS(load_file),
     "load_file(filename, device='cpu'): the tensors of a file, by name."},
    {"save", WITH_KEYWORDS(save), "save(tensors, metadata=None): the bytes of a file."},
    {"save_file", WITH_KEYWORDS(save_file),
     "save_file(tensors, filename, metadata=None): writes a dict of tensors."},
    {"save_model", WITH_KEYWORDS(safe_save_model),
     "save_model(model, filename, metadata=None): writes a module's tensors, shared ones once."},
    {"load_model", WITH_KEYWORDS(safe_load_model),
     "load_model(model, filename, strict=True): reads what save_model() wrote; the names that were "
     "missing and those that were too many."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef package_def = {PyModuleDef_HEAD_INIT, .m_name = "safetensors",
                                         .m_size = -1};
static struct PyModuleDef torch_def = {PyModuleDef_HEAD_INIT, .m_name = "safetensors.torch",
                                       .m_size = -1, .m_methods = torch_functions};

PyObject *PyInit_safetensors(void)
{
    PyObject *torch = PyImport_ImportModule("torch"); /* whose types the functions use */
    PyObject *package = torch ? PyModule_Create(&package_def) : NULL;
    PyObject *functions = package ? PyModule_Create(&torch_def) : NULL;

    Py_XDECREF(torch);
    if (functions)
        safetensor_error = PyErr_NewException("safetensors.SafetensorError", PyExc_Exception, NULL);
    if (!functions || !safetensor_error ||
        PyModule_AddObjectRef(package, "SafetensorError", safetensor_error) < 0 ||
        module_add_type(package, &open_spec, NULL, &safe_open_type) < 0 ||
        PyModule_AddObjectRef(functions, "safe_open", (PyObject *)safe_open_type) < 0 ||
        PyModule_AddStringConstant(package, "__version__", "0.4.5") < 0 ||
        PyModule_AddObject(package, "__path__", PyList_New(0)) < 0 ||
        PyModule_AddObjectRef(package, "torch", functions) < 0 ||
        PyDict_SetItemString(PyImport_GetModuleDict(), "safetensors.torch", functions) < 0)
        Py_CLEAR(package);
    Py_XDECREF(functions);
    return package;
}
