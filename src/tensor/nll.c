/*
 * nll_loss: minus the element of the target's class, and its gradient.
 *
 * Input (N, C, ...) is seen as (batch, classes, inner), target (N, ...) as (batch, inner); without
 * a batch they are (C) and (). Sums run in the dtype of the input through a cascade of partial
 * sums, in PyTorch's order.
 */
#include "base/error.h"
#include "tensor/loss.h"
#include "tensor/op.h"

#include <string.h>

struct nll {
    int64_t batch, classes, inner, ignore_index;
    enum loss_reduction reduction;
    enum dtype dtype;
    struct tensor *target, *weight; /* contiguous; weight may be NULL */
};

static int size_mismatch(const struct tensor *target, int ndim, const int64_t *shape)
{
    char text[2][128];

    return error_set(ERROR_RUNTIME, "size mismatch (got input: %s, target: %s)",
                     shape_text(ndim, shape, text[0], sizeof(text[0])),
                     shape_text(target->ndim, target->shape, text[1], sizeof(text[1])));
}

static int check_shapes(const struct tensor *target, int ndim, const int64_t *shape)
{
    if (ndim <= 2 && target->ndim > 1)
        return error_set(ERROR_RUNTIME,
                         "0D or 1D target tensor expected, multi-target not supported");
    if (ndim == 1)
        return target->numel == 1 ? 0 : size_mismatch(target, ndim, shape);
    if (target->ndim != ndim - 1 || target->shape[0] != shape[0] ||
        memcmp(target->shape + 1, shape + 2, (size_t)(ndim - 2) * sizeof(*shape)) != 0)
        return size_mismatch(target, ndim, shape);
    return 0;
}

static int check_weight(const struct tensor *weight, int64_t classes, enum dtype dtype)
{
    char text[128];

    if (tensor_dtype(weight) != dtype)
        return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                         dtype_short_name(dtype), dtype_short_name(tensor_dtype(weight)));
    if (weight->ndim == 1 && weight->numel == classes)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "weight tensor should be defined either for all %lld classes or no classes "
                     "but got weight tensor of shape: %s",
                     (long long)classes,
                     shape_text(weight->ndim, weight->shape, text, sizeof(text)));
}

static int check_targets(const struct nll *n)
{
    const int64_t *target = (const int64_t *)tensor_data(n->target);

    for (int64_t i = 0; i < n->target->numel; i++) {
        if ((target[i] < 0 || target[i] >= n->classes) && target[i] != n->ignore_index)
            return error_set(ERROR_INDEX, "Target %lld is out of bounds.", (long long)target[i]);
    }
    return 0;
}

static void nll_release(struct nll *n)
{
    tensor_unref(n->target);
    tensor_unref(n->weight);
}

/* args: -, target, weight, reduction, ignore_index; shape is that of the log-probabilities. */
static int nll_init(struct nll *n, const struct op *op, const struct value *args, enum dtype dtype,
                    int ndim, const int64_t *shape)
{
    struct tensor *target = args[1].tensor, *weight = args[2].given ? args[2].tensor : NULL;
    int reduction = loss_reduction(args[3].text), class_dim = ndim > 1;

    if (reduction < 0 || check_shapes(target, ndim, shape) < 0)
        return -1;
    if (tensor_dtype(target) != DTYPE_i64)
        return error_set(ERROR_RUNTIME, "expected scalar type Long but found %s",
                         dtype_short_name(tensor_dtype(target)));
    if (!dtype_is_float(dtype))
        return op_refuse_type(op, dtype);
    if (weight && check_weight(weight, shape[class_dim], dtype) < 0)
        return -1;
    *n = (struct nll){.batch = class_dim ? shape[0] : 1,
                      .classes = shape[class_dim],
                      .inner = shape_numel(ndim - class_dim - 1, shape + class_dim + 1),
                      .ignore_index = args[4].i,
                      .reduction = (enum loss_reduction)reduction,
                      .dtype = dtype,
                      .target = tensor_contiguous(target),
                      .weight = weight ? tensor_contiguous(weight) : NULL};
    if (n->target && (n->weight || !weight) && check_targets(n) == 0)
        return 0;
    nll_release(n);
    return -1;
}

/* ---- sums ---- */

/* Level j + 1 takes in level j after `step` to the power j + 1 elements. */
enum { LEVELS = 8 };

struct cascade {
    int64_t step_bits;
    union {
        float f32[LEVELS];
        double f64[LEVELS];
    };
};

static struct cascade cascade_start(int64_t count)
{
    struct cascade c = {.step_bits = 0};
    int64_t bits = 0;

    while ((INT64_C(1) << bits) < count)
        bits++;
    c.step_bits = bits / LEVELS > 4 ? bits / LEVELS : 4;
    return c;
}

/* FUNCTIONS(dtype's id, C type): cascade_add(sum, value, i), cascade_total(), and the two loops.
 * weigh() is the weight of element i, and *at where its log-probability stands; false: ignored. */
#define FUNCTIONS(id, T)                                                                           \
    static void cascade_add_##id(struct cascade *c, T value, int64_t i)                            \
    {                                                                                              \
        const int64_t mask = (INT64_C(1) << c->step_bits) - 1;                                     \
        c->id[0] += value;                                                                         \
        for (int j = 0; j + 1 < LEVELS && !(i & mask << j * c->step_bits); j++) {                  \
            c->id[j + 1] += c->id[j];                                                              \
            c->id[j] = 0;                                                                          \
        }                                                                                          \
    }                                                                                              \
    static T cascade_total_##id(const struct cascade *c)                                           \
    {                                                                                              \
        T total = 0;                                                                               \
        for (int j = 0; j < LEVELS; j++)                                                           \
            total += c->id[j];                                                                     \
        return total;                                                                              \
    }                                                                                              \
    static bool weigh_##id(const struct nll *n, int64_t i, T *weight, int64_t *at)                 \
    {                                                                                              \
        const int64_t target = ((const int64_t *)tensor_data(n->target))[i];                       \
        if (target == n->ignore_index)                                                             \
            return false;                                                                          \
        *weight = n->weight ? ((const T *)tensor_data(n->weight))[target] : 1;                     \
        *at = (i / n->inner * n->classes + target) * n->inner + i % n->inner;                      \
        return true;                                                                               \
    }                                                                                              \
    static T total_weight_##id(const struct nll *n)                                                \
    {                                                                                              \
        struct cascade total = cascade_start(n->target->numel);                                    \
        T weight;                                                                                  \
        for (int64_t i = 0, at; i < n->target->numel; i++) {                                       \
            if (weigh_##id(n, i, &weight, &at))                                                    \
                cascade_add_##id(&total, weight, i);                                               \
        }                                                                                          \
        return cascade_total_##id(&total);                                                         \
    }                                                                                              \
    static void forward_##id(const struct nll *n, const T *in, T *out)                             \
    {                                                                                              \
        struct cascade loss = cascade_start(n->target->numel);                                     \
        T weight;                                                                                  \
        for (int64_t i = 0, at; i < n->target->numel; i++) {                                       \
            const bool counts = weigh_##id(n, i, &weight, &at);                                    \
            if (n->reduction == LOSS_NONE)                                                         \
                out[i] = counts ? -in[at] * weight : 0;                                            \
            else if (counts)                                                                       \
                cascade_add_##id(&loss, -in[at] * weight, i);                                      \
        }                                                                                          \
        if (n->reduction != LOSS_NONE)                                                             \
            *out = cascade_total_##id(&loss);                                                      \
        if (n->reduction == LOSS_MEAN)                                                             \
            *out /= total_weight_##id(n);                                                          \
    }                                                                                              \
    static void backward_##id(const struct nll *n, const T *g, T *out)                             \
    {                                                                                              \
        const T share = n->reduction == LOSS_MEAN ? *g / total_weight_##id(n) : *g;                \
        T weight;                                                                                  \
        for (int64_t i = 0, at; i < n->target->numel; i++) {                                       \
            if (weigh_##id(n, i, &weight, &at))                                                    \
                out[at] = -weight * (n->reduction == LOSS_NONE ? g[i] : share);                    \
        }                                                                                          \
    }
FUNCTIONS(f32, float)
FUNCTIONS(f64, double)

/* ---- operations ---- */

int nll_loss_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *in;
    struct nll n;

    (void)op;
    if (nll_init(&n, op, args, tensor_dtype(self), self->ndim, self->shape) < 0)
        return -1;
    in = tensor_contiguous(self);
    if (in && n.reduction == LOSS_NONE)
        *out = tensor_new(n.dtype, n.target->ndim, n.target->shape);
    else if (in)
        *out = tensor_new(n.dtype, 0, NULL);
    if (*out && n.dtype == DTYPE_f32)
        forward_f32(&n, (const float *)tensor_data(in), (float *)tensor_data(*out));
    else if (*out)
        forward_f64(&n, (const double *)tensor_data(in), (double *)tensor_data(*out));
    tensor_unref(in);
    nll_release(&n);
    return *out ? 0 : -1;
}

/* self is the gradient of the loss; a loss is linear in its input, so no more is needed. */
int nll_loss_backward_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *g;
    struct nll n;

    (void)op;
    if (nll_init(&n, op, args, tensor_dtype(self), args[5].ints.count, args[5].ints.at) < 0)
        return -1;
    g = tensor_contiguous(self);
    *out = g ? tensor_zeros(n.dtype, args[5].ints.count, args[5].ints.at) : NULL;
    if (*out && n.dtype == DTYPE_f32)
        backward_f32(&n, (const float *)tensor_data(g), (float *)tensor_data(*out));
    else if (*out)
        backward_f64(&n, (const double *)tensor_data(g), (double *)tensor_data(*out));
    tensor_unref(g);
    nll_release(&n);
    return *out ? 0 : -1;
}
