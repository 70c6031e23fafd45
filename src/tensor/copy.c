/* Copying with conversion, and filling. */
#include "base/error.h"
#include "tensor/iter.h"

#include <string.h>

/* One loop per pair of types; equal types of the same size share nothing but the compiler's memcpy.
 */
#define CONVERT(from_id, from, to_id, to)                                                          \
    static void convert_##from_id##_##to_id(int64_t n, char *const *ptr, const int64_t *stride,    \
                                            const struct scalar *params)                           \
    {                                                                                              \
        const char *in = ptr[1];                                                                   \
        char *out = ptr[0];                                                                        \
        (void)params;                                                                              \
        if (stride[0] == sizeof(to) && stride[1] == sizeof(from)) {                                \
            for (int64_t i = 0; i < n; i++)                                                        \
                ((to *)out)[i] = (to)((const from *)in)[i];                                        \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                        \
                *(to *)(out + i * stride[0]) = (to) * (const from *)(in + i * stride[1]);          \
        }                                                                                          \
    }
#define CONVERT_FROM(id, from)                                                                     \
    CONVERT(id, from, b8, bool)                                                                    \
    CONVERT(id, from, u8, uint8_t)                                                                 \
    CONVERT(id, from, i8, int8_t)                                                                  \
    CONVERT(id, from, i16, int16_t)                                                                \
    CONVERT(id, from, i32, int32_t)                                                                \
    CONVERT(id, from, i64, int64_t)                                                                \
    CONVERT(id, from, f32, float)                                                                  \
    CONVERT(id, from, f64, double)
#define DTYPE(id, ctype, name, category, class) CONVERT_FROM(id, ctype)
#include "tensor/dtype.def"
#undef DTYPE

#define ENTRIES(from)                                                                              \
    {convert_##from##_b8,  convert_##from##_u8,  convert_##from##_i8,  convert_##from##_i16,       \
     convert_##from##_i32, convert_##from##_i64, convert_##from##_f32, convert_##from##_f64},
kernel_fn *const convert_kernels[DTYPE_COUNT][DTYPE_COUNT] = {
#define DTYPE(id, ctype, name, category, class) ENTRIES(id)
#include "tensor/dtype.def"
#undef DTYPE
};

/* Whether the bytes that a and b reach may meet in another order than element by element. */
static bool may_overlap(const struct tensor *a, const struct tensor *b)
{
    if (a->storage != b->storage)
        return false;
    return a->offset != b->offset || !tensor_is_contiguous(a) || !tensor_is_contiguous(b);
}

int tensor_copy(struct tensor *dst, const struct tensor *src)
{
    const struct tensor *operands[2] = {dst, src};
    struct tensor *own = NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    char text[2][256];
    int ndim = dst->ndim;
    struct iter it;

    memcpy(shape, dst->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, src->ndim, src->shape) < 0)
        return -1;
    if (ndim != dst->ndim || memcmp(shape, dst->shape, (size_t)ndim * sizeof(*shape)) != 0)
        return error_set(ERROR_RUNTIME, "output with shape %s doesn't match the broadcast shape %s",
                         shape_text(dst->ndim, dst->shape, text[0], sizeof(text[0])),
                         shape_text(ndim, shape, text[1], sizeof(text[1])));
    if (dst->numel == 0)
        return 0;
    if (may_overlap(dst, src)) {
        own = tensor_clone(src);
        if (!own)
            return -1;
        operands[1] = own;
    }
    if (dst->dtype == src->dtype && src->numel == dst->numel && tensor_is_contiguous(dst) &&
        tensor_is_contiguous(operands[1]) && tensor_same_shape(dst, src)) {
        memmove(tensor_data(dst), tensor_data(operands[1]),
                (size_t)dst->numel * dtype_size(tensor_dtype(dst)));
    } else {
        iter_init(&it, 2, operands);
        iter_run(&it, convert_kernels[src->dtype][dst->dtype], NULL);
    }
    tensor_unref(own);
    return 0;
}

int tensor_fill(struct tensor *t, struct scalar value)
{
    struct tensor *one = tensor_from_scalar(value, tensor_dtype(t));
    int status;

    if (!one)
        return -1;
    status = tensor_copy(t, one);
    tensor_unref(one);
    return status;
}
