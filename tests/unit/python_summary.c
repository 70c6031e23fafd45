#include "python/summary.h"

#include "autograd/autograd.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void set(struct tensor *t, const double *values)
{
    for (int64_t i = 0; i < t->numel; i++)
        dtype_store(tensor_dtype(t), tensor_data(t) + i * (int64_t)dtype_size(tensor_dtype(t)),
                    scalar_float(values[i]));
}

static double member(const json_t *summary, const char *name)
{
    return json_number_value(json_object_get(summary, name));
}

static void expect_text(json_t *json, const char *wanted)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

    cr_expect_str_eq(text, wanted, "is %s", text);
    free(text);
    json_decref(json);
}

Test(python_summary, every_dtype)
{
    static const double values[] = {0, 1, 1, 0, 0, 1};
    int64_t shape[] = {2, 3}, budget = 1000;

    for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) {
        struct tensor *t = tensor_new((enum dtype)dtype, 2, shape);
        json_t *summary;
        set(t, values);
        summary = summary_values(t, &budget);
        cr_expect_str_eq(json_string_value(json_object_get(summary, "dtype")),
                         dtype_name((enum dtype)dtype));
        cr_expect_eq(member(summary, "min"), 0.0);
        cr_expect_eq(member(summary, "max"), 1.0);
        cr_expect_eq(member(summary, "mean"), 0.5);
        json_decref(summary);
        tensor_unref(t);
    }
    cr_expect_eq(budget, 1000 - 6 * DTYPE_COUNT);
}

Test(python_summary, views_are_read_in_their_own_order)
{
    static const double values[] = {1, 2, 3, 4, 5, 6};
    int64_t shape[] = {2, 3}, turned[] = {3, 2}, stride[] = {1, 3}, budget = 100;
    struct tensor *t = tensor_new(DTYPE_f32, 2, shape), *view, *column;

    set(t, values);
    view = tensor_view(t, 2, turned, stride, 0);
    expect_text(summary_values(view, &budget),
                "{\"shape\":[3,2],\"dtype\":\"float32\",\"min\":1.0,\"max\":6.0,\"mean\":3.5,"
                "\"values\":[1.0,4.0,2.0,5.0,3.0,6.0]}");
    column = tensor_view(t, 1, (int64_t[]){2}, (int64_t[]){3}, 2);
    expect_text(summary_values(column, &budget),
                "{\"shape\":[2],\"dtype\":\"float32\",\"min\":3.0,\"max\":6.0,\"mean\":4.5,"
                "\"values\":[3.0,6.0]}");
    tensor_unref(column);
    tensor_unref(view);
    tensor_unref(t);
}

Test(python_summary, special_values_and_shapes)
{
    static const double values[] = {1, NAN, -INFINITY};
    int64_t shape[] = {3}, empty[] = {2, 0}, budget = 100;
    struct tensor *t = tensor_new(DTYPE_f64, 1, shape), *none = tensor_new(DTYPE_f32, 2, empty);
    struct tensor *scalar = tensor_from_scalar(scalar_int(7), DTYPE_i64);

    set(t, values);
    expect_text(summary_values(t, &budget),
                "{\"shape\":[3],\"dtype\":\"float64\",\"min\":\"nan\",\"max\":\"nan\","
                "\"mean\":\"nan\",\"values\":[1.0,\"nan\",\"-inf\"]}");
    expect_text(summary_values(none, &budget),
                "{\"shape\":[2,0],\"dtype\":\"float32\",\"min\":null,\"max\":null,\"mean\":null,"
                "\"values\":[]}");
    expect_text(summary_values(scalar, &budget),
                "{\"shape\":[],\"dtype\":\"int64\",\"min\":7.0,\"max\":7.0,\"mean\":7.0,"
                "\"values\":[7.0]}");
    tensor_unref(scalar);
    tensor_unref(none);
    tensor_unref(t);
}

Test(python_summary, large_tensors_are_sampled_and_stay_within_the_budget)
{
    int64_t shape[] = {1000}, budget = 1500;
    struct tensor *t = tensor_new(DTYPE_f32, 1, shape);
    json_t *summary, *values;

    for (int64_t i = 0; i < 1000; i++)
        ((float *)tensor_data(t))[i] = (float)i;
    summary = summary_values(t, &budget);
    values = json_object_get(summary, "values");
    cr_expect_eq(json_array_size(values), SUMMARY_VALUES);
    cr_expect_eq(json_number_value(json_array_get(values, 32)), 500.0);
    cr_expect_eq(member(summary, "max"), 999.0);
    json_decref(summary);
    summary = summary_values(t, &budget);
    cr_expect(json_is_null(json_object_get(summary, "max")), "the budget is spent");
    cr_expect_eq(json_array_size(json_object_get(summary, "values")), SUMMARY_VALUES);
    json_decref(summary);
    tensor_unref(t);
}

Test(python_summary, autograd)
{
    int64_t budget = 100;
    struct tensor *t = tensor_from_scalar(scalar_float(2), DTYPE_f32);
    struct tensor *grad = tensor_from_scalar(scalar_float(4), DTYPE_f32);
    json_t *summary;

    autograd_init();
    cr_assert_eq(tensor_set_requires_grad(t, true), 0);
    summary = summary_tensor(t, &budget);
    cr_expect(json_is_true(json_object_get(summary, "leaf")));
    cr_expect(json_is_true(json_object_get(summary, "requires_grad")));
    cr_expect(json_is_null(json_object_get(summary, "grad_fn")));
    cr_expect(json_is_null(json_object_get(summary, "grad")));
    json_decref(summary);
    cr_assert_eq(tensor_set_grad(t, grad), 0);
    summary = summary_tensor(t, &budget);
    cr_expect_eq(member(json_object_get(summary, "grad"), "mean"), 4.0);
    json_decref(summary);
    tensor_unref(grad);
    tensor_unref(t);
}
