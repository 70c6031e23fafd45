/*
 * Discrete Fourier transforms of complex tensors, of any length.
 *
 * A length of small prime factors is taken apart by Cooley and Tukey's decimation in time, factor
 * by factor; one with a large prime by Bluestein's chirp, which makes it a convolution whose length
 * is a power of two. Everything is computed in double, whatever the tensor's type.
 */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/op.h"

#include <math.h>
#include <string.h>

typedef double _Complex cplx;

enum { MAX_FACTORS = 64, LARGEST_FACTOR = 61 };

static inline cplx cplx_of(double re, double im)
{
    return __builtin_complex(re, im);
}

/* Without the tests for infinities that C's own product makes. */
static inline cplx times(cplx a, cplx b)
{
    double ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;

    return cplx_of(ar * br - ai * bi, ar * bi + ai * br);
}

static inline cplx conjugate(cplx a)
{
    return cplx_of(__real__ a, -__imag__ a);
}

/* exp(-2 pi i k / n) for 0 <= k < n, by the angle in an eighth of the circle: exact at its corners.
 */
static cplx root_of_unity(int64_t k, int64_t n)
{
    int64_t eighth = 8 * k / n, rest = 8 * k - eighth * n;
    double angle = M_PI_4 * (double)(eighth & 1 ? n - rest : rest) / (double)n;
    double c = cos(angle), s = sin(angle);
    double turned = (eighth + 1) & 2 ? c : s, kept = (eighth + 1) & 2 ? s : c;

    if (eighth >= 2 && eighth < 6)
        kept = -kept;
    return cplx_of(kept, eighth < 4 ? -turned : turned);
}

/* ---- plans ---- */

struct plan {
    int64_t n;
    int factors[MAX_FACTORS];
    int factor_count;
    cplx *roots;      /* n roots of unity */
    struct plan *big; /* of the convolution, where n has a large prime factor; else NULL */
    cplx *chirp;      /* n: exp(-pi i k^2 / n) */
    cplx *kernel;     /* big->n: the transform of the conjugate chirp, divided by big->n */
    cplx *work[2];    /* big->n each */
};

static void plan_free(struct plan *p)
{
    if (!p)
        return;
    plan_free(p->big);
    mem_free(p->roots);
    mem_free(p->chirp);
    mem_free(p->kernel);
    mem_free(p->work[0]);
    mem_free(p->work[1]);
    mem_free(p);
}

/* Fours first, then primes; false when one is too large. */
static bool find_factors(struct plan *p)
{
    int64_t rest = p->n;

    for (; rest % 4 == 0; rest /= 4)
        p->factors[p->factor_count++] = 4;
    for (int factor = 2; rest > 1 && factor <= LARGEST_FACTOR; factor++) {
        for (; rest % factor == 0; rest /= factor)
            p->factors[p->factor_count++] = factor;
    }
    return rest == 1;
}

static void transform(const struct plan *p, const cplx *in, cplx *out);

/* The parts of Bluestein's convolution; false without memory. */
static bool plan_chirp(struct plan *p)
{
    int64_t n = p->n, m = p->big->n;

    p->chirp = mem_alloc((size_t)n * sizeof(cplx));
    p->kernel = mem_alloc((size_t)m * sizeof(cplx));
    for (int i = 0; i < 2; i++)
        p->work[i] = mem_zero((size_t)m, sizeof(cplx));
    if (!p->chirp || !p->kernel || !p->work[0] || !p->work[1])
        return false;
    for (int64_t k = 0; k < n; k++) {
        cplx w =
            root_of_unity((int64_t)((unsigned __int128)k * (unsigned __int128)k % (2 * n)), 2 * n);

        p->chirp[k] = w;
        p->work[0][k] = conjugate(w);
        if (k)
            p->work[0][m - k] = conjugate(w);
    }
    transform(p->big, p->work[0], p->kernel);
    for (int64_t k = 0; k < m; k++)
        p->kernel[k] =
            cplx_of(__real__ p->kernel[k] / (double)m, __imag__ p->kernel[k] / (double)m);
    return true;
}

static struct plan *plan_new(int64_t n)
{
    struct plan *p = mem_zero(1, sizeof(*p));
    int64_t m = 1;

    if (!p)
        return NULL;
    p->n = n;
    if (find_factors(p)) {
        p->roots = mem_alloc((size_t)n * sizeof(cplx));
        if (!p->roots)
            goto fail;
        for (int64_t k = 0; k < n; k++)
            p->roots[k] = root_of_unity(k, n);
        return p;
    }
    while (m < 2 * n - 1)
        m *= 2;
    p->big = plan_new(m);
    if (p->big && plan_chirp(p))
        return p;
fail:
    plan_free(p);
    return NULL;
}

/* ---- one line ---- */

/* `factor` transforms of length m at out become one; w(i) is the i-th root of their product. */
static void combine(const struct plan *p, int factor, int64_t m, int64_t stride, cplx *out)
{
    cplx t[LARGEST_FACTOR];

    for (int64_t k = 0; k < m; k++) {
        for (int r = 0; r < factor; r++)
            t[r] = r && k ? times(out[k + r * m], p->roots[r * k * stride]) : out[k + r * m];
        if (factor == 2) {
            out[k] = t[0] + t[1];
            out[k + m] = t[0] - t[1];
            continue;
        }
        if (factor == 4) {
            cplx even = t[0] + t[2], odd = t[0] - t[2], sum = t[1] + t[3], d = t[1] - t[3];
            cplx turned = cplx_of(__imag__ d, -__real__ d);

            out[k] = even + sum;
            out[k + m] = odd + turned;
            out[k + 2 * m] = even - sum;
            out[k + 3 * m] = odd - turned;
            continue;
        }
        for (int q = 0; q < factor; q++) {
            cplx sum = t[0];

            for (int r = 1; r < factor; r++)
                sum += times(t[r], p->roots[(int64_t)(q * r % factor) * m * stride]);
            out[k + q * m] = sum;
        }
    }
}

static void take_apart(const struct plan *p, int level, int64_t n, int64_t stride, const cplx *in,
                       cplx *out)
{
    int factor;

    if (n == 1) {
        *out = *in;
        return;
    }
    factor = p->factors[level];
    for (int r = 0; r < factor; r++)
        take_apart(p, level + 1, n / factor, stride * factor, in + r * stride,
                   out + r * (n / factor));
    combine(p, factor, n / factor, stride, out);
}

/* The convolution with the chirp, by two transforms of p->big. */
static void bluestein(const struct plan *p, const cplx *in, cplx *out)
{
    int64_t m = p->big->n;
    cplx *a = p->work[0], *b = p->work[1];

    for (int64_t k = 0; k < m; k++)
        a[k] = k < p->n ? times(in[k], p->chirp[k]) : 0;
    transform(p->big, a, b);
    for (int64_t k = 0; k < m; k++)
        a[k] = conjugate(times(b[k], p->kernel[k]));
    transform(p->big, a, b);
    for (int64_t k = 0; k < p->n; k++)
        out[k] = times(conjugate(b[k]), p->chirp[k]);
}

static void transform(const struct plan *p, const cplx *in, cplx *out)
{
    if (p->big)
        bluestein(p, in, out);
    else
        take_apart(p, 0, p->n, 1, in, out);
}

/* ---- tensors ---- */

/* A line between memory and doubles; the transform the other way round is that of the conjugate. */
#define DEFINE_LINE(T, name)                                                                       \
    static void load_##name(const void *from, int64_t n, int64_t step, bool forward, cplx *line)   \
    {                                                                                              \
        const T *at = from;                                                                        \
                                                                                                   \
        for (int64_t k = 0; k < n; k++)                                                            \
            line[k] = forward ? (cplx)at[k * step] : conjugate((cplx)at[k * step]);                \
    }                                                                                              \
    static void store_##name(void *to, int64_t n, int64_t step, bool forward, double scale,        \
                             const cplx *line)                                                     \
    {                                                                                              \
        T *at = to;                                                                                \
                                                                                                   \
        for (int64_t k = 0; k < n; k++) {                                                          \
            cplx z = cplx_of(__real__ line[k] * scale, __imag__ line[k] * scale);                  \
                                                                                                   \
            at[k * step] = (T)(forward ? z : conjugate(z));                                        \
        }                                                                                          \
    }
DEFINE_LINE(float _Complex, c64)
DEFINE_LINE(double _Complex, c128)

/* Transforms a contiguous tensor in place along dim. */
static int transform_dim(struct tensor *t, int dim, bool forward, double scale)
{
    int64_t n = t->shape[dim], inner = t->stride[dim], outer = n ? t->numel / (n * inner) : 0;
    int64_t size = (int64_t)dtype_size(tensor_dtype(t));
    bool wide = t->dtype == DTYPE_c128;
    struct plan *p = plan_new(n);
    cplx *in = mem_alloc((size_t)n * sizeof(cplx)), *out = mem_alloc((size_t)n * sizeof(cplx));
    int status = p && in && out ? 0 : -1;

    for (int64_t i = 0; i < outer * inner && status == 0; i++) {
        char *line = tensor_data(t) + (i / inner * n * inner + i % inner) * size;

        (wide ? load_c128 : load_c64)(line, n, inner, forward, in);
        transform(p, in, out);
        (wide ? store_c128 : store_c64)(line, n, inner, forward, scale, out);
    }
    plan_free(p);
    mem_free(in);
    mem_free(out);
    return status;
}

/* (self, dim, scale, forward) */
int fft_c2c_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *result = tensor_clone(args[0].tensor), *flat = NULL;
    void *token = tensor_long_begin ? tensor_long_begin() : NULL;
    int status = result ? 0 : -1;

    if (result && !tensor_is_contiguous(result)) {
        flat = tensor_contiguous(result);
        tensor_unref(result);
        result = flat;
        status = result ? 0 : -1;
    }
    for (int i = 0; i < args[1].ints.count && status == 0 && result->numel; i++)
        status = transform_dim(result, (int)args[1].ints.at[i], args[3].i, i ? 1 : args[2].d);
    if (tensor_long_end && tensor_long_begin)
        tensor_long_end(token);
    if (status < 0) {
        tensor_unref(result);
        return -1;
    }
    return op_give(op, result, out);
}
