/* grid_sample and affine_grid, with their derivatives. */
#include "autograd/formula.h"
#include "base/error.h"
#include "base/warn.h"

#include <string.h>

/* The number of a word among several; -1: it is none of them. */
static int word_number(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

/* Whether corners are aligned; without an answer they are not, and PyTorch says so. -1: the warning
 * is an error. */
static int aligned(const struct value *align_corners)
{
    if (align_corners->given)
        return align_corners->i != 0;
    return warn_user("Default grid_sample and affine_grid behavior has changed to "
                     "align_corners=False since 1.3.0. Please specify align_corners=True if the "
                     "old behavior is desired. See the documentation of grid_sample for details.");
}

/* ---- grid_sample ---- */

int grid_sample_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    static const char *const modes[] = {"bilinear", "nearest", "bicubic"};
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    int mode = word_number(args[2].text, modes, 3);
    int padding = word_number(args[3].text, paddings, 3), align;
    enum op_id row = args[0].tensor->ndim == 5 ? OP_grid_sampler_3d : OP_grid_sampler_2d;
    size_t mark;

    if (mode < 0)
        return error_set(ERROR_VALUE,
                         "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' "
                         "or 'bicubic', but got: '%s'",
                         args[2].text);
    if (padding < 0)
        return error_set(ERROR_VALUE,
                         "nn.functional.grid_sample(): expected padding_mode to be 'zeros', "
                         "'border', or 'reflection', but got: '%s'",
                         args[3].text);
    align = aligned(&args[4]);
    if (align < 0)
        return -1;
    mark = pool_open();
    return pool_leave(
        op, mark,
        d_call(row, (struct value[]){args[0], args[1], V_INT(mode), V_INT(padding), V_INT(align)}),
        out);
}

void grid_sampler_rule(struct grad_call *c)
{
    enum op_id row =
        c->op->id == OP_grid_sampler_3d ? OP_grid_sampler_3d_backward : OP_grid_sampler_2d_backward;
    struct tensor *results[2] = {NULL};

    if (!c->g[0] || op_call(&ops[row],
                            (struct value[]){V_TENSOR(c->g[0]), c->args[0], c->args[1], c->args[2],
                                             c->args[3], c->args[4]},
                            results) < 0)
        return;
    for (int i = 0; i < 2; i++)
        c->grads[i] = pool_keep(results[i]);
}

void grid_sampler_backward_rule(struct grad_call *c)
{
    d_missing(c);
}

/* ---- affine_grid ---- */

static int check_affine(const struct tensor *theta, const struct value *size)
{
    const int64_t *at = size->ints.at;
    int count = size->ints.count, dims = count - 2;
    char text[2][128];
    bool positive = true;

    shape_text(count, at, text[0], sizeof(text[0]));
    text[0][0] = '(';
    text[0][strlen(text[0]) - 1] = ')';
    if (!dtype_is_float(tensor_dtype(theta)))
        return error_set(ERROR_VALUE,
                         "Expected theta to have floating point type, but got torch.%s",
                         dtype_name(tensor_dtype(theta)));
    if (count != 4 && count != 5)
        return error_set(ERROR_NOT_IMPLEMENTED,
                         "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine "
                         "transforms, respectively. Got size %s.",
                         text[0]);
    if (theta->ndim != 3 || theta->shape[1] != dims || theta->shape[2] != dims + 1)
        return error_set(ERROR_VALUE,
                         "Expected a batch of %dD affine matrices of shape Nx%dx%d for size %s. "
                         "Got torch.Size(%s).",
                         dims, dims, dims + 1, text[0],
                         shape_text(theta->ndim, theta->shape, text[1], sizeof(text[1])));
    for (int d = 0; d < count; d++)
        positive = positive && at[d] > 0;
    if (!positive)
        return error_set(ERROR_VALUE, "Expected non-zero, positive output size. Got %s", text[0]);
    if (theta->shape[0] != at[0])
        return error_set(ERROR_RUNTIME,
                         "Expected size for first two dimensions of batch2 tensor to be: [%lld, "
                         "%d] but got: [%lld, %d].",
                         (long long)at[0], dims + 1, (long long)theta->shape[0], dims + 1);
    return 0;
}

int affine_grid_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct value *size = &args[1];
    int align;
    bool thin = false;
    size_t mark;

    if (check_affine(args[0].tensor, size) < 0 || (align = aligned(&args[2])) < 0)
        return -1;
    for (int d = 2; d < size->ints.count; d++)
        thin = thin || size->ints.at[d] == 1;
    if (align && thin &&
        warn_user("Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
                  "align_corners=True. This is not an intended use case of affine_grid. See the "
                  "documentation of affine_grid for details.") < 0)
        return -1;
    mark = pool_open();
    return pool_leave(op, mark, D(affine_grid_generator, args[0], args[1], V_INT(align)), out);
}

/* From -1 to 1, counted from the nearer end as linspace() does. */
static struct tensor *line(enum dtype dtype, int64_t steps)
{
    struct tensor *t = pool_keep(tensor_zeros(dtype, 1, &steps));
    int64_t size = (int64_t)dtype_size(dtype);

    for (int64_t i = 0; t && steps > 1 && i < steps; i++) {
        int64_t from_end = steps - 1 - i, near = i < steps / 2 ? i : from_end;
        double step = dtype == DTYPE_f64 ? 2 / (double)(steps - 1) : 2 / (float)(steps - 1);
        double x = -1 + (dtype == DTYPE_f64 ? step * (double)near : (float)step * (float)near);

        dtype_store(dtype, tensor_data(t) + i * size, scalar_float(near == i ? x : -x));
    }
    return t;
}

/* The points of an untouched image, (points, dims + 1): x, y (, z) and 1. */
static struct tensor *base_grid(enum dtype dtype, const struct value *size, bool align)
{
    int dims = size->ints.count - 2;
    const int64_t *spatial = size->ints.at + 2;
    struct tensor *parts[4];

    for (int k = 0; k < dims; k++) {
        int64_t steps = spatial[dims - 1 - k], shape[3] = {1, 1, 1};
        struct tensor *x = line(dtype, steps);

        if (!align)
            x = d_true_divide(x ? d_scale(x, scalar_int(steps - 1)) : NULL,
                              d_number(scalar_int(steps)));
        shape[dims - 1 - k] = steps;
        x = x ? d_reshape(x, dims, shape) : NULL;
        parts[k] = x ? d_expand(x, dims, spatial) : NULL;
        if (!parts[k])
            return NULL;
    }
    parts[dims] = pool_keep(tensor_full(dtype, dims, spatial, scalar_int(1)));
    parts[0] = parts[dims] ? D(stack, V_TENSORS(parts, dims + 1), V_INT(-1)) : NULL;
    return parts[0] ? d_reshape(parts[0], 2, (int64_t[]){parts[0]->numel / (dims + 1), dims + 1})
                    : NULL;
}

static struct tensor *affine_grid(const struct value *args)
{
    struct tensor *theta = args[0].tensor, *points;
    const struct value *size = &args[1];
    int dims = size->ints.count - 2;
    int64_t shape[TENSOR_MAX_DIMS];

    points = base_grid(tensor_dtype(theta), size, args[2].i);
    points = points ? d_matmul(points, d_transpose(theta, 1, 2)) : NULL;
    shape[0] = size->ints.at[0];
    memcpy(shape + 1, size->ints.at + 2, (size_t)dims * sizeof(*shape));
    shape[dims + 1] = dims;
    return points ? d_reshape(points, dims + 2, shape) : NULL;
}

int affine_grid_generator_forward(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    return formula_forward(op, args, out, affine_grid);
}

void affine_grid_generator_rule(struct grad_call *c)
{
    const struct tensor *theta = c->args[0].tensor;
    struct tensor *points, *g = c->g[0];
    int64_t dims = theta->shape[1];

    if (!g || !grad_wanted(c, 0))
        return;
    points = base_grid(tensor_dtype(theta), &c->args[1], c->args[2].i);
    g = points ? d_reshape(g, 3, (int64_t[]){theta->shape[0], points->shape[0], dims}) : NULL;
    c->grads[0] = g ? d_matmul(d_transpose(g, 1, 2), points) : NULL;
}
