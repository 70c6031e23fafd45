/*
 * Derivatives of convolution. It is linear in image and weight, and so is each derivative: the
 * three sides (image, map, weight) turn into one another by a convolution, a transposed one, and
 * convolution_weight, whose own derivatives are the other two.
 */
#include "autograd/formula.h"

#include <string.h>

/* Stride, padding and dilation, as value arguments. */
struct numbers {
    const struct value *stride, *padding, *dilation;
    int64_t groups;
};

/* x cut to the spatial sizes of `like`, beyond which nothing depends on anything. */
static struct tensor *cut_to(struct tensor *x, const struct tensor *like)
{
    for (int d = 2; x && d < like->ndim; d++)
        if (x->shape[d] > like->shape[d])
            x = d_narrow(x, d, 0, like->shape[d]);
    return x;
}

/* What the image gives, of the shape that `map` has. */
static struct tensor *to_map(struct tensor *image, struct tensor *weight,
                             const struct numbers *numbers, const struct tensor *map)
{
    static const int64_t zeros[8];

    if (!image || !weight)
        return NULL;
    return cut_to(D(convolution, V_TENSOR(image), V_TENSOR(weight), V_NONE, *numbers->stride,
                    *numbers->padding, *numbers->dilation, V_INT(false),
                    V_INTS(zeros, image->ndim - 2), V_INT(numbers->groups)),
                  map);
}

/* The transposed convolution, with just the padding that leads to the size of `image`. */
static struct tensor *to_image(struct tensor *map, struct tensor *weight,
                               const struct numbers *numbers, const struct tensor *image)
{
    int64_t more[TENSOR_MAX_DIMS] = {0};

    if (!map || !weight)
        return NULL;
    for (int d = 0; d < image->ndim - 2; d++)
        more[d] =
            image->shape[2 + d] - ((map->shape[2 + d] - 1) * numbers->stride->ints.at[d] -
                                   2 * numbers->padding->ints.at[d] +
                                   numbers->dilation->ints.at[d] * (weight->shape[2 + d] - 1) + 1);
    return D(convolution, V_TENSOR(map), V_TENSOR(weight), V_NONE, *numbers->stride,
             *numbers->padding, *numbers->dilation, V_INT(true), V_INTS(more, image->ndim - 2),
             V_INT(numbers->groups));
}

static struct tensor *to_weight(struct tensor *image, struct tensor *map,
                                const struct numbers *numbers, const struct tensor *weight)
{
    if (!image || !map)
        return NULL;
    return D(convolution_weight, V_TENSOR(image), V_TENSOR(map),
             V_INTS(weight->shape + 2, weight->ndim - 2), *numbers->stride, *numbers->padding,
             *numbers->dilation, V_INT(numbers->groups));
}

void convolution_rule(struct grad_call *c)
{
    const struct numbers numbers = {&c->args[3], &c->args[4], &c->args[5], c->args[8].i};
    struct tensor *input = c->args[0].tensor, *weight = c->args[1].tensor, *g = c->g[0];
    bool transposed = c->args[6].i;
    int64_t dims[TENSOR_MAX_DIMS] = {0};

    if (!g)
        return;
    if (grad_wanted(c, 0))
        c->grads[0] =
            transposed ? to_map(g, weight, &numbers, input) : to_image(g, weight, &numbers, input);
    if (grad_wanted(c, 1))
        c->grads[1] = transposed ? to_weight(g, input, &numbers, weight)
                                 : to_weight(input, g, &numbers, weight);
    if (c->args[2].given && grad_wanted(c, 2)) {
        for (int d = 2; d < g->ndim; d++)
            dims[d - 1] = d;
        c->grads[2] = d_sum(g, dims, g->ndim - 1, false);
    }
}

void convolution_weight_rule(struct grad_call *c)
{
    const struct numbers numbers = {&c->args[3], &c->args[4], &c->args[5], c->args[6].i};
    struct tensor *image = c->args[0].tensor, *map = c->args[1].tensor;

    if (grad_wanted(c, 0))
        c->grads[0] = to_image(map, c->g[0], &numbers, image);
    if (grad_wanted(c, 1))
        c->grads[1] = to_map(image, c->g[0], &numbers, map);
}
