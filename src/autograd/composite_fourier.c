/*
 * torch.fft: every transform is one of complex numbers (_fft_c2c). Of real ones the first half is
 * kept; real results are the real part of the transform of a half whose inner numbers count twice.
 */
#include "autograd/formula.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

enum kind { FULL, REAL_IN, REAL_OUT };

static const struct transform {
    enum op_id id;
    const char *name; /* in errors */
    enum kind kind;
    bool forward, line; /* along one dimension */
} transforms[] = {
#define TRANSFORMS(suffix)                                                                         \
    {OP_fft_fft##suffix, "fft" #suffix, FULL, true, sizeof(#suffix) == 1},                         \
        {OP_fft_ifft##suffix, "ifft" #suffix, FULL, false, sizeof(#suffix) == 1},                  \
        {OP_fft_rfft##suffix, "rfft" #suffix, REAL_IN, true, sizeof(#suffix) == 1},                \
        {OP_fft_irfft##suffix, "irfft" #suffix, REAL_OUT, false, sizeof(#suffix) == 1},            \
        {OP_fft_hfft##suffix, "hfft" #suffix, REAL_OUT, true, sizeof(#suffix) == 1},               \
        {OP_fft_ihfft##suffix, "ihfft" #suffix, REAL_IN, false, sizeof(#suffix) == 1},
    TRANSFORMS() TRANSFORMS(2) TRANSFORMS(n)
#undef TRANSFORMS
};

static const struct transform *find_transform(enum op_id id)
{
    const struct transform *t = transforms;

    while (t->id != id)
        t++;
    return t;
}

/* Along which dimensions, and to which sizes. */
struct signal {
    int count;
    int64_t dims[TENSOR_MAX_DIMS], sizes[TENSOR_MAX_DIMS];
};

/* ---- arguments ---- */

static int check_points(int64_t n)
{
    return n >= 1 ? 0
                  : error_set(ERROR_RUNTIME, "Invalid number of data points (%lld) specified",
                              (long long)n);
}

static int read_dims(struct signal *s, const struct tensor *self, const struct value *dims,
                     const struct value *sizes)
{
    bool seen[TENSOR_MAX_DIMS] = {false};

    s->count = dims->given ? dims->ints.count : sizes->given ? sizes->ints.count : self->ndim;
    if (dims->given && sizes->given && dims->ints.count != sizes->ints.count)
        return error_set(ERROR_RUNTIME,
                         "When given, dim and shape arguments must have the same length");
    if (!dims->given && s->count > self->ndim)
        return error_set(ERROR_RUNTIME,
                         "Got shape with %d values but input tensor only has %d dimensions.",
                         s->count, self->ndim);
    for (int i = 0; i < s->count; i++) {
        int dim = dims->given ? tensor_dim(self, dims->ints.at[i]) : self->ndim - s->count + i;

        if (dim < 0)
            return -1;
        if (seen[dim])
            return error_set(ERROR_RUNTIME, "FFT dims must be unique");
        seen[dim] = true;
        s->dims[i] = dim;
    }
    return 0;
}

/* The sizes of the result's signal; of a half the last one is that of the whole. */
static int read_sizes(struct signal *s, const struct tensor *self, const struct value *sizes,
                      bool half)
{
    if (self->ndim == 0) /* a number is no signal */
        return check_points(0);
    for (int i = 0; i < s->count; i++) {
        bool given = sizes->given && sizes->ints.at[i] != -1;
        int64_t size = self->shape[s->dims[i]];

        if (half && i == s->count - 1)
            size = 2 * (size - 1);
        s->sizes[i] = given ? sizes->ints.at[i] : size;
        if (check_points(s->sizes[i]) < 0)
            return -1;
    }
    return 0;
}

/* What the sums are multiplied by; NAN: no such norm. */
static double scale_of(const struct signal *s, const char *norm, bool forward)
{
    double count = 1;

    for (int i = 0; i < s->count; i++)
        count *= (double)s->sizes[i];
    if (norm && strcmp(norm, "ortho") == 0)
        return 1 / sqrt(count);
    if (!norm || strcmp(norm, "backward") == 0)
        return forward ? 1 : 1 / count;
    if (strcmp(norm, "forward") == 0)
        return forward ? 1 / count : 1;
    error_set(ERROR_RUNTIME, "Invalid normalization mode: \"%s\"", norm);
    return NAN;
}

/* x as complex numbers; NULL for a type that PyTorch transforms none of. */
static struct tensor *as_complex(struct tensor *x)
{
    enum dtype dtype = tensor_dtype(x);

    if (dtype == DTYPE_f16 || dtype == DTYPE_bf16 || dtype == DTYPE_c32)
        return error_null(ERROR_RUNTIME, "Unsupported dtype %s", dtype_short_name(dtype));
    if (dtype_is_complex(dtype))
        return x;
    return d_to(x, dtype_is_float(dtype) ? dtype_to_complex(dtype) : dtype_default_complex());
}

/* ---- transforms ---- */

/* x cut, or filled with zeros, to a size along dim. */
static struct tensor *fit(struct tensor *x, int dim, int64_t size)
{
    int64_t pad[2 * TENSOR_MAX_DIMS] = {0};
    int count = x ? 2 * (x->ndim - dim) : 0;

    if (!x || x->shape[dim] == size)
        return x;
    if (x->shape[dim] > size)
        return d_narrow(x, dim, 0, size);
    pad[count - 1] = size - x->shape[dim];
    return D(constant_pad_nd, V_TENSOR(x), V_INTS(pad, count));
}

static struct tensor *transformed(struct tensor *x, const int64_t *dims, int count, double scale,
                                  bool forward)
{
    return D(_fft_c2c, V_TENSOR(x), V_INTS(dims, count), V_FLOAT(scale), V_INT(forward));
}

/* 1 for the numbers of a half that have no mirror image, 2 for the others; along dim of x. */
static struct tensor *mirror_counts(const struct tensor *x, int dim, int64_t whole)
{
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *counts;

    for (int d = 0; d < x->ndim; d++)
        shape[d] = d == dim ? x->shape[d] : 1;
    counts = tensor_full(dtype_infos[x->dtype].part, x->ndim, shape, scalar_int(2));
    for (int64_t k = 0; counts && k < shape[dim]; k++) {
        if (k == 0 || 2 * k == whole)
            dtype_store(tensor_dtype(counts),
                        tensor_data(counts) + k * (int64_t)dtype_size(tensor_dtype(counts)),
                        scalar_int(1));
    }
    return pool_keep(counts);
}

/* Real numbers from a half. */
static struct tensor *real_result(struct tensor *x, const struct signal *s, double scale,
                                  bool forward)
{
    int last = (int)s->dims[s->count - 1];
    int64_t whole = s->sizes[s->count - 1];
    struct tensor *counts;

    x = fit(x, last, whole / 2 + 1);
    if (x && s->count > 1)
        x = transformed(x, s->dims, s->count - 1, 1, forward);
    counts = x ? mirror_counts(x, last, whole) : NULL;
    x = fit(counts ? d_mul(x, counts) : NULL, last, whole);
    x = x ? d_part(transformed(x, &s->dims[s->count - 1], 1, scale, forward), 0) : NULL;
    return d_renamed(d_call1(OP__contiguous, x), "FftC2RBackward0");
}

/* The half of what becomes of real numbers. The other way round it is the conjugate, as in PyTorch:
 * that decides the sign of a zero. */
static struct tensor *half_result(struct tensor *x, const struct signal *s, double scale,
                                  bool forward)
{
    x = transformed(x, &s->dims[s->count - 1], 1, scale, true);
    x = x ? d_narrow(x, (int)s->dims[s->count - 1], 0, s->sizes[s->count - 1] / 2 + 1) : NULL;
    x = x && !forward ? d_conjugate(x) : x;
    if (x && s->count > 1)
        x = transformed(x, s->dims, s->count - 1, 1, forward);
    else if (x && forward)
        x = d_call1(OP__contiguous, x);
    return forward ? d_renamed(x, "FftR2CBackward0") : x;
}

/* All of it, along one dimension. */
static struct tensor *whole_result(struct tensor *x, const struct signal *s, double scale,
                                   bool forward)
{
    x = d_renamed(transformed(x, s->dims, 1, scale, true), "FftR2CBackward0");
    return x && !forward ? d_conjugate(x) : x;
}

static struct tensor *transform_signal(const struct transform *t, struct tensor *self,
                                       const struct signal *s, const struct value *norm)
{
    double scale = scale_of(s, norm->given ? norm->text : NULL, t->forward);
    struct tensor *x = isnan(scale) ? NULL : as_complex(self);

    for (int i = 0; i < s->count - (t->kind == REAL_OUT) && x; i++)
        x = fit(x, (int)s->dims[i], s->sizes[i]);
    if (!x || t->kind == REAL_OUT)
        return x ? real_result(x, s, scale, t->forward) : NULL;
    if (t->kind == REAL_IN)
        return half_result(x, s, scale, t->forward);
    if (t->line && !dtype_is_complex(tensor_dtype(self)))
        return whole_result(x, s, scale, t->forward);
    return transformed(x, s->dims, s->count, scale, t->forward);
}

static int fourier(const struct op *op, const struct value *args, const struct value *sizes,
                   const struct value *dims, struct tensor **out)
{
    const struct transform *t = find_transform(op->id);
    struct tensor *self = args[0].tensor;
    struct signal s;
    size_t mark = pool_open();

    if (t->kind == REAL_IN && dtype_is_complex(tensor_dtype(self)))
        return error_set(ERROR_RUNTIME, "%s expects a real%s input tensor, but got %s",
                         t->line      ? t->name
                         : t->forward ? "rfftn"
                                      : "ihfftn",
                         t->line ? "" : "-valued", dtype_short_name(tensor_dtype(self)));
    if (read_dims(&s, self, dims, sizes) < 0)
        return -1;
    if (s.count == 0)
        return t->kind == FULL
                   ? error_set(ERROR_RUNTIME, "ndim must be >= 1")
                   : error_set(ERROR_RUNTIME, "%s must transform at least one axis", t->name);
    if (read_sizes(&s, self, sizes, t->kind == REAL_OUT) < 0)
        return -1;
    return pool_leave(op, mark, transform_signal(t, self, &s, &args[3]), out);
}

/* (self, n, dim, norm) */
int fourier_line_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value size = args[1], dim = V_INTS(&args[2].i, 1);

    if (size.given) {
        if (check_points(args[1].i) < 0)
            return -1;
        size = V_INTS(&args[1].i, 1);
    }
    return fourier(op, args, &size, &dim, out);
}

/* (self, s, dim, norm) */
int fourier_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return fourier(op, args, &args[1], &args[2], out);
}

/* (self, dim) */
int fftshift_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shifts[TENSOR_MAX_DIMS], dims[TENSOR_MAX_DIMS];
    int count = args[1].given ? args[1].ints.count : self->ndim;
    size_t mark = pool_open();

    for (int i = 0; i < count; i++) {
        int dim = args[1].given ? tensor_dim(self, args[1].ints.at[i]) : i;

        if (dim < 0)
            return -1;
        dims[i] = dim;
        shifts[i] = op->id == OP_fft_fftshift ? self->shape[dim] / 2 : (self->shape[dim] + 1) / 2;
    }
    if (count == 0)
        return pool_leave(op, mark, self, out);
    return pool_leave(op, mark, D(roll, V_TENSOR(self), V_INTS(shifts, count), V_INTS(dims, count)),
                      out);
}

/* The transform is linear and its matrix symmetric: its adjoint is the one the other way. */
void fft_c2c_rule(struct grad_call *c)
{
    grad_store(c, 0, 0,
               D(_fft_c2c, V_TENSOR(c->g[0]), c->args[1], c->args[2], V_INT(!c->args[3].i)));
}
