#include "tensor/random.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* One row of weights as doubles (they came from w's dtype, so nothing is lost). */
static void load_row(const struct tensor *p, int64_t row, double *weights)
{
    enum dtype dtype = tensor_dtype(p);
    int64_t n = p->shape[p->ndim - 1], step = p->stride[p->ndim - 1];
    int64_t start = p->ndim > 1 ? row * p->stride[0] : 0, size = (int64_t)dtype_size(dtype);

    for (int64_t i = 0; i < n; i++)
        weights[i] = dtype_load(dtype, tensor_data(p) + (start + i * step) * size).d;
}

/* Rounds as arithmetic in that dtype would. */
static double round_to(enum dtype dtype, double value)
{
    return dtype == DTYPE_f32 ? (float)value : value;
}

/* Running sums, each rounded to the dtype, and scaled so that the last is 1. */
static int accumulate(enum dtype dtype, int64_t n, double *weights)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0))
            return error_set(ERROR_RUNTIME, "invalid multinomial distribution (encountering "
                                            "probability entry < 0)");
        if (!isfinite(weights[i]))
            return error_set(ERROR_RUNTIME, "invalid multinomial distribution (encountering "
                                            "probability entry = infinity or NaN)");
        sum = round_to(dtype, sum + weights[i]);
        weights[i] = sum;
    }
    if (!(sum > 0))
        return error_set(ERROR_RUNTIME,
                         "invalid multinomial distribution (sum of probabilities <= 0)");
    for (int64_t i = 0; i < n; i++)
        weights[i] = round_to(dtype, weights[i] / sum);
    weights[n - 1] = 1;
    return 0;
}

static int64_t first_at_least(const double *sums, int64_t n, double u)
{
    int64_t low = 0, high = n;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sums[middle] < u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int draw_with_replacement(const struct tensor *p, struct tensor *result, double *weights,
                                 struct generator *g)
{
    int64_t n = p->shape[p->ndim - 1], count = result->shape[result->ndim - 1];
    int64_t rows = p->ndim > 1 ? p->shape[0] : 1, *out = (int64_t *)tensor_data(result);

    for (int64_t row = 0; row < rows; row++) {
        load_row(p, row, weights);
        if (accumulate(tensor_dtype(p), n, weights) < 0)
            return -1;
        for (int64_t i = 0; i < count; i++)
            *out++ = first_at_least(weights, n, generator_double(g));
    }
    return 0;
}

static int check_weights(const struct tensor *p, double *weights)
{
    int64_t n = p->shape[p->ndim - 1], rows = p->ndim > 1 ? p->shape[0] : 1;
    bool zero = false;

    for (int64_t row = 0; row < rows; row++) {
        double sum = 0;
        load_row(p, row, weights);
        for (int64_t i = 0; i < n; i++) {
            if (!(weights[i] >= 0 && weights[i] < INFINITY))
                return error_set(ERROR_RUNTIME, "probability tensor contains either `inf`, `nan` "
                                                "or element < 0");
            sum += weights[i];
        }
        zero |= sum == 0;
    }
    if (zero)
        return error_set(ERROR_RUNTIME,
                         "invalid multinomial distribution (sum of probabilities <= 0)");
    return 0;
}

struct ticket {
    double key;
    int64_t index;
};

/* Largest key first; equal keys in their order. */
static int compare_tickets(const void *a, const void *b)
{
    const struct ticket *x = a, *y = b;

    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* The race of exponential clocks: the `count` largest of weight / exponential. */
static int draw_without_replacement(const struct tensor *p, struct tensor *result, double *weights,
                                    struct generator *g)
{
    enum dtype dtype = tensor_dtype(p);
    int64_t n = p->shape[p->ndim - 1], count = result->shape[result->ndim - 1];
    int64_t rows = p->ndim > 1 ? p->shape[0] : 1, *out = (int64_t *)tensor_data(result);
    struct ticket *tickets = NULL;
    struct tensor *clocks = NULL;
    int status = -1;

    if (check_weights(p, weights) < 0)
        return -1;
    tickets = mem_array((size_t)n, sizeof(*tickets));
    clocks = tensor_new(dtype, p->ndim, p->shape);
    if (!tickets || !clocks || random_exponential(clocks, 1, g) < 0)
        goto done;
    for (int64_t row = 0; row < rows; row++) {
        const char *clock = tensor_data(clocks) + row * n * (int64_t)dtype_size(dtype);
        load_row(p, row, weights);
        for (int64_t i = 0; i < n; i++, clock += dtype_size(dtype))
            tickets[i] =
                (struct ticket){round_to(dtype, weights[i] / dtype_load(dtype, clock).d), i};
        qsort(tickets, (size_t)n, sizeof(*tickets), compare_tickets);
        for (int64_t i = 0; i < count; i++)
            *out++ = tickets[i].index;
    }
    status = 0;
done:
    mem_free(tickets);
    tensor_unref(clocks);
    return status;
}

static int check_arguments(const struct tensor *p, int64_t count, bool replacement)
{
    if (p->ndim < 1 || p->ndim > 2 || p->shape[p->ndim - 1] == 0)
        return error_set(ERROR_RUNTIME, "prob_dist must be 1 or 2 dim");
    if (!dtype_is_float(tensor_dtype(p)))
        return error_set(ERROR_RUNTIME,
                         "multinomial only supports floating-point dtypes for input, got: %s",
                         dtype_short_name(tensor_dtype(p)));
    if (count <= 0)
        return error_set(ERROR_RUNTIME, "cannot sample n_sample <= 0 samples");
    if (!replacement && count > p->shape[p->ndim - 1])
        return error_set(ERROR_RUNTIME, "cannot sample n_sample > prob_dist.size(-1) samples "
                                        "without replacement");
    if (p->shape[p->ndim - 1] > 1 << 24)
        return error_set(ERROR_RUNTIME, "number of categories cannot exceed 2^24");
    return 0;
}

struct tensor *random_multinomial(const struct tensor *p, int64_t count, bool replacement,
                                  struct generator *g)
{
    int64_t shape[2] = {p->ndim > 1 ? p->shape[0] : count, count};
    struct tensor *result = NULL;
    double *weights = NULL;
    int status = -1;

    if (check_arguments(p, count, replacement) < 0)
        return NULL;
    if (!g)
        g = generator_default();
    result = tensor_new(DTYPE_i64, p->ndim, shape);
    weights = mem_array((size_t)p->shape[p->ndim - 1], sizeof(*weights));
    if (!result || !weights)
        goto done;
    status = replacement ? draw_with_replacement(p, result, weights, g)
                         : draw_without_replacement(p, result, weights, g);
done:
    mem_free(weights);
    if (status == 0)
        return result;
    tensor_unref(result);
    return NULL;
}
