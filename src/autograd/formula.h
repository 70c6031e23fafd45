/*
 * formula.h: the language in which derivatives and composite operations are written.
 *
 * Every function here is a recorded operation whose result belongs to a pool (an exception to the
 * rule of tensor.h): nothing has to be released, and a NULL (no gradient, or an error) makes NULL
 * of every expression it stands in. pool_open() and pool_close() bracket the use; a result that is
 * to outlive the pool is kept with tensor_ref().
 */
#ifndef SADDLE_AUTOGRAD_FORMULA_H
#define SADDLE_AUTOGRAD_FORMULA_H

#include "autograd/autograd.h"

size_t pool_open(void);
void pool_close(size_t mark);
/* Puts a new reference into the pool; NULL stays NULL. Returns t. */
struct tensor *pool_keep(struct tensor *t);

/* A row applied to tensors, all further arguments at their defaults. */
struct tensor *d_call1(enum op_id id, struct tensor *a);
struct tensor *d_call2(enum op_id id, struct tensor *a, struct tensor *b);
struct tensor *d_call3(enum op_id id, struct tensor *a, struct tensor *b, struct tensor *c);
/* A row applied to a whole argument list. */
struct tensor *d_call(enum op_id id, const struct value *args);

/* A row applied to its first arguments, the others at their defaults: D(sum__dim, V_TENSOR(x),
 * V_INTS(dims, count), V_INT(true)). */
struct tensor *d_args(enum op_id id, int count, const struct value *args);
#define D(name, ...)                                                                               \
    d_args(OP_##name, (int)(sizeof((struct value[]){__VA_ARGS__}) / sizeof(struct value)),         \
           (struct value[]){__VA_ARGS__})
#define V_TENSOR(t) ((struct value){.given = true, .tensor = (t)})
#define V_INT(n)    ((struct value){.given = true, .i = (n)}) /* a bool or a dtype as well */
#define V_FLOAT(x)  ((struct value){.given = true, .d = (x)})
#define V_INTS(list, length)                                                                       \
    ((struct value){.given = true, .ints = {.at = (list), .count = (length)}})
#define V_TENSORS(list, length)                                                                    \
    ((struct value){.given = true, .tensors = {.at = (list), .count = (length)}})
#define V_SCALAR(s) ((struct value){.given = true, .scalar = (s)})
#define V_STRING(s) ((struct value){.given = true, .text = (s)})
#define V_NONE      ((struct value){.given = false})
/* An optional tensor: None when NULL. */
#define V_MAYBE(t) ((struct value){.given = (t) != NULL, .tensor = (t)})

/* t, whose node shows the name that PyTorch's own way of computing gives it. */
struct tensor *d_renamed(struct tensor *t, const char *name);

/* For composites: takes a pooled result (NULL: an error) out of the pool into *out, a given tensor
 * being written into, and closes the pool at `mark`. */
int pool_leave(const struct op *op, size_t mark, struct tensor *result, struct tensor **out);

/* For lists: adds a pooled tensor (NULL: an error) to the list. Every list ends with list_leave(),
 * which closes the pool; an error (status < 0) leaves the list empty. */
int list_add(struct tensor_list *list, struct tensor *t);
int list_leave(struct tensor_list *list, size_t mark, int status);

/* d_exp(x), d_mul(x, y), d_lerp(x, y, z): one for every elementwise row. */
#define UNARY(name, params, rule, expr, saves, dself, flags, help)                                 \
    static inline struct tensor *d_##name(struct tensor *x)                                        \
    {                                                                                              \
        return d_call1(OP_##name, x);                                                              \
    }
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)                        \
    static inline struct tensor *d_##name(struct tensor *x, struct tensor *y)                      \
    {                                                                                              \
        return d_call2(OP_##name, x, y);                                                           \
    }
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help)                          \
    static inline struct tensor *d_##name(struct tensor *x, struct tensor *y, struct tensor *z)    \
    {                                                                                              \
        return d_call3(OP_##name, x, y, z);                                                        \
    }
#include "tensor/ops.def"

/* With numbers. */
struct tensor *d_number(struct scalar s); /* a wrapped number */
struct tensor *d_scale(struct tensor *x, struct scalar by);
struct tensor *d_shift(struct tensor *x, double by);
struct scalar d_negated(struct scalar s);
struct tensor *d_ge_scalar(struct tensor *x, struct scalar s);
struct tensor *d_le_scalar(struct tensor *x, struct scalar s);

/* Zeros and ones like x. */
struct tensor *d_zeros(struct tensor *x);
struct tensor *d_ones(struct tensor *x);

/* Shapes. */
struct tensor *d_reshape(struct tensor *x, int ndim, const int64_t *shape);
struct tensor *d_expand(struct tensor *x, int ndim, const int64_t *shape);
struct tensor *d_transpose(struct tensor *x, int a, int b);
struct tensor *d_unsqueeze(struct tensor *x, int dim);
struct tensor *d_select(struct tensor *x, int dim, int64_t index);
struct tensor *d_narrow(struct tensor *x, int dim, int64_t start, int64_t length);
struct tensor *d_sum(struct tensor *x, const int64_t *dims, int count, bool keepdim);
struct tensor *d_sum_all(struct tensor *x);
struct tensor *d_matmul(struct tensor *x, struct tensor *y);
struct tensor *d_to(struct tensor *x, enum dtype dtype);
/* Sums x over what broadcasting `like` to x's shape has repeated, and gives it like's dtype. */
struct tensor *d_sum_to(struct tensor *x, const struct tensor *like);

/* A reduction's gradient with the reduced dims put back as size 1; dims as in the call. */
struct tensor *d_keep_dims(struct tensor *g, const struct tensor *self, const struct value *dims,
                           bool keepdim);

/* Where a mask is true, x, elsewhere 0. */
struct tensor *d_where(struct tensor *mask, struct tensor *x);

/* Pieces of the derivatives in ops.def. */
struct tensor *d_one_minus_square(struct tensor *x);
struct tensor *d_acosh_slope(struct tensor *x);
struct tensor *d_div_floor(struct tensor *x, struct tensor *y); /* has a derivative: 0 */
/* What x gets of g as the larger of x and y: half where they are equal. */
struct tensor *d_share(struct tensor *g, struct tensor *x, struct tensor *y);
struct tensor *d_or_nan(struct tensor *mask, struct tensor *x); /* mask, or x is NaN */
struct tensor *d_clamp_mask(struct tensor *g, struct tensor *x, struct scalar low,
                            struct scalar high);
struct tensor *d_pow_base(struct tensor *g, struct tensor *x, struct tensor *y);
struct tensor *d_pow_exponent(struct tensor *g, struct tensor *x, struct tensor *y,
                              struct tensor *result);

/* False where x is 0 and y at most `zero`: there x * log(y - zero) has no slope. */
struct tensor *d_log_counts(struct tensor *x, struct tensor *y, double zero);
struct tensor *d_off_zero(struct tensor *x); /* x, and a tiny number where it is 0 */
struct tensor *d_gamma_density(struct tensor *a, struct tensor *x);

/* The forward function of an OP row that is written as a formula: f without recording. */
typedef struct tensor *formula_fn(const struct value *args);
int formula_forward(const struct op *op, const struct value *args, struct tensor **out,
                    formula_fn *f);

/* Complex numbers. The saved tensors that a rule sees are conjugated when they are complex (see
 * record.c), which makes every formula that is right for real numbers right for them, as long as
 * the function is holomorphic. d_conjugate() of a real tensor is the tensor itself; d_part() of a
 * complex one its real (0) or imaginary (1) part. */
struct tensor *d_conjugate(struct tensor *x);
struct tensor *d_part(struct tensor *x, int which);
struct tensor *d_sgn_backward(struct tensor *g, struct tensor *self);
struct tensor *d_angle_backward(struct tensor *g, struct tensor *self);

/* ---- derivative rules ---- */

/* What a rule sees. Tensors that the row does not save have a shape and dtype alone (args[i].tensor
 * with no storage). */
struct grad_call {
    const struct op *op;
    const struct value *args;
    struct tensor *const *g;       /* gradients of the results; NULL entries are zero */
    struct tensor *const *results; /* saved results, NULL unless SR */
    uint64_t need;                 /* bit k: the gradient of edge k is wanted */
    struct tensor **grads;         /* to be filled, one per edge, from the pool */
};
typedef void grad_rule(struct grad_call *c);

/* Edges are the tensors of the argument list in order, those of a Tensor[] one by one. */
static inline bool grad_wanted(const struct grad_call *c, int edge)
{
    return c->need >> (edge < 63 ? edge : 63) & 1;
}
/* Stores the gradient of an edge, summed and converted to the shape and dtype of argument `arg`. */
void grad_store(struct grad_call *c, int edge, int arg, struct tensor *grad);
/* Where PyTorch has no derivative: its error; NULL. The second for a whole row. */
struct tensor *d_refused(const char *message);
struct tensor *d_missing(const struct grad_call *c);

enum { S0 = 1, S1 = 2, S2 = 4, S3 = 8, S_ARGUMENTS = 255, SR = 256 };

struct rule {
    unsigned saves;
    grad_rule *apply; /* NULL: not differentiable */
};
extern const struct rule op_rules[OP_COUNT];

/* The rules that OP rows name. */
#define none                                                      none_rule /* no function of that name: NULL in the table */
#define OP(name, schema, forward, saves, derivative, flags, help) grad_rule derivative;
#include "tensor/ops.def"
#undef none

#endif
