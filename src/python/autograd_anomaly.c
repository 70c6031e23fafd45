/*
 * Anomaly detection: every node remembers where in the user's program it was made, and a backward
 * that fails or gives NaN names that line.
 */
#include "autograd/autograd.h"
#include "base/error.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/module.h"
#include "python/tensor_parts.h"

static bool enabled, check_nan = true;

/* ---- what nodes remember ---- */

/* Stores a value, taken over, under a key of the node's metadata; what cannot be stored is not. */
static void remember(struct node *node, const char *key, PyObject *value)
{
    PyObject *metadata = value ? node_metadata(node) : NULL;

    if (metadata)
        PyDict_SetItemString(metadata, key, value);
    Py_XDECREF(value);
    PyErr_Clear();
}

/* A list of lines, the innermost call last. */
static PyObject *stack_now(void)
{
    PyObject *module = PyImport_ImportModule("traceback");
    PyObject *lines = module ? PyObject_CallMethod(module, "format_stack", NULL) : NULL;

    Py_XDECREF(module);
    return lines;
}

/* `during`: the node whose backward makes this one. */
static void node_made(struct node *node, struct node *during)
{
    PyObject *type, *value, *traceback;
    struct error_state pending;

    PyErr_Fetch(&type, &value, &traceback);
    error_take(&pending);
    remember(node, "traceback_", stack_now());
    if (during)
        remember(node, "parent_", node_object(during));
    error_clear();
    error_restore(&pending);
    PyErr_Restore(type, value, traceback);
}

/* ---- telling ---- */

/* The lines as one text, or NULL. */
static PyObject *remembered_stack(struct node *node)
{
    PyObject *lines = PyDict_GetItemString(node_metadata(node), "traceback_");
    PyObject *empty = lines && PyList_Check(lines) ? PyUnicode_FromString("") : NULL;
    PyObject *text = empty ? PyUnicode_Join(empty, lines) : NULL;

    Py_XDECREF(empty);
    return text;
}

static struct node *parent_of(struct node *node)
{
    PyObject *parent = PyDict_GetItemString(node_metadata(node), "parent_");

    return parent ? node_of_object(parent) : NULL;
}

static int warn_of(struct node *node, bool first)
{
    PyObject *stack = remembered_stack(node);
    int status;

    if (!stack)
        status = PyErr_WarnFormat(PyExc_UserWarning, 1,
                                  "Error detected in %s. No forward pass information available. "
                                  "Enable detect anomaly during forward pass for more information.",
                                  node_name(node));
    else if (first)
        status = PyErr_WarnFormat(PyExc_UserWarning, 1,
                                  "Error detected in %s. Traceback of forward call that caused the "
                                  "error:\n%U",
                                  node_name(node), stack);
    else
        status = PyErr_WarnFormat(PyExc_UserWarning, 1,
                                  "\n\nPrevious calculation was induced by %s. Traceback of "
                                  "forward call that induced the previous calculation:\n%U",
                                  node_name(node), stack);
    Py_XDECREF(stack);
    return status;
}

/* Warnings, even where warnings are errors, do not replace what went wrong. */
static void node_failed(struct node *node)
{
    PyObject *type, *value, *traceback;
    struct error_state pending;
    bool first = true;

    PyErr_Fetch(&type, &value, &traceback);
    error_take(&pending);
    for (struct node *at = node; at && node_metadata(at); at = parent_of(at)) {
        if (warn_of(at, first) < 0)
            break;
        first = false;
    }
    error_clear();
    error_restore(&pending);
    PyErr_Restore(type, value, traceback);
}

static void set_enabled(bool on, bool nan)
{
    static struct anomaly detection = {.made = node_made, .failed = node_failed};

    enabled = on;
    check_nan = nan;
    detection.check_nan = nan;
    anomaly = on ? &detection : NULL;
}

/* ---- context managers ---- */

typedef struct {
    PyObject_HEAD bool on, nan; /* detect_anomaly: what it sets when entered */
    bool on_before, nan_before;
} AnomalyObject;

static AnomalyObject *anomaly_new(PyTypeObject *type, bool on, bool nan)
{
    AnomalyObject *self = (AnomalyObject *)type->tp_alloc(type, 0);

    if (self) {
        self->on = on;
        self->nan = nan;
        self->on_before = enabled;
        self->nan_before = check_nan;
    }
    return self;
}

static PyObject *detect_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"check_nan"};
    static const struct binding binding = {"detect_anomaly.__init__", names, 1, 1, 0, 1};
    PyObject *nan = Py_True;

    if (binding_read(&binding, args, kwargs, &nan) < 0 ||
        PyErr_WarnEx(PyExc_UserWarning,
                     "Anomaly Detection has been enabled. This mode will increase the runtime and "
                     "should only be enabled for debugging.",
                     1) < 0)
        return NULL;
    return (PyObject *)anomaly_new(type, true, PyObject_IsTrue(nan) > 0);
}

static PyObject *detect_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    set_enabled(true, ((AnomalyObject *)self)->nan);
    Py_RETURN_NONE;
}

/* set_detect_anomaly acts at once. */
static PyObject *set_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"mode", "check_nan"};
    static const struct binding binding = {"set_detect_anomaly.__init__", names, 2, 2, 1, 1};
    PyObject *values[] = {NULL, Py_True};
    AnomalyObject *self;

    if (binding_read(&binding, args, kwargs, values) < 0)
        return NULL;
    self = anomaly_new(type, PyObject_IsTrue(values[0]) > 0, PyObject_IsTrue(values[1]) > 0);
    if (self)
        set_enabled(self->on, self->nan);
    return (PyObject *)self;
}

static PyObject *set_enter(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

static PyObject *anomaly_exit(PyObject *object, PyObject *unused)
{
    AnomalyObject *self = (AnomalyObject *)object;

    (void)unused;
    set_enabled(self->on_before, self->nan_before);
    Py_RETURN_NONE;
}

/* ---- the module ---- */

static PyObject *is_enabled(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBool_FromLong(enabled);
}

static PyObject *is_check_nan_enabled(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBool_FromLong(check_nan);
}

static PyMethodDef questions[] = {
    {"is_anomaly_enabled", is_enabled, METH_NOARGS, NULL},
    {"is_anomaly_check_nan_enabled", is_check_nan_enabled, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMethodDef detect_methods[] = {{"__enter__", detect_enter, METH_NOARGS, NULL},
                                       {"__exit__", anomaly_exit, METH_VARARGS, NULL},
                                       {NULL, NULL, 0, NULL}};
static PyMethodDef set_methods[] = {{"__enter__", set_enter, METH_NOARGS, NULL},
                                    {"__exit__", anomaly_exit, METH_VARARGS, NULL},
                                    {NULL, NULL, 0, NULL}};

static const struct {
    const char *path, *name, *help;
    newfunc make;
    PyMethodDef *methods;
} managers[] = {
    {"torch.autograd.anomaly_mode.detect_anomaly", "detect_anomaly",
     "detect_anomaly(check_nan=True)\n--\n\nInside, a backward that fails or gives NaN names the "
     "line that made its node.",
     detect_new, detect_methods},
    {"torch.autograd.anomaly_mode.set_detect_anomaly", "set_detect_anomaly",
     "set_detect_anomaly(mode, check_nan=True)\n--\n\nSwitches anomaly detection on or off.",
     set_new, set_methods}};

int autograd_anomaly_init(PyObject *torch)
{
    PyObject *autograd = submodule(torch, "autograd");
    PyObject *module = submodule(torch, "autograd.anomaly_mode");

    if (!autograd || !module || PyModule_AddFunctions(torch, questions) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(managers) / sizeof(*managers); i++) {
        PyType_Slot slots[] = {{Py_tp_new, (void *)managers[i].make},
                               {Py_tp_methods, managers[i].methods},
                               {Py_tp_doc, (void *)managers[i].help},
                               {0, NULL}};
        PyType_Spec spec = {.name = managers[i].path,
                            .basicsize = sizeof(AnomalyObject),
                            .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                            .slots = slots};
        PyTypeObject *type;

        if (module_add_type(module, &spec, NULL, &type) < 0 ||
            PyModule_AddObjectRef(autograd, managers[i].name, (PyObject *)type) < 0)
            return -1;
    }
    return 0;
}
