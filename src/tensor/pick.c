/* The inner loops of index.c. */
#include "tensor/index.h"
#include "tensor/iter.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"

/* Bytes from the standing element to the one at `place`. */
static inline int64_t way_to(int64_t place, const struct scalar *params)
{
    return (place + (params[1].i & (place >> 63))) * params[0].i;
}

#define PLACE(i) way_to(*(const int64_t *)(ptr[2] + (i)*stride[2]), params)

/* Operands: result, element, place. */
#define PICK(bytes, T)                                                                             \
    static void pick_##bytes(int64_t n, char *const *ptr, const int64_t *stride,                   \
                             const struct scalar *params)                                          \
    {                                                                                              \
        const int64_t unit = params[0].i, wrap = params[1].i;                                      \
        const int64_t *place = (const int64_t *)ptr[2];                                            \
        T *out = (T *)ptr[0];                                                                      \
        if (stride[2] == 0 && stride[0] == sizeof(T) && stride[1] == sizeof(T)) {                  \
            memcpy(out, ptr[1] + PLACE(0), (size_t)n * sizeof(T));                                 \
        } else if (stride[2] == sizeof(*place) && stride[0] == sizeof(T) && unit == sizeof(T) &&   \
                   stride[1] == 0) {                                                               \
            const T *in = (const T *)ptr[1];                                                       \
            for (int64_t i = 0; i < n; i++)                                                        \
                out[i] = in[place[i] + (wrap & (place[i] >> 63))];                                 \
        } else if (stride[2] == sizeof(*place) && stride[0] == sizeof(T) && wrap == 0) {           \
            const char *in = ptr[1];                                                               \
            for (int64_t i = 0; i < n; i++, in += stride[1])                                       \
                out[i] = *(const T *)(in + place[i] * unit);                                       \
        } else if (stride[2] == sizeof(*place) && stride[0] == sizeof(T)) {                        \
            for (int64_t i = 0; i < n; i++)                                                        \
                out[i] = *(const T *)(ptr[1] + i * stride[1] +                                     \
                                      (place[i] + (wrap & (place[i] >> 63))) * unit);              \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                        \
                *(T *)(ptr[0] + i * stride[0]) = *(const T *)(ptr[1] + i * stride[1] + PLACE(i));  \
        }                                                                                          \
    }                                                                                              \
    /* Operands: element, value, place. */                                                         \
    static void put_##bytes(int64_t n, char *const *ptr, const int64_t *stride,                    \
                            const struct scalar *params)                                           \
    {                                                                                              \
        if (stride[2] == 0 && stride[0] == sizeof(T) && n > 0) {                                   \
            copy_run(sizeof(T), n, ptr[0] + PLACE(0), ptr[1], stride[1]);                          \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            *(T *)(ptr[0] + i * stride[0] + PLACE(i)) = *(const T *)(ptr[1] + i * stride[1]);      \
    }
PICK(1, uint8_t)
PICK(2, uint16_t)
PICK(4, uint32_t)
PICK(8, uint64_t)
PICK(16, double _Complex)

kernel_fn *const pick_kernels[17] = {
    [1] = pick_1, [2] = pick_2, [4] = pick_4, [8] = pick_8, [16] = pick_16};
kernel_fn *const put_kernels[17] = {
    [1] = put_1, [2] = put_2, [4] = put_4, [8] = put_8, [16] = put_16};

#define ADD(id, T)                                                                                 \
    static void add_##id(int64_t n, char *const *ptr, const int64_t *stride,                       \
                         const struct scalar *params)                                              \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T *at = (T *)(ptr[0] + i * stride[0] + PLACE(i));                                      \
            *at = (T)(*at + *(const T *)(ptr[1] + i * stride[1]));                                 \
        }                                                                                          \
    }
#define DTYPE(id, T, name, category, class)               ADD(id, T)
#define DTYPE_COMPLEX(id, T, name, category, class, part) ADD(id, T)
#include "tensor/dtype.def"

kernel_fn *const add_kernels[DTYPE_COUNT] = {
#define DTYPE(id, T, name, category, class)               [DTYPE_##id] = add_##id,
#define DTYPE_COMPLEX(id, T, name, category, class, part) [DTYPE_##id] = add_##id,
#include "tensor/dtype.def"
};
