/* Copying with conversion, and filling. */
#include "base/error.h"
#include "tensor/element.h"
#include "tensor/iter.h"
#include "tensor/turn.h"

#include <string.h>
#include <wchar.h>

/* One loop per pair of types. */
#define CONVERT_LOOP(from, to, in_step, out_step)                                                  \
    for (int64_t i = 0; i < n; i++)                                                                \
        write_##to(ptr[0] + i * (out_step), (element_##to)read_##from(ptr[1] + i * (in_step)));
#define CONVERT(from, to, from_type, to_type)                                                      \
    static void convert_##from##_##to(int64_t n, char *const *ptr, const int64_t *stride,          \
                                      const struct scalar *params)                                 \
    {                                                                                              \
        (void)params;                                                                              \
        if (stride[0] == sizeof(to_type) && stride[1] == sizeof(from_type))                        \
            CONVERT_LOOP(from, to, (int64_t)sizeof(from_type), (int64_t)sizeof(to_type))           \
        else                                                                                       \
            CONVERT_LOOP(from, to, stride[1], stride[0])                                           \
    }
/* What lies in memory; element_ is what is computed with. */
#define DTYPE(id, ctype, name, category, class)                  typedef ctype stored_##id;
#define DTYPE_STORED(id, ctype, name, category, class, computed) typedef ctype stored_##id;
#define DTYPE_COMPLEX(id, ctype, name, category, class, part)    typedef ctype stored_##id;
#include "tensor/dtype.def"
/* The ids once more: a list of macros cannot be made from itself. */
#define EACH_TYPE(X, other)                                                                        \
    X(b8, other)                                                                                   \
    X(u8, other)                                                                                   \
    X(i8, other)                                                                                   \
    X(i16, other)                                                                                  \
    X(i32, other)                                                                                  \
    X(i64, other)                                                                                  \
    X(f16, other)                                                                                  \
    X(bf16, other) X(f32, other) X(f64, other) X(c32, other) X(c64, other) X(c128, other)
#define CONVERT_TO(to, from)                                     CONVERT(from, to, stored_##from, stored_##to)
#define CONVERT_ENTRY(to, from)                                  [DTYPE_##to] = convert_##from##_##to,
#define CONVERT_FROM(id)                                         EACH_TYPE(CONVERT_TO, id)
#define CONVERT_ROW(id)                                          [DTYPE_##id] = {EACH_TYPE(CONVERT_ENTRY, id)},
#define DTYPE(id, ctype, name, category, class)                  CONVERT_FROM(id)
#define DTYPE_STORED(id, ctype, name, category, class, computed) CONVERT_FROM(id)
#define DTYPE_COMPLEX(id, ctype, name, category, class, part)    CONVERT_FROM(id)
#include "tensor/dtype.def"

/* Conversion of elements, from[to]; one input. */
static kernel_fn *const convert_kernels[DTYPE_COUNT][DTYPE_COUNT] = {
#define DTYPE(id, ctype, name, category, class)                  CONVERT_ROW(id)
#define DTYPE_STORED(id, ctype, name, category, class, computed) CONVERT_ROW(id)
#define DTYPE_COMPLEX(id, ctype, name, category, class, part)    CONVERT_ROW(id)
#include "tensor/dtype.def"
};

enum { ROW_LEAST = 256, ROW_MOST = 128 << 10 };

static inline void run(size_t size, int64_t n, char *to, const char *from, int64_t step)
{
    const size_t all = (size_t)n * size;

    if (step == (int64_t)size) {
        copy_row_fn *copy = all >= ROW_LEAST && all <= ROW_MOST ? *KERNELS_PICK(copy_row) : NULL;

        if (copy)
            copy(all, to, from);
        else
            memcpy(to, from, all);
    } else if (step == 0 && size == sizeof(wchar_t)) { /* the C library's stores are the widest */
        wchar_t value;

        memcpy(&value, from, sizeof(value));
        wmemset((wchar_t *)to, value, (size_t)n);
    } else if (step == 0) { /* a few elements, and then twice as many each time */
        size_t done = 0;

        for (; done < all && done < 64; done += size)
            memcpy(to + done, from, size);
        for (; done < all; done *= 2)
            memcpy(to + done, to, done < all - done ? done : all - done);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(to + (size_t)i * size, from + i * step, size);
    }
}

void copy_run(size_t size, int64_t n, char *to, const char *from, int64_t step)
{
    if (size == sizeof(uint32_t)) /* copies of known size are instructions, not calls */
        run(sizeof(uint32_t), n, to, from, step);
    else if (size == sizeof(uint64_t))
        run(sizeof(uint64_t), n, to, from, step);
    else
        run(size, n, to, from, step);
}

/* Elements of one type. */
#define MOVE(bytes, T)                                                                             \
    static void move_##bytes(int64_t n, char *const *ptr, const int64_t *stride,                   \
                             const struct scalar *params)                                          \
    {                                                                                              \
        (void)params;                                                                              \
        if (stride[0] == sizeof(T) && (stride[1] == sizeof(T) || stride[1] == 0)) {                \
            copy_run(sizeof(T), n, ptr[0], ptr[1], stride[1]);                                     \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            *(T *)(ptr[0] + i * stride[0]) = *(const T *)(ptr[1] + i * stride[1]);                 \
    }
MOVE(1, uint8_t)
MOVE(2, uint16_t)
MOVE(4, uint32_t)
MOVE(8, uint64_t)
MOVE(16, double _Complex)

static kernel_fn *copy_kernel(enum dtype from, enum dtype to)
{
    static kernel_fn *const moves[17] = {
        [1] = move_1, [2] = move_2, [4] = move_4, [8] = move_8, [16] = move_16};

    return from == to ? moves[dtype_size(to)] : convert_kernels[from][to];
}

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
        iter_run(&it, copy_kernel(tensor_dtype(src), tensor_dtype(dst)), NULL);
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
