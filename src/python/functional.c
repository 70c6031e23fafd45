/* torch.autograd.functional (jacobian, hessian, vjp, jvp, hvp, vhp) and gradcheck. */
#include "autograd/formula.h"
#include "base/error.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <math.h>
#include <string.h>

/* ---- calling the function on tensors of our own ---- */

/* Inputs as fresh tensors that want gradients, and what the function makes of them. */
struct evaluation {
    PyObject *inputs, *outputs; /* tuples of tensors */
    bool single_input, single_output;
};

static PyObject *as_tuple(PyObject *object, const char *what, bool *single)
{
    *single = tensor_check(object);
    if (*single)
        return PyTuple_Pack(1, object);
    if (!PyTuple_Check(object) && !PyList_Check(object))
        return PyErr_Format(PyExc_TypeError,
                            "The %s must be either a Tensor or a tuple of Tensors but the given "
                            "value has type %R.",
                            what, Py_TYPE(object));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); i++) {
        if (!tensor_check(PySequence_Fast_GET_ITEM(object, i)))
            return PyErr_Format(PyExc_TypeError, "%s must be Tensors, element %zd is %s", what, i,
                                Py_TYPE(PySequence_Fast_GET_ITEM(object, i))->tp_name);
    }
    return PySequence_Tuple(object);
}

/* With create_graph the inputs stay connected to what they came from. */
static PyObject *fresh_inputs(PyObject *inputs, bool connected)
{
    Py_ssize_t count = PyTuple_GET_SIZE(inputs);
    PyObject *fresh = PyTuple_New(count);

    for (Py_ssize_t i = 0; fresh && i < count; i++) {
        struct tensor *t = tensor_of(PyTuple_GET_ITEM(inputs, i)), *copy = NULL;
        struct value args = {.given = true, .tensor = t};

        if (connected && t->requires_grad)
            op_call(&ops[OP_alias], &args, &copy);
        else if ((copy = tensor_detach(t)) && tensor_set_requires_grad(copy, true) < 0) {
            tensor_unref(copy);
            copy = NULL;
        }
        PyTuple_SET_ITEM(fresh, i, tensor_wrap(copy));
        if (!PyTuple_GET_ITEM(fresh, i))
            Py_CLEAR(fresh);
    }
    return fresh;
}

static void release(struct evaluation *e)
{
    Py_CLEAR(e->inputs);
    Py_CLEAR(e->outputs);
}

static bool evaluate(struct evaluation *e, PyObject *function, PyObject *inputs, bool connected)
{
    PyObject *given = as_tuple(inputs, "inputs", &e->single_input), *result;
    bool before;

    e->outputs = NULL;
    e->inputs = given ? fresh_inputs(given, connected) : NULL;
    Py_XDECREF(given);
    if (!e->inputs)
        return false;
    before = grad_set_enabled(true);
    result = PyObject_CallObject(function, e->inputs);
    grad_set_enabled(before);
    e->outputs = result
                     ? as_tuple(result, "outputs of the user-provided function", &e->single_output)
                     : NULL;
    Py_XDECREF(result);
    if (!e->outputs)
        release(e);
    return e->outputs != NULL;
}

/* d(output)/d(inputs) weighted by `weight` (NULL: 1), zeros where nothing flows. From the pool. */
static int gradients(PyObject *output, PyObject *inputs, struct tensor *weight, bool create,
                     struct tensor **results)
{
    struct tensor *root = tensor_of(output), *list[OP_MAX_ARGS];
    int count = (int)PyTuple_GET_SIZE(inputs);
    struct backward_request request = {.roots = &root,
                                       .grads = &weight,
                                       .root_count = 1,
                                       .inputs = list,
                                       .input_count = count,
                                       .results = results,
                                       .retain = true,
                                       .create_graph = create};

    if (count > OP_MAX_ARGS)
        return error_set(ERROR_VALUE, "at most %d inputs are supported", OP_MAX_ARGS);
    for (int i = 0; i < count; i++) {
        list[i] = tensor_of(PyTuple_GET_ITEM(inputs, i));
        results[i] = NULL;
    }
    if (root->requires_grad && backward(&request) < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (!results[i])
            results[i] = tensor_zeros(tensor_dtype(list[i]), list[i]->ndim, list[i]->shape);
        if (!pool_keep(results[i]))
            return -1;
    }
    return 0;
}

/* One 1 among zeros, shaped like `like`. From the pool. */
static struct tensor *unit(const struct tensor *like, int64_t at)
{
    struct tensor *t = pool_keep(tensor_zeros(tensor_dtype(like), like->ndim, like->shape));

    if (t)
        dtype_store(tensor_dtype(t), tensor_data(t) + at * (int64_t)dtype_size(tensor_dtype(t)),
                    scalar_int(1));
    return t;
}

/* ---- jacobian ---- */

/* Rows (one per element of the output) joined to output.shape + input.shape. */
static struct tensor *join_rows(struct tensor **rows, int64_t count, const struct tensor *output,
                                const struct tensor *input)
{
    int64_t shape[2 * TENSOR_MAX_DIMS];
    struct value args[2] = {{.given = true, .tensors = {rows, (int)count}},
                            {.given = true, .i = 0}};

    memcpy(shape, output->shape, (size_t)output->ndim * sizeof(*shape));
    memcpy(shape + output->ndim, input->shape, (size_t)input->ndim * sizeof(*shape));
    if (output->ndim + input->ndim > TENSOR_MAX_DIMS)
        return error_null(ERROR_RUNTIME, "tensors have at most %d dimensions here",
                          TENSOR_MAX_DIMS);
    if (count == 0)
        return pool_keep(tensor_zeros(tensor_dtype(input), output->ndim + input->ndim, shape));
    return d_reshape(d_call(OP_stack, args), output->ndim + input->ndim, shape);
}

/* The Jacobian of one output: a tuple with one tensor per input. */
static PyObject *jacobian_rows(PyObject *output, PyObject *inputs, bool create)
{
    struct tensor *y = tensor_of(output), **rows;
    int inputs_count = (int)PyTuple_GET_SIZE(inputs);
    PyObject *tuple = PyTuple_New(inputs_count);
    size_t mark = pool_open();
    bool before = grad_set_enabled(create);

    rows = PyMem_Calloc((size_t)(y->numel * inputs_count) + 1, sizeof(struct tensor *));
    for (int64_t r = 0; rows && tuple && r < y->numel; r++) {
        struct tensor *results[OP_MAX_ARGS], *weight = unit(y, r);

        if (!weight || gradients(output, inputs, weight, create, results) < 0) {
            Py_CLEAR(tuple);
            break;
        }
        for (int i = 0; i < inputs_count; i++)
            rows[i * y->numel + r] = results[i];
    }
    for (int i = 0; rows && tuple && i < inputs_count; i++) {
        struct tensor *joined =
            join_rows(rows + i * y->numel, y->numel, y, tensor_of(PyTuple_GET_ITEM(inputs, i)));
        PyObject *item = tensor_wrap(joined ? tensor_ref(joined) : NULL);

        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, item);
    }
    if (!tuple && !PyErr_Occurred())
        python_error();
    PyMem_Free(rows);
    grad_set_enabled(before);
    pool_close(mark);
    return tuple;
}

static PyObject *unpacked(PyObject *tuple, bool single)
{
    PyObject *only;

    if (!tuple || !single)
        return tuple;
    only = Py_NewRef(PyTuple_GET_ITEM(tuple, 0));
    Py_DECREF(tuple);
    return only;
}

static PyObject *jacobian(PyObject *function, PyObject *inputs, bool create)
{
    struct evaluation e;
    PyObject *all = NULL;

    if (!evaluate(&e, function, inputs, create))
        return NULL;
    all = PyTuple_New(PyTuple_GET_SIZE(e.outputs));
    for (Py_ssize_t i = 0; all && i < PyTuple_GET_SIZE(all); i++) {
        PyObject *rows = unpacked(jacobian_rows(PyTuple_GET_ITEM(e.outputs, i), e.inputs, create),
                                  e.single_input);

        if (!rows)
            Py_CLEAR(all);
        else
            PyTuple_SET_ITEM(all, i, rows);
    }
    all = unpacked(all, e.single_output);
    release(&e);
    return all;
}

static PyObject *functional_jacobian(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"func", "inputs", "create_graph", "strict", "vectorize", NULL};
    PyObject *function, *inputs;
    int create = 0, strict = 0, vectorize = 0;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|ppp:jacobian", names, &function, &inputs,
                                     &create, &strict, &vectorize))
        return NULL;
    return jacobian(function, inputs, create);
}

/* ---- hessian: the Jacobian of the gradient ---- */

/* The gradient of a scalar function with a graph of its own: a tuple. */
static PyObject *gradient_with_graph(struct evaluation *e)
{
    struct tensor *results[OP_MAX_ARGS];
    Py_ssize_t count = PyTuple_GET_SIZE(e->inputs);
    PyObject *tuple = NULL;
    size_t mark = pool_open();

    if (!e->single_output || tensor_of(PyTuple_GET_ITEM(e->outputs, 0))->numel != 1) {
        PyErr_SetString(PyExc_RuntimeError,
                        e->single_output
                            ? "The Tensor returned by the function given to hessian should contain "
                              "a single element"
                            : "The function given to hessian should return a single Tensor");
    } else if (gradients(PyTuple_GET_ITEM(e->outputs, 0), e->inputs, NULL, true, results) < 0) {
        python_error();
    } else {
        tuple = PyTuple_New(count);
        for (Py_ssize_t i = 0; tuple && i < count; i++)
            PyTuple_SET_ITEM(tuple, i, tensor_object(results[i]));
    }
    pool_close(mark);
    return tuple;
}

static PyObject *functional_hessian(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "func", "inputs", "create_graph", "strict", "vectorize", "outer_jacobian_strategy", NULL};
    PyObject *function, *inputs, *strategy = NULL, *slopes, *all = NULL;
    int create = 0, strict = 0, vectorize = 0;
    struct evaluation e;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|pppO:hessian", names, &function, &inputs,
                                     &create, &strict, &vectorize, &strategy) ||
        !evaluate(&e, function, inputs, create))
        return NULL;
    slopes = gradient_with_graph(&e);
    if (slopes)
        all = PyTuple_New(PyTuple_GET_SIZE(slopes));
    for (Py_ssize_t i = 0; all && i < PyTuple_GET_SIZE(all); i++) {
        PyObject *rows =
            unpacked(jacobian_rows(PyTuple_GET_ITEM(slopes, i), e.inputs, create), e.single_input);

        if (!rows)
            Py_CLEAR(all);
        else
            PyTuple_SET_ITEM(all, i, rows);
    }
    all = unpacked(all, e.single_input);
    Py_XDECREF(slopes);
    release(&e);
    return all;
}

/* ---- products with vectors ---- */

/* v as a tuple that fits `like`, or ones where none is given and like has one element. */
static PyObject *read_vectors(PyObject *v, PyObject *like)
{
    bool single;
    PyObject *tuple;

    if (v == Py_None) {
        struct tensor *t = tensor_of(PyTuple_GET_ITEM(like, 0)), *one;
        PyObject *object;

        if (PyTuple_GET_SIZE(like) != 1 || t->numel != 1)
            return PyErr_Format(PyExc_RuntimeError,
                                "The vector v can only be None if the user-provided function "
                                "returns a single Tensor with a single element.");
        one = tensor_full(tensor_dtype(t), t->ndim, t->shape, scalar_int(1));
        object = tensor_wrap(one);
        tuple = object ? PyTuple_Pack(1, object) : NULL;
        Py_XDECREF(object);
        return tuple;
    }
    tuple = as_tuple(v, "vector v", &single);
    if (tuple && PyTuple_GET_SIZE(tuple) != PyTuple_GET_SIZE(like)) {
        PyErr_Format(PyExc_RuntimeError,
                     "v is a tuple of invalid length: should be %zd but got %zd",
                     PyTuple_GET_SIZE(like), PyTuple_GET_SIZE(tuple));
        Py_CLEAR(tuple);
    }
    return tuple;
}

/* sum over outputs k of d(outputs[k] . vectors[k])/d(inputs), as a tuple. */
static PyObject *pull_back(PyObject *outputs, PyObject *inputs, PyObject *vectors, PyObject *create)
{
    struct autograd_call call = {.roots = outputs,
                                 .grads = vectors,
                                 .inputs = inputs,
                                 .retain = Py_True,
                                 .create = create,
                                 .give = true,
                                 .allow_unused = true};
    PyObject *tuple = autograd_run(&call);

    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++) {
        struct tensor *t = tensor_of(PyTuple_GET_ITEM(inputs, i));
        PyObject *zeros;

        if (PyTuple_GET_ITEM(tuple, i) != Py_None)
            continue;
        zeros = tensor_wrap(tensor_zeros(tensor_dtype(t), t->ndim, t->shape));
        Py_DECREF(Py_None);
        PyTuple_SET_ITEM(tuple, i, zeros);
        if (!zeros)
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* Values without history, as the functions give them unless a graph was asked for. */
static PyObject *without_history(PyObject *tuple, bool keep)
{
    Py_ssize_t count = tuple ? PyTuple_GET_SIZE(tuple) : 0;
    PyObject *plain = tuple && !keep ? PyTuple_New(count) : NULL;

    if (!plain)
        return tuple;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(plain, i,
                         tensor_wrap(tensor_detach(tensor_of(PyTuple_GET_ITEM(tuple, i)))));
    Py_DECREF(tuple);
    return plain;
}

enum product { PRODUCT_VJP, PRODUCT_JVP, PRODUCT_HVP, PRODUCT_VHP };

/* J v by pulling back twice: d/du of (J^T u) . v, at any u, is J v. */
static PyObject *push_forward(struct evaluation *e, PyObject *vectors, bool create)
{
    PyObject *u = PyTuple_New(PyTuple_GET_SIZE(e->outputs)), *pulled, *result;

    for (Py_ssize_t i = 0; u && i < PyTuple_GET_SIZE(u); i++) {
        struct tensor *y = tensor_of(PyTuple_GET_ITEM(e->outputs, i));
        struct tensor *zeros = tensor_zeros(tensor_dtype(y), y->ndim, y->shape);

        if (zeros)
            tensor_set_requires_grad(zeros, true);
        PyTuple_SET_ITEM(u, i, tensor_wrap(zeros));
    }
    pulled = u ? pull_back(e->outputs, e->inputs, u, Py_True) : NULL;
    result = pulled ? pull_back(pulled, u, vectors, create ? Py_True : Py_False) : NULL;
    Py_XDECREF(u);
    Py_XDECREF(pulled);
    return result;
}

static PyObject *product_result(enum product product, struct evaluation *e, PyObject *v,
                                bool create)
{
    PyObject *flag = create ? Py_True : Py_False, *vectors, *slopes, *result = NULL;

    if (product == PRODUCT_VJP || product == PRODUCT_JVP) {
        vectors = read_vectors(v, product == PRODUCT_VJP ? e->outputs : e->inputs);
        if (vectors)
            result = product == PRODUCT_VJP ? pull_back(e->outputs, e->inputs, vectors, flag)
                                            : push_forward(e, vectors, create);
        Py_XDECREF(vectors);
        return unpacked(without_history(result, create),
                        product == PRODUCT_VJP ? e->single_input : e->single_output);
    }
    /* The Hessian is symmetric: v H and H v are the same gradient. */
    slopes = gradient_with_graph(e);
    vectors = slopes ? read_vectors(v, e->inputs) : NULL;
    if (vectors)
        result = pull_back(slopes, e->inputs, vectors, flag);
    Py_XDECREF(slopes);
    Py_XDECREF(vectors);
    return unpacked(without_history(result, create), e->single_input);
}

static PyObject *functional_product(enum product product, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"func", "inputs", "v", "create_graph", "strict", NULL};
    PyObject *function, *inputs, *v = Py_None, *result, *outputs;
    int create = 0, strict = 0;
    struct evaluation e;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|Opp", names, &function, &inputs, &v, &create,
                                     &strict) ||
        !evaluate(&e, function, inputs, create))
        return NULL;
    result = product_result(product, &e, v, create);
    outputs = unpacked(without_history(Py_NewRef(e.outputs), create), e.single_output);
    release(&e);
    if (!result || !outputs) {
        Py_XDECREF(result);
        Py_XDECREF(outputs);
        return NULL;
    }
    return Py_BuildValue("(NN)", outputs, result);
}

#define PRODUCT(name, id)                                                                          \
    static PyObject *functional_##name(PyObject *self, PyObject *args, PyObject *kwargs)           \
    {                                                                                              \
        (void)self;                                                                                \
        return functional_product(id, args, kwargs);                                               \
    }
PRODUCT(vjp, PRODUCT_VJP)
PRODUCT(jvp, PRODUCT_JVP)
PRODUCT(hvp, PRODUCT_HVP)
PRODUCT(vhp, PRODUCT_VHP)

/* ---- gradcheck ---- */

struct check {
    double eps, atol, rtol;
    bool raise;
};

/* The function's k-th output at inputs whose i-th has element `at` moved by `by`; the values go to
 * `out`. */
static int shifted(PyObject *function, PyObject *inputs, struct tensor *t, int64_t at, double by,
                   int k, double *out)
{
    char *element = tensor_data(t) + at * (int64_t)dtype_size(tensor_dtype(t));
    struct scalar old = dtype_load(tensor_dtype(t), element);
    PyObject *result, *tuple;
    struct tensor *y;
    bool single, before;

    dtype_store(tensor_dtype(t), element, scalar_float(old.d + by));
    before = grad_set_enabled(false);
    result = PyObject_CallObject(function, inputs);
    grad_set_enabled(before);
    dtype_store(tensor_dtype(t), element, old);
    tuple = result ? as_tuple(result, "outputs", &single) : NULL;
    Py_XDECREF(result);
    if (!tuple)
        return -1;
    y = tensor_contiguous(tensor_of(PyTuple_GET_ITEM(tuple, k)));
    for (int64_t j = 0; y && j < y->numel; j++)
        out[j] =
            dtype_load(tensor_dtype(y), tensor_data(y) + j * (int64_t)dtype_size(tensor_dtype(y)))
                .d;
    tensor_unref(y);
    Py_DECREF(tuple);
    return y ? 0 : -1;
}

static bool close_enough(const struct check *c, double analytic, double numeric)
{
    return fabs(analytic - numeric) <= c->atol + c->rtol * fabs(numeric);
}

/* Compares the Jacobian of output k with respect to input i. 1 equal, 0 not, -1 an exception. */
static int check_pair(const struct check *c, PyObject *function, struct evaluation *e, int k, int i)
{
    struct tensor *y = tensor_of(PyTuple_GET_ITEM(e->outputs, k));
    struct tensor *x = tensor_of(PyTuple_GET_ITEM(e->inputs, i));
    PyObject *rows = jacobian_rows(PyTuple_GET_ITEM(e->outputs, k), e->inputs, false);
    double *high = PyMem_Calloc((size_t)y->numel + 1, sizeof(double));
    double *low = PyMem_Calloc((size_t)y->numel + 1, sizeof(double));
    int status = rows && high && low ? 1 : -1;

    for (int64_t at = 0; status == 1 && at < x->numel; at++) {
        if (shifted(function, e->inputs, x, at, c->eps, k, high) < 0 ||
            shifted(function, e->inputs, x, at, -c->eps, k, low) < 0) {
            status = -1;
            break;
        }
        for (int64_t r = 0; r < y->numel && status == 1; r++) {
            struct tensor *jacobian_t = tensor_of(PyTuple_GET_ITEM(rows, i));
            const char *element =
                tensor_data(jacobian_t) +
                (r * x->numel + at) * (int64_t)dtype_size(tensor_dtype(jacobian_t));
            double analytic = dtype_load(tensor_dtype(jacobian_t), element).d;
            double numeric = (high[r] - low[r]) / (2 * c->eps);

            if (close_enough(c, analytic, numeric))
                continue;
            status = 0;
            if (c->raise) {
                char text[256];

                snprintf(text, sizeof(text),
                         "Jacobian mismatch for output %d with respect to input %d,\n"
                         "numerical:%.6g\nanalytical:%.6g\n",
                         k, i, numeric, analytic);
                PyErr_SetString(PyExc_RuntimeError, text);
                status = -1;
            }
        }
    }
    PyMem_Free(high);
    PyMem_Free(low);
    Py_XDECREF(rows);
    return status;
}

static PyObject *module_gradcheck(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"func", "inputs", "eps", "atol", "rtol", "raise_exception", NULL};
    struct check c = {1e-6, 1e-5, 1e-3, true};
    PyObject *function, *inputs;
    struct evaluation e;
    int raise = 1, status = 1;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|dddp:gradcheck", names, &function, &inputs,
                                     &c.eps, &c.atol, &c.rtol, &raise))
        return NULL;
    c.raise = raise;
    if (!evaluate(&e, function, inputs, false))
        return NULL;
    for (int k = 0; k < PyTuple_GET_SIZE(e.outputs) && status == 1; k++) {
        for (int i = 0; i < PyTuple_GET_SIZE(e.inputs) && status == 1; i++)
            status = check_pair(&c, function, &e, k, i);
    }
    release(&e);
    if (status < 0)
        return PyErr_Occurred() ? NULL : python_error();
    return PyBool_FromLong(status);
}

/* ---- the module ---- */

#define WITH_KEYWORDS(function)                                                                    \
    (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS, NULL
static PyMethodDef functional_methods[] = {{"jacobian", WITH_KEYWORDS(functional_jacobian)},
                                           {"hessian", WITH_KEYWORDS(functional_hessian)},
                                           {"vjp", WITH_KEYWORDS(functional_vjp)},
                                           {"jvp", WITH_KEYWORDS(functional_jvp)},
                                           {"hvp", WITH_KEYWORDS(functional_hvp)},
                                           {"vhp", WITH_KEYWORDS(functional_vhp)},
                                           {NULL, NULL, 0, NULL}};
static PyMethodDef check_methods[] = {{"gradcheck", WITH_KEYWORDS(module_gradcheck)},
                                      {NULL, NULL, 0, NULL}};

int functional_init(PyObject *torch)
{
    PyObject *functional = submodule(torch, "autograd.functional");

    if (!functional || PyModule_AddFunctions(functional, functional_methods) < 0)
        return -1;
    return PyModule_AddFunctions(submodule(torch, "autograd"), check_methods);
}
