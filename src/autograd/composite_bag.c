/* embedding_bag: rows of a table, joined bag by bag. */
#include "autograd/formula.h"
#include "base/error.h"

#include <string.h>

enum {
    INPUT,
    WEIGHT,
    OFFSETS,
    MAX_NORM,
    NORM_TYPE,
    BY_FREQ,
    MODE,
    SPARSE,
    SAMPLE_WEIGHTS,
    LAST,
    PAD
};

/* Which bag each of the indices falls into. */
struct bags {
    struct tensor *index; /* all indices, one behind the other */
    struct tensor *bag;   /* the number of the bag of each */
    struct tensor *kept;  /* 1, or 0 for those of padding_idx, as (n, 1) */
    int64_t count;
};

static int check_offsets(const struct tensor *offsets, int64_t length)
{
    const int64_t *at = (const int64_t *)tensor_data(offsets);
    int64_t n = offsets->numel;

    if (n && at[0] != 0)
        return error_set(ERROR_RUNTIME,
                         "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has "
                         "to start from position 0. However, got %lld",
                         (long long)at[0]);
    for (int64_t i = 0; i < n; i++)
        if (at[i] > length || at[i] < 0)
            return error_set(ERROR_RUNTIME,
                             "offsets[-1] can not be greater than input's length %lld but got "
                             "offsets[-1] of %lld",
                             (long long)length, (long long)at[n - 1]);
    return 0;
}

static int check_call(const struct value *args)
{
    const struct tensor *input = args[INPUT].tensor, *offsets = args[OFFSETS].tensor;
    const char *mode = args[MODE].text;
    bool given = args[OFFSETS].given;

    if (args[SAMPLE_WEIGHTS].given && !tensor_same_shape(input, args[SAMPLE_WEIGHTS].tensor))
        return error_set(ERROR_VALUE, "embedding_bag: If per_sample_weights is not None, then it "
                                      "must have the same shape as the input");
    if (input->ndim == 2 && given)
        return error_set(ERROR_VALUE,
                         "if input is 2D, then offsets has to be None, as input is treated is a "
                         "mini-batch of fixed length sequences. However, found offsets of type "
                         "<class 'torch.Tensor'>");
    if (input->ndim == 1 && (!given || offsets->ndim != 1))
        return error_set(ERROR_VALUE, "offsets has to be a 1D Tensor%s",
                         given ? "" : " but got None");
    if (input->ndim != 1 && input->ndim != 2)
        return error_set(ERROR_VALUE,
                         "input has to be 1D or 2D Tensor, but got Tensor of dimension "
                         "%d",
                         input->ndim);
    if (strcmp(mode, "sum") != 0 && strcmp(mode, "mean") != 0 && strcmp(mode, "max") != 0)
        return error_set(ERROR_VALUE, "mode has to be one of sum, mean or max");
    if (args[SAMPLE_WEIGHTS].given && strcmp(mode, "sum") != 0)
        return error_set(ERROR_NOT_IMPLEMENTED,
                         "embedding_bag: per_sample_weights was not None. per_sample_weights is "
                         "only supported for mode='sum' (got mode='%s'). Please open a feature "
                         "request on GitHub.",
                         mode);
    return 0;
}

/* The bag of each index, by offsets or by rows. */
static int number_bags(struct bags *b, const struct value *args)
{
    const struct tensor *input = args[INPUT].tensor;
    int64_t *bag = (int64_t *)tensor_data(b->bag), n = b->index->numel;
    struct tensor *offsets;
    const int64_t *at;

    if (input->ndim == 2) {
        b->count = input->shape[0];
        for (int64_t i = 0; i < n; i++)
            bag[i] = i / input->shape[1];
        return 0;
    }
    offsets = d_to(args[OFFSETS].tensor, DTYPE_i64);
    offsets = offsets ? pool_keep(tensor_contiguous(offsets)) : NULL;
    if (!offsets || check_offsets(offsets, n) < 0)
        return -1;
    b->count = offsets->numel - (args[LAST].i && offsets->numel ? 1 : 0);
    at = (const int64_t *)tensor_data(offsets);
    for (int64_t k = 0; k < b->count; k++) {
        int64_t end = k + 1 < offsets->numel ? at[k + 1] : n;

        for (int64_t i = at[k]; i < end; i++)
            bag[i] = k;
    }
    return 0;
}

static int bags_init(struct bags *b, const struct value *args)
{
    struct tensor *input = d_to(args[INPUT].tensor, DTYPE_i64);
    enum dtype dtype = tensor_dtype(args[WEIGHT].tensor);
    int64_t n = args[INPUT].tensor->numel, column[2] = {n, 1}, padding = args[PAD].i;

    b->index = input ? d_reshape(input, 1, &n) : NULL;
    b->index = b->index ? pool_keep(tensor_contiguous(b->index)) : NULL;
    b->bag = pool_keep(tensor_zeros(DTYPE_i64, 1, &n));
    b->kept = pool_keep(tensor_full(dtype, 2, column, scalar_int(1)));
    if (!b->index || !b->bag || !b->kept)
        return -1;
    padding += padding < 0 ? args[WEIGHT].tensor->shape[0] : 0;
    for (int64_t i = 0; args[PAD].given && i < n; i++)
        if (((const int64_t *)tensor_data(b->index))[i] == padding)
            dtype_store(dtype, tensor_data(b->kept) + i * (int64_t)dtype_size(dtype),
                        scalar_int(0));
    return number_bags(b, args);
}

/* Sums of the rows of each bag. */
static struct tensor *sums(const struct bags *b, struct tensor *rows)
{
    int64_t shape[2] = {b->count, rows ? rows->shape[1] : 0};
    struct tensor *zeros = rows ? pool_keep(tensor_zeros(tensor_dtype(rows), 2, shape)) : NULL;

    return zeros ? D(index_add, V_TENSOR(zeros), V_INT(0), V_TENSOR(b->bag), V_TENSOR(rows)) : NULL;
}

/* For each bag and column, which row is largest; an empty bag has none, and `empty` is 0 there. */
static struct tensor *largest(const struct bags *b, struct tensor *rows)
{
    int64_t width = rows->shape[1], shape[2] = {b->count, width};
    struct tensor *flat = pool_keep(tensor_contiguous(rows));
    struct tensor *index = pool_keep(tensor_full(DTYPE_i64, 2, shape, scalar_int(-1)));
    struct tensor *found = pool_keep(tensor_zeros(DTYPE_b8, 2, shape)), *picked;
    enum dtype dtype = tensor_dtype(rows);
    int64_t size = (int64_t)dtype_size(dtype), *best = index ? (int64_t *)tensor_data(index) : NULL;

    if (!flat || !index || !found)
        return NULL;
    for (int64_t i = 0; i < rows->shape[0]; i++) {
        const int64_t to = ((const int64_t *)tensor_data(b->bag))[i] * width;

        if (dtype_load(dtype, tensor_data(b->kept) + i * size).d == 0)
            continue;
        for (int64_t k = 0; k < width; k++)
            if (best[to + k] < 0 ||
                dtype_load(dtype, tensor_data(flat) + (i * width + k) * size).d >
                    dtype_load(dtype, tensor_data(flat) + (best[to + k] * width + k) * size).d)
                best[to + k] = i;
    }
    for (int64_t i = 0; i < index->numel; i++) {
        ((bool *)tensor_data(found))[i] = best[i] >= 0;
        best[i] = best[i] < 0 ? 0 : best[i];
    }
    picked = rows->shape[0] ? D(gather, V_TENSOR(rows), V_INT(0), V_TENSOR(index))
                            : pool_keep(tensor_zeros(dtype, 2, shape));
    return picked ? d_where(found, picked) : NULL;
}

static struct tensor *joined_bags(const struct bags *b, const struct value *args)
{
    struct tensor *rows =
        D(embedding, V_TENSOR(b->index), args[WEIGHT], args[PAD], args[MAX_NORM], args[NORM_TYPE]);
    struct tensor *count, *result;
    const char *mode = args[MODE].text;

    if (!rows)
        return NULL;
    if (strcmp(mode, "max") == 0)
        return largest(b, rows);
    if (args[SAMPLE_WEIGHTS].given)
        rows = d_mul(rows, d_reshape(args[SAMPLE_WEIGHTS].tensor, 2, b->kept->shape));
    if (args[PAD].given)
        rows = d_mul(rows, b->kept);
    result = sums(b, rows);
    if (strcmp(mode, "sum") == 0 || !result)
        return result;
    count = sums(b, b->kept);
    count = count ? D(clamp_min, V_TENSOR(count), V_SCALAR(scalar_int(1))) : NULL;
    return d_true_divide(result, count);
}

int embedding_bag_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *result = NULL;
    struct bags b;
    size_t mark;

    if (check_call(args) < 0)
        return -1;
    mark = pool_open();
    if (bags_init(&b, args) == 0)
        result = joined_bags(&b, args);
    return pool_leave(op, mark, result, out);
}
