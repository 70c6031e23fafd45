#include "autograd/formula.h"

#include "base/error.h"
#include "base/vec.h"
#include "tensor/reduce.h"

#include <math.h>
#include <string.h>

static VEC(struct tensor *) pool;

size_t pool_open(void)
{
    return pool.count;
}

void pool_close(size_t mark)
{
    while (pool.count > mark)
        tensor_unref(pool.at[--pool.count]);
}

struct tensor *pool_keep(struct tensor *t)
{
    if (t && !vec_push(&pool, t)) {
        tensor_unref(t);
        return NULL;
    }
    return t;
}

int pool_leave(const struct op *op, size_t mark, struct tensor *result, struct tensor **out)
{
    int status = result ? 0 : -1;

    if (result)
        status = op_give(op, tensor_ref(result), out);
    pool_close(mark);
    return status;
}

/* A missing tensor where the row needs one: what computes it has failed or has no gradient. */
static bool lacks_tensor(enum op_id id, const struct value *args)
{
    uint32_t tensors = op_schema(&ops[id])->tensors;

    for (int i = 0; tensors; i++, tensors >>= 1) {
        if (tensors & 1 && args[i].given && !args[i].tensor)
            return true;
    }
    return false;
}

struct tensor *d_call(enum op_id id, const struct value *args)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};

    if (lacks_tensor(id, args))
        return NULL;
    if (op_call(&ops[id], args, out) < 0)
        return NULL;
    for (int i = 1; i < ops[id].outputs; i++)
        pool_keep(out[i]);
    return pool_keep(out[0]);
}

struct tensor *d_args(enum op_id id, int count, const struct value *args)
{
    struct value all[OP_MAX_ARGS];

    memcpy(all, args, (size_t)count * sizeof(*args));
    op_defaults(&ops[id], all, count);
    return d_call(id, all);
}

static struct tensor *call_tensors(enum op_id id, int count, struct tensor *const *tensors)
{
    struct value args[OP_MAX_ARGS];

    for (int i = 0; i < count; i++) {
        if (!tensors[i])
            return NULL;
        args[i] = (struct value){.given = true, .tensor = tensors[i]};
    }
    op_defaults(&ops[id], args, count);
    return d_call(id, args);
}

struct tensor *d_call1(enum op_id id, struct tensor *a)
{
    return call_tensors(id, 1, &a);
}

struct tensor *d_call2(enum op_id id, struct tensor *a, struct tensor *b)
{
    return call_tensors(id, 2, (struct tensor *[]){a, b});
}

struct tensor *d_call3(enum op_id id, struct tensor *a, struct tensor *b, struct tensor *c)
{
    return call_tensors(id, 3, (struct tensor *[]){a, b, c});
}

/* ---- numbers ---- */

struct tensor *d_number(struct scalar s)
{
    return pool_keep(tensor_wrap_number(s));
}

struct tensor *d_scale(struct tensor *x, struct scalar by)
{
    return by.d == 1 && by.kind != SCALAR_COMPLEX ? x : d_mul(x, d_number(by));
}

struct tensor *d_shift(struct tensor *x, double by)
{
    return d_add(x, d_number(scalar_float(by)));
}

struct scalar d_negated(struct scalar s)
{
    s.i = -s.i;
    s.d = -s.d;
    s.im = -s.im;
    return s.kind == SCALAR_BOOL ? scalar_int(s.i) : s;
}

struct tensor *d_ge_scalar(struct tensor *x, struct scalar s)
{
    return d_ge(x, d_number(s));
}

struct tensor *d_le_scalar(struct tensor *x, struct scalar s)
{
    return d_le(x, d_number(s));
}

struct tensor *d_zeros(struct tensor *x)
{
    return x ? pool_keep(tensor_zeros(tensor_dtype(x), x->ndim, x->shape)) : NULL;
}

struct tensor *d_ones(struct tensor *x)
{
    return x ? pool_keep(tensor_full(tensor_dtype(x), x->ndim, x->shape, scalar_int(1))) : NULL;
}

/* ---- shapes ---- */

static struct value ints_value(int count, const int64_t *at)
{
    return (struct value){.given = true, .ints = {at, count}};
}

static struct value tensor_value(struct tensor *t)
{
    return (struct value){.given = true, .tensor = t};
}

static struct value int_value(int64_t i)
{
    return (struct value){.given = true, .i = i};
}

struct tensor *d_reshape(struct tensor *x, int ndim, const int64_t *shape)
{
    struct value args[] = {tensor_value(x), ints_value(ndim, shape)};

    return x ? d_call(OP_reshape, args) : NULL;
}

struct tensor *d_expand(struct tensor *x, int ndim, const int64_t *shape)
{
    struct value args[] = {tensor_value(x), ints_value(ndim, shape), int_value(false)};

    return x ? d_call(OP_expand, args) : NULL;
}

struct tensor *d_transpose(struct tensor *x, int a, int b)
{
    struct value args[] = {tensor_value(x), int_value(a), int_value(b)};

    return x ? d_call(OP_transpose, args) : NULL;
}

struct tensor *d_unsqueeze(struct tensor *x, int dim)
{
    struct value args[] = {tensor_value(x), int_value(dim)};

    return x ? d_call(OP_unsqueeze, args) : NULL;
}

struct tensor *d_select(struct tensor *x, int dim, int64_t index)
{
    struct value args[] = {tensor_value(x), int_value(dim), int_value(index)};

    return x ? d_call(OP_select, args) : NULL;
}

struct tensor *d_narrow(struct tensor *x, int dim, int64_t start, int64_t length)
{
    struct value args[] = {tensor_value(x), int_value(dim), int_value(start), int_value(length)};

    return x ? d_call(OP_narrow, args) : NULL;
}

struct tensor *d_sum(struct tensor *x, const int64_t *dims, int count, bool keepdim)
{
    struct value args[] = {tensor_value(x), ints_value(count, dims), int_value(keepdim), {0}};

    return x ? d_call(OP_sum__dim, args) : NULL;
}

struct tensor *d_sum_all(struct tensor *x)
{
    return x ? d_call1(OP_sum, x) : NULL;
}

struct tensor *d_matmul(struct tensor *x, struct tensor *y)
{
    return d_call2(OP_matmul, x, y);
}

struct tensor *d_to(struct tensor *x, enum dtype dtype)
{
    /* What is real has a real gradient: its part is taken, which nobody needs to be warned of. */
    struct tensor *from = dtype_is_complex(dtype) ? x : d_part(x, 0);
    struct value args[] = {tensor_value(from), int_value(dtype)};

    if (!from || tensor_dtype(from) == dtype)
        return from;
    return d_call(OP__to_copy, args);
}

struct tensor *d_sum_to(struct tensor *x, const struct tensor *like)
{
    int64_t dims[TENSOR_MAX_DIMS];
    int count = 0, lead;

    if (!x)
        return NULL;
    lead = x->ndim - like->ndim;
    for (int d = 0; d < x->ndim; d++) {
        if (d < lead || (like->shape[d - lead] == 1 && x->shape[d] != 1))
            dims[count++] = d;
    }
    if (count)
        x = d_sum(x, dims, count, true);
    if (lead)
        x = d_reshape(x, like->ndim, like->shape);
    return d_to(x, tensor_dtype(like));
}

struct tensor *d_keep_dims(struct tensor *g, const struct tensor *self, const struct value *dims,
                           bool keepdim)
{
    int64_t shape[TENSOR_MAX_DIMS];
    uint32_t mask;

    if (!g || keepdim || self->ndim == 0 ||
        reduce_dims(self->ndim, dims->given ? dims->ints.count : 0, dims->ints.at, &mask) < 0)
        return g;
    reduced_shape(self, mask, true, shape);
    return d_reshape(g, self->ndim, shape);
}

/* ---- pieces ---- */

struct tensor *d_where(struct tensor *mask, struct tensor *x)
{
    return d_call3(OP_where, mask, x, d_number(scalar_int(0)));
}

struct tensor *d_one_minus_square(struct tensor *x)
{
    return d_shift(d_neg(d_mul(x, x)), 1);
}

struct tensor *d_share(struct tensor *g, struct tensor *x, struct tensor *y)
{
    struct tensor *half = d_call3(OP_where, d_eq(x, y), d_scale(g, scalar_float(0.5)), g);

    return d_call3(OP_where, d_lt(x, y), d_number(scalar_int(0)), half);
}

struct tensor *d_or_nan(struct tensor *mask, struct tensor *x)
{
    return d_logical_or(mask, d_isnan(x));
}

struct tensor *d_clamp_mask(struct tensor *g, struct tensor *x, struct scalar low,
                            struct scalar high)
{
    return d_where(d_logical_and(d_ge_scalar(x, low), d_le_scalar(x, high)), g);
}

/* y * x^(y - 1), and 0 where y is 0. */
struct tensor *d_pow_base(struct tensor *g, struct tensor *x, struct tensor *y)
{
    struct tensor *less;
    struct scalar exponent;

    if (y->wrapped_number && tensor_item(y, &exponent) == 0) {
        if (exponent.d == 0 && exponent.kind != SCALAR_COMPLEX)
            return d_zeros(g);
        less = exponent.kind == SCALAR_COMPLEX
                   ? d_number(scalar_complex(exponent.d - 1, exponent.im))
               : exponent.kind == SCALAR_FLOAT ? d_number(scalar_float(exponent.d - 1))
                                               : d_number(scalar_int(exponent.i - 1));
        return d_mul(g, d_scale(d_pow(x, less), exponent));
    }
    less = d_pow(x, d_sub(y, d_number(scalar_int(1))));
    return d_where(d_ne(y, d_number(scalar_int(0))), d_mul(g, d_mul(y, less)));
}

/* x^y * log(x), and 0 where x is 0 and y is not negative. */
struct tensor *d_pow_exponent(struct tensor *g, struct tensor *x, struct tensor *y,
                              struct tensor *result)
{
    struct tensor *zero = d_number(scalar_int(0)), *logarithm;
    struct tensor *flat = d_logical_and(d_eq(x, zero), d_ge(d_part(y, 0), zero));
    struct scalar base;

    if (x->wrapped_number && dtype_is_float(tensor_dtype(result)) && tensor_item(x, &base) == 0)
        logarithm = d_number(scalar_float(log(base.d))); /* in full precision */
    else
        logarithm = d_log(d_to(x, tensor_dtype(result)));
    return d_where(d_logical_not(flat), d_mul(g, d_mul(result, logarithm)));
}

struct tensor *d_refused(const char *message)
{
    return error_null(ERROR_RUNTIME, "%s", message);
}

struct tensor *d_missing(const struct grad_call *c)
{
    return error_null(ERROR_RUNTIME, "derivative for aten::%s is not implemented", c->op->name);
}

struct tensor *d_div_floor(struct tensor *x, struct tensor *y)
{
    return D(div, V_TENSOR(x), V_TENSOR(y), V_STRING("floor"));
}

int formula_forward(const struct op *op, const struct value *args, struct tensor **out,
                    formula_fn *f)
{
    bool before = grad_set_enabled(false);
    const void *given = op_forget_given(NULL);
    size_t mark = pool_open();
    int status = pool_leave(op, mark, f(args), out);

    op_forget_given(given);
    grad_set_enabled(before);
    return status;
}

/* 1 / sqrt(x^2 - 1); of a complex x the root is taken of each factor, which is the right branch. */
struct tensor *d_acosh_slope(struct tensor *x)
{
    if (x && dtype_is_complex(tensor_dtype(x)))
        return d_mul(d_rsqrt(d_shift(x, 1)), d_rsqrt(d_shift(x, -1)));
    return d_rsqrt(d_shift(d_mul(x, x), -1));
}

/* ---- complex numbers ---- */

struct tensor *d_conjugate(struct tensor *x)
{
    return x && dtype_is_complex(tensor_dtype(x)) ? d__conj(x) : x;
}

struct tensor *d_part(struct tensor *x, int which)
{
    if (!x || !dtype_is_complex(tensor_dtype(x)))
        return x;
    return d_select(d_call1(OP_view_as_real, x), x->ndim, which);
}

/* What of g is across the direction of z, divided by the size of z. `self` is the conjugate of z.
 */
struct tensor *d_sgn_backward(struct tensor *g, struct tensor *self)
{
    struct tensor *size, *along, *sign;

    if (!dtype_is_complex(tensor_dtype(self)))
        return d_zeros(g);
    size = d_abs(self);
    sign = d_sgn(self);
    along = d_mul(d_part(d_mul(g, sign), 0), d_conjugate(sign));
    return d_where(d_ne(size, d_number(scalar_int(0))), d_true_divide(d_sub(g, along), size));
}

/* i z / |z|^2, and 0 at 0. `self` is the conjugate of z. */
struct tensor *d_angle_backward(struct tensor *g, struct tensor *self)
{
    struct tensor *turned;

    if (!dtype_is_complex(tensor_dtype(self)))
        return d_zeros(g);
    turned = d_true_divide(d_number(scalar_complex(0, 1)), self);
    return d_where(d_ne(self, d_number(scalar_int(0))), d_mul(g, turned));
}

void grad_store(struct grad_call *c, int edge, int arg, struct tensor *grad)
{
    c->grads[edge] = d_sum_to(grad, c->args[arg].tensor);
}
