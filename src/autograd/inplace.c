/*
 * In-place operations and the history of views.
 *
 * When a view is changed in place, its base's history becomes a CopySlices node: it hands the
 * gradient of the changed region to the operation's own node and the rest to what the base was
 * before. Other views of the base learn of it by their version: tensor_grad_fn() gives them a fresh
 * AsStrided node when it is asked.
 */
#include "autograd/record.h"

#include "autograd/arguments.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/warn.h"

#include <string.h>

/* Where a view lies in its base. */
struct geometry {
    int ndim;
    int64_t offset; /* from the base's first element */
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
};

static void geometry_of(struct geometry *g, const struct tensor *view, const struct tensor *base)
{
    g->ndim = view->ndim;
    g->offset = view->offset - base->offset;
    memcpy(g->shape, view->shape, sizeof(g->shape));
    memcpy(g->stride, view->stride, sizeof(g->stride));
}

/* The region of `t`, which has the base's layout. From the pool; not recorded. */
static struct tensor *region(struct tensor *t, const struct geometry *g)
{
    return pool_keep(tensor_view(t, g->ndim, g->shape, g->stride, t->offset + g->offset));
}

/* A tensor with the layout of `like`, zeros or a copy of `from` (NULL: zeros). From the pool. */
static struct tensor *in_layout(const struct tensor *like, struct tensor *from)
{
    int64_t elements = 1;
    struct tensor *flat, *t;

    for (int d = 0; d < like->ndim; d++)
        elements += (like->shape[d] - 1) * like->stride[d];
    flat = tensor_zeros(tensor_dtype(like), 1, &elements);
    t = flat ? pool_keep(tensor_view(flat, like->ndim, like->shape, like->stride, 0)) : NULL;
    tensor_unref(flat);
    if (t && from && tensor_copy(t, from) < 0)
        return NULL;
    return t;
}

/* ---- AsStrided: the history of a view that is derived from its base anew ---- */

struct strided_node {
    struct node node;
    struct edge edge;
    struct tensor *base; /* shape and strides only */
    struct geometry geometry;
};

static int strided_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct strided_node *self = (struct strided_node *)node;
    size_t mark = pool_open();
    struct tensor *whole = g[0] ? in_layout(self->base, NULL) : NULL;
    struct tensor *part = whole ? region(whole, &self->geometry) : NULL;

    if (part && tensor_copy(part, g[0]) == 0)
        grads[0] = tensor_ref(whole);
    pool_close(mark);
    return error_pending() ? -1 : 0;
}

static const char *strided_name(const struct node *node)
{
    (void)node;
    return "AsStridedBackward0";
}

static void strided_free(struct node *node)
{
    struct strided_node *self = (struct strided_node *)node;

    node_release_edges(node);
    tensor_unref(self->base);
    pool_free(self, sizeof(*self));
}

static const struct node_type strided_type = {
    .apply = strided_apply, .name = strided_name, .free = strided_free};

/* The base's layout without its data. */
static struct tensor *layout_of(const struct tensor *base)
{
    struct tensor *layout = tensor_shape_only(base);

    if (layout)
        memcpy(layout->stride, base->stride, sizeof(base->stride));
    return layout;
}

static int renew_view_history(struct tensor *view)
{
    struct strided_node *self = pool_alloc(sizeof(*self));
    bool made;

    if (!self)
        return -1;
    node_init(&self->node, &strided_type, &self->edge, 1, 1);
    geometry_of(&self->geometry, view, view->base);
    self->edge = tensor_edge(view->base);
    self->base = layout_of(view->base);
    made = self->base != NULL;
    if (made)
        tensor_set_history(view, &self->node, 0);
    node_unref(&self->node);
    return made ? 0 : -1;
}

struct node *tensor_grad_fn(struct tensor *t)
{
    if (t->base && t->base->requires_grad && t->storage->version != t->view_version)
        renew_view_history(t);
    return t->grad_fn;
}

/* ---- CopySlices: the history of a base whose view was changed ---- */

struct slices_node {
    struct node node;
    struct edge edge_array[8];
    struct node *inner; /* the operation on the view; its edge 0 is the view itself */
    struct tensor *base;
    struct geometry geometry;
};

static int slices_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct slices_node *self = (struct slices_node *)node;
    struct tensor *inner_g, *inner_grads[8] = {NULL}, *whole, *part;
    size_t mark = pool_open();

    whole = g[0] ? in_layout(self->base, g[0]) : NULL;
    part = whole ? region(whole, &self->geometry) : NULL;
    inner_g = part ? pool_keep(tensor_clone(part)) : NULL;
    if (inner_g && self->inner->type->apply(self->inner, &inner_g, inner_grads) == 0) {
        int status =
            inner_grads[0] ? tensor_copy(part, inner_grads[0]) : tensor_fill(part, scalar_int(0));

        tensor_unref(inner_grads[0]);
        inner_grads[0] = tensor_ref(whole);
        for (int k = 0; k < self->inner->edge_count; k++) {
            if (status == 0)
                grads[k] = inner_grads[k];
            else
                tensor_unref(inner_grads[k]);
        }
    }
    pool_close(mark);
    return error_pending() ? -1 : 0;
}

static const char *slices_name(const struct node *node)
{
    (void)node;
    return "torch::autograd::CopySlices";
}

static void slices_release(struct node *node)
{
    struct slices_node *self = (struct slices_node *)node;

    if (self->inner->type->release_saved)
        self->inner->type->release_saved(self->inner);
}

static void slices_free(struct node *node)
{
    struct slices_node *self = (struct slices_node *)node;

    node_release_edges(node);
    node_unref(self->inner);
    tensor_unref(self->base);
    pool_free(self, sizeof(*self));
}

static const struct node_type slices_type = {.apply = slices_apply,
                                             .name = slices_name,
                                             .release_saved = slices_release,
                                             .free = slices_free};

/* Gives view->base the history of `inner`, which has just changed the view. */
static int rebase(struct tensor *view, struct node *inner)
{
    struct slices_node *self = pool_alloc(sizeof(*self));
    struct tensor *base = view->base;
    bool made;

    if (!self)
        return -1;
    node_init(&self->node, &slices_type, self->edge_array, inner->edge_count, 1);
    memset(self->edge_array, 0, sizeof(self->edge_array));
    self->inner = node_ref(inner);
    geometry_of(&self->geometry, view, base);
    self->base = layout_of(base);
    self->edge_array[0] = tensor_edge(base);
    for (int k = 1; k < inner->edge_count; k++) {
        self->edge_array[k] = inner->edges[k];
        if (inner->edges[k].node)
            node_ref(inner->edges[k].node);
    }
    /* The inner node needs to know that the region's gradient is wanted; where it goes is decided
     * by this node's edge 0. */
    if (self->edge_array[0].node && !inner->edges[0].node)
        inner->edges[0] = (struct edge){node_ref(self->edge_array[0].node), 0};
    made = self->base != NULL;
    if (made)
        tensor_set_history(base, &self->node, 0);
    node_unref(&self->node);
    return made ? renew_view_history(view) : -1;
}

/* ---- calls ---- */

/* What a function gave that gives several views must not be changed; nor, with recording on, a view
 * that was made with recording off. */
static int check_view(const struct tensor *t)
{
    static const char *const several[] = {"SplitBackward0", "SplitWithSizesBackward0",
                                          "UnbindBackward0"};
    const char *name = t->grad_fn ? node_name(t->grad_fn) : NULL;

    if (!name && t->base->requires_grad && !t->requires_grad &&
        t->view_version == t->storage->version)
        return error_set(ERROR_RUNTIME,
                         "A view was created in no_grad mode and is being modified inplace with "
                         "grad mode enabled. Given that this use case is ambiguous and "
                         "error-prone, it is forbidden. You can clarify your code by moving both "
                         "the view and the inplace either both inside the no_grad block (if you "
                         "don't want the inplace to be tracked) or both outside (if you want the "
                         "inplace to be tracked).");
    for (size_t i = 0; name && i < sizeof(several) / sizeof(*several); i++) {
        if (strcmp(name, several[i]) == 0)
            return error_set(ERROR_RUNTIME,
                             "Output %u of %s is a view and is being modified inplace. This view "
                             "is the output of a function that returns multiple views. Such "
                             "functions do not allow the output views to be modified inplace. You "
                             "should replace the inplace operation by an out-of-place one.",
                             (unsigned)t->output_nr, name);
    }
    return 0;
}

static int check_leaf(const struct tensor *t)
{
    if (tensor_is_inference(t) && !grad_mode().inference)
        return error_set(ERROR_RUNTIME,
                         "Inplace update to inference tensor outside InferenceMode is not "
                         "allowed.You can make a clone to get a normal tensor before doing inplace "
                         "update.See https://github.com/pytorch/rfcs/pull/17 for more details.");
    if (!grad_enabled())
        return 0;
    if (t->base && check_view(t) < 0)
        return -1;
    if (t->requires_grad && !t->grad_fn && !t->base)
        return error_set(ERROR_RUNTIME, "a leaf Variable that requires grad is being used in an "
                                        "in-place operation.");
    if (t->base &&
        ((t->requires_grad && !t->grad_fn) || (t->base->requires_grad && !t->base->grad_fn)))
        return error_set(ERROR_RUNTIME, "a view of a leaf Variable that requires grad is being "
                                        "used in an in-place operation.");
    return 0;
}

/* self as it is before the change, history included: what saves it does not hold self. */
static struct tensor *copy_before(struct tensor *self)
{
    struct tensor *before = tensor_clone(self);

    if (!before)
        return NULL;
    before->requires_grad = self->requires_grad;
    if (tensor_grad_fn(self))
        tensor_set_history(before, self->grad_fn, self->output_nr);
    return before;
}

/* A rule that needs self as it was gets a copy of it. */
static struct node *record_before(const struct op *op, const struct value *args)
{
    struct value copied[OP_MAX_ARGS];
    struct tensor *before;
    struct node *node;

    if (!(op_rules[op->id].saves & S0))
        return record_node(op, args);
    memcpy(copied, args, (size_t)op_schema(op)->count * sizeof(*args));
    before = copy_before(args[0].tensor);
    if (!before)
        return NULL;
    copied[0].tensor = before;
    node = record_node(op, copied);
    tensor_unref(before);
    return node;
}

static bool any_requires_grad(const struct op *op, const struct value *args)
{
    const struct schema *schema = op_schema(op);

    for (int i = 0; i < schema->count; i++) {
        const struct value *v = &args[i];

        if (!v->given)
            continue;
        if (schema->params[i].type == VALUE_TENSOR && v->tensor->requires_grad)
            return true;
    }
    return args[0].tensor->base && args[0].tensor->base->requires_grad;
}

/* A row that takes `inplace` knows itself what it changes. */
static int asked_inplace(const struct op *op, const struct value *args)
{
    const struct op *row = &ops[op->id];
    struct value call[OP_MAX_ARGS];
    struct tensor *result = NULL;
    int status;

    memcpy(call, args, (size_t)op_schema(row)->count * sizeof(*args));
    call[row->inplace_arg] = arg_int(true);
    status = row->forward(row, call, &result);
    tensor_unref(result);
    return status;
}

/* What is made of other operations is computed anew and copied into self. */
static int composed_inplace(const struct op *op, const struct value *args)
{
    struct tensor *self = args[0].tensor, *result = NULL, *checked = self;
    struct tensor *before = copy_before(self);
    struct value copy[3] = {args[0]}, call[OP_MAX_ARGS];
    int status = -1;

    memcpy(call, args, (size_t)op_schema(op)->count * sizeof(*args));
    call[0].tensor = before;
    if (before)
        status = op_call(&ops[op->id], call, &result);
    tensor_unref(before);
    if (status < 0)
        return -1;
    status = -1;
    if (op_output(op, &checked, tensor_dtype(result), result->ndim, result->shape) == 0) {
        copy[1] = (struct value){.given = true, .tensor = result};
        op_defaults(&ops[OP_copy_], copy, 2);
        status = op_call_inplace(&ops[OP_copy_], copy);
    }
    tensor_unref(result);
    return status;
}

/* x.gt_(0): the values that the graph knew are gone, so that no gradient passes. */
static bool is_comparison(const struct op *op)
{
    return op->id >= OP_eq && op->id <= OP_ge;
}

/* The node of the change; NULL with an error or when nothing is to be recorded. */
static struct node *record_change(const struct op *op, const struct value *args)
{
    const struct op *as = is_comparison(op) ? &ops[OP_zero_] : op;
    struct node *node;

    if (!grad_enabled() || !op_rules[as->id].apply || !any_requires_grad(as, args) ||
        !dtype_is_differentiable(tensor_dtype(args[0].tensor)))
        return NULL;
    node = record_before(as, args);
    if (as != op)
        node_rename(node, op_backward_name(op, args, args[1].tensor->wrapped_number ? 2 : 0));
    return node;
}

/* Writing one value everywhere does no harm to an expanded tensor: PyTorch allows it, of some
 * operations with a warning. */
static int check_expanded(const struct op *op, const struct tensor *self)
{
    static const struct {
        enum op_id id;
        bool warns;
    } allowed[] = {{OP_zero_, false},     {OP_fill_, false},      {OP_fill_diagonal_, false},
                   {OP_index_put_, true}, {OP_masked_fill, true}, {OP_index_fill, true}};

    if (!tensor_is_expanded(self))
        return 0;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
        if (allowed[i].id != op->id)
            continue;
        return allowed[i].warns
                   ? warn_user("Use of %s on expanded tensors is deprecated. Please clone() the "
                               "tensor before performing this operation. This also applies to "
                               "advanced indexing e.g. tensor[%s] = %s",
                               op->name, op->id == OP_index_put_ ? "indices" : "mask",
                               op->id == OP_index_put_ ? "tensor" : "scalar")
                   : 0;
    }
    return tensor_check_expanded(self);
}

/* After the change: its node becomes self's history. Takes `node` (NULL: only the version counts).
 */
static int keep_change(struct tensor *self, struct node *node, struct tensor **out)
{
    int status = 0;

    tensor_bump(self);
    if (node)
        status = record_results(node, out);
    if (node && status == 0) {
        if (self->base)
            status = rebase(self, node);
        else
            tensor_set_history(self, node, 0);
    }
    node_unref(node);
    return status;
}

int tensor_overwrite_check(const struct tensor *self)
{
    return check_leaf(self) < 0 ? -1 : tensor_check_expanded(self);
}

int tensor_overwritten(struct tensor *self, const char *name)
{
    struct value args[] = {{.given = true, .tensor = self}};
    struct node *node = record_change(&ops[OP_zero_], args);

    if (!node && error_pending())
        return -1;
    node_rename(node, name);
    return keep_change(self, node, &self);
}

int op_call_inplace(const struct op *op, const struct value *args)
{
    struct tensor *self = args[0].tensor, *out[OP_MAX_OUTPUTS] = {self};
    struct node *node = NULL;
    int status;

    if (check_leaf(self) < 0 || check_expanded(op, self) < 0)
        return -1;
    if (op->flags & OP_COMPOSED)
        return ops[op->id].inplace_arg ? asked_inplace(op, args) : composed_inplace(op, args);
    node = record_change(op, args);
    if (!node && error_pending())
        return -1;
    status = op_run(op, args, out);
    if (status == 0)
        return keep_change(self, node, out);
    node_unref(node);
    return status;
}
