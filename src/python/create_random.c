/* Random tensors that take more than a size: randint, randperm, normal. */
#include "python/create.h"

#include "python/errors.h"

static PyObject *integers(int64_t low, int64_t high, int ndim, const int64_t *shape,
                          const struct create_options *o)
{
    struct tensor *t = tensor_new(o->dtype == DTYPE_NONE ? DTYPE_i64 : o->dtype, ndim, shape);

    if (t && random_integers(t, low, high, o->generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, o);
}

/* randint(high, size) or randint(low, high, size). */
static bool read_bounds(const char *name, PyObject *low, PyObject *high, int64_t bounds[2])
{
    struct scalar s[2];
    bool whole;

    if (!low && !high) {
        PyErr_Format(PyExc_TypeError, "%s() missing required arguments: high, size", name);
        return false;
    }
    if (!create_read_numbers((PyObject *[]){low ? low : high, high ? high : low}, s, 2, &whole))
        return false;
    bounds[0] = low && high ? s[0].i : 0;
    bounds[1] = high ? s[1].i : s[0].i;
    return true;
}

FASTCALL(randint)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *low = NULL, *high = NULL, *size = NULL;
    struct create_keyword keywords[] = {{"low", &low}, {"high", &high}, {"size", &size}};
    int64_t shape[TENSOR_MAX_DIMS], bounds[2];
    int ndim;

    if (!create_read("randint", call, &o, keywords, 3))
        return NULL;
    if (!size && high && !PyLong_Check(high)) { /* randint(high, size) */
        size = high;
        high = low;
        low = NULL;
    }
    if (!size)
        return PyErr_Format(PyExc_TypeError, "randint() missing required argument: size");
    ndim = shape_from_python(&size, 1, shape);
    if (ndim < 0 || !read_bounds("randint", low, high, bounds))
        return NULL;
    return integers(bounds[0], bounds[1], ndim, shape, &o);
}

FASTCALL(randint_like)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *low = NULL, *high = NULL;
    struct create_keyword keywords[] = {{"input", &input}, {"low", &low}, {"high", &high}};
    int64_t bounds[2];

    if (!create_read("randint_like", call, &o, keywords, 3) ||
        !read_bounds("randint_like", low, high, bounds))
        return NULL;
    if (!input || !tensor_check(input))
        return PyErr_Format(PyExc_TypeError,
                            "randint_like(): argument 'input' (position 1) must be Tensor");
    if (o.dtype == DTYPE_NONE)
        o.dtype = tensor_dtype(tensor_of(input));
    return integers(bounds[0], bounds[1], tensor_of(input)->ndim, tensor_of(input)->shape, &o);
}

FASTCALL(randperm)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *n = NULL;
    struct create_keyword keywords[] = {{"n", &n}};
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *t;

    if (!create_read("randperm", call, &o, keywords, 1))
        return NULL;
    if (!n || shape_from_python(&n, 1, shape) < 0)
        return PyErr_Occurred() ? NULL
                                : PyErr_Format(PyExc_TypeError, "randperm() missing 1 required "
                                                                "positional arguments: \"n\"");
    t = tensor_new(o.dtype == DTYPE_NONE ? DTYPE_i64 : o.dtype, 1, shape);
    if (t && random_permutation(t, o.generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, &o);
}

/* Tensors among mean and std: the operation of the table. */
static PyObject *normal_of_tensors(PyObject *const objects[2], const struct create_options *o)
{
    struct value args[3] = {{0}, {0}, {.given = o->generator != NULL, .generator = o->generator}};
    struct tensor *result[1] = {o->out};
    int status = 0;

    for (int i = 0; i < 2 && status == 0; i++) {
        struct scalar number = scalar_int(i);

        if (objects[i] && tensor_check(objects[i]))
            args[i].tensor = tensor_ref(tensor_of(objects[i]));
        else if (!objects[i] || scalar_from_python(objects[i], &number))
            args[i].tensor = tensor_wrap_number(number);
        args[i].given = args[i].tensor != NULL;
        status = args[i].given ? 0 : -1;
    }
    if (status == 0)
        status = op_call(&ops[OP_normal], args, result);
    tensor_unref(args[0].tensor);
    tensor_unref(args[1].tensor);
    if (status < 0)
        return python_error();
    return o->out ? tensor_object(o->out) : tensor_wrap(result[0]);
}

/* normal(mean, std): each a tensor or a number; with numbers alone a size. */
FASTCALL(normal)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *of[2] = {NULL}, *size = NULL;
    struct create_keyword keywords[] = {{"mean", &of[0]}, {"std", &of[1]}, {"size", &size}};
    struct scalar numbers[2] = {scalar_float(0), scalar_float(1)};
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *t;
    int ndim;

    if (!create_read("normal", call, &o, keywords, 3))
        return NULL;
    if (!of[0])
        return PyErr_Format(PyExc_TypeError,
                            "normal() missing 1 required positional arguments: \"mean\"");
    if (tensor_check(of[0]) || (of[1] && tensor_check(of[1])))
        return normal_of_tensors(of, &o);
    for (int i = 0; i < 2; i++)
        if (of[i] && !scalar_from_python(of[i], &numbers[i]))
            return NULL;
    ndim = size ? shape_from_python(&size, 1, shape) : -1;
    if (ndim < 0)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "normal() needs a size");
    t = tensor_new(o.dtype == DTYPE_NONE ? dtype_default() : o.dtype, ndim, shape);
    if (t && random_normal(t, numbers[0].d, numbers[1].d, o.generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, &o);
}

PyMethodDef create_random_methods[] = {
    MAKER(randint), MAKER(randint_like), MAKER(randperm), MAKER(normal), {NULL, NULL, 0, NULL}};
