/* pad, interpolate and its older names, unfold and fold: which row does it. */
#include "autograd/formula.h"
#include "base/error.h"
#include "base/warn.h"
#include "tensor/upsample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- pad ---- */

/* The row that pads `dims` dimensions with elements of the tensor; OP_COUNT: no such mode. */
static enum op_id pad_row(const char *mode, int dims)
{
    static const struct {
        const char *mode;
        enum op_id rows[3];
    } modes[] = {
        {"reflect", {OP_reflection_pad1d, OP_reflection_pad2d, OP_reflection_pad3d}},
        {"replicate", {OP_replication_pad1d, OP_replication_pad2d, OP_replication_pad3d}},
        {"circular", {OP__pad_circular, OP__pad_circular, OP__pad_circular}},
    };

    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(mode, modes[i].mode) == 0)
            return modes[i].rows[dims >= 1 && dims <= 3 ? dims - 1 : 0];
    return OP_COUNT;
}

static struct tensor *padded(struct tensor *self, const struct value *pad, const char *mode,
                             const struct value *number)
{
    int dims = pad->ints.count / 2;
    enum op_id row = pad_row(mode, dims);
    struct value args[] = {V_TENSOR(self), *pad,
                           V_SCALAR(scalar_float(number->given ? number->d : 0))};

    if (pad->ints.count % 2)
        return error_null(ERROR_RUNTIME, "Padding length must be divisible by 2");
    if (dims > self->ndim)
        return error_null(ERROR_RUNTIME, "Padding length too large");
    if (strcmp(mode, "constant") == 0)
        return d_call(OP_constant_pad_nd, args);
    if (row == OP_COUNT)
        return error_null(ERROR_NOT_IMPLEMENTED, "Unrecognised padding mode %s", mode);
    if (number->given && number->d != 0)
        return error_null(ERROR_RUNTIME, "Padding mode \"%s\" doesn't take in value argument",
                          mode);
    if (dims < 1 || dims > 3 || (self->ndim != dims + 1 && self->ndim != dims + 2))
        return error_null(ERROR_NOT_IMPLEMENTED, "Only 2D, 3D, 4D, 5D padding with non-constant "
                                                 "padding are supported for now");
    return d_call(row, args);
}

int pad_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, padded(args[0].tensor, &args[1], args[2].text, &args[3]), out);
}

/* What the padding layers do. */
int layer_pad_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    const char *mode = op->id == OP_constant_padding     ? "constant"
                       : op->id == OP_reflection_padding ? "reflect"
                                                         : "replicate";
    struct value none = V_NONE;
    size_t mark = pool_open();

    return pool_leave(
        op, mark,
        padded(args[0].tensor, &args[1], mode, op->id == OP_constant_padding ? &args[2] : &none),
        out);
}

/* ---- interpolate ---- */

/* A call, with one size or factor for each dimension. */
struct resize {
    int dims;
    bool has_size, has_factors;
    int64_t size[TENSOR_MAX_DIMS];
    double factors[TENSOR_MAX_DIMS];
};

/* "(2, 1.5)", as Python shows a tuple. */
static const char *tuple_text(const struct value *v, bool is_size, char *text, size_t size)
{
    int count = is_size ? v->ints.count : v->floats.count;
    size_t length = (size_t)snprintf(text, size, "(");

    for (int i = 0; i < count && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%g", i ? ", " : "",
                                   is_size ? (double)v->ints.at[i] : v->floats.at[i]);
    if (length < size)
        snprintf(text + length, size - length, ")");
    return text;
}

static int wrong_count(const struct tensor *input, int dims, const struct value *v, bool is_size)
{
    char text[2][128];

    shape_text(dims, input->shape + 2, text[0], sizeof(text[0]));
    if (is_size)
        return error_set(ERROR_VALUE,
                         "Input and output must have the same number of spatial dimensions, but "
                         "got input with spatial dimensions of %s and output size of %s. Please "
                         "provide input tensor in (N, C, d1, d2, ...,dK) format and output size in "
                         "(o1, o2, ...,oK) format.",
                         text[0], tuple_text(v, true, text[1], sizeof(text[1])));
    return error_set(ERROR_VALUE,
                     "Input and scale_factor must have the same number of spatial dimensions, but "
                     "got input with spatial dimensions of %s and scale_factor of shape %s. Please "
                     "provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in "
                     "(s1, s2, ...,sK) format.",
                     text[0], tuple_text(v, false, text[1], sizeof(text[1])));
}

static int resize_init(struct resize *r, const struct tensor *input, const struct value *size,
                       const struct value *factors)
{
    int count = size->given ? size->ints.count : factors->floats.count;

    *r = (struct resize){
        .dims = input->ndim - 2, .has_size = size->given, .has_factors = factors->given};
    if (size->given && factors->given)
        return error_set(ERROR_VALUE, "only one of size or scale_factor should be defined");
    if (!size->given && !factors->given)
        return error_set(ERROR_VALUE, "either size or scale_factor should be defined");
    if (r->dims < 0)
        r->dims = 0;
    if (count != 1 && count != r->dims)
        return wrong_count(input, r->dims, size->given ? size : factors, size->given);
    for (int d = 0; d < r->dims; d++) {
        if (size->given)
            r->size[d] = size->ints.at[count == 1 ? 0 : d];
        else
            r->factors[d] = factors->floats.at[count == 1 ? 0 : d];
    }
    return 0;
}

static void factors_to_size(struct resize *r, const struct tensor *input)
{
    for (int d = 0; d < r->dims; d++)
        r->size[d] = (int64_t)floor((double)input->shape[2 + d] * r->factors[d]);
    r->has_size = true;
    r->has_factors = false;
}

static const struct mode {
    const char *name;
    enum upsample_kind kind;
    int dims; /* 0: any */
} modes[] = {
    {"nearest", UPSAMPLE_NEAREST, 0},  {"nearest-exact", UPSAMPLE_NEAREST_EXACT, 0},
    {"linear", UPSAMPLE_LINEAR, 1},    {"bilinear", UPSAMPLE_LINEAR, 2},
    {"trilinear", UPSAMPLE_LINEAR, 3}, {"bicubic", UPSAMPLE_CUBIC, 2},
};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

static struct tensor *wrong_mode(const struct tensor *input, const struct mode *mode,
                                 const char *name)
{
    bool says = mode && mode->kind == UPSAMPLE_LINEAR && input->ndim >= 3 && input->ndim <= 5;

    if (says)
        return error_null(ERROR_NOT_IMPLEMENTED, "Got %dD input, but %s mode needs %dD input",
                          input->ndim, name, mode->dims + 2);
    return error_null(ERROR_NOT_IMPLEMENTED,
                      "Input Error: Only 3D, 4D and 5D input Tensors supported (got %dD) for the "
                      "modes: nearest | linear | bilinear | bicubic | trilinear | area | "
                      "nearest-exact (got %s)",
                      input->ndim, name);
}

static struct tensor *means(struct tensor *input, const struct resize *r)
{
    static const enum op_id rows[] = {OP_adaptive_avg_pool1d, OP_adaptive_avg_pool2d,
                                      OP_adaptive_avg_pool3d};
    struct value args[] = {V_TENSOR(input), V_INTS(r->size, r->dims)};

    return d_call(rows[r->dims - 1], args);
}

static struct tensor *resized(struct tensor *input, const struct resize *r, const char *name,
                              bool align)
{
    const struct mode *mode = find_mode(name);
    struct value args[] = {V_TENSOR(input), V_NONE, V_INT(align), V_NONE};

    if (strcmp(name, "area") == 0 && r->dims >= 1 && r->dims <= 3)
        return means(input, r);
    if (!mode || r->dims < 1 || r->dims > 3 || (mode->dims && mode->dims != r->dims))
        return wrong_mode(input, mode, name);
    if (r->has_size)
        args[1] = V_INTS(r->size, r->dims);
    if (r->has_factors)
        args[3] = (struct value){.given = true, .floats = {r->factors, r->dims}};
    return d_call(upsample_row(mode->kind, r->dims), args);
}

enum { INPUT, SIZE, FACTORS, MODE, ALIGN, RECOMPUTE, ANTIALIAS };

/* args are those of interpolate(). */
static struct tensor *interpolate(const struct value *args)
{
    const char *mode = args[MODE].text;
    bool plain = strncmp(mode, "nearest", 7) == 0 || strcmp(mode, "area") == 0;
    bool recompute = args[RECOMPUTE].given && args[RECOMPUTE].i;
    struct tensor *input = args[INPUT].tensor;
    struct resize r;

    if (plain && args[ALIGN].given)
        return error_null(ERROR_VALUE, "align_corners option can only be set with the "
                                       "interpolating modes: linear | bilinear | bicubic | "
                                       "trilinear");
    if (resize_init(&r, input, &args[SIZE], &args[FACTORS]) < 0)
        return NULL;
    if (recompute && r.has_size)
        return error_null(ERROR_VALUE,
                          "recompute_scale_factor is not meaningful with an explicit size.");
    if ((recompute || strcmp(mode, "area") == 0) && !r.has_size)
        factors_to_size(&r, input);
    if (args[ANTIALIAS].i)
        return error_null(args[INPUT].tensor->ndim == 4 && strncmp(mode, "bi", 2) == 0
                              ? ERROR_NOT_IMPLEMENTED
                              : ERROR_VALUE,
                          "Anti-alias option is only supported for bilinear and bicubic modes");
    return resized(input, &r, mode, args[ALIGN].given && args[ALIGN].i);
}

int interpolate_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, interpolate(args), out);
}

/* upsample, upsample_nearest and upsample_bilinear: the older names. */
int upsample_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value all[] = {args[0], args[1], args[2], V_STRING("nearest"), V_NONE, V_NONE, V_INT(0)};
    size_t mark;

    if (warn_user("nn.functional.%s is deprecated. Use nn.functional.interpolate instead.",
                  op->name) < 0)
        return -1;
    mark = pool_open();
    if (op->id == OP_upsample) {
        all[MODE] = args[3];
        all[ALIGN] = args[4];
    } else if (op->id == OP_upsample_bilinear) {
        all[MODE] = V_STRING("bilinear");
        all[ALIGN] = V_INT(true);
    }
    return pool_leave(op, mark, interpolate(all), out);
}

/* ---- unfold and fold ---- */

int unfold_nn_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_im2col], args, out);
}

int fold_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_col2im], args, out);
}
