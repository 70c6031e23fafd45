/* Derivatives of padding, of shuffling, of folding and of images of another size: each is linear,
 * so that its gradient is the adjoint operation, whose own gradient is the operation again. */
#include "autograd/formula.h"
#include "tensor/pad.h"
#include "tensor/upsample.h"

/* ---- padding ---- */

void constant_pad_nd_rule(struct grad_call *c)
{
    int64_t opposite[2 * TENSOR_MAX_DIMS];
    int count = c->args[1].ints.count;

    for (int i = 0; i < count; i++)
        opposite[i] = -c->args[1].ints.at[i];
    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(constant_pad_nd, V_TENSOR(c->g[0]), V_INTS(opposite, count));
}

void edge_pad_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(edge_pad_fold, V_TENSOR(c->g[0]), c->args[1], V_INT(pad_mode_of(c->op)),
                        V_INTS(self->shape, self->ndim));
}

void edge_pad_fold_rule(struct grad_call *c)
{
    static const enum op_id rows[PAD_MODE_COUNT][3] = {
        [PAD_REFLECT] = {OP_reflection_pad1d, OP_reflection_pad2d, OP_reflection_pad3d},
        [PAD_REPLICATE] = {OP_replication_pad1d, OP_replication_pad2d, OP_replication_pad3d},
        [PAD_CIRCULAR] = {OP__pad_circular, OP__pad_circular, OP__pad_circular}};
    struct value args[] = {V_MAYBE(c->g[0]), c->args[1]};

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = d_call(rows[c->args[2].i][c->args[1].ints.count / 2 - 1], args);
}

/* ---- shuffling ---- */

void pixel_shuffle_rule(struct grad_call *c)
{
    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(pixel_unshuffle, V_TENSOR(c->g[0]), c->args[1]);
}

void pixel_unshuffle_rule(struct grad_call *c)
{
    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(pixel_shuffle, V_TENSOR(c->g[0]), c->args[1]);
}

/* Shuffled among as many groups as each group has channels, channels are where they were. */
void channel_shuffle_rule(struct grad_call *c)
{
    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(channel_shuffle, V_TENSOR(c->g[0]),
                        V_INT(c->args[0].tensor->shape[1] / c->args[1].i));
}

/* ---- columns ---- */

void im2col_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(col2im, V_TENSOR(c->g[0]), V_INTS(self->shape + self->ndim - 2, 2),
                        c->args[1], c->args[2], c->args[3], c->args[4]);
}

void col2im_rule(struct grad_call *c)
{
    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(im2col, V_TENSOR(c->g[0]), c->args[2], c->args[3], c->args[4], c->args[5]);
}

/* ---- images of another size ---- */

void upsample_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    int dims;

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(upsample_spread, V_TENSOR(c->g[0]), V_INT(upsample_kind_of(c->op, &dims)),
                        V_INTS(self->shape, self->ndim), c->args[2], c->args[3]);
}

void upsample_spread_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    int dims = self->ndim - 2;
    struct value args[] = {V_MAYBE(c->g[0]), V_INTS(self->shape + 2, dims), c->args[3], c->args[4]};

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = d_call(upsample_row((enum upsample_kind)c->args[1].i, dims), args);
}

/* ---- unpooling ---- */

/* Each element gets the gradient of where it was put. */
void max_unpool_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    struct tensor *g = c->g[0], *index = c->args[1].tensor;
    int dims = c->args[2].ints.count;
    int64_t planes = 1;

    if (!g || !grad_wanted(c, 0) || self->numel == 0)
        return;
    for (int d = 0; d < self->ndim - dims; d++)
        planes *= self->shape[d];
    g = d_reshape(g, 2, (int64_t[]){planes, g->numel / planes});
    index = d_reshape(index, 2, (int64_t[]){planes, self->numel / planes});
    g = g && index ? D(gather, V_TENSOR(g), V_INT(1), V_TENSOR(index)) : NULL;
    if (g)
        c->grads[0] = d_reshape(g, self->ndim, self->shape);
}
