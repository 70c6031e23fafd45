#include "tensor/iter.h"

#include "tensor/turn.h"

#include <stdlib.h>
#include <string.h>

/* Moves dimension `from` behind those with smaller output strides: insertion sort, stable. */
static void order_dimensions(struct iter *it)
{
    for (int d = 1; d < it->ndim; d++) {
        for (int k = d; k > 0; k--) {
            int64_t *a = it->stride[k - 1], *b = it->stride[k];
            int64_t size = it->shape[k - 1], row[ITER_OPERANDS];
            int use = 0; /* the first operand whose strides differ in order decides */

            while (use < it->operands && (a[use] == b[use] || a[use] == 0 || b[use] == 0))
                use++;
            if (use == it->operands || a[use] <= b[use])
                break;
            memcpy(row, a, sizeof(row));
            memcpy(a, b, sizeof(row));
            memcpy(b, row, sizeof(row));
            it->shape[k - 1] = it->shape[k];
            it->shape[k] = size;
        }
    }
}

static bool may_merge(const struct iter *it, int inner, int outer)
{
    for (int k = 0; k < it->operands; k++) {
        if (it->stride[outer][k] != it->stride[inner][k] * it->shape[inner])
            return false;
    }
    return true;
}

static void merge_dimensions(struct iter *it)
{
    int last = 0;

    for (int d = 1; d < it->ndim; d++) {
        if (may_merge(it, last, d)) {
            it->shape[last] *= it->shape[d];
        } else {
            last++;
            it->shape[last] = it->shape[d];
            memcpy(it->stride[last], it->stride[d], sizeof(it->stride[d]));
        }
    }
    it->ndim = last + 1;
}

void iter_init(struct iter *it, int count, const struct tensor *const *operands)
{
    const struct tensor *out = operands[0];
    int n = 0;

    it->operands = count;
    it->numel = out->numel;
    for (int k = 0; k < count; k++) {
        it->ptr[k] = tensor_data(operands[k]);
        it->size[k] = dtype_size(tensor_dtype(operands[k]));
    }
    for (int d = out->ndim - 1; d >= 0; d--) {
        if (out->shape[d] == 1)
            continue;
        it->shape[n] = out->shape[d];
        for (int k = 0; k < count; k++) {
            const struct tensor *t = operands[k];
            int td = d - (out->ndim - t->ndim);
            bool broadcast = td < 0 || t->shape[td] == 1;

            it->stride[n][k] = broadcast ? 0 : t->stride[td] * (int64_t)dtype_size(t->dtype);
        }
        n++;
    }
    if (n == 0) {
        it->shape[0] = 1;
        memset(it->stride[0], 0, sizeof(it->stride[0]));
        n = 1;
    }
    it->ndim = n;
    order_dimensions(it);
    merge_dimensions(it);
}

/* What cores that share a cache often have of it; what a processor tells sums up all its caches. */
enum { CACHE = 32 << 20, LINE = 64 };

/* The memory that operand k spans, without what its steps leave out beyond the next line. */
static int64_t span(const struct iter *it, int k)
{
    int64_t count = 1, step = LINE;

    for (int d = 0; d < it->ndim; d++) {
        const int64_t stride = llabs(it->stride[d][k]);

        if (stride == 0)
            continue;
        count *= it->shape[d];
        step = stride < step ? stride : step;
    }
    return count * step;
}

/* A tile has many rows, so that much of what a turned operand has in a row is read at once. */
enum { TILE = 64, TILE_ROWS = 128, STRAIGHT = 2 };

/* Whether an operand lies the other way round: its rows are columns to the innermost dimension. */
static bool is_turned(const struct iter *it, int k)
{
    const int64_t inner = it->stride[0][k], outer = it->stride[1][k];

    return outer != 0 && inner >= 2 * outer && inner >= 64;
}

static bool has_turned(const struct iter *it)
{
    for (int k = 0; k < it->operands && it->ndim > 1; k++) {
        if (is_turned(it, k))
            return true;
    }
    return false;
}

bool iter_is_past_cache(const struct iter *it)
{
    int64_t all = 0;

    if (it->numel < ITER_LONG || it->stride[0][0] != (int64_t)it->size[0] || has_turned(it))
        return false;
    for (int k = 0; k < it->operands; k++) {
        if (k > 0 && it->ptr[k] == it->ptr[0]) /* in place: its lines are read anyway */
            return false;
        all += span(it, k);
    }
    return all > CACHE;
}

/* Turned inputs of a tile, laid straight: more than STRAIGHT are left as they are. */
struct straight {
    char data[STRAIGHT][TILE_ROWS][TILE * TURN_LARGEST] __attribute__((aligned(64)));
};

/* Lays what is turned of a tile straight, so that kernels meet neighbours; ptr, stride and row_step
 * become the tile's. */
static void lay_straight(const struct iter *it, int64_t rows, int64_t count, struct straight *to,
                         char **ptr, int64_t *stride, int64_t *row_step)
{
    int used = 0;

    for (int k = 1; k < it->operands && used < STRAIGHT; k++) {
        const size_t size = it->size[k];
        turn_fn *turn = size <= TURN_LARGEST ? (*KERNELS_PICK(turn))[size] : NULL;

        if (!turn || !is_turned(it, k) || it->stride[1][k] != (int64_t)size)
            continue;
        row_step[k] = sizeof(to->data[used][0]);
        turn(rows, count, to->data[used][0], row_step[k], ptr[k], stride[k]);
        ptr[k] = to->data[used++][0];
        stride[k] = (int64_t)size;
    }
}

/* Runs `rows` rows of dimension 1 tile by tile, so that what a turned operand has in one cache line
 * is used while it is there. */
static void run_tiles(const struct iter *it, char *const *from, int64_t rows, int64_t count,
                      kernel_fn *kernel, const struct scalar *params)
{
    struct straight straight;

    for (int64_t first = 0; first < count; first += TILE) {
        const int64_t n = count - first < TILE ? count - first : TILE;
        int64_t stride[ITER_OPERANDS], row_step[ITER_OPERANDS];
        char *ptr[ITER_OPERANDS];

        for (int k = 0; k < it->operands; k++) {
            ptr[k] = from[k] + first * it->stride[0][k];
            stride[k] = it->stride[0][k];
            row_step[k] = it->stride[1][k];
        }
        lay_straight(it, rows, n, &straight, ptr, stride, row_step);
        for (int64_t row = 0; row < rows; row++) {
            kernel(n, ptr, stride, params);
            for (int k = 0; k < it->operands; k++)
                ptr[k] += row_step[k];
        }
    }
}

/* Runs rows [begin, end) of the outer dimensions, each a loop over `count` elements of the
 * innermost from `first` on. */
static void run_rows(const struct iter *it, int64_t begin, int64_t end, int64_t first,
                     int64_t count, kernel_fn *kernel, const struct scalar *params)
{
    const int64_t most = has_turned(it) ? TILE_ROWS : 1;
    char *ptr[ITER_OPERANDS];
    int64_t at[TENSOR_MAX_DIMS], rest = begin, rows = 1;

    for (int k = 0; k < it->operands; k++)
        ptr[k] = it->ptr[k] + first * it->stride[0][k];
    for (int d = 1; d < it->ndim; d++) {
        at[d] = rest % it->shape[d];
        rest /= it->shape[d];
        for (int k = 0; k < it->operands; k++)
            ptr[k] += at[d] * it->stride[d][k];
    }
    for (int64_t row = begin; row < end; row += rows) {
        if (most > 1) {
            rows = it->shape[1] - at[1] < most ? it->shape[1] - at[1] : most;
            rows = end - row < rows ? end - row : rows;
            run_tiles(it, ptr, rows, count, kernel, params);
        } else {
            kernel(count, ptr, it->stride[0], params);
        }
        for (int d = 1; d < it->ndim; d++) { /* on to the next row */
            int64_t steps = d == 1 ? rows : 1;
            bool over = (at[d] += steps) == it->shape[d];

            for (int k = 0; k < it->operands; k++)
                ptr[k] += (over ? steps - it->shape[d] : steps) * it->stride[d][k];
            if (!over)
                break;
            at[d] = 0;
        }
    }
}

/* What a thread gets of turned rows at a time: whole tiles, if there are enough. */
static int64_t least_rows(int64_t rows)
{
    const int64_t part = rows / 8;

    return part > TILE_ROWS ? TILE_ROWS : part < 16 ? 16 : part;
}

static void run_parallel(const struct iter *it, kernel_fn *kernel, const struct scalar *params)
{
    int64_t inner = it->shape[0], rows = it->numel / inner;
    int64_t least = has_turned(it) ? least_rows(rows) : 1;
    int64_t chunk = ITER_GRAIN / inner > least ? ITER_GRAIN / inner : least;
    void *token = it->numel >= ITER_LONG && tensor_long_begin ? tensor_long_begin() : NULL;

    if (rows > 1) {
#pragma omp parallel for schedule(static)
        for (int64_t row = 0; row < rows; row += chunk)
            run_rows(it, row, row + chunk < rows ? row + chunk : rows, 0, inner, kernel, params);
    } else {
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < inner; i += ITER_GRAIN)
            run_rows(it, 0, 1, i, inner - i < ITER_GRAIN ? inner - i : ITER_GRAIN, kernel, params);
    }
    if (token)
        tensor_long_end(token);
}

void iter_run_serial(const struct iter *it, kernel_fn *kernel, const struct scalar *params)
{
    if (it->numel > 0)
        run_rows(it, 0, it->numel / it->shape[0], 0, it->shape[0], kernel, params);
}

void iter_run(const struct iter *it, kernel_fn *kernel, const struct scalar *params)
{
    if (it->numel >= 2 * ITER_GRAIN)
        run_parallel(it, kernel, params);
    else
        iter_run_serial(it, kernel, params);
}
