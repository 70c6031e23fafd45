#include "python/summary.h"

#include "autograd/autograd.h"

#include <math.h>

struct statistics {
    double low, high, sum;
};

json_t *summary_number(double value)
{
    if (isnan(value))
        return json_string("nan");
    if (isinf(value))
        return json_string(value > 0 ? "inf" : "-inf");
    return json_real(value);
}

/* ---- Reading every element -------------------------------------------------------------------*/

/* The comparisons let a NaN pass; the sum keeps it. */
#define DEFINE_SCAN(name, type)                                                                    \
    static void name(struct statistics *s, const char *at, int64_t step, int64_t count)            \
    {                                                                                              \
        double low = s->low, high = s->high, sum = s->sum;                                         \
        for (int64_t i = 0; i < count; i++, at += step) {                                          \
            double value = (double)*(const type *)at;                                              \
            low = value < low ? value : low;                                                       \
            high = value > high ? value : high;                                                    \
            sum += value;                                                                          \
        }                                                                                          \
        *s = (struct statistics){low, high, sum};                                                  \
    }
DEFINE_SCAN(scan_f32, float)
DEFINE_SCAN(scan_f64, double)

static void scan_any(struct statistics *s, enum dtype dtype, const char *at, int64_t step,
                     int64_t count)
{
    for (int64_t i = 0; i < count; i++, at += step) {
        double value = dtype_load(dtype, at).d;
        s->low = fmin(s->low, value);
        s->high = fmax(s->high, value);
        s->sum += value;
    }
}

static void scan_row(struct statistics *s, enum dtype dtype, const char *at, int64_t step,
                     int64_t count)
{
    if (dtype == DTYPE_f32)
        scan_f32(s, at, step, count);
    else if (dtype == DTYPE_f64)
        scan_f64(s, at, step, count);
    else
        scan_any(s, dtype, at, step, count);
}

/* The address of element `index` in row-major order. */
static const char *element(const struct tensor *t, int64_t index)
{
    int64_t offset = 0;

    for (int d = t->ndim - 1; d >= 0; d--) {
        offset += index % t->shape[d] * t->stride[d];
        index /= t->shape[d];
    }
    return tensor_data(t) + offset * (int64_t)dtype_size(tensor_dtype(t));
}

static struct statistics scan(const struct tensor *t)
{
    struct statistics s = {INFINITY, -INFINITY, 0.0};
    bool flat = tensor_is_contiguous(t);
    int64_t size = (int64_t)dtype_size(tensor_dtype(t));
    int64_t row = flat ? t->numel : t->shape[t->ndim - 1];
    int64_t step = flat ? size : t->stride[t->ndim - 1] * size;

    for (int64_t index = 0; index < t->numel; index += row)
        scan_row(&s, tensor_dtype(t), element(t, index), step, row);
    return s;
}

/* ---- As JSON ---------------------------------------------------------------------------------*/

static json_t *shape_json(const struct tensor *t)
{
    json_t *shape = json_array();

    for (int d = 0; d < t->ndim; d++)
        json_array_append_new(shape, json_integer(t->shape[d]));
    return shape;
}

static json_t *values_json(const struct tensor *t)
{
    json_t *values = json_array();
    int64_t count = t->numel < SUMMARY_VALUES ? t->numel : SUMMARY_VALUES;

    for (int64_t i = 0; i < count; i++) {
        /* In doubles: the product may exceed 64 bits for a broadcast view. */
        int64_t index = t->numel <= SUMMARY_VALUES ? i : (int64_t)((double)t->numel / count * i);
        struct scalar value = dtype_load(tensor_dtype(t), element(t, index));
        json_array_append_new(values, summary_number(value.d));
    }
    return values;
}

static void add_statistics(json_t *summary, const struct tensor *t, int64_t *budget)
{
    static const char *const names[] = {"min", "max", "mean"};
    struct statistics s;

    if (t->numel == 0 || t->numel > *budget) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            json_object_set_new(summary, names[i], json_null());
        return;
    }
    *budget -= t->numel;
    s = scan(t);
    if (isnan(s.sum) && !(isinf(s.low) && isinf(s.high)))
        s.low = s.high = NAN;
    json_object_set_new(summary, "min", summary_number(s.low));
    json_object_set_new(summary, "max", summary_number(s.high));
    json_object_set_new(summary, "mean", summary_number(s.sum / (double)t->numel));
}

json_t *summary_values(const struct tensor *t, int64_t *budget)
{
    json_t *summary = json_object();

    json_object_set_new(summary, "shape", shape_json(t));
    json_object_set_new(summary, "dtype", json_string(dtype_name(tensor_dtype(t))));
    add_statistics(summary, t, budget);
    json_object_set_new(summary, "values", values_json(t));
    return summary;
}

json_t *summary_tensor(struct tensor *t, int64_t *budget)
{
    json_t *summary = summary_values(t, budget);
    struct node *node = tensor_grad_fn(t);
    struct tensor *grad = tensor_grad(t);

    json_object_set_new(summary, "device", json_string("cpu"));
    json_object_set_new(summary, "leaf", json_boolean(tensor_is_leaf(t)));
    json_object_set_new(summary, "requires_grad", json_boolean(t->requires_grad));
    json_object_set_new(summary, "grad_fn", node ? json_string(node_name(node)) : json_null());
    json_object_set_new(summary, "grad", grad ? summary_values(grad, budget) : json_null());
    return summary;
}
