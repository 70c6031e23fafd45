/* torch.autograd.functional: products of a Jacobian or a Hessian with vectors, without making the
 * matrix: vjp, jvp, hvp, vhp. */
#include "autograd/autograd.h"
#include "python/bind.h"
#include "python/functional_parts.h"
#include "python/nn_module.h"

/* v has the tensors and shapes of `like`. */
static bool fits(PyObject *v, PyObject *like, bool single)
{
    Py_ssize_t count = PyTuple_GET_SIZE(like);

    if (PyTuple_GET_SIZE(v) != count) {
        if (single)
            PyErr_SetString(PyExc_RuntimeError, "The given v should contain a single Tensor.");
        else
            PyErr_Format(PyExc_RuntimeError,
                         "v is a tuple of invalid length: should be %zd but got %zd.", count,
                         PyTuple_GET_SIZE(v));
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        const struct tensor *got = tensor_of(PyTuple_GET_ITEM(v, i));
        const struct tensor *want = tensor_of(PyTuple_GET_ITEM(like, i));
        char entry[48] = "", text[2][256];

        if (tensor_same_shape(got, want))
            continue;
        if (!single)
            snprintf(entry, sizeof(entry), "Entry %zd in ", i);
        PyErr_Format(PyExc_RuntimeError,
                     "%sv has invalid size: should be torch.Size(%s) but got torch.Size(%s).",
                     entry, shape_text(want->ndim, want->shape, text[0], sizeof(text[0])),
                     shape_text(got->ndim, got->shape, text[1], sizeof(text[1])));
        return false;
    }
    return true;
}

/* v as a tuple that fits `like`, in *vectors; NULL there when v is None, which is allowed where
 * `like` is one number. */
static bool read_vectors(const struct evaluation *e, PyObject *v, PyObject *like, bool single,
                         const char *none_text, PyObject **vectors)
{
    PyObject *given;
    bool one;

    if (v == Py_None) {
        if (PyTuple_GET_SIZE(like) == 1 && tensor_of(PyTuple_GET_ITEM(like, 0))->numel == 1)
            return true;
        PyErr_SetString(PyExc_RuntimeError, none_text);
        return false;
    }
    given = functional_tuple(v, "v", e->name, &one);
    *vectors = given ? functional_fresh(given, e->create, false) : NULL;
    Py_XDECREF(given);
    return *vectors && fits(*vectors, like, single);
}

static bool read_input_vectors(const struct evaluation *e, PyObject *v, PyObject **vectors)
{
    return read_vectors(e, v, e->inputs, e->single_input,
                        "The vector v can only be None if the input to the user-provided function "
                        "is a single Tensor with a single element.",
                        vectors);
}

/* Zeros like `tensors` that want gradients. */
static PyObject *probes(PyObject *tensors)
{
    PyObject *tuple = PyTuple_New(PyTuple_GET_SIZE(tensors));

    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++) {
        struct tensor *t = tensor_of(PyTuple_GET_ITEM(tensors, i));
        struct tensor *zeros = tensor_zeros(tensor_dtype(t), t->ndim, t->shape);
        PyObject *item = tensor_wrap(zeros);

        if (!item || tensor_set_requires_grad(zeros, true) < 0) {
            Py_XDECREF(item);
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, item);
        }
    }
    return tuple;
}

/* ---- the four ---- */

/* Each runs the function and gives the product with None where nothing flows, or NULL. Recording is
 * on when they are called; `graded` says whether it was before. */

static PyObject *vjp(struct evaluation *e, PyObject *function, PyObject *v, bool graded)
{
    PyObject *vectors = NULL, *product = NULL;

    if (evaluation_run(e, function) &&
        read_vectors(e, v, e->outputs, e->single_output,
                     "The vector v can only be None if the user-provided function returns a single "
                     "Tensor with a single element.",
                     &vectors)) {
        grad_set_enabled(e->create || graded);
        product = functional_gradients(e->outputs, e->inputs, vectors, e->create);
        product = functional_fill(e, product, e->inputs, STAGE_BACK);
    }
    Py_XDECREF(vectors);
    return product;
}

/* J v, for the Jacobian J of `results`, by going back twice: the gradient of (J^T u) . v by u, at
 * any u, is J v. It looks like `like`. `second`: the results are a gradient themselves, J is a
 * Hessian. */
static PyObject *push(struct evaluation *e, PyObject *results, PyObject *like, PyObject *vectors,
                      bool graded, bool second)
{
    PyObject *u = probes(like), *product = NULL;
    PyObject *pulled = u ? functional_gradients(results, e->inputs, u, true) : NULL;

    if (pulled && (second ? functional_demand(results, DEMAND_HESSIAN, e->strict)
                          : functional_demand(pulled, DEMAND_GRADIENTS, e->strict))) {
        grad_set_enabled(e->create || graded);
        product = functional_gradients(pulled, u, vectors, e->create);
        product =
            functional_fill(e, product, like, second ? STAGE_DOUBLE_BACK_TRICK : STAGE_BACK_TRICK);
    }
    Py_XDECREF(u);
    Py_XDECREF(pulled);
    return product;
}

static PyObject *jvp(struct evaluation *e, PyObject *function, PyObject *v, bool graded)
{
    PyObject *vectors = NULL, *product = NULL;

    if (read_input_vectors(e, v, &vectors) && evaluation_run(e, function))
        product = push(e, e->outputs, e->outputs, vectors, graded, false);
    Py_XDECREF(vectors);
    return product;
}

/* The gradient of the one number that the function gives, with a graph. */
static PyObject *slopes_of(struct evaluation *e, PyObject *function)
{
    PyObject *slopes = NULL;

    if (evaluation_run(e, function) && evaluation_is_scalar(e))
        slopes = functional_gradients(e->outputs, e->inputs, NULL, true);
    if (slopes && !functional_demand(slopes, DEMAND_JACOBIAN, e->strict))
        Py_CLEAR(slopes);
    return slopes;
}

static PyObject *vhp(struct evaluation *e, PyObject *function, PyObject *v, bool graded)
{
    PyObject *vectors = NULL, *slopes = NULL, *product = NULL;

    if (read_input_vectors(e, v, &vectors) && (slopes = slopes_of(e, function))) {
        grad_set_enabled(e->create || graded);
        product = functional_gradients(slopes, e->inputs, vectors, e->create);
        product = functional_fill(e, product, e->inputs, STAGE_DOUBLE_BACK);
    }
    Py_XDECREF(vectors);
    Py_XDECREF(slopes);
    return product;
}

static PyObject *hvp(struct evaluation *e, PyObject *function, PyObject *v, bool graded)
{
    PyObject *vectors = NULL, *slopes = NULL, *product = NULL;

    if (read_input_vectors(e, v, &vectors) && (slopes = slopes_of(e, function)))
        product = push(e, slopes, e->inputs, vectors, graded, true);
    Py_XDECREF(vectors);
    Py_XDECREF(slopes);
    return product;
}

/* ---- for Python ---- */

struct product {
    const char *name;
    PyObject *(*run)(struct evaluation *e, PyObject *function, PyObject *v, bool graded);
    bool like_outputs; /* the product has the outputs' form, else the inputs' */
};

static PyObject *call_product(const struct product *product, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"func", "inputs", "v", "create_graph", "strict"};
    struct binding binding = {product->name, names, 5, 5, 2, 0};
    PyObject *given[] = {NULL, NULL, Py_None, Py_False, Py_False}, *result = NULL, *outputs = NULL;
    struct evaluation e = {.name = product->name};
    bool graded;

    if (binding_read(&binding, args, keywords, given) < 0)
        return NULL;
    e.create = PyObject_IsTrue(given[3]) > 0;
    e.strict = PyObject_IsTrue(given[4]) > 0;
    graded = grad_set_enabled(true);
    if (evaluation_open(&e, given[1]))
        result = product->run(&e, given[0], given[2], graded);
    grad_set_enabled(graded);
    if (result) {
        result = functional_unpack(functional_finish(result, e.create),
                                   product->like_outputs ? e.single_output : e.single_input);
        outputs =
            functional_unpack(functional_finish(Py_NewRef(e.outputs), e.create), e.single_output);
    }
    evaluation_close(&e);
    if (!result || !outputs) {
        Py_XDECREF(result);
        Py_XDECREF(outputs);
        return NULL;
    }
    return Py_BuildValue("(NN)", outputs, result);
}

#define PRODUCT(name, like_outputs)                                                                \
    static PyObject *functional_##name(PyObject *Py_UNUSED(self), PyObject *args,                  \
                                       PyObject *kwargs)                                           \
    {                                                                                              \
        static const struct product product = {#name, name, like_outputs};                         \
        return call_product(&product, args, kwargs);                                               \
    }
PRODUCT(vjp, false)
PRODUCT(jvp, true)
PRODUCT(hvp, false)
PRODUCT(vhp, false)

static PyMethodDef methods[] = {
    {"vjp", WITH_KEYWORDS(functional_vjp),
     "vjp(func, inputs, v=None, create_graph=False, strict=False)\n\nfunc(inputs), and v times its "
     "Jacobian."},
    {"jvp", WITH_KEYWORDS(functional_jvp),
     "jvp(func, inputs, v=None, create_graph=False, strict=False)\n\nfunc(inputs), and its "
     "Jacobian times v."},
    {"hvp", WITH_KEYWORDS(functional_hvp),
     "hvp(func, inputs, v=None, create_graph=False, strict=False)\n\nfunc(inputs), one number, and "
     "its Hessian times v."},
    {"vhp", WITH_KEYWORDS(functional_vhp),
     "vhp(func, inputs, v=None, create_graph=False, strict=False)\n\nfunc(inputs), one number, and "
     "v times its Hessian, which is faster."},
    {NULL, NULL, 0, NULL},
};

int functional_products_init(PyObject *functional)
{
    return PyModule_AddFunctions(functional, methods);
}
