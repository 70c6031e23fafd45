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

/* n numbers from r[0] on, r[2] apart. */
static struct tensor *steps_from(const struct scalar r[3], int64_t n, enum dtype dtype)
{
    bool whole = r[0].kind != SCALAR_FLOAT && r[2].kind != SCALAR_FLOAT;
    struct tensor *t = tensor_new(dtype, 1, &n);

    for (int64_t i = 0; t && i < n; i++)
        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype),
                    whole ? scalar_int(r[0].i + i * r[2].i)
                          : scalar_float(r[0].d + (double)i * r[2].d));
    return t;
}

static struct tensor *arange(const struct scalar r[3], enum dtype dtype)
{
    double size = ceil((r[1].d - r[0].d) / r[2].d);

    if (!check_range("larger", r))
        return NULL;
    if (dtype == DTYPE_b8)
        return error_null(ERROR_RUNTIME, "\"arange_cpu\" not implemented for 'Bool'");
    if (size >= 9.2e18)
        return error_null(ERROR_RUNTIME, "invalid size, possible overflow?");
    return steps_from(r, (int64_t)size, dtype);
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
        o.dtype = o.out ? tensor_dtype(o.out) : whole ? DTYPE_i64 : dtype_default();
    for (int i = 0; i < 3 && !dtype_is_float(o.dtype); i++)
        r[i] = scalar_int(r[i].kind == SCALAR_FLOAT ? (int64_t)r[i].d : r[i].i);
    return create_finish(arange(r, o.dtype), &o);
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
        o.dtype = o.out ? tensor_dtype(o.out) : dtype_default();
    for (int i = 0; i < 3 && !dtype_is_float(o.dtype); i++)
        r[i] = scalar_int(r[i].kind == SCALAR_FLOAT ? (int64_t)r[i].d : r[i].i);
    if (!check_range("lower", r))
        return python_error();
    return create_finish(steps_from(r, (int64_t)((r[1].d - r[0].d) / r[2].d) + 1, o.dtype), &o);
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

            value = i < steps / 2 || steps == 1 ? fmaf(narrow, (float)i, (float)start)
                                                : fmaf(-narrow, (float)(steps - i - 1), (float)end);
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
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *start = NULL, *end = NULL, *steps = NULL, *base_object = NULL;
    struct create_keyword keywords[] = {
        {"start", &start}, {"end", &end}, {"steps", &steps}, {"base", &base_object}};
    struct scalar r[3], b;
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
    return create_finish(linspace(r[0].d, r[1].d, (int64_t)r[2].d,
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
