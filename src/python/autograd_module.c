/* torch.autograd: backward and grad. */
#include "python/autograd.h"

#include "autograd/autograd.h"
#include "base/error.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/module.h"
#include "python/teach.h"
#include "python/tensor_type.h"

#include <string.h>

/* ---- tensors from Python ---- */

/* A tensor or an iterable of tensors as an array. */
struct tensor_args {
    PyObject *items; /* keeps them */
    struct tensor **at;
    int count;
};

static void tensor_args_release(struct tensor_args *a)
{
    Py_CLEAR(a->items);
    PyMem_Free(a->at);
    a->at = NULL;
}

static bool given(PyObject *object)
{
    return object && object != Py_None;
}

static int refuse_item(const char *kind, PyObject *item)
{
    if (kind)
        PyErr_Format(PyExc_RuntimeError, "all %s have to be Tensors, but got %s", kind,
                     Py_TYPE(item)->tp_name);
    else
        PyErr_Format(PyExc_TypeError, "gradients can be either Tensors or None, but got %s",
                     Py_TYPE(item)->tp_name);
    return -1;
}

/* `kind` names them in errors; NULL for gradients, which may be None. Not given: none of them. */
static int tensor_args_init(struct tensor_args *a, PyObject *object, const char *kind)
{
    Py_ssize_t count;

    *a = (struct tensor_args){0};
    if (!given(object))
        return 0;
    a->items = tensor_check(object) ? PyTuple_Pack(1, object) : PySequence_Tuple(object);
    if (!a->items)
        return -1;
    count = PyTuple_GET_SIZE(a->items);
    a->count = (int)count;
    a->at = PyMem_Calloc((size_t)count + 1, sizeof(struct tensor *));
    if (!a->at) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(a->items, i);

        if (tensor_check(item))
            a->at[i] = tensor_of(item);
        else if (kind || item != Py_None)
            return refuse_item(kind, item);
    }
    return 0;
}

/* ---- one run ---- */

/* What backward() gathers in must be able to keep a gradient. */
static int retain_inputs(const struct tensor_args *inputs)
{
    for (int i = 0; i < inputs->count; i++) {
        if (tensor_retain_grad(inputs->at[i]) < 0) {
            python_error();
            return -1;
        }
    }
    return 0;
}

static PyObject *give_results(struct tensor **results, int count, bool allow_unused)
{
    PyObject *tuple = PyTuple_New(count);

    for (int i = 0; i < count; i++) {
        PyObject *item = NULL;

        if (!results[i] && !allow_unused && tuple) {
            PyErr_SetString(PyExc_RuntimeError,
                            "One of the differentiated Tensors appears to not have been used in "
                            "the graph. Set allow_unused=True if this is the desired behavior.");
            Py_CLEAR(tuple);
        }
        item = results[i] ? tensor_wrap(results[i]) : Py_NewRef(Py_None);
        if (tuple && item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_XDECREF(item);
    }
    return tuple;
}

static void *backward_error(void)
{
    python_error();
    teach_second_backward();
    return NULL;
}

PyObject *autograd_backward(struct tensor *root)
{
    if (backward(&(struct backward_request){.roots = &root, .root_count = 1}) < 0)
        return backward_error();
    Py_RETURN_NONE;
}

/* PyTorch's warning, once in a process. 0, or -1 where warnings are errors. */
static int warn_of_cycle(void)
{
    static bool given_once;

    if (given_once)
        return 0;
    given_once = true;
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "Using backward() with create_graph=True will create a reference cycle between the "
        "parameter and its gradient which can cause a memory leak. We recommend using "
        "autograd.grad when creating the graph to avoid this. If you have to use this function, "
        "make sure to reset the .grad fields of your parameters to None after use to break the "
        "cycle and avoid the leak.",
        1);
}

/* Runs the request; grad()'s results as a tuple, else None. */
static PyObject *run(struct backward_request *request, const struct autograd_call *call)
{
    struct tensor **results = NULL;
    PyObject *given_back = NULL;

    if (request->create_graph && !call->give && warn_of_cycle() < 0)
        return NULL;
    if (call->give) {
        results = PyMem_Calloc((size_t)request->input_count, sizeof(struct tensor *));
        if (!results)
            return PyErr_NoMemory();
        request->results = results;
    }
    if (backward(request) < 0) {
        for (int i = 0; results && i < request->input_count; i++)
            tensor_unref(results[i]);
        backward_error();
    } else if (results) {
        given_back = give_results(results, request->input_count, call->allow_unused);
    } else {
        given_back = Py_NewRef(Py_None);
    }
    PyMem_Free(results);
    return given_back;
}

PyObject *autograd_run(const struct autograd_call *call)
{
    struct tensor_args roots = {0}, grads = {0}, inputs = {0};
    PyObject *result = NULL;

    if (tensor_args_init(&roots, call->roots, "tensors") < 0 ||
        tensor_args_init(&grads, call->grads, NULL) < 0 ||
        tensor_args_init(&inputs, call->inputs, "inputs") < 0)
        goto done;
    if (given(call->grads) && grads.count < roots.count) {
        PyErr_Format(PyExc_RuntimeError, "got %d tensors and %d gradients", roots.count,
                     grads.count);
    } else if (given(call->inputs) && inputs.count == 0) {
        PyErr_SetString(call->give ? PyExc_ValueError : PyExc_RuntimeError,
                        call->give ? "grad requires non-empty inputs."
                                   : "'inputs' argument to backward() cannot be empty.");
    } else if (call->give || retain_inputs(&inputs) == 0) {
        bool create = given(call->create) && PyObject_IsTrue(call->create);
        struct backward_request request = {
            .roots = roots.at,
            .grads = grads.at,
            .root_count = roots.count,
            .inputs = inputs.at,
            .input_count = inputs.count,
            .create_graph = create,
            .retain = given(call->retain) ? PyObject_IsTrue(call->retain) : create};

        result = run(&request, call);
    }
done:
    tensor_args_release(&roots);
    tensor_args_release(&grads);
    tensor_args_release(&inputs);
    return result;
}

/* ---- backward ---- */

static PyObject *module_backward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"tensors",      "grad_tensors",   "retain_graph",
                                        "create_graph", "grad_variables", "inputs"};
    static const struct binding binding = {"backward", names, 6, 6, 1, 0};
    PyObject *values[6] = {NULL};

    (void)self;
    if (binding_read(&binding, args, kwargs, values) < 0)
        return NULL;
    if (given(values[4])) {
        if (PyErr_WarnEx(PyExc_UserWarning,
                         "'grad_variables' is deprecated. Use 'grad_tensors' instead.", 1) < 0)
            return NULL;
        if (given(values[1]))
            return PyErr_Format(PyExc_RuntimeError,
                                "'grad_tensors' and 'grad_variables' (deprecated) arguments both "
                                "passed to backward(). Please only use 'grad_tensors'.");
        values[1] = values[4];
    }
    return autograd_run(&(struct autograd_call){.roots = values[0],
                                                .grads = values[1],
                                                .retain = values[2],
                                                .create = values[3],
                                                .inputs = values[5]});
}

/* ---- grad ---- */

/* The gradients (or None) of one entry of the batch. */
static PyObject *batch_entry(PyObject *grads, Py_ssize_t at)
{
    PyObject *entry = PyTuple_New(PyTuple_GET_SIZE(grads));

    for (Py_ssize_t i = 0; entry && i < PyTuple_GET_SIZE(grads); i++) {
        PyObject *grad = PyTuple_GET_ITEM(grads, i);
        PyObject *part = grad == Py_None ? Py_NewRef(grad) : PySequence_GetItem(grad, at);

        if (!part)
            Py_CLEAR(entry);
        else
            PyTuple_SET_ITEM(entry, i, part);
    }
    return entry;
}

/* torch.stack() of input i's gradients, or None where there are none. */
static PyObject *stack_entries(PyObject *rows, Py_ssize_t i)
{
    Py_ssize_t count = PyList_GET_SIZE(rows);
    struct tensor **list = PyMem_Calloc((size_t)count, sizeof(*list)), *out = NULL;
    struct value args[2] = {{.given = true, .tensors = {list, (int)count}},
                            {.given = true, .i = 0}};

    if (!list)
        return PyErr_NoMemory();
    for (Py_ssize_t b = 0; b < count; b++) {
        PyObject *item = PyTuple_GET_ITEM(PyList_GET_ITEM(rows, b), i);

        if (item == Py_None) {
            PyMem_Free(list);
            Py_RETURN_NONE;
        }
        list[b] = tensor_of(item);
    }
    if (op_call(&ops[OP_stack], args, &out) < 0)
        python_error();
    PyMem_Free(list);
    return out ? tensor_wrap(out) : NULL;
}

static PyObject *stack_rows(PyObject *rows)
{
    Py_ssize_t inputs = PyTuple_GET_SIZE(PyList_GET_ITEM(rows, 0));
    PyObject *tuple = PyTuple_New(inputs);

    for (Py_ssize_t i = 0; tuple && i < inputs; i++) {
        PyObject *item = stack_entries(rows, i);

        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, item);
    }
    return tuple;
}

/* How many gradients each entry of the batch has: the first dimension of the gradients, behind
 * which they have their outputs' shapes. */
static Py_ssize_t batch_size(PyObject *outputs, PyObject *grads)
{
    Py_ssize_t size = -1;

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(grads); i++) {
        PyObject *object = PyTuple_GET_ITEM(grads, i);
        struct tensor *g, *y;

        if (!tensor_check(object) || i >= PyTuple_GET_SIZE(outputs) ||
            !tensor_check(PyTuple_GET_ITEM(outputs, i)))
            continue;
        g = tensor_of(object);
        y = tensor_of(PyTuple_GET_ITEM(outputs, i));
        if (g->ndim != y->ndim + 1 ||
            memcmp(g->shape + 1, y->shape, sizeof(*y->shape) * y->ndim) != 0) {
            char text[2][256];

            PyErr_Format(
                PyExc_RuntimeError,
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output "
                "as the batch dimension. The sizes of the remaining dimensions are expected to "
                "match the shape of corresponding output, but a mismatch was detected: "
                "grad_output[%zd] has a shape of torch.Size(%s) and output[%zd] has a shape of "
                "torch.Size(%s). If you only want some tensors in `grad_output` to be considered "
                "batched, consider using vmap.",
                i, shape_text(g->ndim, g->shape, text[0], sizeof(text[0])), i,
                shape_text(y->ndim, y->shape, text[1], sizeof(text[1])));
            return -1;
        }
        size = g->shape[0];
    }
    if (size <= 0)
        PyErr_SetString(PyExc_RuntimeError, "is_grads_batched=True needs gradients with entries");
    return size;
}

/* grad() for each entry of a batch of gradients, stacked. */
static PyObject *run_batched(const struct autograd_call *call)
{
    PyObject *outputs =
        tensor_check(call->roots) ? PyTuple_Pack(1, call->roots) : PySequence_Tuple(call->roots);
    PyObject *grads = !outputs                    ? NULL
                      : tensor_check(call->grads) ? PyTuple_Pack(1, call->grads)
                                                  : PySequence_Tuple(call->grads);
    Py_ssize_t count = grads ? batch_size(outputs, grads) : -1;
    PyObject *rows = count > 0 ? PyList_New(count) : NULL, *stacked = NULL;
    struct autograd_call one = *call;

    one.roots = outputs;
    for (Py_ssize_t b = 0; rows && b < count; b++) {
        PyObject *row = NULL;

        one.grads = batch_entry(grads, b);
        one.retain = b + 1 < count ? Py_True : call->retain;
        if (one.grads)
            row = autograd_run(&one);
        Py_XDECREF(one.grads);
        if (!row)
            Py_CLEAR(rows);
        else
            PyList_SET_ITEM(rows, b, row);
    }
    if (rows)
        stacked = stack_rows(rows);
    Py_XDECREF(outputs);
    Py_XDECREF(grads);
    Py_XDECREF(rows);
    return stacked;
}

static PyObject *module_grad(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"outputs",      "inputs",          "grad_outputs",
                                        "retain_graph", "create_graph",    "only_inputs",
                                        "allow_unused", "is_grads_batched"};
    static const struct binding binding = {"grad", names, 8, 8, 2, 0};
    PyObject *values[] = {NULL, NULL, NULL, NULL, NULL, Py_True, Py_False, Py_False};
    struct autograd_call call = {.give = true};

    (void)self;
    if (binding_read(&binding, args, kwargs, values) < 0)
        return NULL;
    if (!PyObject_IsTrue(values[5]) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "only_inputs argument is deprecated and is ignored now (defaults to True). To "
                     "accumulate gradient for other parts of the graph, please use "
                     "torch.autograd.backward.",
                     1) < 0)
        return NULL;
    call.roots = values[0];
    call.inputs = values[1];
    call.grads = values[2];
    call.retain = values[3];
    call.create = values[4];
    call.allow_unused = PyObject_IsTrue(values[6]) > 0;
    return PyObject_IsTrue(values[7]) && given(call.grads) ? run_batched(&call)
                                                           : autograd_run(&call);
}

/* ---- the module ---- */

static PyMethodDef autograd_methods[] = {
    {"backward", WITH_KEYWORDS(module_backward),
     "backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, "
     "grad_variables=None, inputs=None)\n\nGathers the gradients of tensors in the leaves."},
    {"grad", WITH_KEYWORDS(module_grad),
     "grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, "
     "only_inputs=True, allow_unused=False, is_grads_batched=False)\n\nThe gradients of outputs "
     "with respect to inputs: a tuple."},
    {NULL, NULL, 0, NULL}};

int autograd_module_init(PyObject *torch)
{
    PyObject *autograd = submodule(torch, "autograd");

    if (!autograd || PyModule_AddFunctions(autograd, autograd_methods) < 0 ||
        autograd_modes_init(torch) < 0 || autograd_anomaly_init(torch) < 0 ||
        autograd_saved_init(torch) < 0 || autograd_variable_init(torch) < 0)
        return -1;
    return function_init(torch) < 0 ? -1 : functional_init(torch);
}
