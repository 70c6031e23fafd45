/* Tensors of evenly spaced numbers: arange, linspace, logspace; eye. */
#include "base/error.h"
#include "python/create.h"
#include "python/errors.h"

#include <math.h>

/* Whether the way from start to end can be gone in steps of that sign. */
static bool check_range(const char *bound, const struct scalar r[3])
{
    if (r[2].d == 0)
        return error_set(ERROR_RUNTIME, "step must be nonzero"), false;
    if (!isfinite(r[0].d) || !isfinite(r[1].d))
        return error_set(ERROR_RUNTIME, "unsupported range: %g -> %g", r[0].d, r[1].d), false;
    if ((r[1].d - r[0].d) / r[2].d >= 0)
        return true;
    error_set(ERROR_RUNTIME, "upper bound and %s bound inconsistent with step sign", bound);
    return false;
}

/* Start, end and step as whole numbers, unless the dtype is one of floats. */
static void use_dtype(struct scalar r[3], enum dtype dtype)
{
    for (int i = 0; i < 3 && !dtype_is_float(dtype); i++)
        r[i] = scalar_int(r[i].kind == SCALAR_FLOAT ? (int64_t)r[i].d : r[i].i);
}

/* PyTorch fills vectors of 32 bytes, two at a time, and counts inside a vector from its first
 * number, which it rounds; what is left over it counts from the start. Its digits need the same. */
static int vector_lanes(enum dtype dtype)
{
    bool is_stored = dtype_is_stored(dtype); /* counted one by one */

    return is_stored || dtype_is_complex(dtype) ? 1 : 32 / (int)dtype_size(dtype);
}

/* How far number i of n is from the first number of its vector. */
static int64_t lane_of(int64_t i, int64_t n, int lanes)
{
    return i < n - n % (2 * lanes) ? i % lanes : 0;
}

/* n numbers from r[0] on, r[2] apart. */
static struct tensor *steps_from(const struct scalar r[3], int64_t n, enum dtype dtype)
{
    bool whole = r[0].kind != SCALAR_FLOAT && r[2].kind != SCALAR_FLOAT;
    int lanes = vector_lanes(dtype);
    struct tensor *t = tensor_new(dtype, 1, &n);

    for (int64_t i = 0; t && i < n; i++) {
        char *at = tensor_data(t) + i * (int64_t)dtype_size(dtype);
        int64_t lane = lane_of(i, n, lanes);

        if (whole) {
            dtype_store(dtype, at, scalar_int(r[0].i + i * r[2].i));
            continue;
        }
        dtype_store(dtype, at, scalar_float(fma(r[2].d, (double)(i - lane), r[0].d)));
        if (lane)
            dtype_store(dtype, at,
                        scalar_float(fma(r[2].d, (double)lane, dtype_load(dtype, at).d)));
    }
    return t;
}

static struct tensor *arange(const struct scalar r[3], enum dtype dtype)
{
    double size = ceil((r[1].d - r[0].d) / r[2].d);

    if (!check_range("larger", r))
        return NULL;
    if (dtype == DTYPE_b8)
        return dtype_refuse("arange_cpu", dtype), NULL;
    if (size >= 9.2e18)
        return error_null(ERROR_RUNTIME, "invalid size, possible overflow?");
    return steps_from(r, (int64_t)size, dtype);
}

/* The numbers (taken over) as the result. An out= of as many elements keeps its shape. */
static PyObject *finish_row(struct tensor *t, const struct create_options *o)
{
    struct tensor *out = o->out, *shaped;
    int64_t stride[TENSOR_MAX_DIMS];

    if (!t || !out || out->numel != t->numel)
        return create_finish(t, o);
    shape_strides(out->ndim, out->shape, stride);
    shaped = tensor_view(t, out->ndim, out->shape, stride, 0);
    tensor_unref(t);
    return create_finish(shaped, o);
}

/* Says that out= had not the size that arange() needs. */
static int warn_out_size(const struct tensor *t, const struct tensor *out)
{
    char text[256];

    if (!t || !out || out->numel == 0 || out->numel == t->numel)
        return 0;
    return PyErr_WarnFormat(
        PyExc_UserWarning, 1,
        "The number of elements in the out tensor of shape %s is %lld which does not match the "
        "computed number of elements %lld. Note that this may occur as a result of rounding "
        "error. The out tensor will be resized to a tensor of shape (%lld,).",
        shape_text(out->ndim, out->shape, text, sizeof(text)), (long long)out->numel,
        (long long)t->numel, (long long)t->numel);
}

FASTCALL(arange)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *given[3] = {NULL};
    struct create_keyword keywords[] = {
        {"start", &given[0]}, {"end", &given[1]}, {"step", &given[2]}};
    struct scalar r[3] = {scalar_int(0), scalar_int(0), scalar_int(1)};
    bool whole = true, part;
    struct tensor *t;

    if (!create_read("arange", call, &o, keywords, 3))
        return NULL;
    if (!given[1] && !given[2]) { /* arange(end) */
        given[1] = given[0];
        given[0] = NULL;
    }
    if (!given[1])
        return create_refuse("arange", call);
    for (int i = 0; i < 3; i++) {
        int status = given[i] ? create_read_numbers(&given[i], &r[i], 1, &part) : 1;

        if (status <= 0)
            return status < 0 ? NULL : create_refuse("arange", call);
        whole &= !given[i] || part;
    }
    if (o.dtype == DTYPE_NONE)
        o.dtype = whole ? DTYPE_i64 : dtype_default();
    use_dtype(r, o.dtype);
    t = arange(r, o.dtype);
    if (warn_out_size(t, o.out) < 0) {
        tensor_unref(t);
        return NULL;
    }
    return finish_row(t, &o);
}

/* range(start, end, step): arange() with its end, of the default dtype; PyTorch gives it up. */
FASTCALL(range)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *given[3] = {NULL};
    struct create_keyword keywords[] = {
        {"start", &given[0]}, {"end", &given[1]}, {"step", &given[2]}};
    struct scalar r[3] = {scalar_int(0), scalar_int(0), scalar_int(1)};
    bool whole;
    int status;

    if (!create_read("range", call, &o, keywords, 3))
        return NULL;
    status = given[0] && given[1] ? create_read_numbers(given, r, given[2] ? 3 : 2, &whole) : 0;
    if (status <= 0)
        return status < 0 ? NULL : create_refuse("range", call);
    if (PyErr_WarnEx(
            PyExc_UserWarning,
            "torch.range is deprecated and will be removed in a future release because its "
            "behavior is inconsistent with Python's range builtin. Instead, use "
            "torch.arange, which produces values in [start, end).",
            1) < 0)
        return NULL;
    if (o.dtype == DTYPE_NONE)
        o.dtype = dtype_default();
    use_dtype(r, o.dtype);
    if (!check_range("lower", r) || (o.dtype == DTYPE_b8 && dtype_refuse("range_cpu", o.dtype) < 0))
        return python_error();
    return finish_row(steps_from(r, (int64_t)((r[1].d - r[0].d) / r[2].d) + 1, o.dtype), &o);
}

/* Number i of n from start to end: the first half counted from the start, the second from the end,
 * so that both are symmetric to the last digit. */
#define DEFINE_SPACED(T, fma)                                                                      \
    static double spaced_##T(T start, T end, int64_t i, int64_t n, int64_t lane, bool whole)       \
    {                                                                                              \
        T step = n > 1 ? (end - start) / (T)(n - 1) : 0;                                           \
        int64_t first = i - lane;                                                                  \
        T origin = first < n / 2 || n == 1 ? fma(step, (T)first, start)                            \
                                           : fma(-step, (T)(n - first - 1), end);                  \
                                                                                                   \
        return (whole ? (T)trunc(origin) : origin) + step * (T)lane;                               \
    }
DEFINE_SPACED(float, fmaf)
DEFINE_SPACED(double, fma)

static struct tensor *linspace(double start, double end, int64_t n, enum dtype dtype)
{
    bool whole = !dtype_is_float(dtype) && !dtype_is_complex(dtype);
    struct tensor *t = tensor_new(dtype, 1, &n);

    if (whole) {
        start = trunc(start);
        end = trunc(end);
    }
    for (int64_t i = 0; t && i < n; i++) {
        int64_t lane = lane_of(i, n, vector_lanes(dtype));
        double value = dtype == DTYPE_f32
                           ? spaced_float((float)start, (float)end, i, n, lane, whole)
                           : spaced_double(start, end, i, n, lane, whole);

        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype), scalar_float(value));
    }
    return t;
}

/* Powers of base: the exponents counted one by one, in double. */
static struct tensor *logspace(double start, double end, int64_t n, enum dtype dtype, double base)
{
    double step = n > 1 ? (end - start) / (double)(n - 1) : 0;
    struct tensor *t = tensor_new(dtype, 1, &n);

    for (int64_t i = 0; t && i < n; i++) {
        double power =
            i < n / 2 || n == 1 ? start + step * (double)i : end - step * (double)(n - i - 1);

        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype),
                    scalar_float(pow(base, power)));
    }
    return t;
}

/* base 0: linspace, which has none. */
static PyObject *spaced(const char *name, const struct python_call *call, double base)
{
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *start = NULL, *end = NULL, *steps = NULL, *base_object = NULL;
    struct create_keyword keywords[] = {
        {"start", &start}, {"end", &end}, {"steps", &steps}, {"base", &base_object}};
    struct scalar r[3], b = scalar_float(base);
    bool whole;
    int status;

    if (!create_read(name, call, &o, keywords, base != 0 ? 4 : 3))
        return NULL;
    status = start && end && steps && !PyFloat_Check(steps)
                 ? create_read_numbers((PyObject *[]){start, end, steps}, r, 3, &whole)
                 : 0;
    if (status > 0 && base_object)
        status = create_read_numbers(&base_object, &b, 1, &whole);
    if (status <= 0)
        return status < 0 ? NULL : create_refuse(name, call);
    if (r[2].d < 0)
        return PyErr_Format(PyExc_RuntimeError, "number of steps must be non-negative");
    if (o.dtype == DTYPE_NONE)
        o.dtype = dtype_default();
    if (o.dtype == DTYPE_b8)
        return dtype_refuse(base != 0 ? "logspace_cpu" : "linspace_cpu", o.dtype), python_error();
    return finish_row(base != 0 ? logspace(r[0].d, r[1].d, (int64_t)r[2].d, o.dtype, b.d)
                                : linspace(r[0].d, r[1].d, (int64_t)r[2].d, o.dtype),
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
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *n = NULL, *m = NULL;
    struct create_keyword keywords[] = {{"n", &n}, {"m", &m}};
    int64_t shape[TENSOR_MAX_DIMS];
    enum dtype dtype;
    struct tensor *t;
    int ndim;

    if (!create_read("eye", call, &o, keywords, 2))
        return NULL;
    ndim =
        n && !PyTuple_Check(n) ? shape_read((PyObject *[]){n, m ? m : n}, 2, shape) : SHAPE_MISFIT;
    if (ndim < 0)
        return ndim == SHAPE_MISFIT ? create_refuse("eye", call) : NULL;
    for (int d = 0; d < 2; d++) {
        if (shape[d] < 0)
            return PyErr_Format(PyExc_RuntimeError, "%s must be greater or equal to 0, got %lld",
                                d ? "m" : "n", (long long)shape[d]);
    }
    dtype = o.dtype == DTYPE_NONE ? dtype_default() : o.dtype;
    t = tensor_zeros(dtype, 2, shape);
    for (int64_t i = 0; t && i < shape[0] && i < shape[1]; i++)
        dtype_store(dtype, tensor_data(t) + i * (shape[1] + 1) * (int64_t)dtype_size(dtype),
                    scalar_int(1));
    return create_finish(t, &o);
}

PyMethodDef create_range_methods[] = {MAKER(arange),   MAKER(range), MAKER(linspace),
                                      MAKER(logspace), MAKER(eye),   {NULL, NULL, 0, NULL}};
