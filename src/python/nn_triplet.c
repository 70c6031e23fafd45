/* The triplet loss whose distance is a Python function: F.triplet_margin_with_distance_loss and its
 * layer. */
#include "python/nn_layers.h"

#include "autograd/formula_nn.h"
#include "python/errors.h"
#include "python/module.h"

/* A call of the loss; distance: NULL for pairwise_distance(). */
struct triplet {
    PyObject *points[3]; /* anchor, positive, negative */
    PyObject *distance;
    double margin;
    bool swap;
    const char *reduction;
};
enum { ANCHOR, POSITIVE, NEGATIVE };

/* The distance between two points, kept in the pool. */
static struct tensor *between(const struct triplet *t, int a, int b)
{
    PyObject *result;
    struct tensor *distance;

    if (!t->distance)
        return D(pairwise_distance, V_TENSOR(tensor_of(t->points[a])),
                 V_TENSOR(tensor_of(t->points[b])));
    result = PyObject_CallFunctionObjArgs(t->distance, t->points[a], t->points[b], NULL);
    if (!result)
        return python_error_pending(), NULL;
    if (!tensor_check(result)) {
        PyErr_Format(PyExc_TypeError, "distance_function must return a Tensor, not %s",
                     _PyType_Name(Py_TYPE(result)));
        Py_DECREF(result);
        return python_error_pending(), NULL;
    }
    distance = pool_keep(tensor_ref(tensor_of(result)));
    Py_DECREF(result);
    return distance;
}

static PyObject *triplet_loss(const struct triplet *t)
{
    size_t mark = pool_open();
    struct tensor *near, *far, *loss = NULL;
    PyObject *result = NULL;

    near = between(t, ANCHOR, POSITIVE);
    far = near ? between(t, ANCHOR, NEGATIVE) : NULL;
    if (far && t->swap)
        far = d_minimum(far, between(t, POSITIVE, NEGATIVE));
    near = far ? d_shift(d_sub(near, far), t->margin) : NULL;
    if (near)
        loss = D(clamp, V_TENSOR(near), V_SCALAR(scalar_float(0)));
    loss = d_joined(loss, t->reduction);
    if (loss)
        result = tensor_wrap(tensor_ref(loss));
    pool_close(mark);
    return result ? result : python_error();
}

static int check_points(PyObject *const *points)
{
    static const char *const names[] = {"anchor", "positive", "negative"};

    for (int i = 0; i < 3; i++)
        if (!tensor_check(points[i])) {
            PyErr_Format(PyExc_TypeError,
                         "triplet_margin_with_distance_loss(): argument '%s' must be Tensor, not "
                         "%s",
                         names[i], _PyType_Name(Py_TYPE(points[i])));
            return -1;
        }
    return 0;
}

static PyObject *function(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"anchor", "positive", "negative",  "distance_function",
                            "margin", "swap",     "reduction", NULL};
    struct triplet t = {.margin = 1, .reduction = "mean"};
    PyObject *distance = Py_None;
    int swap = 0;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOO|$Odps:triplet_margin_with_distance_loss",
                                     names, &t.points[0], &t.points[1], &t.points[2], &distance,
                                     &t.margin, &swap, &t.reduction) ||
        check_points(t.points) < 0)
        return NULL;
    t.distance = distance == Py_None ? NULL : distance;
    t.swap = swap;
    return triplet_loss(&t);
}

/* ---- the layer ---- */

/* Without a function, the layer's is a PairwiseDistance. */
int setup_triplet(PyObject *self, PyObject **args)
{
    PyObject *nn, *layer = NULL;

    (void)self;
    if (args[0] != Py_None)
        return 0;
    nn = PyImport_ImportModule("torch.nn");
    if (nn)
        layer = PyObject_CallMethod(nn, "PairwiseDistance", NULL);
    Py_XDECREF(nn);
    if (!layer)
        return -1;
    Py_SETREF(args[0], layer);
    return 0;
}

PyObject *forward_triplet(PyObject *self, PyObject *const *inputs)
{
    static const char *const names[] = {"distance_function", "margin", "swap", "reduction"};
    PyObject *got[4] = {NULL}, *result = NULL;
    struct triplet t = {.points = {inputs[0], inputs[1], inputs[2]}};
    bool ready = check_points(inputs) == 0;

    for (int i = 0; ready && i < 4; i++)
        ready = (got[i] = PyObject_GetAttrString(self, names[i])) != NULL;
    if (ready) {
        t.distance = got[0];
        t.margin = PyFloat_AsDouble(got[1]);
        t.swap = PyObject_IsTrue(got[2]) > 0;
        t.reduction = PyUnicode_AsUTF8(got[3]);
        if (!PyErr_Occurred())
            result = triplet_loss(&t);
    }
    for (int i = 0; i < 4; i++)
        Py_XDECREF(got[i]);
    return result;
}

int triplet_init(PyObject *torch)
{
    static PyMethodDef methods[] = {{"triplet_margin_with_distance_loss", WITH_KEYWORDS(function),
                                     "max(0, margin + distance to positive - to negative)."},
                                    {NULL, NULL, 0, NULL}};
    PyObject *functional = submodule(torch, "nn.functional");

    return functional ? PyModule_AddFunctions(functional, methods) : -1;
}
