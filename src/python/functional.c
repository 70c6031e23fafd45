/* torch.autograd.functional: jacobian and hessian. */
#include "autograd/formula.h"
#include "base/error.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/functional_parts.h"
#include "python/module.h"
#include "python/nn_module.h"

#include <string.h>

/* ---- rows ---- */

/* What a Jacobian is made of: row r is the gradient of element r of output `output`. */
struct rows {
    const struct evaluation *e;
    PyObject *inputs;
    Py_ssize_t output;
    struct tensor *y;
    struct tensor **at; /* [input][row], in the pool */
};

/* One 1 among zeros, shaped like `like`. From the pool. */
static struct tensor *unit(const struct tensor *like, int64_t at)
{
    struct tensor *t = pool_keep(tensor_zeros(tensor_dtype(like), like->ndim, like->shape));

    if (t)
        dtype_store(tensor_dtype(t), tensor_data(t) + at * (int64_t)dtype_size(tensor_dtype(t)),
                    scalar_int(1));
    return t;
}

/* What strict mode refuses of gradient `g` by input `i`. */
static bool strict_allows(const struct rows *rows, const struct tensor *g, int i)
{
    if (!rows->e->strict || (g && (g->requires_grad || !rows->e->create)))
        return true;
    if (g)
        PyErr_Format(PyExc_RuntimeError,
                     "The jacobian of the user-provided function is independent of input %zd. This "
                     "is not allowed in strict mode when create_graph=True.",
                     rows->output);
    else
        PyErr_Format(PyExc_RuntimeError,
                     "Output %zd of the user-provided function is independent of input %d. This is "
                     "not allowed in strict mode.",
                     rows->output, i);
    return false;
}

/* Row r for all inputs. */
static int make_row(struct rows *rows, int64_t r, struct tensor **inputs, struct tensor **results,
                    int count)
{
    struct tensor *weight = unit(rows->y, r);
    struct backward_request request = {.roots = &rows->y,
                                       .grads = &weight,
                                       .root_count = 1,
                                       .inputs = inputs,
                                       .input_count = count,
                                       .results = results,
                                       .retain = true,
                                       .create_graph = rows->e->create};
    bool allowed = true;

    memset(results, 0, (size_t)count * sizeof(*results));
    if (!weight || (rows->y->requires_grad && backward(&request) < 0))
        return -1;
    for (int i = 0; i < count; i++) {
        allowed = allowed && strict_allows(rows, results[i], i);
        if (!results[i])
            results[i] = tensor_zeros(tensor_dtype(inputs[i]), inputs[i]->ndim, inputs[i]->shape);
        rows->at[i * rows->y->numel + r] = pool_keep(results[i]);
        if (!results[i])
            return -1;
    }
    return allowed ? 0 : -1;
}

static int make_rows(struct rows *rows)
{
    int count = (int)PyTuple_GET_SIZE(rows->inputs), status = 0;
    struct tensor **lists = PyMem_Calloc((size_t)count * 2 + 1, sizeof(*lists));

    if (!lists) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < count; i++)
        lists[i] = tensor_of(PyTuple_GET_ITEM(rows->inputs, i));
    for (int64_t r = 0; status == 0 && r < rows->y->numel; r++)
        status = make_row(rows, r, lists, lists + count, count);
    PyMem_Free(lists);
    return status;
}

/* Rows (one per element of the output) joined to output.shape + input.shape. */
static struct tensor *join_rows(struct tensor **rows, const struct tensor *output,
                                const struct tensor *input)
{
    int64_t shape[2 * TENSOR_MAX_DIMS];
    int ndim = output->ndim + input->ndim;
    struct value args[2] = {{.given = true, .tensors = {rows, (int)output->numel}},
                            {.given = true, .i = 0}};
    struct value view[2] = {{.given = true}, {.given = true, .ints = {shape, ndim}}};

    if (ndim > TENSOR_MAX_DIMS)
        return error_null(ERROR_RUNTIME, "tensors have at most %d dimensions here",
                          TENSOR_MAX_DIMS);
    memcpy(shape, output->shape, (size_t)output->ndim * sizeof(*shape));
    memcpy(shape + output->ndim, input->shape, (size_t)input->ndim * sizeof(*shape));
    if (output->numel == 0)
        return pool_keep(tensor_zeros(tensor_dtype(input), ndim, shape));
    view[0].tensor = d_call(OP_stack, args);
    return d_call(OP_view, view);
}

/* The Jacobian of output `output` of a tuple: a tuple with one tensor per input. */
static PyObject *jacobian_rows(const struct evaluation *e, PyObject *outputs, Py_ssize_t output)
{
    struct rows rows = {.e = e,
                        .inputs = e->inputs,
                        .output = output,
                        .y = tensor_of(PyTuple_GET_ITEM(outputs, output))};
    int count = (int)PyTuple_GET_SIZE(e->inputs);
    size_t mark = pool_open();
    bool before = grad_set_enabled(e->create);
    PyObject *tuple = NULL;

    rows.at = PyMem_Calloc((size_t)(rows.y->numel * count) + 1, sizeof(*rows.at));
    if (!rows.at)
        PyErr_NoMemory();
    else if (make_rows(&rows) == 0)
        tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        struct tensor *joined = join_rows(rows.at + i * rows.y->numel, rows.y,
                                          tensor_of(PyTuple_GET_ITEM(e->inputs, i)));
        PyObject *item = tensor_wrap(joined ? tensor_ref(joined) : NULL);

        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    if (!tuple && !PyErr_Occurred())
        python_error();
    PyMem_Free(rows.at);
    grad_set_enabled(before);
    pool_close(mark);
    return tuple;
}

/* The Jacobians of all outputs: a tuple of tuples; inner ones of a single input are unpacked. */
static PyObject *all_rows(const struct evaluation *e, PyObject *outputs)
{
    PyObject *all = PyTuple_New(PyTuple_GET_SIZE(outputs));

    for (Py_ssize_t i = 0; all && i < PyTuple_GET_SIZE(all); i++) {
        PyObject *rows = functional_unpack(jacobian_rows(e, outputs, i), e->single_input);

        if (rows)
            PyTuple_SET_ITEM(all, i, rows);
        else
            Py_CLEAR(all);
    }
    return all;
}

/* ---- the options that choose how ---- */

/* All ways lead to the same rows here, so they are only checked. */
static bool check_strategy(PyObject *strategy, bool *forward)
{
    bool known = PyUnicode_Check(strategy);

    *forward = known && PyUnicode_CompareWithASCIIString(strategy, "forward-mode") == 0;
    if (*forward || (known && PyUnicode_CompareWithASCIIString(strategy, "reverse-mode") == 0))
        return true;
    PyErr_SetString(PyExc_AssertionError,
                    "Expected strategy to be either \"forward-mode\" or \"reverse-mode\".");
    return false;
}

/* How two options that exclude each other are refused. */
static bool refuse_pair(PyObject *exception, const char *first, const char *second,
                        const char *without_first, const char *without_second)
{
    PyErr_Format(exception,
                 "torch.autograd.functional.jacobian: `%s` and `%s` are not supported together%s. "
                 "Please either set `%s` or `%s`.",
                 first, second, strcmp(second, "vectorized=True") == 0 ? "" : " (yet)",
                 without_first, without_second);
    return false;
}

static bool check_forward(const struct evaluation *e, bool vectorize)
{
    static const char forward[] = "strategy=\"forward-mode\"";
    static const char reverse[] = "strategy=\"reverse-mode\"";

    if (e->create)
        return refuse_pair(PyExc_NotImplementedError, "create_graph=True", forward,
                           "create_graph=False", reverse);
    if (e->strict)
        return refuse_pair(PyExc_RuntimeError, "strict=True", forward, "strict=False", reverse);
    if (!vectorize)
        PyErr_SetString(PyExc_NotImplementedError,
                        "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
                        "only implemented for `vectorize=True`.");
    return vectorize;
}

static bool check_vectorize(const struct evaluation *e, bool vectorize)
{
    return !e->strict || !vectorize ||
           refuse_pair(PyExc_RuntimeError, "strict=True", "vectorized=True", "strict=False",
                       "vectorize=False");
}

/* ---- jacobian and hessian ---- */

static PyObject *jacobian(struct evaluation *e, PyObject *function, PyObject *inputs,
                          bool vectorize)
{
    if (!evaluation_open(e, inputs) || !evaluation_run(e, function) ||
        !check_vectorize(e, vectorize))
        return NULL;
    return functional_unpack(all_rows(e, e->outputs), e->single_output);
}

/* The Jacobian of the gradient. */
static PyObject *hessian(struct evaluation *e, PyObject *function, PyObject *inputs, bool vectorize)
{
    static const struct evaluation lenient = {.strict = false};
    PyObject *slopes = NULL, *all = NULL;

    if (evaluation_open(e, inputs) && evaluation_run(e, function) && evaluation_is_scalar(e))
        slopes = functional_gradients(e->outputs, e->inputs, NULL, true);
    slopes = functional_fill(&lenient, slopes, e->inputs, STAGE_BACK);
    if (slopes && functional_demand(slopes, DEMAND_JACOBIAN, e->strict) &&
        check_vectorize(e, vectorize))
        all = all_rows(e, slopes);
    Py_XDECREF(slopes);
    return functional_unpack(all, e->single_input);
}

typedef PyObject *(*derivative)(struct evaluation *, PyObject *, PyObject *, bool);

/* `names`: of the arguments; the last is the strategy. */
static PyObject *call(const char *const *names, const char *name, derivative derive, PyObject *args,
                      PyObject *keywords)
{
    struct binding binding = {name, names, 6, 6, 2, 0};
    PyObject *reverse = PyUnicode_FromString("reverse-mode"), *result = NULL;
    PyObject *given[] = {NULL, NULL, Py_False, Py_False, Py_False, reverse};
    struct evaluation e = {.name = name};
    bool forward, vectorize, before;

    if (reverse && binding_read(&binding, args, keywords, given) == 0 &&
        check_strategy(given[5], &forward)) {
        e.create = PyObject_IsTrue(given[2]) > 0;
        e.strict = PyObject_IsTrue(given[3]) > 0;
        vectorize = PyObject_IsTrue(given[4]) > 0;
        before = grad_set_enabled(true);
        if (!forward || check_forward(&e, vectorize))
            result = derive(&e, given[0], given[1], vectorize);
        grad_set_enabled(before);
        evaluation_close(&e);
    }
    Py_XDECREF(reverse);
    return result;
}

static PyObject *functional_jacobian(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"func",   "inputs",    "create_graph",
                                        "strict", "vectorize", "strategy"};

    return call(names, "jacobian", jacobian, args, keywords);
}

static PyObject *functional_hessian(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"func",   "inputs",    "create_graph",
                                        "strict", "vectorize", "outer_jacobian_strategy"};

    return call(names, "hessian", hessian, args, keywords);
}

static PyMethodDef methods[] = {
    {"jacobian", WITH_KEYWORDS(functional_jacobian),
     "jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, "
     "strategy='reverse-mode')\n\nAll derivatives of func's outputs by its inputs."},
    {"hessian", WITH_KEYWORDS(functional_hessian),
     "hessian(func, inputs, create_graph=False, strict=False, vectorize=False, "
     "outer_jacobian_strategy='reverse-mode')\n\nAll second derivatives of func, which gives one "
     "number."},
    {NULL, NULL, 0, NULL},
};

int functional_init(PyObject *torch)
{
    PyObject *functional = submodule(torch, "autograd.functional");

    if (!functional || PyModule_AddFunctions(functional, methods) < 0 ||
        functional_products_init(functional) < 0)
        return -1;
    return gradcheck_init(torch);
}
