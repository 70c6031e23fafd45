/* Operations that copy, convert and choose. */
#include "base/error.h"
#include "base/warn.h"
#include "tensor/iter.h"
#include "tensor/op.h"
#include "tensor/overlap.h"

#include <string.h>

int clone_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    *out = tensor_clone_as(args[0].tensor, DTYPE_NONE);
    return *out ? 0 : -1;
}

int contiguous_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    *out = tensor_clone(args[0].tensor);
    return *out ? 0 : -1;
}

/* Once: every training loop with complex numbers would say it again and again. */
static int warn_discards(const struct tensor *src, enum dtype dtype)
{
    static bool warned;

    if (warned || !dtype_is_complex(tensor_dtype(src)) || dtype_is_complex(dtype))
        return 0;
    warned = true;
    return warn_user("Casting complex values to real discards the imaginary part");
}

int to_copy_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (warn_discards(args[0].tensor, (enum dtype)args[1].i) < 0)
        return -1;
    *out = tensor_clone_as(args[0].tensor, (enum dtype)args[1].i);
    return *out ? 0 : -1;
}

int copy_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (warn_discards(args[1].tensor, tensor_dtype(out[0])) < 0 ||
        tensor_check_overlap(out[0], args[1].tensor) < 0)
        return -1;
    return tensor_copy(out[0], args[1].tensor);
}

int fill_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct tensor *value = args[1].tensor;

    (void)op;
    if (value->ndim != 0)
        return error_set(ERROR_RUNTIME,
                         "fill_ only supports 0-dimension value tensor but got tensor with %d "
                         "dimensions.",
                         value->ndim);
    if (value->wrapped_number &&
        scalar_check(dtype_load(tensor_dtype(value), tensor_data(value)), tensor_dtype(out[0])) < 0)
        return -1;
    return tensor_copy(out[0], value);
}

int zero_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    (void)args;
    return tensor_fill(out[0], scalar_int(0));
}

/* ---- where ---- */

typedef unsigned __int128 bits_16 __attribute__((aligned(8)));

/* first ? x : y without a guess of the processor. */
#define CHOSEN(T, first, x, y) ((T)(((x) & (T)(0 - (first))) | ((y) & (T)((first)-1))))

#define CHOOSE(bytes, T)                                                                           \
    static void choose_##bytes(int64_t n, char *const *ptr, const int64_t *stride,                 \
                               const struct scalar *params)                                        \
    {                                                                                              \
        const T *x = (const T *)ptr[2], *y = (const T *)ptr[3];                                    \
        const uint8_t *mask = (const uint8_t *)ptr[1];                                             \
        T *out = (T *)ptr[0];                                                                      \
        const bool rows = stride[0] == sizeof(T) && stride[1] == 1;                                \
        (void)params;                                                                              \
        if (rows && stride[2] == sizeof(T) && (stride[3] == sizeof(T) || stride[3] == 0)) {        \
            const int64_t step = stride[3] != 0;                                                   \
            for (int64_t i = 0; i < n; i++)                                                        \
                out[i] = CHOSEN(T, mask[i], x[i], y[i * step]);                                    \
            return;                                                                                \
        }                                                                                          \
        if (rows && stride[2] == 0 && stride[3] == sizeof(T)) {                                    \
            for (int64_t i = 0; i < n; i++)                                                        \
                out[i] = CHOSEN(T, mask[i], *x, y[i]);                                             \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            bool first = *(const bool *)(ptr[1] + i * stride[1]);                                  \
            const char *from = first ? ptr[2] + i * stride[2] : ptr[3] + i * stride[3];            \
            *(T *)(ptr[0] + i * stride[0]) = *(const T *)from;                                     \
        }                                                                                          \
    }
CHOOSE(1, uint8_t)
CHOOSE(2, uint16_t)
CHOOSE(4, uint32_t)
CHOOSE(8, uint64_t)
CHOOSE(16, bits_16)

static kernel_fn *choose_kernel(size_t size)
{
    static kernel_fn *const kernels_by_size[17] = {
        [1] = choose_1, [2] = choose_2, [4] = choose_4, [8] = choose_8, [16] = choose_16};

    return kernels_by_size[size];
}

/* out = condition ? a : b, broadcast; a and b are converted to `dtype`. */
static int choose(const struct op *op, struct tensor *condition, struct tensor *a, struct tensor *b,
                  enum dtype dtype, struct tensor **out)
{
    struct tensor *inputs[3] = {condition, a, b};
    const struct tensor *operands[4] = {NULL, condition, NULL, NULL};
    struct tensor *x = tensor_to(a, dtype), *y = tensor_to(b, dtype), *result = NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = condition->ndim, status = -1;
    struct iter it;

    memcpy(shape, condition->shape, sizeof(shape));
    if (!x || !y || shape_broadcast(&ndim, shape, a->ndim, a->shape) < 0 ||
        shape_broadcast(&ndim, shape, b->ndim, b->shape) < 0)
        goto end;
    result = tensor_new_as(dtype, ndim, shape, 3, inputs);
    if (!result)
        goto end;
    operands[0] = result;
    operands[2] = x;
    operands[3] = y;
    iter_init(&it, 4, operands);
    iter_run(&it, choose_kernel(dtype_size(dtype)), NULL);
    if (!*out) {
        *out = tensor_ref(result);
        status = 0;
    } else if (op_output(op, out, dtype, ndim, shape) == 0) {
        status = tensor_copy(*out, result);
    }
end:
    tensor_unref(x);
    tensor_unref(y);
    tensor_unref(result);
    return status;
}

static int warn_byte_condition(void)
{
    static bool warned;

    if (warned)
        return 0;
    warned = true;
    return warn_user("where received a uint8 condition tensor. This behavior is deprecated and "
                     "will be removed in a future version of PyTorch. Use a boolean condition "
                     "instead.");
}

int where_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *condition = args[0].tensor, *values[2] = {args[1].tensor, args[2].tensor};

    if (condition->dtype != DTYPE_b8 && condition->dtype != DTYPE_u8)
        return error_set(ERROR_RUNTIME,
                         "where expected condition to be a boolean tensor, but got a tensor with "
                         "dtype %s",
                         dtype_short_name(tensor_dtype(condition)));
    if (condition->dtype == DTYPE_u8 && warn_byte_condition() < 0)
        return -1;
    return choose(op, condition, values[0], values[1], op_result_type(2, values), out);
}

/* A mask of whole numbers as one of bools: a new reference. */
static struct tensor *bool_mask(struct tensor *mask)
{
    struct tensor *whole = tensor_contiguous(mask), *result = NULL;
    size_t size = dtype_size(tensor_dtype(mask));
    bool fits = true;

    for (int64_t i = 0; whole && fits && i < whole->numel; i++) {
        int64_t x = dtype_load(tensor_dtype(whole), tensor_data(whole) + (size_t)i * size).i;

        fits = x == 0 || x == 1;
    }
    if (whole && !fits)
        error_set(ERROR_RUNTIME, "Mask tensor can take 0 and 1 values only");
    else if (whole)
        result = tensor_to(whole, DTYPE_b8);
    tensor_unref(whole);
    return result;
}

static int check_broadcast(const struct tensor *a, const struct tensor *b)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = a->ndim;

    memcpy(shape, a->shape, sizeof(shape));
    return shape_broadcast(&ndim, shape, b->ndim, b->shape);
}

/* In PyTorch's order, which is another one in place. */
static int masked_fill_check(const struct op *op, const struct tensor *self,
                             const struct tensor *mask, const struct tensor *value)
{
    bool inplace = op->flags & OP_IN_PLACE_CALL;

    if (!inplace && check_broadcast(mask, self) < 0)
        return -1;
    if (value->ndim != 0)
        return error_set(ERROR_RUNTIME,
                         "masked_fill_ only supports a 0-dimensional value tensor, but got tensor "
                         "with %d dimension(s).",
                         value->ndim);
    if (dtype_is_differentiable(tensor_dtype(mask)))
        return error_set(ERROR_RUNTIME,
                         "masked_fill_ only supports boolean masks, but got mask with dtype %s",
                         dtype_name(tensor_dtype(mask)));
    if (mask->dtype == DTYPE_u8 &&
        warn_user("masked_fill_ received a mask with dtype torch.uint8, this behavior is now "
                  "deprecated,please use a mask with dtype torch.bool instead.") < 0)
        return -1;
    if (inplace && check_broadcast(self, mask) < 0)
        return -1;
    if (value->wrapped_number)
        return scalar_check(dtype_load(tensor_dtype(value), tensor_data(value)),
                            tensor_dtype(self));
    return 0;
}

int masked_fill_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *mask = args[1].tensor, *value = args[2].tensor;
    int status;

    if (masked_fill_check(op, self, mask, value) < 0)
        return -1;
    mask = mask->dtype == DTYPE_b8 ? tensor_ref(mask) : bool_mask(mask);
    status = mask ? choose(op, mask, value, self, tensor_dtype(self), out) : -1;
    tensor_unref(mask);
    return status;
}
