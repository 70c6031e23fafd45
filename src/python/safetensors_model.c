/* safetensors.torch.save_model() and load_model(): modules whose tensors share memory. A file holds
 * one of those that share; its metadata says under which name. */
#include "python/safetensors.h"

#include "base/strbuf.h"
#include "python/nn_module.h"

#include <string.h>

/* ---- tensors that share ---- */

/* Whether a tensor is all of its storage. */
static bool is_whole(const struct tensor *t)
{
    return t->offset == 0 && (size_t)t->numel * dtype_size(tensor_dtype(t)) == t->storage->nbytes;
}

static bool overlap(const struct tensor *a, const struct tensor *b)
{
    size_t a_bytes = (size_t)a->numel * dtype_size(tensor_dtype(a));
    size_t b_bytes = (size_t)b->numel * dtype_size(tensor_dtype(b));

    return a->storage == b->storage && tensor_data(a) < tensor_data(b) + b_bytes &&
           tensor_data(b) < tensor_data(a) + a_bytes;
}

/* The name in the dict under which the storage of `name` is kept: the first whole tensor on it, in
 * alphabetical order, or one that `preferred` (a dict or NULL) names. Borrowed; `name` itself when
 * it shares with nobody, NULL with an exception. */
static PyObject *keeper_of(PyObject *state, PyObject *name, PyObject *preferred)
{
    struct tensor *t = tensor_of(PyDict_GetItem(state, name));
    PyObject *key, *value, *best = NULL;
    Py_ssize_t at = 0;
    bool shared = false, best_preferred = false;

    while (PyDict_Next(state, &at, &key, &value)) {
        bool wanted;

        if (!tensor_check(value) || !overlap(tensor_of(value), t))
            continue;
        shared |= key != name;
        if (!is_whole(tensor_of(value)))
            continue;
        wanted = preferred && PyDict_Contains(preferred, key) == 1;
        if (!best || (wanted && !best_preferred) ||
            (wanted == best_preferred && PyUnicode_Compare(key, best) < 0)) {
            best = key;
            best_preferred = wanted;
        }
    }
    if (!shared)
        return name;
    if (!best)
        PyErr_Format(PyExc_RuntimeError,
                     "Error while trying to find names to remove to save state dict, but found no "
                     "suitable name to keep for saving '%U': no tensor covers the entire storage",
                     name);
    return best;
}

/* {name: name under which it is kept} of those that are not kept under their own. */
static PyObject *shared_names(PyObject *state, PyObject *preferred)
{
    PyObject *names = PyDict_New(), *key, *value;
    Py_ssize_t at = 0;

    while (names && PyDict_Next(state, &at, &key, &value)) {
        PyObject *keeper = tensor_check(value) ? keeper_of(state, key, preferred) : key;

        if (!keeper || (keeper != key && PyDict_SetItem(names, key, keeper) < 0))
            Py_CLEAR(names);
    }
    return names;
}

/* ---- saving ---- */

/* The state dict with each shared tensor once, contiguous. */
static PyObject *kept_tensors(PyObject *state, PyObject *shared)
{
    PyObject *kept = PyDict_New(), *key, *value;
    Py_ssize_t at = 0;

    while (kept && PyDict_Next(state, &at, &key, &value)) {
        PyObject *whole;

        if (PyDict_Contains(shared, key) != 0)
            continue;
        whole = PyObject_CallMethod(value, "contiguous", NULL);
        if (!whole || PyDict_SetItem(kept, key, whole) < 0)
            Py_CLEAR(kept);
        Py_XDECREF(whole);
    }
    return kept;
}

PyObject *safe_save_model(PyObject *module, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"model", "filename", "metadata", NULL};
    PyObject *model, *path, *given = Py_None, *metadata, *state, *shared, *kept, *result = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O|O:save_model", names, nn_module_type,
                                     &model, &path, &given))
        return NULL;
    metadata = PyDict_New();
    state = metadata ? PyObject_CallMethod(model, "state_dict", NULL) : NULL;
    shared = state ? shared_names(state, NULL) : NULL;
    kept = shared ? kept_tensors(state, shared) : NULL;
    /* What the user says of a name stands before what is said here. */
    if (kept && PyDict_Update(metadata, shared) == 0 &&
        (given == Py_None || PyDict_Update(metadata, given) == 0))
        result = PyObject_CallMethod(module, "save_file", "OOO", kept, path,
                                     PyDict_GET_SIZE(metadata) > 0 ? metadata : Py_None);
    Py_XDECREF(metadata);
    Py_XDECREF(state);
    Py_XDECREF(shared);
    Py_XDECREF(kept);
    return result;
}

/* ---- loading ---- */

/* Names that share with one that was loaded are not missing; those that were in the file beside the
 * one that is kept are one too many. Both lists of load_state_dict() are corrected. */
static int correct_keys(PyObject *shared, PyObject *missing, PyObject *unexpected)
{
    PyObject *key, *keeper;
    Py_ssize_t at = 0;

    while (PyDict_Next(shared, &at, &key, &keeper)) {
        Py_ssize_t index =
            PySequence_Contains(missing, key) == 1 ? PySequence_Index(missing, key) : -1;

        if (PyErr_Occurred() || (index >= 0 && PySequence_DelItem(missing, index) < 0) ||
            (index < 0 && PyList_Append(unexpected, key) < 0))
            return -1;
    }
    return PyList_Sort(missing) < 0 || PyList_Sort(unexpected) < 0 ? -1 : 0;
}

static void add_names(struct strbuf *out, const char *what, PyObject *names)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
        const char *name = PyUnicode_AsUTF8(PyList_GET_ITEM(names, i));

        if (i == 0)
            strbuf_addf(out, "\n    %s key(s) in state_dict: ", what);
        strbuf_addf(out, "%s\"%s\"", i == 0 ? "" : ", ", name ? name : "?");
    }
}

static int refuse_keys(PyObject *model, PyObject *missing, PyObject *unexpected)
{
    struct strbuf text = STRBUF_INIT;

    if (PyList_GET_SIZE(missing) == 0 && PyList_GET_SIZE(unexpected) == 0)
        return 0;
    strbuf_addf(&text, "Error(s) in loading state_dict for %s:", _PyType_Name(Py_TYPE(model)));
    add_names(&text, "Missing", missing);
    add_names(&text, "Unexpected", unexpected);
    PyErr_SetString(PyExc_RuntimeError, text.text);
    strbuf_release(&text);
    return -1;
}

/* Loads the tensors: ({missing names}, [unexpected names]). */
static PyObject *load_into(PyObject *model, PyObject *tensors, int strict)
{
    PyObject *state = PyObject_CallMethod(model, "state_dict", NULL);
    PyObject *shared = state ? shared_names(state, tensors) : NULL;
    PyObject *keys =
        shared ? PyObject_CallMethod(model, "load_state_dict", "OO", tensors, Py_False) : NULL;
    PyObject *missing = keys ? PyObject_GetAttrString(keys, "missing_keys") : NULL;
    PyObject *unexpected = missing ? PyObject_GetAttrString(keys, "unexpected_keys") : NULL;
    PyObject *result = NULL;

    if (unexpected && correct_keys(shared, missing, unexpected) == 0 &&
        (!strict || refuse_keys(model, missing, unexpected) == 0))
        result = Py_BuildValue("NO", PySet_New(missing), unexpected);
    Py_XDECREF(state);
    Py_XDECREF(shared);
    Py_XDECREF(keys);
    Py_XDECREF(missing);
    Py_XDECREF(unexpected);
    return result;
}

PyObject *safe_load_model(PyObject *module, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"model", "filename", "strict", "device", NULL};
    PyObject *model, *path, *device = Py_None, *tensors, *result;
    int strict = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O|pO:load_model", names, nn_module_type,
                                     &model, &path, &strict, &device))
        return NULL;
    tensors = PyObject_CallMethod(module, "load_file", "OO", path, device);
    result = tensors ? load_into(model, tensors, strict) : NULL;
    Py_XDECREF(tensors);
    return result;
}
