/* Windows for spectra (hann_window ...), and the frequencies of torch.fft. */
#include "python/create.h"

#include "autograd/formula.h"
#include "base/error.h"
#include "python/errors.h"
#include "python/module.h"

#include <math.h>
#include <string.h>

enum { MOST_NUMBERS = 2 };

/* One of the windows: n numbers from the places 0, 1 .. n - 1 (pooled), and what else it takes. */
struct window {
    const char *name;
    struct tensor *(*compute)(struct tensor *place, int64_t n, const double *numbers);
    const char *names[MOST_NUMBERS];
    double numbers[MOST_NUMBERS];
};

static struct tensor *scaled(struct tensor *x, double by)
{
    return d_mul(x, d_number(scalar_float(by)));
}

/* Computed in double: at the ends of a window the cosine is 1, to the last digit. */
static struct tensor *cosine(struct tensor *x)
{
    return x ? d_to(d_cos(d_to(x, DTYPE_f64)), tensor_dtype(x)) : NULL;
}

/* From 0 up to 1 and down again. */
static struct tensor *bartlett(struct tensor *place, int64_t n, const double *numbers)
{
    struct tensor *rising = scaled(place, 2.0 / (double)(n - 1)), *falling;

    (void)numbers;
    falling = d_shift(scaled(rising, -1), 2);
    return d_minimum(rising, falling);
}

static struct tensor *blackman(struct tensor *place, int64_t n, const double *numbers)
{
    struct tensor *angle = scaled(place, M_PI / (double)(n - 1));

    (void)numbers;
    return d_shift(
        d_sub(scaled(cosine(scaled(angle, 4)), 0.08), scaled(cosine(scaled(angle, 2)), 0.5)), 0.42);
}

/* numbers: alpha, beta */
static struct tensor *hamming(struct tensor *place, int64_t n, const double *numbers)
{
    struct tensor *wave = cosine(scaled(place, 2 * M_PI / (double)(n - 1)));

    return d_shift(scaled(wave, -numbers[1]), numbers[0]);
}

static struct tensor *hann(struct tensor *place, int64_t n, const double *numbers)
{
    (void)numbers;
    return hamming(place, n, (double[]){0.5, 0.5});
}

/* numbers: beta. I0(beta * sqrt(1 - y^2)) / I0(beta) for y from -1 to 1. */
static struct tensor *kaiser(struct tensor *place, int64_t n, const double *numbers)
{
    struct tensor *y = d_shift(scaled(place, 2.0 / (double)(n - 1)), -1);
    struct tensor *beta =
        pool_keep(tensor_full(tensor_dtype(place), 0, NULL, scalar_float(numbers[0])));
    struct tensor *root = y ? d_sqrt(d_maximum(d_one_minus_square(y), d_zeros(y))) : NULL;

    return beta ? d_true_divide(d_i0(scaled(root, numbers[0])), d_i0(beta)) : NULL;
}

static const struct window windows[] = {
    {"bartlett_window", bartlett, {NULL}, {0}},
    {"blackman_window", blackman, {NULL}, {0}},
    {"hamming_window", hamming, {"alpha", "beta"}, {0.54, 0.46}},
    {"hann_window", hann, {NULL}, {0}},
    {"kaiser_window", kaiser, {"beta"}, {12.0}},
};

/* 0, 1 .. n - 1; pooled. */
static struct tensor *places(int64_t n, enum dtype dtype)
{
    struct tensor *t = tensor_new(dtype, 1, &n);

    for (int64_t i = 0; t && i < n; i++)
        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype), scalar_int(i));
    return pool_keep(t);
}

/* A periodic window is one that is longer by 1, without its last number. */
static PyObject *make_numbers(const struct window *w, int64_t length, bool periodic,
                              const double *numbers, const struct create_options *o)
{
    bool recording = grad_set_enabled(false);
    size_t mark = pool_open();
    int64_t n = length + periodic;
    struct tensor *t, *place = places(n, o->dtype);

    if (length < 2)
        t = pool_keep(tensor_full(o->dtype, 1, &length, scalar_int(1)));
    else
        t = place ? d_narrow(w->compute(place, n, numbers), 0, 0, length) : NULL;
    t = t ? tensor_clone(t) : NULL;
    pool_close(mark);
    grad_set_enabled(recording);
    return create_finish(t, o);
}

static int read_numbers(PyObject *const *given, int count, double *numbers)
{
    struct scalar s;
    bool whole;

    for (int i = 0; i < count; i++) {
        int status = given[i] ? create_read_numbers(&given[i], &s, 1, &whole) : 1;

        if (status <= 0)
            return status;
        if (given[i])
            numbers[i] = s.d;
    }
    return 1;
}

static PyObject *make_window(const struct window *w, const struct python_call *call)
{
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *length = NULL, *periodic = NULL, *given[MOST_NUMBERS] = {NULL};
    struct create_keyword keywords[2 + MOST_NUMBERS] = {{"window_length", &length},
                                                        {"periodic", &periodic}};
    double numbers[MOST_NUMBERS];
    int64_t n;
    int count = 0, status;

    memcpy(numbers, w->numbers, sizeof(numbers));
    for (; count < MOST_NUMBERS && w->names[count]; count++)
        keywords[2 + count] = (struct create_keyword){w->names[count], &given[count]};
    if (!create_read(w->name, call, &o, keywords, 2 + count))
        return NULL;
    status = !length || PyTuple_Check(length) || PyList_Check(length) || o.out ||
                     (periodic ? !PyBool_Check(periodic) : given[0] || given[1])
                 ? SHAPE_MISFIT
                 : shape_read(&length, 1, &n);
    if (status >= 0)
        status = read_numbers(given, count, numbers) - 1;
    if (status < 0)
        return PyErr_Occurred() ? NULL : create_refuse(w->name, call);
    if (o.dtype == DTYPE_NONE)
        o.dtype = dtype_default();
    if (!dtype_is_float(o.dtype))
        return PyErr_Format(PyExc_RuntimeError,
                            "%s expects floating point dtypes, got: TensorOptions(dtype=%s, "
                            "device=cpu, layout=Strided (default), requires_grad=false (default), "
                            "pinned_memory=false, memory_format=(nullopt))",
                            w->name, dtype_c_name(o.dtype));
    if (n < 0)
        return PyErr_Format(PyExc_RuntimeError,
                            "%s requires non-negative window_length, got window_length=%lld",
                            w->name, (long long)n);
    return make_numbers(w, n, periodic != Py_False, numbers, &o);
}

#define WINDOW(name, index)                                                                        \
    FASTCALL(name)                                                                                 \
    {                                                                                              \
        CALL;                                                                                      \
        return make_window(&windows[index], call);                                                 \
    }
WINDOW(bartlett_window, 0)
WINDOW(blackman_window, 1)
WINDOW(hamming_window, 2)
WINDOW(hann_window, 3)
WINDOW(kaiser_window, 4)

/* ---- frequencies ---- */

/* k / (n d) for k = 0, 1 ..; behind the middle the negative ones, of a half none. */
static PyObject *frequencies(const char *name, const struct python_call *call, bool half)
{
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *size = NULL, *spacing = NULL;
    struct create_keyword keywords[] = {{"n", &size}, {"d", &spacing}};
    int64_t n, count;
    double d = 1;
    struct tensor *t, *k;
    size_t mark;
    int status;

    if (!create_read(name, call, &o, keywords, 2))
        return NULL;
    status = size && !PyTuple_Check(size) && !PyList_Check(size) ? shape_read(&size, 1, &n)
                                                                 : SHAPE_MISFIT;
    if (status >= 0)
        status = read_numbers(&spacing, 1, &d) - 1;
    if (status < 0)
        return PyErr_Occurred() ? NULL : create_refuse(name, call);
    if (o.dtype == DTYPE_NONE)
        o.dtype = dtype_default();
    if (!dtype_is_differentiable(o.dtype))
        return PyErr_Format(PyExc_RuntimeError, "%s requires a floating point or complex dtype",
                            name + strlen("fft_"));
    count = half && n >= 0 ? n / 2 + 1 : n;
    mark = pool_open();
    k = places(count, o.dtype);
    for (int64_t i = (n + 1) / 2; k && !half && i < n; i++)
        dtype_store(o.dtype, tensor_data(k) + i * (int64_t)dtype_size(o.dtype), scalar_int(i - n));
    t = k ? scaled(k, 1.0 / ((double)n * d)) : NULL;
    t = t ? tensor_ref(t) : NULL;
    pool_close(mark);
    return create_finish(t, &o);
}

FASTCALL(fftfreq)
{
    CALL;
    return frequencies("fft_fftfreq", call, false);
}

FASTCALL(rfftfreq)
{
    CALL;
    return frequencies("fft_rfftfreq", call, true);
}

PyMethodDef create_window_methods[] = {MAKER(bartlett_window), MAKER(blackman_window),
                                       MAKER(hamming_window),  MAKER(hann_window),
                                       MAKER(kaiser_window),   {NULL, NULL, 0, NULL}};
PyMethodDef create_frequency_methods[] = {MAKER(fftfreq), MAKER(rfftfreq), {NULL, NULL, 0, NULL}};
