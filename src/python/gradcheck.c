/*
 * torch.autograd.gradcheck and gradgradcheck: derivatives against differences.
 *
 * For each pair of an output and an input that wants a gradient, two Jacobians are made, of shape
 * (elements of the input, elements of the output): one by moving each element of the input by eps
 * to both sides, one from backward(). A complex output is looked at as two real functions, its real
 * part and its imaginary part. The gradient of a real function L by a complex z = x + iy is
 * dL/dx + i dL/dy, so the differences by x and y are its parts.
 */
#include "autograd/autograd.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/nn_module.h"
#include "tensor/random.h"

#include <math.h>

static PyObject *gradcheck_error; /* torch.autograd.gradcheck.GradcheckError */

struct check {
    PyObject *function;
    PyObject *arguments; /* a tuple of anything */
    PyObject *inputs;    /* a list: those of them that want gradients */
    PyObject *outputs;   /* a list of all tensors that the function gives */
    double eps, atol, rtol;
};

/* ---- the function's outputs ---- */

/* The tensors in a tuple or list, or the only one: a list. */
static PyObject *tensors_in(PyObject *object, bool graded)
{
    PyObject *list = PyList_New(0);
    bool many = PyTuple_Check(object) || PyList_Check(object);
    Py_ssize_t count = many ? PySequence_Fast_GET_SIZE(object) : 1;

    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *item = many ? PySequence_Fast_GET_ITEM(object, i) : object;

        if (tensor_check(item) && (!graded || tensor_of(item)->requires_grad) &&
            PyList_Append(list, item) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* A function may itself compute gradients, so recording is on whatever it is outside. */
static PyObject *call_function(PyObject *function, PyObject *arguments, bool graded)
{
    bool before = grad_set_enabled(true);
    PyObject *result = PyObject_CallObject(function, arguments);
    PyObject *list = result ? tensors_in(result, graded) : NULL;

    grad_set_enabled(before);
    Py_XDECREF(result);
    return list;
}

static struct tensor *output_of(const struct check *c, Py_ssize_t k)
{
    return tensor_of(PyList_GET_ITEM(c->outputs, k));
}

static struct tensor *input_of(const struct check *c, Py_ssize_t i)
{
    return tensor_of(PyList_GET_ITEM(c->inputs, i));
}

/* ---- the Jacobian by differences ---- */

static char *element_of(struct tensor *t, int64_t at)
{
    int64_t offset = 0;

    for (int d = t->ndim; d-- > 0; at /= t->shape[d])
        offset += at % t->shape[d] * t->stride[d];
    return tensor_data(t) + offset * (int64_t)dtype_size(tensor_dtype(t));
}

/* A copy of output k of the function at inputs one element of which is moved. */
static struct tensor *moved(const struct check *c, int k, struct tensor *x, int64_t at,
                            struct scalar value)
{
    char *element = element_of(x, at);
    struct scalar old = dtype_load(tensor_dtype(x), element);
    struct tensor *y = NULL;
    PyObject *outputs;

    dtype_store(tensor_dtype(x), element, value);
    outputs = call_function(c->function, c->arguments, false);
    if (outputs && k < PyList_GET_SIZE(outputs))
        y = tensor_clone(tensor_of(PyList_GET_ITEM(outputs, k))); /* may be a view of x */
    else if (outputs)
        PyErr_SetString(PyExc_RuntimeError, "the function gave fewer outputs when called again");
    dtype_store(tensor_dtype(x), element, old);
    Py_XDECREF(outputs);
    return y;
}

static double part(struct tensor *t, int64_t at, bool imaginary)
{
    struct scalar s = dtype_load(tensor_dtype(t), element_of(t, at));

    return imaginary ? s.im : s.d;
}

/* Row `at` of the Jacobian: d(part of output k)/d(element of x) by a step along the real axis, or
 * along the imaginary one, into the real or imaginary parts of the row. */
static int difference(const struct check *c, int k, struct tensor *x, int64_t at, bool along,
                      bool imaginary, struct tensor *jacobian)
{
    struct scalar old = dtype_load(tensor_dtype(x), element_of(x, at)), high, low;
    double by = c->eps;
    struct tensor *up, *down;
    bool complex = dtype_is_complex(tensor_dtype(x));

    high = complex ? scalar_complex(old.d + (along ? 0 : by), old.im + (along ? by : 0))
                   : scalar_float(old.d + by);
    low = complex ? scalar_complex(old.d - (along ? 0 : by), old.im - (along ? by : 0))
                  : scalar_float(old.d - by);
    up = moved(c, k, x, at, high);
    down = up ? moved(c, k, x, at, low) : NULL;
    for (int64_t j = 0; down && j < jacobian->shape[1]; j++) {
        char *element = element_of(jacobian, at * jacobian->shape[1] + j);
        double slope = (part(up, j, imaginary) - part(down, j, imaginary)) / (2 * by);
        struct scalar was = dtype_load(tensor_dtype(jacobian), element);

        dtype_store(tensor_dtype(jacobian), element,
                    complex ? scalar_complex(along ? was.d : slope, along ? slope : 0)
                            : scalar_float(slope));
    }
    tensor_unref(up);
    tensor_unref(down);
    return down ? 0 : -1;
}

static int numerical(const struct check *c, int k, struct tensor *x, bool imaginary,
                     struct tensor *jacobian)
{
    bool complex = dtype_is_complex(tensor_dtype(x));

    for (int64_t at = 0; at < x->numel; at++)
        for (int along = 0; along <= complex; along++)
            if (difference(c, k, x, at, along, imaginary, jacobian) < 0)
                return -1;
    return 0;
}

/* ---- the Jacobian from backward() ---- */

/* The gradient of y, weighted, by x; NULL in *g where nothing flows. */
static int gradient_of(struct tensor *y, struct tensor *x, struct tensor *weight, struct tensor **g)
{
    return backward(&(struct backward_request){.roots = &y,
                                               .grads = &weight,
                                               .root_count = 1,
                                               .inputs = &x,
                                               .input_count = 1,
                                               .results = g,
                                               .retain = true});
}

/* Column j: the gradient of the real or the imaginary part of element j of y. */
static int gradient_column(struct tensor *y, struct tensor *x, int64_t j, bool imaginary,
                           struct tensor *jacobian)
{
    struct tensor *weight = tensor_zeros(tensor_dtype(y), y->ndim, y->shape), *g = NULL;
    int status = -1;

    if (weight) {
        dtype_store(tensor_dtype(weight), element_of(weight, j),
                    imaginary ? scalar_complex(0, 1) : scalar_float(1));
        status = gradient_of(y, x, weight, &g);
    }
    for (int64_t at = 0; g && at < x->numel; at++)
        dtype_store(tensor_dtype(jacobian), element_of(jacobian, at * y->numel + j),
                    dtype_load(tensor_dtype(g), element_of(g, at)));
    tensor_unref(weight);
    tensor_unref(g);
    return status;
}

static int analytical(struct tensor *y, struct tensor *x, bool imaginary, struct tensor *jacobian)
{
    int status = 0;

    for (int64_t j = 0; status == 0 && j < y->numel; j++)
        status = gradient_column(y, x, j, imaginary, jacobian);
    return status;
}

/* ---- the comparison ---- */

/* |a - n| <= atol + rtol |n| for all elements. */
static bool close_enough(const struct check *c, struct tensor *a, struct tensor *n)
{
    for (int64_t i = 0; i < n->numel; i++) {
        double re = part(n, i, false), im = part(n, i, true);
        double apart = hypot(part(a, i, false) - re, part(a, i, true) - im);

        if (!(apart <= c->atol + c->rtol * hypot(re, im)))
            return false;
    }
    return true;
}

static void mismatch(int k, int i, const char *which, struct tensor *n, struct tensor *a)
{
    PyObject *numbers = tensor_object(n), *slopes = tensor_object(a);

    if (numbers && slopes)
        PyErr_Format(gradcheck_error,
                     "%s%s%sJacobian mismatch for output %d with respect to input %d,\n"
                     "numerical:%S\nanalytical:%S\n",
                     which ? "While considering the " : "", which ? which : "",
                     which ? " part of complex outputs only, " : "", k, i, numbers, slopes);
    Py_XDECREF(numbers);
    Py_XDECREF(slopes);
}

/* A Jacobian of output k by input i, of zeros. */
static struct tensor *new_jacobian(const struct check *c, Py_ssize_t k, Py_ssize_t i)
{
    int64_t shape[] = {input_of(c, i)->numel, output_of(c, k)->numel};

    return tensor_zeros(tensor_dtype(input_of(c, i)), 2, shape);
}

/* Compares one part of output k, which is number `graded` of those that want gradients, by input i.
 * 0, or -1 with an exception. */
static int check_part(const struct check *c, int k, int graded, int i, bool imaginary)
{
    struct tensor *y = output_of(c, k), *x = input_of(c, i);
    struct tensor *n = new_jacobian(c, k, i), *a = n ? new_jacobian(c, k, i) : NULL;
    const char *which = imaginary ? "imaginary" : "real";
    int status = -1;

    if (a && numerical(c, k, x, imaginary, n) == 0 && analytical(y, x, imaginary, a) == 0) {
        if (close_enough(c, a, n))
            status = 0;
        else
            mismatch(graded, i, dtype_is_complex(tensor_dtype(y)) ? which : NULL, n, a);
    }
    tensor_unref(n);
    tensor_unref(a);
    return status;
}

/* One part of all outputs by all inputs. */
static int check_parts(const struct check *c, bool imaginary)
{
    int graded = 0;

    for (int k = 0; k < PyList_GET_SIZE(c->outputs); k++) {
        if (!output_of(c, k)->requires_grad)
            continue;
        for (int i = 0; i < PyList_GET_SIZE(c->inputs); i++)
            if ((!imaginary || dtype_is_complex(tensor_dtype(output_of(c, k)))) &&
                check_part(c, k, graded, i, imaginary) < 0)
                return -1;
        graded++;
    }
    return graded;
}

static bool has_nonzero(struct tensor *t)
{
    for (int64_t i = 0; i < t->numel; i++)
        if (part(t, i, false) != 0 || part(t, i, true) != 0)
            return true;
    return false;
}

/* Without an output that wants a gradient, no input may change anything. */
static int check_constant(const struct check *c)
{
    int status = 0;

    for (int k = 0; k < PyList_GET_SIZE(c->outputs); k++) {
        for (int i = 0; status == 0 && i < PyList_GET_SIZE(c->inputs); i++) {
            struct tensor *n = new_jacobian(c, k, i);

            status = n ? numerical(c, k, input_of(c, i), false, n) : -1;
            if (status == 0 && has_nonzero(n)) {
                PyErr_SetString(gradcheck_error,
                                "Numerical gradient for function expected to be zero");
                status = -1;
            }
            tensor_unref(n);
        }
    }
    return status;
}

/* From gradients of zero come gradients of zero: a backward() that forgets to multiply by what it
 * is given can otherwise look right. */
static int check_multiplied(const struct check *c, int k)
{
    struct tensor *y = output_of(c, k);
    int status = 0;

    for (int i = 0; status == 0 && i < PyList_GET_SIZE(c->inputs); i++) {
        struct tensor *x = input_of(c, i), *g = NULL;
        struct tensor *weight = tensor_zeros(tensor_dtype(y), y->ndim, y->shape);

        status = weight ? gradient_of(y, x, weight, &g) : -1;
        if (g && has_nonzero(g)) {
            PyErr_SetString(gradcheck_error, "backward not multiplied by grad_output");
            status = -1;
        }
        tensor_unref(weight);
        tensor_unref(g);
    }
    return status;
}

static int compare(struct check *c)
{
    int graded;

    c->outputs = call_function(c->function, c->arguments, false);
    if (!c->outputs || check_parts(c, true) < 0)
        return -1;
    graded = check_parts(c, false);
    if (graded <= 0)
        return graded < 0 ? -1 : check_constant(c);
    for (int k = 0; k < PyList_GET_SIZE(c->outputs); k++)
        if (output_of(c, k)->requires_grad && check_multiplied(c, k) < 0)
            return -1;
    return 0;
}

/* ---- what can be checked ---- */

static bool overlaps_itself(const struct tensor *t)
{
    for (int d = 0; d < t->ndim; d++)
        if (t->stride[d] == 0 && t->shape[d] > 1)
            return true;
    return false;
}

static int check_input(struct tensor *t, Py_ssize_t i)
{
    enum dtype dtype = tensor_dtype(t);

    if (dtype != DTYPE_f64 && dtype != DTYPE_c128 &&
        PyErr_WarnFormat(PyExc_UserWarning, 1,
                         "Input #%zd requires gradient and is not a double precision floating "
                         "point or complex. This check will likely fail if all the inputs are not "
                         "of double precision floating point or complex. ",
                         i) < 0)
        return -1;
    if (!overlaps_itself(t))
        return 0;
    PyErr_Format(PyExc_RuntimeError,
                 "The %zdth input has a dimension with stride 0. gradcheck only supports inputs "
                 "that are non-overlapping to be able to compute the numerical gradients "
                 "correctly. You should call .contiguous on the input before passing it to "
                 "gradcheck.",
                 i);
    return -1;
}

static int check_inputs(const struct check *c)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(c->arguments); i++) {
        PyObject *item = PyTuple_GET_ITEM(c->arguments, i);

        if (tensor_check(item) && tensor_of(item)->requires_grad &&
            check_input(tensor_of(item), i) < 0)
            return -1;
    }
    if (PyList_GET_SIZE(c->inputs))
        return 0;
    PyErr_SetString(PyExc_ValueError,
                    "gradcheck expects at least one input tensor to require gradient, but none of "
                    "the them have requires_grad=True.");
    return -1;
}

/* A tuple, a list as a tuple, or one thing as a tuple of one. */
static PyObject *as_tuple(PyObject *object)
{
    return PyTuple_Check(object) || PyList_Check(object) ? PySequence_Tuple(object)
                                                         : PyTuple_Pack(1, object);
}

/* True, or False or an exception when derivatives and differences are apart. Takes over
 * `arguments`. */
static PyObject *run_check(struct check *c, PyObject *raise)
{
    int status = -1;

    c->inputs = c->arguments ? tensors_in(c->arguments, true) : NULL;
    if (c->inputs && check_inputs(c) == 0)
        status = compare(c);
    if (status < 0 && !PyErr_Occurred())
        python_error();
    Py_CLEAR(c->arguments);
    Py_CLEAR(c->inputs);
    Py_CLEAR(c->outputs);
    if (status == 0)
        Py_RETURN_TRUE;
    if (PyObject_IsTrue(raise) || !PyErr_ExceptionMatches(gradcheck_error))
        return NULL;
    PyErr_Clear();
    Py_RETURN_FALSE;
}

static int read_tolerances(struct check *c, PyObject *const *given)
{
    c->eps = given[0] ? PyFloat_AsDouble(given[0]) : 1e-6;
    c->atol = given[1] ? PyFloat_AsDouble(given[1]) : 1e-5;
    c->rtol = given[2] ? PyFloat_AsDouble(given[2]) : 1e-3;
    return PyErr_Occurred() ? -1 : 0;
}

/* What only PyTorch's other ways of checking need is accepted: check_batched_grad and the like. */
static PyObject *gradcheck(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"func",
                                        "inputs",
                                        "eps",
                                        "atol",
                                        "rtol",
                                        "raise_exception",
                                        "check_sparse_nnz",
                                        "nondet_tol",
                                        "check_undefined_grad",
                                        "check_grad_dtypes",
                                        "check_batched_grad",
                                        "check_batched_forward_grad",
                                        "check_forward_ad",
                                        "check_backward_ad",
                                        "fast_mode"};
    static const struct binding binding = {"gradcheck", names, 15, 2, 2, 0};
    PyObject *given[15] = {[5] = Py_True};
    struct check c = {0};

    if (binding_read(&binding, args, keywords, given) < 0 || read_tolerances(&c, given + 2) < 0)
        return NULL;
    c.function = given[0];
    c.arguments = as_tuple(given[1]);
    return run_check(&c, given[5]);
}

/* ---- gradgradcheck ---- */

/* The gradients of a function as a function of its arguments and the outputs' gradients. `self`:
 * the function and how many outputs have gradients. */
static PyObject *call_gradients(PyObject *self, PyObject *args)
{
    Py_ssize_t split = PyTuple_GET_SIZE(args) - PyLong_AsSsize_t(PyTuple_GET_ITEM(self, 1));
    PyObject *inputs = PyTuple_GetSlice(args, 0, split);
    PyObject *weights = PyTuple_GetSlice(args, split, PyTuple_GET_SIZE(args));
    PyObject *outputs = inputs ? call_function(PyTuple_GET_ITEM(self, 0), inputs, true) : NULL;
    PyObject *wanted = outputs ? tensors_in(inputs, true) : NULL, *result = NULL;

    if (wanted && weights) {
        struct autograd_call call = {.roots = outputs,
                                     .grads = weights,
                                     .inputs = wanted,
                                     .create = Py_True,
                                     .give = true,
                                     .allow_unused = true};

        result = autograd_run(&call);
    }
    Py_XDECREF(inputs);
    Py_XDECREF(weights);
    Py_XDECREF(outputs);
    Py_XDECREF(wanted);
    return result;
}

/* A random gradient for each output, in [-1, 1): a tuple. */
static PyObject *random_weights(PyObject *function, PyObject *arguments)
{
    PyObject *outputs = call_function(function, arguments, true);
    PyObject *tuple = outputs ? PyTuple_New(PyList_GET_SIZE(outputs)) : NULL;

    for (Py_ssize_t k = 0; tuple && k < PyTuple_GET_SIZE(tuple); k++) {
        struct tensor *y = tensor_of(PyList_GET_ITEM(outputs, k));
        struct tensor *weight = tensor_zeros(tensor_dtype(y), y->ndim, y->shape);
        struct tensor *parts = weight ? tensor_parts(weight) : NULL;
        PyObject *item = NULL;

        if (parts && random_uniform(parts, -1, 1, generator_default()) == 0 &&
            tensor_set_requires_grad(weight, true) == 0)
            item = tensor_wrap(tensor_ref(weight));
        tensor_unref(parts);
        tensor_unref(weight);
        if (item)
            PyTuple_SET_ITEM(tuple, k, item);
        else
            Py_CLEAR(tuple);
    }
    if (outputs && !tuple && !PyErr_Occurred())
        python_error();
    Py_XDECREF(outputs);
    return tuple;
}

static PyObject *gradgradcheck(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"func",
                                        "inputs",
                                        "grad_outputs",
                                        "eps",
                                        "atol",
                                        "rtol",
                                        "raise_exception",
                                        "gen_non_contig_grad_outputs",
                                        "nondet_tol",
                                        "check_undefined_grad",
                                        "check_grad_dtypes",
                                        "check_batched_grad",
                                        "check_fwd_over_rev",
                                        "check_rev_over_rev",
                                        "fast_mode"};
    static const struct binding binding = {"gradgradcheck", names, 15, 3, 2, 0};
    static PyMethodDef gradients = {"gradients", call_gradients, METH_VARARGS, NULL};
    PyObject *given[15] = {[2] = Py_None, [6] = Py_True}, *inputs, *weights = NULL;
    PyObject *bound = NULL, *result = NULL;
    struct check c = {0};

    if (binding_read(&binding, args, keywords, given) < 0 || read_tolerances(&c, given + 3) < 0)
        return NULL;
    inputs = as_tuple(given[1]);
    if (inputs)
        weights = given[2] == Py_None ? random_weights(given[0], inputs) : as_tuple(given[2]);
    if (weights)
        bound = Py_BuildValue("(On)", given[0], PyTuple_GET_SIZE(weights));
    if (bound && (c.function = PyCFunction_New(&gradients, bound))) {
        c.arguments = PySequence_Concat(inputs, weights);
        result = run_check(&c, given[6]);
    }
    Py_XDECREF(c.function);
    Py_XDECREF(bound);
    Py_XDECREF(inputs);
    Py_XDECREF(weights);
    return result;
}

static PyMethodDef methods[] = {
    {"gradcheck", WITH_KEYWORDS(gradcheck),
     "gradcheck(func, inputs, *, eps=1e-06, atol=1e-05, rtol=0.001, raise_exception=True)\n\nTrue "
     "when backward() gives what differences of func's values give."},
    {"gradgradcheck", WITH_KEYWORDS(gradgradcheck),
     "gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-06, atol=1e-05, rtol=0.001, "
     "raise_exception=True)\n\nThe same for the gradients themselves."},
    {NULL, NULL, 0, NULL},
};

/* The function takes the place of the module of its name, as in PyTorch. */
int gradcheck_init(PyObject *torch)
{
    PyObject *home = submodule(torch, "autograd.gradcheck");

    gradcheck_error =
        PyErr_NewException("torch.autograd.gradcheck.GradcheckError", PyExc_RuntimeError, NULL);
    if (!home || !gradcheck_error || PyModule_AddFunctions(home, methods) < 0 ||
        PyModule_AddObjectRef(home, "GradcheckError", gradcheck_error) < 0)
        return -1;
    return PyModule_AddFunctions(submodule(torch, "autograd"), methods);
}
