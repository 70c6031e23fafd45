/* Random tensors that take more than a size: randint, randperm, normal. */
#include "python/create.h"

#include "python/errors.h"

/* Takes t over. */
static PyObject *integers(int64_t low, int64_t high, struct tensor *t,
                          const struct create_options *o)
{
    if (t && random_integers(t, low, high, o->generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, o);
}

/* Bounds as ints: from 0 when there is but one. */
static int read_bounds(PyObject *low, PyObject *high, int64_t bounds[2])
{
    PyObject *const given[2] = {low ? low : high, high};

    if (!high || (low && PyFloat_Check(low)) || PyFloat_Check(high))
        return 0;
    if (shape_read(given, 2, bounds) < 0)
        return PyErr_Occurred() ? -1 : 0;
    bounds[0] = low ? bounds[0] : 0;
    return 1;
}

FASTCALL(randint)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *low = NULL, *high = NULL, *size = NULL;
    struct create_keyword keywords[] = {{"low", &low}, {"high", &high}, {"size", &size}};
    int64_t shape[TENSOR_MAX_DIMS], bounds[2];
    int ndim, status;

    if (!create_read("randint", call, &o, keywords, 3))
        return NULL;
    if (!size && high && !PyLong_Check(high)) { /* randint(high, size) */
        size = high;
        high = NULL;
    }
    if (!high) { /* randint(high, size=size) */
        high = low;
        low = NULL;
    }
    ndim = size ? shape_read_list(size, shape) : SHAPE_MISFIT;
    status = ndim < 0 ? ndim == SHAPE_ERROR ? -1 : 0 : read_bounds(low, high, bounds);
    if (status <= 0)
        return status < 0 ? NULL : create_refuse("randint", call);
    return integers(bounds[0], bounds[1],
                    tensor_new(o.dtype == DTYPE_NONE ? DTYPE_i64 : o.dtype, ndim, shape), &o);
}

FASTCALL(randint_like)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *low = NULL, *high = NULL;
    struct tensor *like;
    struct create_keyword keywords[] = {{"input", &input}, {"low", &low}, {"high", &high}};
    int64_t bounds[2];
    int status;

    if (!create_read("randint_like", call, &o, keywords, 3))
        return NULL;
    if (!high) { /* randint_like(input, high) */
        high = low;
        low = NULL;
    }
    status = input && tensor_check(input) ? read_bounds(low, high, bounds) : 0;
    if (status <= 0)
        return status < 0 ? NULL : create_refuse("randint_like", call);
    like = tensor_of(input);
    return integers(bounds[0], bounds[1],
                    tensor_new_as(o.dtype == DTYPE_NONE ? tensor_dtype(like) : o.dtype, like->ndim,
                                  like->shape, 1, &like),
                    &o);
}

FASTCALL(randperm)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *n = NULL;
    struct create_keyword keywords[] = {{"n", &n}};
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *t;
    int ndim;

    if (!create_read("randperm", call, &o, keywords, 1))
        return NULL;
    ndim = n && !PyTuple_Check(n) && !PyList_Check(n) ? shape_read(&n, 1, shape) : SHAPE_MISFIT;
    if (ndim < 0)
        return ndim == SHAPE_MISFIT ? create_refuse("randperm", call) : NULL;
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
        status = (o->out ? op_call_out : op_call)(&ops[OP_normal], args, result);
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
    struct scalar numbers[2];
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *t;
    int ndim, status;
    bool whole;

    if (!create_read("normal", call, &o, keywords, 3))
        return NULL;
    if (of[0] && (tensor_check(of[0]) || (of[1] && tensor_check(of[1]))))
        return normal_of_tensors(of, &o);
    ndim = of[0] && of[1] && size ? shape_read_list(size, shape) : SHAPE_MISFIT;
    status = ndim < 0 ? ndim == SHAPE_ERROR ? -1 : 0 : create_read_numbers(of, numbers, 2, &whole);
    if (status <= 0)
        return status < 0 ? NULL : create_refuse("normal", call);
    t = tensor_new(o.dtype == DTYPE_NONE ? dtype_default() : o.dtype, ndim, shape);
    if (t && random_normal(t, numbers[0].d, numbers[1].d, o.generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, &o);
}

PyMethodDef create_random_methods[] = {
    MAKER(randint), MAKER(randint_like), MAKER(randperm), MAKER(normal), {NULL, NULL, 0, NULL}};
