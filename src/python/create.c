/* Making tensors: torch.tensor, zeros, arange, rand and their relatives. */
#include "base/error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_parts.h"
#include "python/types.h"
#include "tensor/random.h"

#include <math.h>
#include <string.h>

/* ---- shared arguments ---- */

/* dtype=, device=, requires_grad=, generator=, out= ..., as every maker takes them. */
struct options {
    enum dtype dtype;
    bool requires_grad;
    struct generator *generator;
    struct tensor *out;
};

struct keyword {
    const char *name;
    PyObject **value;
};

static bool read_option(const char *name, PyObject *value, struct options *o, bool *known)
{
    *known = true;
    if (strcmp(name, "dtype") == 0) {
        if (value == Py_None || dtype_from_python(value, &o->dtype))
            return true;
        PyErr_Format(PyExc_TypeError, "argument 'dtype' must be torch.dtype, not %s",
                     Py_TYPE(value)->tp_name);
        return false;
    }
    if (strcmp(name, "requires_grad") == 0) {
        o->requires_grad = PyObject_IsTrue(value);
        return true;
    }
    if (strcmp(name, "device") == 0)
        return device_check(value) == 0;
    if (strcmp(name, "generator") == 0) {
        o->generator =
            Py_IS_TYPE(value, generator_type) ? &((GeneratorObject *)value)->generator : NULL;
        return true;
    }
    if (strcmp(name, "out") == 0) {
        o->out = tensor_check(value) ? tensor_of(value) : NULL;
        return true;
    }
    if (strcmp(name, "layout") == 0 || strcmp(name, "pin_memory") == 0 ||
        strcmp(name, "memory_format") == 0)
        return true;
    *known = false;
    return true;
}

/* Sorts the keywords: options into *o, others into the list by name. */
static bool read_keywords(const char *function, const struct python_call *call, struct options *o,
                          const struct keyword *keywords, int count)
{
    Py_ssize_t given = call->names ? PyTuple_GET_SIZE(call->names) : 0;

    for (Py_ssize_t k = 0; k < given; k++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, k));
        PyObject *value = call->args[call->count + k];
        bool known;

        if (!name || !read_option(name, value, o, &known))
            return false;
        for (int i = 0; i < count && !known; i++) {
            if (strcmp(name, keywords[i].name) == 0) {
                *keywords[i].value = value;
                known = true;
            }
        }
        if (!known) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%s'", function,
                         name);
            return false;
        }
    }
    return true;
}

/* Positional arguments into the same list. */
static bool read_all(const char *function, const struct python_call *call, struct options *o,
                     const struct keyword *keywords, int count)
{
    if (call->count > count) {
        PyErr_Format(PyExc_TypeError, "%s() takes %d positional arguments but %zd were given",
                     function, count, call->count);
        return false;
    }
    for (Py_ssize_t i = 0; i < call->count; i++)
        *keywords[i].value = call->args[i];
    return read_keywords(function, call, o, keywords, count);
}

/* The new tensor (taken over) as the result: into out=, with requires_grad. */
static PyObject *finish(struct tensor *t, const struct options *o)
{
    if (t && o->out) {
        if (tensor_resize(o->out, t->ndim, t->shape) < 0 || tensor_copy(o->out, t) < 0) {
            tensor_unref(t);
            return python_error();
        }
        tensor_bump(o->out);
        tensor_unref(t);
        return tensor_object(o->out);
    }
    if (t && o->requires_grad && tensor_set_requires_grad(t, true) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return tensor_wrap(t);
}

/* ---- by size: zeros(2, 3), rand((2, 3)) ---- */

enum filling { FILL_EMPTY, FILL_ZEROS, FILL_ONES, FILL_UNIFORM, FILL_NORMAL };

static int fill(struct tensor *t, enum filling filling, struct generator *g)
{
    switch (filling) {
    case FILL_ZEROS:
        return tensor_fill(t, scalar_int(0));
    case FILL_ONES:
        return tensor_fill(t, scalar_int(1));
    case FILL_UNIFORM:
        return random_uniform(t, 0, 1, g);
    case FILL_NORMAL:
        return random_normal(t, 0, 1, g);
    default:
        return 0;
    }
}

static PyObject *make_filled(enum dtype dtype, int ndim, const int64_t *shape, enum filling filling,
                             const struct options *o)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);

    if (t && fill(t, filling, o->generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return finish(t, o);
}

static PyObject *by_size(const char *name, const struct python_call *call, enum filling filling)
{
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *size = NULL, *names = NULL;
    struct keyword keywords[] = {{"size", &size}, {"names", &names}};
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;

    if (!read_keywords(name, call, &o, keywords, 2))
        return NULL;
    ndim = size ? shape_from_python(&size, 1, shape)
                : shape_from_python(call->args, call->count, shape);
    if (ndim < 0)
        return NULL;
    return make_filled(o.dtype == DTYPE_NONE ? o.out ? tensor_dtype(o.out) : dtype_default()
                                             : o.dtype,
                       ndim, shape, filling, &o);
}

static PyObject *by_example(const char *name, const struct python_call *call, enum filling filling)
{
    PyObject *input = NULL;
    struct keyword keywords[] = {{"input", &input}};
    struct options o = {.dtype = DTYPE_NONE};
    struct tensor *like;

    if (!read_all(name, call, &o, keywords, 1))
        return NULL;
    if (!input || !tensor_check(input))
        return PyErr_Format(PyExc_TypeError,
                            "%s(): argument 'input' (position 1) must be Tensor, "
                            "not %s",
                            name, input ? Py_TYPE(input)->tp_name : "nothing");
    like = tensor_of(input);
    return make_filled(o.dtype == DTYPE_NONE ? tensor_dtype(like) : o.dtype, like->ndim,
                       like->shape, filling, &o);
}

#define FASTCALL(name)                                                                             \
    static PyObject *make_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,          \
                                 PyObject *names)
#define CALL                                                                                       \
    struct python_call call_data = {args, count, names}, *call = &call_data;                       \
    (void)self

#define BY_SIZE(name, filling)                                                                     \
    FASTCALL(name)                                                                                 \
    {                                                                                              \
        CALL;                                                                                      \
        return by_size(#name, call, filling);                                                      \
    }                                                                                              \
    FASTCALL(name##_like)                                                                          \
    {                                                                                              \
        CALL;                                                                                      \
        return by_example(#name "_like", call, filling);                                           \
    }
BY_SIZE(empty, FILL_EMPTY)
BY_SIZE(zeros, FILL_ZEROS)
BY_SIZE(ones, FILL_ONES)
BY_SIZE(rand, FILL_UNIFORM)
BY_SIZE(randn, FILL_NORMAL)

/* ---- full ---- */

static PyObject *full(int ndim, const int64_t *shape, PyObject *value, struct options *o)
{
    struct scalar s;

    if (!value)
        return PyErr_Format(PyExc_TypeError, "full() missing 1 required positional arguments: "
                                             "\"fill_value\"");
    if (!scalar_from_python(value, &s))
        return NULL;
    return finish(tensor_full(o->dtype == DTYPE_NONE ? scalar_dtype(s) : o->dtype, ndim, shape, s),
                  o);
}

FASTCALL(full)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *size = NULL, *value = NULL;
    struct keyword keywords[] = {{"size", &size}, {"fill_value", &value}};
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;

    if (!read_all("full", call, &o, keywords, 2))
        return NULL;
    if (!size)
        return PyErr_Format(PyExc_TypeError, "full() missing 2 required positional arguments: "
                                             "\"size\", \"fill_value\"");
    ndim = shape_from_python(&size, 1, shape);
    return ndim < 0 ? NULL : full(ndim, shape, value, &o);
}

FASTCALL(full_like)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *value = NULL;
    struct keyword keywords[] = {{"input", &input}, {"fill_value", &value}};

    if (!read_all("full_like", call, &o, keywords, 2))
        return NULL;
    if (!input || !tensor_check(input))
        return PyErr_Format(PyExc_TypeError,
                            "full_like(): argument 'input' (position 1) must be Tensor");
    if (o.dtype == DTYPE_NONE)
        o.dtype = tensor_dtype(tensor_of(input));
    return full(tensor_of(input)->ndim, tensor_of(input)->shape, value, &o);
}

/* ---- ranges ---- */

/* Numbers of a range: whole when all that are given are. */
static bool read_numbers(PyObject *const *objects, struct scalar *out, int count, bool *whole)
{
    *whole = true;
    for (int i = 0; i < count; i++) {
        if (!scalar_from_python(objects[i], &out[i]))
            return false;
        *whole &= out[i].kind != SCALAR_FLOAT;
    }
    return true;
}

static struct tensor *arange(const struct scalar r[3], enum dtype dtype)
{
    double size = ceil((r[1].d - r[0].d) / r[2].d);
    bool whole = r[0].kind != SCALAR_FLOAT && r[2].kind != SCALAR_FLOAT;
    struct tensor *t;
    int64_t n;

    if (r[2].d == 0)
        return error_null(ERROR_RUNTIME, "step must be nonzero");
    if (!isfinite(r[0].d) || !isfinite(r[1].d))
        return error_null(ERROR_RUNTIME, "unsupported range: %g -> %g", r[0].d, r[1].d);
    if (size < 0)
        return error_null(ERROR_RUNTIME,
                          "upper bound and larger bound inconsistent with step sign");
    if (size >= 9.2e18)
        return error_null(ERROR_RUNTIME, "invalid size, possible overflow?");
    n = (int64_t)size;
    t = tensor_new(dtype, 1, &n);
    for (int64_t i = 0; t && i < n; i++)
        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype),
                    whole ? scalar_int(r[0].i + i * r[2].i)
                          : scalar_float(r[0].d + (double)i * r[2].d));
    return t;
}

FASTCALL(arange)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *given[3] = {NULL};
    struct keyword keywords[] = {{"start", &given[0]}, {"end", &given[1]}, {"step", &given[2]}};
    struct scalar r[3] = {scalar_int(0), scalar_int(0), scalar_int(1)};
    bool whole = true, part;

    if (!read_all("arange", call, &o, keywords, 3))
        return NULL;
    if (!given[1]) { /* arange(end) */
        given[1] = given[0];
        given[0] = NULL;
    }
    if (!given[1])
        return PyErr_Format(PyExc_TypeError,
                            "arange() received an invalid combination of arguments "
                            "- got ()");
    for (int i = 0; i < 3; i++) {
        if (given[i] && !read_numbers(&given[i], &r[i], 1, &part))
            return NULL;
        whole &= !given[i] || part;
    }
    if (o.dtype == DTYPE_NONE)
        o.dtype = whole ? DTYPE_i64 : dtype_default();
    return finish(arange(r, o.dtype), &o);
}

/* Half from the start and half from the end, as PyTorch does: symmetric to the last digit. */
static struct tensor *linspace(double start, double end, int64_t steps, enum dtype dtype,
                               double base)
{
    struct tensor *t;
    double step = steps > 1 ? (end - start) / (double)(steps - 1) : 0;

    if (steps < 0)
        return error_null(ERROR_RUNTIME, "number of steps must be non-negative");
    t = tensor_new(dtype, 1, &steps);
    for (int64_t i = 0; t && i < steps; i++) {
        double value;

        if (dtype == DTYPE_f32) {
            float narrow = steps > 1 ? ((float)end - (float)start) / (float)(steps - 1) : 0;

            value = i < steps / 2 || steps == 1 ? (float)start + narrow * (float)i
                                                : (float)end - narrow * (float)(steps - i - 1);
        } else {
            value = i < steps / 2 || steps == 1 ? start + step * (double)i
                                                : end - step * (double)(steps - i - 1);
        }
        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype),
                    scalar_float(base != 0 ? pow(base, value) : value));
    }
    return t;
}

static PyObject *spaced(const char *name, const struct python_call *call, double base)
{
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *start = NULL, *end = NULL, *steps = NULL, *base_object = NULL;
    struct keyword keywords[] = {
        {"start", &start}, {"end", &end}, {"steps", &steps}, {"base", &base_object}};
    struct scalar r[3], b;
    bool whole;

    if (!read_all(name, call, &o, keywords, base != 0 ? 4 : 3))
        return NULL;
    if (!start || !end || !steps)
        return PyErr_Format(PyExc_TypeError, "%s() takes start, end and steps", name);
    if (!read_numbers((PyObject *[]){start, end, steps}, r, 3, &whole) ||
        (base_object && !scalar_from_python(base_object, &b)))
        return NULL;
    return finish(linspace(r[0].d, r[1].d, (int64_t)r[2].d,
                           o.dtype == DTYPE_NONE ? dtype_default() : o.dtype,
                           base_object ? b.d : base),
                  &o);
}

FASTCALL(linspace)
{
    CALL;
    return spaced("linspace", call, 0);
}

FASTCALL(logspace)
{
    CALL;
    return spaced("logspace", call, 10);
}

FASTCALL(eye)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *n = NULL, *m = NULL;
    struct keyword keywords[] = {{"n", &n}, {"m", &m}};
    int64_t shape[TENSOR_MAX_DIMS];
    enum dtype dtype;
    struct tensor *t;

    if (!read_all("eye", call, &o, keywords, 2))
        return NULL;
    if (!n)
        return PyErr_Format(PyExc_TypeError,
                            "eye() missing 1 required positional arguments: \"n\"");
    if (shape_from_python((PyObject *[]){n, m ? m : n}, 2, shape) < 0)
        return NULL;
    dtype = o.dtype == DTYPE_NONE ? dtype_default() : o.dtype;
    t = tensor_zeros(dtype, 2, shape);
    for (int64_t i = 0; t && i < shape[0] && i < shape[1]; i++)
        dtype_store(dtype, tensor_data(t) + i * (shape[1] + 1) * (int64_t)dtype_size(dtype),
                    scalar_int(1));
    return finish(t, &o);
}

/* ---- random ---- */

static PyObject *integers(int64_t low, int64_t high, int ndim, const int64_t *shape,
                          const struct options *o)
{
    struct tensor *t = tensor_new(o->dtype == DTYPE_NONE ? DTYPE_i64 : o->dtype, ndim, shape);

    if (t && random_integers(t, low, high, o->generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return finish(t, o);
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
    if (!read_numbers((PyObject *[]){low ? low : high, high ? high : low}, s, 2, &whole))
        return false;
    bounds[0] = low && high ? s[0].i : 0;
    bounds[1] = high ? s[1].i : s[0].i;
    return true;
}

FASTCALL(randint)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *low = NULL, *high = NULL, *size = NULL;
    struct keyword keywords[] = {{"low", &low}, {"high", &high}, {"size", &size}};
    int64_t shape[TENSOR_MAX_DIMS], bounds[2];
    int ndim;

    if (!read_all("randint", call, &o, keywords, 3))
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
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *low = NULL, *high = NULL;
    struct keyword keywords[] = {{"input", &input}, {"low", &low}, {"high", &high}};
    int64_t bounds[2];

    if (!read_all("randint_like", call, &o, keywords, 3) ||
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
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *n = NULL;
    struct keyword keywords[] = {{"n", &n}};
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *t;

    if (!read_all("randperm", call, &o, keywords, 1))
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
    return finish(t, &o);
}

FASTCALL(bernoulli)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *p = NULL;
    struct keyword keywords[] = {{"input", &input}, {"p", &p}};
    struct tensor *t;
    struct scalar s;
    int status;

    if (!read_all("bernoulli", call, &o, keywords, 2))
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
    return finish(t, &o);
}

FASTCALL(multinomial)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *input = NULL, *count_object = NULL, *replacement = NULL;
    struct keyword keywords[] = {
        {"input", &input}, {"num_samples", &count_object}, {"replacement", &replacement}};
    struct scalar s;

    if (!read_all("multinomial", call, &o, keywords, 3))
        return NULL;
    if (!input || !tensor_check(input) || !count_object)
        return PyErr_Format(PyExc_TypeError, "multinomial() takes a Tensor and num_samples");
    if (!scalar_from_python(count_object, &s))
        return NULL;
    return finish(random_multinomial(tensor_of(input), s.i,
                                     replacement && PyObject_IsTrue(replacement), o.generator),
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
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *mean = NULL, *std = NULL, *size = NULL, *object, *scaled, *shifted;
    struct keyword keywords[] = {{"mean", &mean}, {"std", &std}, {"size", &size}};
    struct scalar m = scalar_float(0), s = scalar_float(1);
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *like, *t;
    int ndim;

    if (!read_all("normal", call, &o, keywords, 3))
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
        return finish(t, &o);
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

/* ---- from data ---- */

FASTCALL(tensor)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *data = NULL;
    struct keyword keywords[] = {{"data", &data}};

    if (!read_all("tensor", call, &o, keywords, 1))
        return NULL;
    if (!data)
        return PyErr_Format(PyExc_TypeError,
                            "tensor() missing 1 required positional arguments: \"data\"");
    if (tensor_check(data) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "To copy construct from a tensor, it is recommended to use "
                     "sourceTensor.clone().detach() or "
                     "sourceTensor.clone().detach().requires_grad_(True), rather than "
                     "torch.tensor(sourceTensor).",
                     1) < 0)
        return NULL;
    return finish(tensor_from_python(data, o.dtype), &o);
}

static PyObject *share_or_copy(PyObject *data, struct options *o)
{
    struct tensor *t;

    if (tensor_check(data)) {
        if (o->dtype == DTYPE_NONE || o->dtype == tensor_dtype(tensor_of(data)))
            return Py_NewRef(data);
        return PyObject_CallMethod(data, "to", "N", dtype_object(o->dtype));
    }
    if (!is_numpy_array(data))
        return finish(tensor_from_python(data, o->dtype), o);
    t = tensor_from_buffer(data);
    if (t && o->dtype != DTYPE_NONE && tensor_dtype(t) != o->dtype) {
        struct tensor *converted = tensor_to(t, o->dtype);

        tensor_unref(t);
        t = converted;
    }
    return finish(t, o);
}

FASTCALL(as_tensor)
{
    CALL;
    struct options o = {.dtype = DTYPE_NONE};
    PyObject *data = NULL;
    struct keyword keywords[] = {{"data", &data}};

    if (!read_all("as_tensor", call, &o, keywords, 1))
        return NULL;
    return data ? share_or_copy(data, &o) : PyErr_Format(PyExc_TypeError, "as_tensor() needs data");
}

static PyObject *make_from_numpy(PyObject *self, PyObject *array)
{
    (void)self;
    if (!is_numpy_array(array))
        return PyErr_Format(PyExc_TypeError, "expected np.ndarray (got %s)",
                            Py_TYPE(array)->tp_name);
    return tensor_wrap(tensor_from_buffer(array));
}

PyObject *tensor_legacy_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    int64_t shape[TENSOR_MAX_DIMS] = {0};
    PyObject *const *items = PySequence_Fast_ITEMS(args);
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    struct tensor *t;
    int ndim;

    (void)kwargs;
    if (count == 1 && tensor_check(items[0])) {
        t = tensor_alias(tensor_of(items[0]));
    } else if (count == 1 && !PyLong_Check(items[0]) && !Py_IS_TYPE(items[0], size_type)) {
        t = tensor_from_python(items[0], dtype_default());
    } else {
        ndim = count == 0 ? 1 : shape_from_python(items, count, shape);
        if (ndim < 0)
            return NULL;
        t = tensor_new(dtype_default(), ndim, shape);
    }
    return tensor_wrap_as(type, t);
}

/* What pickle calls: (type, nested list, dtype, size, requires_grad). */
static PyObject *rebuild_tensor(PyObject *self, PyObject *args)
{
    PyObject *type, *list, *dtype_object_, *size;
    int64_t shape[TENSOR_MAX_DIMS];
    enum dtype dtype;
    struct tensor *t, *shaped = NULL;
    int requires_grad, ndim;

    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOp", &type, &list, &dtype_object_, &size, &requires_grad))
        return NULL;
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, tensor_type) ||
        !dtype_from_python(dtype_object_, &dtype))
        return PyErr_Format(PyExc_TypeError, "a pickled tensor names no tensor type");
    ndim = shape_from_python(&size, 1, shape);
    t = ndim < 0 ? NULL : tensor_from_python(list, dtype);
    if (t && t->numel == shape_numel(ndim, shape)) {
        shaped = tensor_new(dtype, ndim, shape);
        if (shaped)
            memcpy(tensor_data(shaped), tensor_data(t), (size_t)t->numel * dtype_size(dtype));
    }
    tensor_unref(t);
    if (!shaped)
        return PyErr_Occurred() ? NULL
                                : PyErr_Format(PyExc_ValueError, "a pickled tensor does not have "
                                                                 "the size that it names");
    shaped->requires_grad = requires_grad;
    return tensor_wrap_as((PyTypeObject *)type, shaped);
}

/* ---- x.new_zeros(2, 3) ---- */

static PyObject *new_filled(PyObject *self, PyObject *args, PyObject *kwargs, enum filling filling)
{
    struct options o = {.dtype = tensor_dtype(tensor_of(self))};
    PyObject *const *items = PySequence_Fast_ITEMS(args);
    int64_t shape[TENSOR_MAX_DIMS];
    PyObject *key, *value;
    Py_ssize_t at = 0;
    bool known;
    int ndim;

    while (kwargs && PyDict_Next(kwargs, &at, &key, &value)) {
        if (!read_option(PyUnicode_AsUTF8(key), value, &o, &known))
            return NULL;
    }
    ndim = shape_from_python(items, PyTuple_GET_SIZE(args), shape);
    return ndim < 0 ? NULL : make_filled(o.dtype, ndim, shape, filling, &o);
}

static PyObject *method_new_empty(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return new_filled(self, args, kwargs, FILL_EMPTY);
}

static PyObject *method_new_zeros(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return new_filled(self, args, kwargs, FILL_ZEROS);
}

static PyObject *method_new_ones(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return new_filled(self, args, kwargs, FILL_ONES);
}

static PyObject *method_new_tensor(PyObject *self, PyObject *data)
{
    return tensor_wrap(tensor_from_python(data, tensor_dtype(tensor_of(self))));
}

#define WITH_KEYWORDS(function)                                                                    \
    (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS
PyMethodDef tensor_fill_methods[] = {{"new_empty", WITH_KEYWORDS(method_new_empty), NULL},
                                     {"new_zeros", WITH_KEYWORDS(method_new_zeros), NULL},
                                     {"new_ones", WITH_KEYWORDS(method_new_ones), NULL},
                                     {"new_tensor", method_new_tensor, METH_O, NULL},
                                     {NULL, NULL, 0, NULL}};

#define MAKER(name)                                                                                \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))make_##name, METH_FASTCALL | METH_KEYWORDS, NULL       \
    }
int create_init(PyObject *torch)
{
    static PyMethodDef methods[] = {MAKER(empty),
                                    MAKER(empty_like),
                                    MAKER(zeros),
                                    MAKER(zeros_like),
                                    MAKER(ones),
                                    MAKER(ones_like),
                                    MAKER(rand),
                                    MAKER(rand_like),
                                    MAKER(randn),
                                    MAKER(randn_like),
                                    MAKER(full),
                                    MAKER(full_like),
                                    MAKER(arange),
                                    MAKER(linspace),
                                    MAKER(logspace),
                                    MAKER(eye),
                                    MAKER(randint),
                                    MAKER(randint_like),
                                    MAKER(randperm),
                                    MAKER(bernoulli),
                                    MAKER(multinomial),
                                    MAKER(normal),
                                    MAKER(tensor),
                                    MAKER(as_tensor),
                                    {"asarray", (PyCFunction)(void (*)(void))make_as_tensor,
                                     METH_FASTCALL | METH_KEYWORDS, NULL},
                                    {"from_numpy", make_from_numpy, METH_O, NULL},
                                    {"_rebuild_tensor", rebuild_tensor, METH_VARARGS, NULL},
                                    {NULL, NULL, 0, NULL}};

    return PyModule_AddFunctions(torch, methods);
}
