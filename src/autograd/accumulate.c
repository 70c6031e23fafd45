/* The node of a leaf, which gathers its gradient, and what optimizers have used of that. */
#include "autograd/record.h"
#include "base/mem.h"

#include <string.h>

struct accumulate_node {
    struct node node;
    struct tensor *variable;
};

/* A gradient lies in memory as its leaf does; that of a leaf with gaps is contiguous. */
static bool lies_like(const struct tensor *grad, const struct tensor *variable)
{
    if (tensor_is_contiguous(grad) && tensor_is_contiguous(variable))
        return true;
    if (!tensor_is_dense(variable))
        return tensor_is_contiguous(grad);
    return memcmp(grad->stride, variable->stride,
                  (size_t)variable->ndim * sizeof(*variable->stride)) == 0;
}

static struct tensor *copy_like(struct tensor *grad, struct tensor *variable)
{
    struct tensor *copy = tensor_is_dense(variable) ? tensor_new_as(tensor_dtype(grad), grad->ndim,
                                                                    grad->shape, 1, &variable)
                                                    : tensor_new_like(grad, DTYPE_NONE);

    if (copy)
        tensor_copy(copy, grad);
    return copy;
}

/* The gradient becomes the leaf's own when nobody else holds it; otherwise it is copied, so that a
 * later in-place change of one is not seen in the other. */
static int accumulate_first(struct tensor *variable, struct tensor *grad)
{
    struct autograd_meta *meta = tensor_meta(variable);

    if (!meta)
        return -1;
    if (grad_enabled() || (grad->refs == 1 && grad->storage->refs == 1 && !grad->grad_fn &&
                           lies_like(grad, variable))) {
        meta->grad = tensor_ref(grad);
        return 0;
    }
    meta->grad = copy_like(grad, variable);
    return meta->grad ? 0 : -1;
}

static bool all_zero(struct tensor *t)
{
    struct value args = {.given = true, .tensor = t};
    struct tensor *any = NULL;
    struct scalar found = {.i = 1};
    bool before = grad_set_enabled(false);

    if (op_call(&ops[OP_any], &args, &any) == 0)
        tensor_item(any, &found);
    grad_set_enabled(before);
    tensor_unref(any);
    return found.i == 0;
}

/* Whether the gradient contains one that an optimizer has used. Changed by hand before backward()
 * adds to it, it is taken for cleared; after that, as clipping does, for cleared if it is zero. */
static bool is_used(const struct autograd_meta *meta)
{
    if (meta->used != meta->grad->storage)
        return false;
    return meta->used_version == meta->grad->storage->version ||
           (meta->used_again && !all_zero(meta->grad));
}

static void note_use(struct autograd_meta *meta)
{
    meta->used = meta->grad->storage;
    meta->used_version = meta->grad->storage->version;
}

bool tensor_use_grad(struct tensor *t)
{
    struct autograd_meta *meta = t->meta;
    bool again;

    if (!meta || !meta->grad)
        return false;
    again = meta->used_again && is_used(meta);
    meta->used_again = false;
    note_use(meta);
    return again;
}

static int accumulate_more(struct tensor *variable, struct tensor *grad)
{
    struct autograd_meta *meta = variable->meta;
    struct value args[3] = {{.given = true, .tensor = meta->grad}, {.given = true, .tensor = grad}};
    struct tensor *sum = NULL;
    bool used = is_used(meta);

    op_defaults(&ops[OP_add], args, 2);
    if (grad_enabled()) {
        if (op_call(&ops[OP_add], args, &sum) < 0)
            return -1;
        tensor_unref(meta->grad);
        meta->grad = sum;
    } else if (op_call_inplace(&ops_inplace[OP_add], args) < 0) {
        return -1;
    }
    meta->used_again = used;
    if (used)
        note_use(meta);
    return 0;
}

static int accumulate_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct tensor *variable = ((struct accumulate_node *)node)->variable;

    (void)grads;
    if (!g[0])
        return 0;
    return tensor_grad(variable) ? accumulate_more(variable, g[0])
                                 : accumulate_first(variable, g[0]);
}

static const char *accumulate_name(const struct node *node)
{
    (void)node;
    return "torch::autograd::AccumulateGrad";
}

static void accumulate_free(struct node *node)
{
    struct accumulate_node *self = (struct accumulate_node *)node;

    self->variable->meta->accumulator = NULL;
    tensor_unref(self->variable);
    pool_free(self, sizeof(*self));
}

static const struct node_type accumulate_type = {
    .apply = accumulate_apply, .name = accumulate_name, .free = accumulate_free};

struct tensor *node_variable(const struct node *node)
{
    return node->type == &accumulate_type ? ((const struct accumulate_node *)node)->variable : NULL;
}

struct node *leaf_node(struct tensor *t)
{
    struct autograd_meta *meta = tensor_meta(t);
    struct accumulate_node *self;

    if (!meta)
        return NULL;
    if (meta->accumulator)
        return node_ref(meta->accumulator);
    self = pool_alloc(sizeof(*self));
    if (!self)
        return NULL;
    node_init(&self->node, &accumulate_type, NULL, 0, 1);
    self->node.sequence = UINT64_MAX; /* gathers as soon as its gradient is complete */
    self->variable = tensor_ref(t);
    meta->accumulator = &self->node;
    return &self->node;
}
