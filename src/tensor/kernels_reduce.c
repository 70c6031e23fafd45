/*
 * The reduction kernels. Compiled once per instruction set.
 *
 * Results have the digits of PyTorch's AVX2 build on one thread, whatever the vectors and the
 * number of threads here. Its order of a sum is a cascade: blocks of 2^power rows are summed, then
 * blocks of so many of these sums, and so on for LEVELS levels, in ROWS columns of their own. So
 * the error grows with the logarithm of the length.
 */
#include "tensor/kernels.h"
#include "tensor/turn.h"
#include "tensor/vector_math.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#pragma GCC diagnostic ignored "-Wtautological-compare"

enum { LEVELS = 4, ROWS = 4, COLUMNS = 8 * ROWS, BATCH = 512, LANE_BYTES = 32 };

/* The lanes of an AVX2 register; narrower instruction sets take several steps. */
#define LANES_OF(id, T)                                                                            \
    typedef T lanes_##id __attribute__((vector_size(LANE_BYTES), aligned(__alignof__(T))));
LANES_OF(f32, float)
LANES_OF(f64, double)

/* Blocks have 2^power rows, so that the levels suffice for `rows`. */
static int block_power(int64_t rows)
{
    int log = rows > 1 ? 64 - __builtin_clzll((uint64_t)rows - 1) : 0;

    return log / LEVELS > 4 ? log / LEVELS : 4;
}

#define AT(T, at) (*(const T *)(at))

/* The cascade, of single elements or of lanes; both are T here. `in` begins a row, whose columns
 * lie `step` bytes apart; there are ROWS columns or a multiple of that. */
#define CASCADE(id, T)                                                                             \
    /* sums[k] = the sum of ROWS columns. */                                                       \
    static inline void block_##id(const char *in, int64_t row_step, int64_t step, int64_t rows,    \
                                  T *sums)                                                         \
    {                                                                                              \
        T s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                                                  \
        for (int64_t i = 0; i < rows; i++, in += row_step) {                                       \
            s0 += AT(T, in);                                                                       \
            s1 += AT(T, in + step);                                                                \
            s2 += AT(T, in + 2 * step);                                                            \
            s3 += AT(T, in + 3 * step);                                                            \
        }                                                                                          \
        sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;                                    \
    }                                                                                              \
    /* Empties each level, from `from` - 1 on, that is full after so many rows into the next. */   \
    static inline void carry_##id(T level[LEVELS][COLUMNS], int columns, int from, int64_t rows,   \
                                  int power)                                                       \
    {                                                                                              \
        const int64_t mask = ((int64_t)1 << power) - 1;                                            \
        for (int j = from; j < LEVELS && !(rows & (mask << ((j - 1) * power))); j++) {             \
            for (int k = 0; k < columns; k++) {                                                    \
                level[j][k] += level[j - 1][k];                                                    \
                level[j - 1][k] = (T){0};                                                          \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    /* Goes on from row `row`, where `in` is, and level; sums[k] = the sum of column k. */         \
    static void rest_##id(const char *in, int64_t row_step, int64_t step, int64_t row,             \
                          int64_t rows, int columns, T level[LEVELS][COLUMNS], T *sums)            \
    {                                                                                              \
        const int power = block_power(rows);                                                       \
        const int64_t block = (int64_t)1 << power;                                                 \
        T some[ROWS];                                                                              \
        for (; row + block <= rows; in += block * row_step) {                                      \
            for (int k = 0; k < columns; k += ROWS) {                                              \
                block_##id(in + k * step, row_step, step, block, some);                            \
                for (int l = 0; l < ROWS; l++)                                                     \
                    level[1][k + l] += some[l];                                                    \
            }                                                                                      \
            row += block;                                                                          \
            carry_##id(level, columns, 2, row, power);                                             \
        }                                                                                          \
        for (int k = 0; k < columns; k += ROWS) {                                                  \
            block_##id(in + k * step, row_step, step, rows - row, some);                           \
            for (int l = 0; l < ROWS; l++)                                                         \
                sums[k + l] = some[l] + level[1][k + l] + level[2][k + l] + level[3][k + l];       \
        }                                                                                          \
    }                                                                                              \
    static void columns_##id(const char *in, int64_t row_step, int64_t step, int64_t rows,         \
                             int columns, T *sums)                                                 \
    {                                                                                              \
        T level[LEVELS][COLUMNS];                                                                  \
        if (rows < 16) {                                                                           \
            for (int k = 0; k < columns; k += ROWS)                                                \
                block_##id(in + k * step, row_step, step, rows, sums + k);                         \
            return;                                                                                \
        }                                                                                          \
        for (int j = 1; j < LEVELS; j++)                                                           \
            memset(level[j], 0, (size_t)columns * sizeof(T));                                      \
        rest_##id(in, row_step, step, 0, rows, columns, level, sums);                              \
    }                                                                                              \
    /* A line of elements is ROWS columns and what is left over. */                                \
    static inline void line_end_##id(const char *in, int64_t step, int64_t count, T *sums, T *sum) \
    {                                                                                              \
        for (int64_t i = count / ROWS * ROWS; i < count; i++)                                      \
            sums[0] += AT(T, in + i * step);                                                       \
        *sum = sums[0] + sums[1] + sums[2] + sums[3];                                              \
    }                                                                                              \
    static void line_##id(const char *in, int64_t step, int64_t count, T *sum)                     \
    {                                                                                              \
        T sums[ROWS];                                                                              \
        columns_##id(in, ROWS *step, step, count / ROWS, ROWS, sums);                              \
        line_end_##id(in, step, count, sums, sum);                                                 \
    }

/* A line by threads, each of which sums blocks of blocks. */
#define SHARED_CASCADE(id, T)                                                                      \
    static void shared_line_##id(const char *in, int64_t step, int64_t count, T *sum)              \
    {                                                                                              \
        const int64_t rows = count / ROWS, row_step = ROWS * step;                                 \
        const int power = block_power(rows);                                                       \
        const int64_t block = (int64_t)1 << power, wide = block << power;                          \
        T level[LEVELS][COLUMNS], part[BATCH][ROWS], sums[ROWS];                                   \
        int64_t row = 0;                                                                           \
        memset(level, 0, sizeof(level));                                                           \
        while (row + wide <= rows) {                                                               \
            const int64_t left = (rows - row) / wide, first = row;                                 \
            const int parts = left < BATCH ? (int)left : BATCH;                                    \
            _Pragma("omp parallel for schedule(static)") for (int i = 0; i < parts; i++)           \
            {                                                                                      \
                const char *at = in + (first + i * wide) * row_step;                               \
                T some[ROWS];                                                                      \
                memset(part[i], 0, sizeof(part[i]));                                               \
                for (int64_t k = 0; k < block; k++, at += block * row_step) {                      \
                    block_##id(at, row_step, step, block, some);                                   \
                    for (int l = 0; l < ROWS; l++)                                                 \
                        part[i][l] += some[l];                                                     \
                }                                                                                  \
            }                                                                                      \
            for (int i = 0; i < parts; i++) {                                                      \
                for (int k = 0; k < ROWS; k++)                                                     \
                    level[2][k] += part[i][k];                                                     \
                row += wide;                                                                       \
                carry_##id(level, ROWS, 3, row, power);                                            \
            }                                                                                      \
        }                                                                                          \
        rest_##id(in + row * row_step, row_step, step, row, rows, ROWS, level, sums);              \
        line_end_##id(in, step, count, sums, sum);                                                 \
    }

#define RESULT(T, i) (*(T *)(out + (i)*l->out_step))

/* Lines that are contiguous; results that are neighbours; any others. */
#define SUM_KERNEL(id, T, L)                                                                       \
    CASCADE(one_##id, T)                                                                           \
    CASCADE(many_##id, L)                                                                          \
    SHARED_CASCADE(many_##id, L)                                                                   \
    /* Short lines: their lanes are turned, so that those of many are added at once. */            \
    static void sum_short_lines_##id(const struct reduce_loop *l, char *out, const char *in)       \
    {                                                                                              \
        enum { LANES = sizeof(L) / sizeof(T), LINES = 64 };                                        \
        const int64_t whole = l->count / LANES;                                                    \
        turn_fn *turn = ISA_PASTE(turn_, KERNEL_ISA)[sizeof(T)];                                   \
        T sums[LINES], turned[LANES][LINES];                                                       \
        L many[LINES];                                                                             \
        for (int64_t first = 0; first < l->results; first += LINES, out += LINES * l->out_step) {  \
            const int64_t left = l->results - first, n = left < LINES ? left : LINES;              \
            for (int64_t i = 0; i < n; i++, in += l->next_step) {                                  \
                line_many_##id(in, sizeof(L), whole, &many[i]);                                    \
                sums[i] = 0;                                                                       \
                for (int64_t k = whole * LANES; k < l->count; k++)                                 \
                    sums[i] += ((const T *)in)[k];                                                 \
            }                                                                                      \
            turn(LANES, n, (char *)turned, sizeof(*turned), (const char *)many, sizeof(L));        \
            for (int k = 0; k < LANES; k++) {                                                      \
                for (int64_t i = 0; i < n; i++)                                                    \
                    sums[i] += turned[k][i];                                                       \
            }                                                                                      \
            for (int64_t i = 0; i < n; i++)                                                        \
                RESULT(T, i) += sums[i];                                                           \
        }                                                                                          \
    }                                                                                              \
    static void sum_lines_##id(const struct reduce_loop *l, char *out, const char *in)             \
    {                                                                                              \
        const int64_t lanes = (int64_t)(sizeof(L) / sizeof(T)), whole = l->count / lanes;          \
        for (int64_t i = 0; i < l->results; i++, in += l->next_step) {                             \
            T sum = 0;                                                                             \
            L many;                                                                                \
            if (l->shared)                                                                         \
                shared_line_many_##id(in, sizeof(L), whole, &many);                                \
            else                                                                                   \
                line_many_##id(in, sizeof(L), whole, &many);                                       \
            for (int64_t k = whole * lanes; k < l->count; k++)                                     \
                sum += ((const T *)in)[k];                                                         \
            for (int k = 0; k < lanes; k++)                                                        \
                sum += many[k];                                                                    \
            RESULT(T, i) += sum;                                                                   \
        }                                                                                          \
    }                                                                                              \
    static void sum_neighbours_##id(const struct reduce_loop *l, char *out, const char *in)        \
    {                                                                                              \
        const int64_t lanes = (int64_t)(sizeof(L) / sizeof(T));                                    \
        int64_t i = 0;                                                                             \
        int columns = COLUMNS;                                                                     \
        L sums[COLUMNS];                                                                           \
        T sum;                                                                                     \
        for (; i + ROWS * lanes <= l->results; i += columns * lanes) {                             \
            while (i + columns * lanes > l->results)                                               \
                columns -= ROWS;                                                                   \
            columns_many_##id(in + i * (int64_t)sizeof(T), l->in_step, sizeof(L), l->count,        \
                              columns, sums);                                                      \
            for (int k = 0; k < columns * lanes; k++)                                              \
                RESULT(T, i + k) += ((const T *)sums)[k];                                          \
        }                                                                                          \
        for (; i + lanes <= l->results; i += lanes) {                                              \
            line_many_##id(in + i * (int64_t)sizeof(T), l->in_step, l->count, sums);               \
            for (int k = 0; k < lanes; k++)                                                        \
                RESULT(T, i + k) += sums[0][k];                                                    \
        }                                                                                          \
        for (; i < l->results; i++) {                                                              \
            line_one_##id(in + i * (int64_t)sizeof(T), l->in_step, l->count, &sum);                \
            RESULT(T, i) += sum;                                                                   \
        }                                                                                          \
    }                                                                                              \
    static void sum_##id(const struct reduce_loop *l, char *out, const char *in)                   \
    {                                                                                              \
        const int64_t lanes = (int64_t)(sizeof(L) / sizeof(T));                                    \
        int64_t i = 0;                                                                             \
        T sums[ROWS];                                                                              \
        if (l->in_step == sizeof(T) && l->count >= lanes) {                                        \
            if (l->count < 16 * lanes && l->results >= lanes)                                      \
                sum_short_lines_##id(l, out, in);                                                  \
            else                                                                                   \
                sum_lines_##id(l, out, in);                                                        \
            return;                                                                                \
        }                                                                                          \
        if (l->next_step == sizeof(T) && l->results >= lanes) {                                    \
            sum_neighbours_##id(l, out, in);                                                       \
            return;                                                                                \
        }                                                                                          \
        if (l->in_step >= l->next_step) {                                                          \
            for (; i + ROWS <= l->results; i += ROWS) {                                            \
                columns_one_##id(in + i * l->next_step, l->in_step, l->next_step, l->count, ROWS,  \
                                 sums);                                                            \
                for (int k = 0; k < ROWS; k++)                                                     \
                    RESULT(T, i + k) += sums[k];                                                   \
            }                                                                                      \
        }                                                                                          \
        for (; i < l->results; i++) {                                                              \
            line_one_##id(in + i * l->next_step, l->in_step, l->count, sums);                      \
            RESULT(T, i) += sums[0];                                                               \
        }                                                                                          \
    }

/* Sums are made in int64, float or double: other types are converted before. */
SUM_KERNEL(f32, float, lanes_f32)
SUM_KERNEL(f64, double, lanes_f64)

/* What is joined without a cascade: ROWS registers side by side, as PyTorch does it. Where the
 * order shows (`ordered`), it is PyTorch's; `again`: what was seen may be joined once more.
 * NAME_pair_ID() joins two elements. */
#define FOLD_KERNEL(name, id, T, ordered, again)                                                   \
    /* One contiguous line. */                                                                     \
    static T name##_line_##id(const T *in, int64_t count, T start)                                 \
    {                                                                                              \
        enum { LANES = LANE_BYTES / sizeof(T), SIDE = ROWS * LANES };                              \
        int64_t i = 0;                                                                             \
        T side[SIDE];                                                                              \
        if (count >= SIDE) {                                                                       \
            memcpy(side, in, sizeof(side));                                                        \
            for (i = SIDE; i + SIDE <= count; i += SIDE) {                                         \
                for (int k = 0; k < SIDE; k++)                                                     \
                    side[k] = name##_pair_##id(side[k], in[i + k]);                                \
            }                                                                                      \
            if (again && i < count) {                                                              \
                for (int k = 0; k < SIDE; k++)                                                     \
                    side[k] = name##_pair_##id(side[k], in[count - SIDE + k]);                     \
                i = count;                                                                         \
            }                                                                                      \
            for (int k = 0; k < LANES; k++)                                                        \
                side[k] =                                                                          \
                    name##_pair_##id(name##_pair_##id(side[k], side[LANES + k]),                   \
                                     name##_pair_##id(side[2 * LANES + k], side[3 * LANES + k]));  \
            for (int half = LANES / 2; !ordered && half > 1; half /= 2) {                          \
                for (int k = 0; k < half; k++)                                                     \
                    side[k] = name##_pair_##id(side[k], side[half + k]);                           \
            }                                                                                      \
            for (int k = 1; k < (ordered ? LANES : 2); k++)                                        \
                side[0] = name##_pair_##id(side[0], side[k]);                                      \
            start = name##_pair_##id(start, side[0]);                                              \
        }                                                                                          \
        for (; i < count; i++)                                                                     \
            start = name##_pair_##id(start, in[i]);                                                \
        return start;                                                                              \
    }                                                                                              \
    /* A line by threads, in pieces. */                                                            \
    static T name##_shared_##id(const T *in, int64_t count, T start)                               \
    {                                                                                              \
        const int64_t piece = (count + BATCH - 1) / BATCH;                                         \
        const int pieces = (int)((count + piece - 1) / piece);                                     \
        T part[BATCH];                                                                             \
        _Pragma("omp parallel for schedule(static)") for (int i = 0; i < pieces; i++)              \
        {                                                                                          \
            const int64_t left = count - i * piece;                                                \
            const T *at = in + i * piece; /* begins the fold, the others follow */                 \
            part[i] = name##_line_##id(at + 1, (left < piece ? left : piece) - 1, *at);            \
        }                                                                                          \
        return name##_line_##id(part, pieces, start);                                              \
    }                                                                                              \
    /* Results that are neighbours: a tile of them at a time. */                                   \
    static void name##_neighbours_##id(const struct reduce_loop *l, char *out, const char *in)     \
    {                                                                                              \
        enum { TILE = 16384 / sizeof(T) };                                                         \
        for (int64_t start = 0; start < l->results; start += TILE, in += TILE * sizeof(T)) {       \
            const int64_t n = l->results - start < TILE ? l->results - start : TILE;               \
            T tile[TILE];                                                                          \
            memcpy(tile, in, (size_t)n * sizeof(T));                                               \
            for (int64_t i = 1; i < l->count; i++) {                                               \
                const T *row = (const T *)(in + i * l->in_step);                                   \
                for (int64_t k = 0; k < n; k++)                                                    \
                    tile[k] = name##_pair_##id(tile[k], row[k]);                                   \
            }                                                                                      \
            for (int64_t k = 0; k < n; k++)                                                        \
                RESULT(T, start + k) = name##_pair_##id(RESULT(T, start + k), tile[k]);            \
        }                                                                                          \
    }                                                                                              \
    static void name##_##id(const struct reduce_loop *l, char *out, const char *in)                \
    {                                                                                              \
        if (l->in_step != sizeof(T) && l->next_step == sizeof(T) && l->count > 0) {                \
            name##_neighbours_##id(l, out, in);                                                    \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < l->results; i++, in += l->next_step) {                             \
            T result = RESULT(T, i);                                                               \
            if (l->shared && !ordered) {                                                           \
                result = name##_shared_##id((const T *)in, l->count, result);                      \
            } else if (l->in_step == sizeof(T)) {                                                  \
                result = name##_line_##id((const T *)in, l->count, result);                        \
            } else {                                                                               \
                for (int64_t k = 0; k < l->count; k++)                                             \
                    result = name##_pair_##id(result, AT(T, in + k * l->in_step));                 \
            }                                                                                      \
            RESULT(T, i) = result;                                                                 \
        }                                                                                          \
    }

#define PRODUCT(id, T)                                                                             \
    static inline T prod_pair_##id(T a, T b)                                                       \
    {                                                                                              \
        return a * b;                                                                              \
    }                                                                                              \
    FOLD_KERNEL(prod, id, T, true, false)

/* Whole numbers have the same sum in any order. It wraps around. */
static inline int64_t sum_pair_i64(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
FOLD_KERNEL(sum, i64, int64_t, false, false)

/* A NaN stays one. Written so that compilers find the vector instructions. */
#define EXTREME(name, id, T, sign)                                                                 \
    static inline T name##_pair_##id(T a, T b)                                                     \
    {                                                                                              \
        T most = a sign b ? a : b;                                                                 \
        return a != a ? a : most;                                                                  \
    }                                                                                              \
    FOLD_KERNEL(name, id, T, false, true)
#define EXTREMES(id, T)                                                                            \
    EXTREME(max, id, T, >)                                                                         \
    EXTREME(min, id, T, <)

PRODUCT(i64, int64_t)
PRODUCT(f32, float)
PRODUCT(f64, double)
#define DTYPE(id, ctype, name, category, class) EXTREMES(id, ctype)
#include "tensor/dtype.def"
#undef DTYPE

/*
 * Extremes with their places. The place is that of the first of equal ones, or of the first NaN;
 * the value is the element there, whose sign of zero may differ from that of its equals.
 *
 * A contiguous line is reduced block by block, and only the first block that holds the extreme is
 * searched. Neighbours are a tile of values and one of places, both as wide as the elements, if
 * these are wide enough, so that one comparison serves both.
 */
enum { PLACE_BLOCK = 1024, PLACE_TILE = 512 };
#define PLACE_KERNEL(name, id, T, I, sign)                                                         \
    static inline bool name##_beats_##id(T x, T best)                                              \
    {                                                                                              \
        return ((x sign best) | (x != x)) & (best == best);                                        \
    }                                                                                              \
    /* Where `best`, which is there, stands first. */                                              \
    static I name##_find_##id(const T *in, I count, T best)                                        \
    {                                                                                              \
        I at = count;                                                                              \
        if (best == best) {                                                                        \
            for (I i = 0; i < count; i++) { /* no branch: a vector's least place each time */      \
                const I here = in[i] == best ? i : count;                                          \
                at = here < at ? here : at;                                                        \
            }                                                                                      \
        } else {                                                                                   \
            for (at = 0; in[at] == in[at];)                                                        \
                at++;                                                                              \
        }                                                                                          \
        return at;                                                                                 \
    }                                                                                              \
    /* The extremes of blocks of `size` elements come from `part`, or are found here. */           \
    static int64_t name##_place_line_##id(const T *in, int64_t count, int64_t size, const T *part) \
    {                                                                                              \
        T best = 0;                                                                                \
        int64_t start = 0;                                                                         \
        for (int64_t at = 0; at < count; at += size) {                                             \
            const int64_t n = count - at < size ? count - at : size;                               \
            const T some = part ? part[at / size] : name##_line_##id(in + at, n, in[at]);          \
            if (at == 0 || name##_beats_##id(some, best)) {                                        \
                best = some;                                                                       \
                start = at;                                                                        \
            }                                                                                      \
        }                                                                                          \
        if (size > PLACE_BLOCK)                                                                    \
            return start + name##_place_line_##id(in + start,                                      \
                                                  count - start < size ? count - start : size,     \
                                                  PLACE_BLOCK, NULL);                              \
        return start + name##_find_##id(in + start,                                                \
                                        (int)(count - start < size ? count - start : size), best); \
    }                                                                                              \
    static int64_t name##_place_shared_##id(const T *in, int64_t count)                            \
    {                                                                                              \
        const int64_t size = count / BATCH > PLACE_BLOCK ? count / BATCH + 1 : PLACE_BLOCK;        \
        const int parts = (int)((count + size - 1) / size);                                        \
        T part[BATCH];                                                                             \
        _Pragma("omp parallel for schedule(static)") for (int i = 0; i < parts; i++)               \
        {                                                                                          \
            const int64_t at = i * size, n = count - at < size ? count - at : size;                \
            part[i] = name##_line_##id(in + at, n, in[at]);                                        \
        }                                                                                          \
        return name##_place_line_##id(in, count, size, part);                                      \
    }                                                                                              \
    static void name##_place_tile_##id(const struct reduce_loop *l, int n, char *out,              \
                                       int64_t *places, const char *in)                            \
    {                                                                                              \
        const int64_t step = l->out_step / (int64_t)sizeof(T);                                     \
        T best[PLACE_TILE];                                                                        \
        I at[PLACE_TILE] = {0};                                                                    \
        memcpy(best, in, (size_t)n * sizeof(T));                                                   \
        for (I i = 1; i < (I)l->count; i++) {                                                      \
            const T *row = (const T *)(in + i * l->in_step);                                       \
            for (int k = 0; k < n; k++) {                                                          \
                const bool more = name##_beats_##id(row[k], best[k]);                              \
                best[k] = more ? row[k] : best[k];                                                 \
                at[k] = more ? i : at[k];                                                          \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; k < n; k++) {                                                              \
            RESULT(T, k) = best[k];                                                                \
            places[k * step] = at[k];                                                              \
        }                                                                                          \
    }                                                                                              \
    static void name##_place_##id(const struct reduce_loop *l, char *out, int64_t *places,         \
                                  const char *in)                                                  \
    {                                                                                              \
        const int64_t step = l->out_step / (int64_t)sizeof(T), many = l->results;                  \
        if (l->in_step != sizeof(T) && l->next_step == sizeof(T) && l->count <= INT32_MAX) {       \
            for (int64_t i = 0; i < many; i += PLACE_TILE)                                         \
                name##_place_tile_##id(l, (int)(many - i < PLACE_TILE ? many - i : PLACE_TILE),    \
                                       out + i * l->out_step, places + i * step,                   \
                                       in + i * (int64_t)sizeof(T));                               \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < many; i++, in += l->next_step) {                                   \
            int64_t at = 0;                                                                        \
            if (l->shared)                                                                         \
                at = name##_place_shared_##id((const T *)in, l->count);                            \
            else if (l->in_step == sizeof(T))                                                      \
                at = name##_place_line_##id((const T *)in, l->count, PLACE_BLOCK, NULL);           \
            for (int64_t k = 1; l->in_step != sizeof(T) && k < l->count; k++) {                    \
                if (name##_beats_##id(AT(T, in + k * l->in_step), AT(T, in + at * l->in_step)))    \
                    at = k;                                                                        \
            }                                                                                      \
            RESULT(T, i) = AT(T, in + at * l->in_step);                                            \
            places[i * step] = at;                                                                 \
        }                                                                                          \
    }
#define PLACES(id, T, I)                                                                           \
    PLACE_KERNEL(max, id, T, I, >)                                                                 \
    PLACE_KERNEL(min, id, T, I, <)
PLACES(b8, bool, int32_t)
PLACES(u8, uint8_t, int32_t)
PLACES(i8, int8_t, int32_t)
PLACES(i16, int16_t, int32_t)
PLACES(i32, int32_t, int32_t)
PLACES(i64, int64_t, int64_t)
PLACES(f32, float, int32_t)
PLACES(f64, double, int64_t)

#define ARITHMETIC(name)                                                                           \
    {                                                                                              \
        [DTYPE_i64] = name##_i64, [DTYPE_f32] = name##_f32, [DTYPE_f64] = name##_f64               \
    }

#define REDUCE_TABLE ISA_PASTE(reduce_, KERNEL_ISA)

#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = max_##id,
const reduce_table REDUCE_TABLE = {
    [REDUCE_SUM] = ARITHMETIC(sum),
    [REDUCE_PROD] = ARITHMETIC(prod),
    [REDUCE_MAX] =
        {
#include "tensor/dtype.def"
#undef DTYPE
#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = min_##id,
        },
    [REDUCE_MIN] =
        {
#include "tensor/dtype.def"
#undef DTYPE
        },
};

#define PLACE_TABLE ISA_PASTE(place_, KERNEL_ISA)

#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = max_place_##id,
const place_table PLACE_TABLE = {
    [REDUCE_MAX] =
        {
#include "tensor/dtype.def"
#undef DTYPE
#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = min_place_##id,
        },
    [REDUCE_MIN] =
        {
#include "tensor/dtype.def"
#undef DTYPE
        },
};
