/* Random tensors that take more than a size: randint, randperm, bernoulli, multinomial, normal. */
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

FASTCALL(bernoulli)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *p = NULL;
    struct create_keyword keywords[] = {{"input", &input}, {"p", &p}};
    struct tensor *t;
    struct scalar s;
    int status;

    if (!create_read("bernoulli", call, &o, keywords, 2))
        return NULL;
    if (!input || !tensor_check(input))
        return PyErr_Format(PyExc_TypeError,
                            "bernoulli(): argument 'input' (position 1) must be Tensor");
    if (p && !scalar_from_python(p, &s))
        return NULL;
    t = tensor_new_like(tensor_of(input), DTYPE_NONE);
    status = !t  ? -1
             : p ? random_bernoulli_scalar(t, s.d, o.generator)
                 : random_bernoulli(t, tensor_of(input), o.generator);
    if (status < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, &o);
}

FASTCALL(multinomial)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *count_object = NULL, *replacement = NULL;
    struct create_keyword keywords[] = {
        {"input", &input}, {"num_samples", &count_object}, {"replacement", &replacement}};
    struct scalar s;

    if (!create_read("multinomial", call, &o, keywords, 3))
        return NULL;
    if (!input || !tensor_check(input) || !count_object)
        return PyErr_Format(PyExc_TypeError, "multinomial() takes a Tensor and num_samples");
    if (!scalar_from_python(count_object, &s))
        return NULL;
    return create_finish(random_multinomial(tensor_of(input), s.i,
                                            replacement && PyObject_IsTrue(replacement),
                                            o.generator),
                         &o);
}

/* A tensor of numbers for torch.normal(): as it is, or one number. */
static bool is_tensor(PyObject *object)
{
    return object && tensor_check(object);
}

/* normal(mean, std): each a tensor or a number; with numbers alone a size. */
FASTCALL(normal)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *mean = NULL, *std = NULL, *size = NULL, *object, *scaled, *shifted;
    struct create_keyword keywords[] = {{"mean", &mean}, {"std", &std}, {"size", &size}};
    struct scalar m = scalar_float(0), s = scalar_float(1);
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *like, *t;
    int ndim;

    if (!create_read("normal", call, &o, keywords, 3))
        return NULL;
    if (!is_tensor(mean) && mean && !scalar_from_python(mean, &m))
        return NULL;
    if (!is_tensor(std) && std && !scalar_from_python(std, &s))
        return NULL;
    if (!is_tensor(mean) && !is_tensor(std)) {
        ndim = size ? shape_from_python(&size, 1, shape) : -1;
        if (ndim < 0)
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "normal() needs a size");
        t = tensor_new(o.dtype == DTYPE_NONE ? dtype_default() : o.dtype, ndim, shape);
        if (t && random_normal(t, m.d, s.d, o.generator) < 0) {
            tensor_unref(t);
            t = NULL;
        }
        return create_finish(t, &o);
    }
    like = tensor_of(is_tensor(mean) ? mean : std);
    t = tensor_new_like(like, DTYPE_NONE);
    if (!t || random_normal(t, 0, 1, o.generator) < 0) {
        tensor_unref(t);
        return python_error();
    }
    object = tensor_wrap(t);
    scaled = object && std ? PyNumber_Multiply(object, std) : Py_XNewRef(object);
    shifted = scaled && mean ? PyNumber_Add(scaled, mean) : Py_XNewRef(scaled);
    Py_XDECREF(object);
    Py_XDECREF(scaled);
    return shifted;
}

PyMethodDef create_random_methods[] = {MAKER(randint),       MAKER(randint_like), MAKER(randperm),
                                       MAKER(bernoulli),     MAKER(multinomial),  MAKER(normal),
                                       {NULL, NULL, 0, NULL}};
