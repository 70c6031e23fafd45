/* torch.nn.utils.spectral_norm: a weight divided by its largest singular value. */
#include "python/nn_reparametrize.h"

#include "python/module.h"

static PyTypeObject *spectral_hook_type, *spectral_state_type;
static PyObject *torch_module; /* borrowed: it lives as long as the process */

/* The weight as a matrix: dimension `dim` first, the others as one. */
static PyObject *as_matrix(PyObject *weight, long dim)
{
    PyObject *moved =
        dim ? PyObject_CallMethod(weight, "movedim", "li", dim, 0) : Py_NewRef(weight);
    PyObject *matrix = moved ? PyObject_CallMethod(moved, "flatten", "i", 1) : NULL;

    Py_XDECREF(moved);
    if (matrix && tensor_of(matrix)->ndim == 1)
        Py_SETREF(matrix, PyObject_CallMethod(matrix, "unsqueeze", "i", 1));
    return matrix;
}

/* to = matrix @ from / |matrix @ from|, in place: what load_state_dict() and views see. */
static int power_step(PyObject *matrix, PyObject *from, PyObject *to, PyObject *eps)
{
    PyObject *functional = submodule(torch_module, "nn.functional");
    PyObject *product = PyObject_CallMethod(matrix, "mv", "O", from);
    PyObject *unit = functional && product ? PyObject_CallMethod(functional, "normalize", "OdiO",
                                                                 product, 2.0, 0, eps)
                                           : NULL;
    PyObject *done = unit ? PyObject_CallMethod(to, "copy_", "O", unit) : NULL;

    Py_XDECREF(product);
    Py_XDECREF(unit);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int power_iterations(PyObject *hook, PyObject *matrix, PyObject *u, PyObject *v)
{
    long count = weight_hook_number(hook, "n_power_iterations");
    PyObject *eps = PyObject_GetAttrString(hook, "eps");
    PyObject *across = eps ? PyObject_CallMethod(matrix, "t", NULL) : NULL;
    bool was = grad_set_enabled(false);
    int status = across && !PyErr_Occurred() ? 0 : -1;

    for (long i = 0; status == 0 && i < count; i++)
        status = power_step(across, u, v, eps) < 0 ? -1 : power_step(matrix, v, u, eps);
    grad_set_enabled(was);
    Py_XDECREF(eps);
    Py_XDECREF(across);
    return status;
}

/* weight / (u^T W v). With iterations the vectors go into the graph as copies: the next call
 * changes them in place. */
static PyObject *divided(PyObject *weight, PyObject *matrix, PyObject *u, PyObject *v, bool copy)
{
    PyObject *left = copy ? PyObject_CallMethod(u, "clone", NULL) : Py_NewRef(u);
    PyObject *right = copy ? PyObject_CallMethod(v, "clone", NULL) : Py_NewRef(v);
    PyObject *product = left && right ? PyObject_CallMethod(matrix, "mv", "O", right) : NULL;
    PyObject *sigma = product ? PyObject_CallMethod(left, "dot", "O", product) : NULL;
    PyObject *result = sigma ? PyNumber_TrueDivide(weight, sigma) : NULL;

    Py_XDECREF(left);
    Py_XDECREF(right);
    Py_XDECREF(product);
    Py_XDECREF(sigma);
    return result;
}

static PyObject *spectral_compute(PyObject *hook, PyObject *module, PyObject *name, bool iterate)
{
    PyObject *weight = weight_part(module, name, "_orig");
    PyObject *u = weight ? weight_part(module, name, "_u") : NULL;
    PyObject *v = u ? weight_part(module, name, "_v") : NULL, *matrix = NULL, *result = NULL;
    long dim = v ? weight_hook_number(hook, "dim") : -1;

    if (v && !PyErr_Occurred())
        matrix = as_matrix(weight, dim);
    if (matrix && (!iterate || power_iterations(hook, matrix, u, v) == 0))
        result = divided(weight, matrix, u, v, iterate);
    Py_XDECREF(weight);
    Py_XDECREF(u);
    Py_XDECREF(v);
    Py_XDECREF(matrix);
    return result;
}

static PyObject *spectral_in_call(PyObject *hook, PyObject *module, PyObject *name)
{
    PyObject *training = PyObject_GetAttr(module, nn_names.training);
    int iterate = training ? PyObject_IsTrue(training) : -1;

    Py_XDECREF(training);
    return iterate < 0 ? NULL : spectral_compute(hook, module, name, iterate > 0);
}

static PyObject *spectral_hook_call(PyObject *hook, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    return weight_hook_run(hook, args, spectral_in_call);
}

/* A state_dict() hook: notes the version of the hook in the metadata, as PyTorch's files hold it.
 */
static PyObject *spectral_state_call(PyObject *self, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    PyObject *module, *state, *prefix, *local, *hook, *name = NULL, *versions = NULL, *key = NULL;
    PyObject *version = PyLong_FromLong(1), *group = PyUnicode_FromString("spectral_norm");
    int status = -1;

    if (!version || !group ||
        !PyArg_ParseTuple(args, "OOOO!", &module, &state, &prefix, &PyDict_Type, &local))
        goto done;
    hook = PyObject_GetAttrString(self, "fn");
    name = hook ? weight_hook_name(hook) : NULL;
    Py_XDECREF(hook);
    key = name ? PyUnicode_FromFormat("%U.version", name) : NULL;
    versions = key ? PyDict_New() : NULL;
    if (versions)
        Py_SETREF(versions, Py_XNewRef(PyDict_SetDefault(local, group, versions)));
    if (versions)
        status = PyObject_SetItem(versions, key, version);
done:
    Py_XDECREF(version);
    Py_XDECREF(group);
    Py_XDECREF(name);
    Py_XDECREF(key);
    Py_XDECREF(versions);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* Registers a random unit vector of this length under name + suffix. */
static int register_vector(PyObject *module, PyObject *name, const char *suffix, PyObject *weight,
                           int64_t length, PyObject *eps)
{
    PyObject *functional = submodule(torch_module, "nn.functional");
    PyObject *full = PyUnicode_FromFormat("%U%s", name, suffix);
    PyObject *made = PyObject_CallMethod(weight, "new_empty", "L", (long long)length);
    PyObject *drawn = made ? PyObject_CallMethod(made, "normal_", "ii", 0, 1) : NULL;
    PyObject *unit = functional && full && drawn
                         ? PyObject_CallMethod(functional, "normalize", "OdiO", drawn, 2.0, 0, eps)
                         : NULL;
    int status = unit ? module_register_buffer(module, full, unit, true) : -1;

    Py_XDECREF(full);
    Py_XDECREF(made);
    Py_XDECREF(drawn);
    Py_XDECREF(unit);
    return status;
}

/* The weight becomes <name>_orig, the same object; <name> a plain tensor. */
static int spectral_register(PyObject *module, PyObject *name, PyObject *weight, PyObject *hook,
                             PyObject *eps)
{
    long dim = weight_hook_number(hook, "dim");
    PyObject *matrix = PyErr_Occurred() ? NULL : as_matrix(weight, dim);
    PyObject *original = PyUnicode_FromFormat("%U_orig", name), *data = NULL, *state = NULL;
    int status = -1;

    if (!matrix || !original || weight_part_set(module, name, "", NULL) < 0 ||
        module_register_parameter(module, original, weight) < 0)
        goto done;
    data = PyObject_GetAttr(weight, nn_names.data);
    if (!data || PyObject_SetAttr(module, name, data) < 0 ||
        register_vector(module, name, "_u", weight, tensor_of(matrix)->shape[0], eps) < 0 ||
        register_vector(module, name, "_v", weight, tensor_of(matrix)->shape[1], eps) < 0)
        goto done;
    state = weight_hook_new(spectral_state_type, Py_BuildValue("{sO}", "fn", hook));
    if (state && weight_hook_add(module, nn_names._forward_pre_hooks, hook) == 0)
        status = weight_hook_add(module, nn_names._state_dict_hooks, state);
done:
    Py_XDECREF(matrix);
    Py_XDECREF(original);
    Py_XDECREF(data);
    Py_XDECREF(state);
    return status;
}

/* 1 for ConvTranspose1d and so on, whose outputs are dimension 1. -1 with an exception. */
static int is_transposed(PyObject *module)
{
    static const char *const classes[] = {"ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"};
    PyObject *nn = submodule(torch_module, "nn");
    int is = nn ? 0 : -1;

    for (int i = 0; is == 0 && i < 3; i++) {
        PyObject *type = PyObject_GetAttrString(nn, classes[i]);

        is = type ? PyObject_IsInstance(module, type) : -1;
        Py_XDECREF(type);
    }
    return is;
}

static int spectral_norm_apply(PyObject *module, PyObject *name, int iterations, PyObject *eps,
                               long dim)
{
    PyObject *weight, *parameters = module_part(module, nn_names._parameters), *hook;
    int status;

    if (!parameters || weight_hook_check(module, spectral_hook_type, "spectral_norm", name) < 0)
        return -1;
    if (iterations <= 0) {
        PyErr_Format(PyExc_ValueError,
                     "Expected n_power_iterations to be positive, but got n_power_iterations=%d",
                     iterations);
        return -1;
    }
    weight = PyObject_GetItem(parameters, name);
    if (weight && !tensor_check(weight)) {
        PyErr_Format(PyExc_ValueError, "`SpectralNorm` cannot be applied as parameter `%U` is None",
                     name);
        Py_CLEAR(weight);
    }
    hook = weight ? weight_hook_new(spectral_hook_type,
                                    Py_BuildValue("{sOslsisO}", "name", name, "dim", dim,
                                                  "n_power_iterations", iterations, "eps", eps))
                  : NULL;
    status = hook ? spectral_register(module, name, weight, hook, eps) : -1;
    Py_XDECREF(weight);
    Py_XDECREF(hook);
    return status;
}

static PyObject *spectral_norm(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"module", "name", "n_power_iterations", "eps", "dim", NULL};
    PyObject *module, *name = NULL, *eps = NULL, *dim_object = Py_None;
    int iterations = 1, status = -1;
    long dim;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!|UiOO:spectral_norm", names, nn_module_type,
                                     &module, &name, &iterations, &eps, &dim_object))
        return NULL;
    dim = dim_object == Py_None ? is_transposed(module) : PyLong_AsLong(dim_object);
    if (dim == -1 && PyErr_Occurred())
        return NULL;
    name = name ? Py_NewRef(name) : PyUnicode_FromString("weight");
    eps = eps ? Py_NewRef(eps) : PyFloat_FromDouble(1e-12);
    if (name && eps)
        status = spectral_norm_apply(module, name, iterations, eps, dim);
    Py_XDECREF(name);
    Py_XDECREF(eps);
    return status < 0 ? NULL : Py_NewRef(module);
}

static PyObject *remove_spectral_norm(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static const char *const parts[] = {"", "_u", "_v", "_orig", NULL};
    PyObject *module, *name, *hook, *weight;
    int status;

    if (weight_hook_arguments(args, keywords, "O!|U:remove_spectral_norm", &module, &name) < 0)
        return NULL;
    hook = weight_hook_of(module, spectral_hook_type, "spectral_norm", name);
    weight = hook ? spectral_compute(hook, module, name, false) : NULL;
    status = weight_hook_take_back(module, name, weight, parts, spectral_hook_type);
    if (status >= 0)
        status = weight_hook_drop(module_part(module, nn_names._state_dict_hooks),
                                  spectral_state_type, "fn", name);
    Py_XDECREF(hook);
    Py_XDECREF(weight);
    Py_DECREF(name);
    return status < 0 ? NULL : Py_NewRef(module);
}

int spectral_norm_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"spectral_norm", WITH_KEYWORDS(spectral_norm),
         "spectral_norm(module, name='weight', n_power_iterations=1, eps=1e-12, dim=None): the "
         "weight is divided by its largest singular value, which power iteration estimates."},
        {"remove_spectral_norm", WITH_KEYWORDS(remove_spectral_norm),
         "remove_spectral_norm(module, name='weight'): a plain parameter again."},
        {NULL, NULL, 0, NULL},
    };
    PyObject *home;

    torch_module = torch;
    if (weight_hook_add_type(torch, "nn.utils.spectral_norm",
                             "torch.nn.utils.spectral_norm.SpectralNorm", spectral_hook_call,
                             &spectral_hook_type) < 0 ||
        weight_hook_add_type(torch, "nn.utils.spectral_norm",
                             "torch.nn.utils.spectral_norm.SpectralNormStateDictHook",
                             spectral_state_call, &spectral_state_type) < 0)
        return -1;
    home = submodule(torch, "nn.utils");
    return home ? PyModule_AddFunctions(home, functions) : -1;
}
