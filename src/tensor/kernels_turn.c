/* Rows become columns or are copied, compiled once per instruction set. */
#include "tensor/turn.h"
#include "tensor/vector_math.h"

/* A square of as many rows as a vector has elements: neighbours are exchanged, then pairs, then
 * halves. */
typedef uint32_t lanes_4 __attribute__((vector_size(32)));
typedef uint64_t lanes_8 __attribute__((vector_size(32)));

static inline void square_4(char *to, int64_t to_step, const char *from, int64_t from_step)
{
    lanes_4 x[8], y[8];

    for (int i = 0; i < 8; i++)
        memcpy(&x[i], from + i * from_step, sizeof(*x));
    for (int i = 0; i < 8; i += 2) {
        y[i] = VECTOR_PICK(lanes_4, x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        y[i + 1] = VECTOR_PICK(lanes_4, x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int k = 0; k < 2; k++) {
            x[i + 2 * k] = VECTOR_PICK(lanes_4, y[i + k], y[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            x[i + 2 * k + 1] =
                VECTOR_PICK(lanes_4, y[i + k], y[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        y[i] = VECTOR_PICK(lanes_4, x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        y[i + 4] = VECTOR_PICK(lanes_4, x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; i++)
        memcpy(to + i * to_step, &y[i], sizeof(*y));
}

static inline void square_8(char *to, int64_t to_step, const char *from, int64_t from_step)
{
    lanes_8 x[4], y[4];

    for (int i = 0; i < 4; i++)
        memcpy(&x[i], from + i * from_step, sizeof(*x));
    for (int i = 0; i < 4; i += 2) {
        y[i] = VECTOR_PICK(lanes_8, x[i], x[i + 1], 0, 4, 2, 6);
        y[i + 1] = VECTOR_PICK(lanes_8, x[i], x[i + 1], 1, 5, 3, 7);
    }
    for (int i = 0; i < 2; i++) {
        x[i] = VECTOR_PICK(lanes_8, y[i], y[i + 2], 0, 1, 4, 5);
        x[i + 2] = VECTOR_PICK(lanes_8, y[i], y[i + 2], 2, 3, 6, 7);
    }
    for (int i = 0; i < 4; i++)
        memcpy(to + i * to_step, &x[i], sizeof(*x));
}

#define TURN(bytes, T)                                                                             \
    static void turn_##bytes(int64_t rows, int64_t columns, char *to, int64_t to_step,             \
                             const char *from, int64_t from_step)                                  \
    {                                                                                              \
        const int64_t side = (int64_t)(sizeof(lanes_##bytes) / sizeof(T));                         \
        int64_t c = 0;                                                                             \
        for (; c + side <= columns; c += side) {                                                   \
            const char *in = from + c * from_step;                                                 \
            char *out = to + c * (int64_t)sizeof(T);                                               \
            int64_t r = 0;                                                                         \
            for (; r + side <= rows; r += side)                                                    \
                square_##bytes(out + r * to_step, to_step, in + r * (int64_t)sizeof(T),            \
                               from_step);                                                         \
            for (; r < rows; r++) {                                                                \
                for (int64_t k = 0; k < side; k++)                                                 \
                    ((T *)(out + r * to_step))[k] = ((const T *)(in + k * from_step))[r];          \
            }                                                                                      \
        }                                                                                          \
        for (; c < columns; c++) {                                                                 \
            for (int64_t r = 0; r < rows; r++)                                                     \
                ((T *)(to + r * to_step))[c] = ((const T *)(from + c * from_step))[r];             \
        }                                                                                          \
    }
TURN(4, uint32_t)
TURN(8, uint64_t)

const turn_table ISA_PASTE(turn_, KERNEL_ISA) = {[4] = turn_4, [8] = turn_8};

#if ISA_LEVEL == ISA_baseline
copy_row_fn *const ISA_PASTE(copy_row_, KERNEL_ISA) = NULL;
#else
/* 32 bytes cross a line of memory every other time, 64 would each time. */
static void copy_row(size_t size, char *to, const char *from)
{
    lanes_4 x[4];
    size_t i = 0;

    for (; i + sizeof(x) <= size; i += sizeof(x)) {
        for (int k = 0; k < 4; k++)
            memcpy(&x[k], from + i + k * sizeof(*x), sizeof(*x));
        for (int k = 0; k < 4; k++)
            memcpy(to + i + k * sizeof(*x), &x[k], sizeof(*x));
    }
    memcpy(to + i, from + i, size - i);
}
copy_row_fn *const ISA_PASTE(copy_row_, KERNEL_ISA) = copy_row;
#endif
