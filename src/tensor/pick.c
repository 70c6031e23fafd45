/* The inner loops of index.c. */
#include "tensor/bounds.h"
#include "tensor/index.h"
#include "tensor/iter.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"

/* Bytes from the standing element to the one at `place`. */
static inline int64_t way_to(int64_t place, const struct scalar *params)
{
    return (place + (params[PLACE_WRAP].i & (place >> 63))) * params[PLACE_UNIT].i;
}

#define PLACE(i) way_to(*(const int64_t *)(ptr[2] + (i)*stride[2]), params)

static bool in_range(const char *place, int64_t step, int64_t n, const struct scalar *params)
{
    const int64_t low = -params[PLACE_WRAP].i, high = params[PLACE_SIZE].i - 1;
    bool outside = false;

    if (step == 0)
        n = n > 0;
    if (step == sizeof(int64_t))
        return !BOUNDS_OUTSIDE((const int64_t *)place, n, low, high);
    for (int64_t i = 0; i < n; i++, place += step)
        outside |= *(const int64_t *)place < low || *(const int64_t *)place > high;
    return !outside;
}

/* Runs the kernel, by blocks whose places are checked and then, still at hand, used. */
static void run_checked(kernel_fn *kernel, int64_t n, char *const *ptr, const int64_t *stride,
                        const struct scalar *params)
{
    enum { BLOCK = 512 };

    if (params[PLACE_SIZE].i == PLACE_CHECKED) {
        kernel(n, ptr, stride, params);
        return;
    }
    for (int64_t start = 0; start < n; start += BLOCK) {
        const int64_t count = n - start < BLOCK ? n - start : BLOCK;
        char *const at[] = {ptr[0] + start * stride[0], ptr[1] + start * stride[1],
                            ptr[2] + start * stride[2]};

        if (!in_range(at[2], stride[2], count, params)) {
            __atomic_store_n((int64_t *)ptr[3], 1, __ATOMIC_RELAXED);
            return;
        }
        kernel(count, at, stride, params);
    }
}

#define CHECKED(name)                                                                              \
    static void checked_##name(int64_t n, char *const *ptr, const int64_t *stride,                 \
                               const struct scalar *params)                                        \
    {                                                                                              \
        run_checked(name, n, ptr, stride, params);                                                 \
    }

/* Operands: result, element, place. Reading some before writing them tells the compiler that the
 * result is none of the places. */
#define PICK(bytes, T)                                                                             \
    static void pick_vector_##bytes(int64_t n, T *restrict out, const T *restrict in,              \
                                    const int64_t *restrict place, int64_t wrap)                   \
    {                                                                                              \
        int64_t i = 0;                                                                             \
        for (; wrap == 0 && i + 4 <= n; i += 4) {                                                  \
            const T a = in[place[i]], b = in[place[i + 1]], c = in[place[i + 2]],                  \
                    d = in[place[i + 3]];                                                          \
            out[i] = a, out[i + 1] = b, out[i + 2] = c, out[i + 3] = d;                            \
        }                                                                                          \
        for (; i < n; i++)                                                                         \
            out[i] = in[place[i] + (wrap & (place[i] >> 63))];                                     \
    }                                                                                              \
    static void pick_##bytes(int64_t n, char *const *ptr, const int64_t *stride,                   \
                             const struct scalar *params)                                          \
    {                                                                                              \
        const int64_t unit = params[PLACE_UNIT].i, wrap = params[PLACE_WRAP].i;                    \
        const int64_t *place = (const int64_t *)ptr[2];                                            \
        T *out = (T *)ptr[0];                                                                      \
        if (stride[2] == 0 && stride[0] == sizeof(T) && stride[1] == sizeof(T)) {                  \
            copy_run(sizeof(T), n, ptr[0], ptr[1] + PLACE(0), sizeof(T));                          \
        } else if (stride[2] == sizeof(*place) && stride[0] == sizeof(T) && unit == sizeof(T) &&   \
                   stride[1] == 0) {                                                               \
            pick_vector_##bytes(n, out, (const T *)ptr[1], place, wrap);                           \
        } else if (stride[2] == sizeof(*place) && stride[0] == sizeof(T)) {                        \
            for (int64_t i = 0; i < n; i++)                                                        \
                out[i] = *(const T *)(ptr[1] + i * stride[1] +                                     \
                                      (place[i] + (wrap & (place[i] >> 63))) * unit);              \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                        \
                *(T *)(ptr[0] + i * stride[0]) = *(const T *)(ptr[1] + i * stride[1] + PLACE(i));  \
        }                                                                                          \
    }                                                                                              \
    CHECKED(pick_##bytes)                                                                          \
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
    }                                                                                              \
    CHECKED(put_##bytes)
PICK(1, uint8_t)
PICK(2, uint16_t)
PICK(4, uint32_t)
PICK(8, uint64_t)
PICK(16, double _Complex)

kernel_fn *const pick_kernels[17] = {[1] = checked_pick_1,
                                     [2] = checked_pick_2,
                                     [4] = checked_pick_4,
                                     [8] = checked_pick_8,
                                     [16] = checked_pick_16};
kernel_fn *const put_kernels[17] = {[1] = checked_put_1,
                                    [2] = checked_put_2,
                                    [4] = checked_put_4,
                                    [8] = checked_put_8,
                                    [16] = checked_put_16};

#define ADD(id, T)                                                                                 \
    static void add_##id(int64_t n, char *const *ptr, const int64_t *stride,                       \
                         const struct scalar *params)                                              \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T *at = (T *)(ptr[0] + i * stride[0] + PLACE(i));                                      \
            *at = (T)(*at + *(const T *)(ptr[1] + i * stride[1]));                                 \
        }                                                                                          \
    }                                                                                              \
    CHECKED(add_##id)
#define DTYPE(id, T, name, category, class)               ADD(id, T)
#define DTYPE_COMPLEX(id, T, name, category, class, part) ADD(id, T)
#include "tensor/dtype.def"

kernel_fn *const add_kernels[DTYPE_COUNT] = {
#define DTYPE(id, T, name, category, class)               [DTYPE_##id] = checked_add_##id,
#define DTYPE_COMPLEX(id, T, name, category, class, part) [DTYPE_##id] = checked_add_##id,
#include "tensor/dtype.def"
};
