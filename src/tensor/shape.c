#include "base/error.h"
#include "tensor/tensor.h"

#include <stdio.h>

const char *shape_text(int ndim, const int64_t *shape, char *buf, size_t size)
{
    size_t used = 0;
    int wrote;

    for (int d = 0; d < ndim && used < size; d++) {
        wrote = snprintf(buf + used, size - used, "%s%lld", d ? ", " : "[", (long long)shape[d]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    if (used < size)
        snprintf(buf + used, size - used, ndim ? "]" : "[]");
    return buf;
}

/* Beside a dimension of 0 the others may be of any size: such products wrap round, unused. */
static int64_t wrapping_product(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

int64_t shape_numel(int ndim, const int64_t *shape)
{
    int64_t n = 1;

    for (int d = 0; d < ndim; d++)
        n = wrapping_product(n, shape[d]);
    return n;
}

bool shape_counts(int ndim, const int64_t *shape, int64_t *numel)
{
    bool overflow = false;

    *numel = 1;
    for (int d = 0; d < ndim; d++)
        overflow |= __builtin_mul_overflow(*numel, shape[d], numel);
    return !overflow;
}

void shape_strides(int ndim, const int64_t *shape, int64_t *stride)
{
    int64_t step = 1;

    for (int d = ndim - 1; d >= 0; d--) {
        stride[d] = step;
        step = wrapping_product(step, shape[d] > 1 ? shape[d] : 1);
    }
}

int shape_dim(int ndim, int64_t dim)
{
    int64_t range = ndim ? ndim : 1;

    if (dim < -range || dim >= range)
        return error_set(ERROR_INDEX,
                         "Dimension out of range (expected to be in range of [%lld, %lld], but "
                         "got %lld)",
                         -(long long)range, (long long)range - 1, (long long)dim);
    return (int)(dim < 0 ? dim + range : dim);
}

int shape_broadcast(int *ndim, int64_t *shape, int b_ndim, const int64_t *b_shape)
{
    int n = *ndim > b_ndim ? *ndim : b_ndim;

    for (int k = 1; k <= n; k++) { /* from the last dimension to the first */
        int64_t a = k <= *ndim ? shape[*ndim - k] : 1;
        int64_t b = k <= b_ndim ? b_shape[b_ndim - k] : 1;

        if (a != b && a != 1 && b != 1)
            return error_set(ERROR_RUNTIME,
                             "The size of tensor a (%lld) must match the size of tensor b (%lld) "
                             "at non-singleton dimension %d",
                             (long long)a, (long long)b, n - k);
    }
    for (int d = n - 1; d >= 0; d--) {
        int da = d - (n - *ndim), db = d - (n - b_ndim);
        int64_t a = da >= 0 ? shape[da] : 1, b = db >= 0 ? b_shape[db] : 1;

        shape[d] = a == 1 ? b : a;
    }
    *ndim = n;
    return 0;
}
