#include "nn/clip.h"

#include <math.h>

/* The norm of one tensor, rounded to its dtype as PyTorch does it. */
static int norm_of(struct tensor *t, double p, double *norm)
{
    struct tensor *flat = tensor_contiguous(t);
    enum dtype dtype = tensor_dtype(t);
    const char *at;
    double sum = 0;

    if (!flat)
        return -1;
    at = tensor_data(flat);
    for (int64_t i = 0; i < flat->numel; i++, at += dtype_size(dtype)) {
        double x = fabs(dtype_load(dtype, at).d);

        if (isinf(p))
            sum = x > sum || isnan(x) ? x : sum;
        else
            sum += p == 2 ? x * x : pow(x, p);
    }
    tensor_unref(flat);
    if (!isinf(p))
        sum = p == 2 ? sqrt(sum) : pow(sum, 1 / p);
    *norm = dtype == DTYPE_f32 ? (float)sum : sum;
    return 0;
}

int nn_total_norm(struct tensor *const *tensors, int count, double p, double *norm)
{
    double sum = 0, one;

    for (int i = 0; i < count; i++) {
        if (norm_of(tensors[i], p, &one) < 0)
            return -1;
        if (isinf(p))
            sum = one > sum || isnan(one) ? one : sum;
        else
            sum += p == 2 ? one * one : pow(one, p);
    }
    *norm = isinf(p) ? sum : p == 2 ? sqrt(sum) : pow(sum, 1 / p);
    return 0;
}

int nn_clip_to_norm(struct tensor *const *tensors, int count, double norm, double max_norm)
{
    for (int i = 0; i < count; i++) {
        struct tensor *t = tensors[i], *scaled = tensor_clone(t);
        enum dtype dtype = tensor_dtype(t);
        double by = dtype == DTYPE_f32 ? (double)(1 / ((float)norm + 1e-6f) * (float)max_norm)
                                       : 1 / (norm + 1e-6) * max_norm;
        char *at = scaled ? tensor_data(scaled) : NULL;
        int status = scaled ? 0 : -1;

        for (int64_t k = 0; status == 0 && k < t->numel; k++, at += dtype_size(dtype))
            dtype_store(dtype, at, scalar_float(dtype_load(dtype, at).d * (by > 1 ? 1 : by)));
        if (status == 0)
            status = tensor_copy(t, scaled);
        tensor_unref(scaled);
        if (status < 0)
            return -1;
        tensor_bump(t);
    }
    return 0;
}
