/* The expected texts are PyTorch 1.13.1's. */
#include "tensor/print.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void expect(struct tensor *t, const char *suffix, const char *want)
{
    struct strbuf out = STRBUF_INIT;

    cr_assert_eq(tensor_print(t, "tensor", suffix, 0, &out), 0);
    cr_expect_str_eq(out.text, want);
    strbuf_release(&out);
    tensor_unref(t);
}

static struct tensor *make(enum dtype dtype, int ndim, const int64_t *shape, const double *values)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);

    cr_assert_not_null(t);
    for (int64_t i = 0; i < t->numel; i++)
        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype),
                    scalar_float(values[i]));
    return t;
}
#define VECTOR(dtype, ...)                                                                         \
    make(DTYPE_##dtype, 1, (int64_t[]){sizeof((double[])__VA_ARGS__) / sizeof(double)},            \
         (double[])__VA_ARGS__)
#define SHAPED(dtype, ndim, shape, ...)                                                            \
    make(DTYPE_##dtype, ndim, (int64_t[])shape, (double[])__VA_ARGS__)
#define SHAPE(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static struct tensor *count_up(enum dtype dtype, int ndim, const int64_t *shape)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);

    for (int64_t i = 0; i < t->numel; i++)
        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype), scalar_int(i));
    return t;
}

Test(tensor_print, floats_take_the_format_that_suits_all_of_them)
{
    expect(VECTOR(f32, {5.5, 3}), NULL, "tensor([5.5000, 3.0000])");
    expect(VECTOR(f32, {1, -2, 0}), NULL, "tensor([ 1., -2.,  0.])");
    expect(VECTOR(f32, {-0.0, 0}), NULL, "tensor([-0., 0.])");
    expect(VECTOR(f32, {1, 1001}), NULL, "tensor([1.0000e+00, 1.0010e+03])");
    expect(VECTOR(f32, {2e8}), NULL, "tensor([2.0000e+08])");
    expect(VECTOR(f32, {0.00005}), NULL, "tensor([5.0000e-05])");
    expect(VECTOR(f32, {1.5, NAN, -INFINITY}), NULL, "tensor([1.5000,    nan,   -inf])");
    expect(VECTOR(f32, {NAN, 1, INFINITY}), NULL, "tensor([nan, 1., inf])");
    expect(VECTOR(f32, {NAN}), NULL, "tensor([nan])");
}

Test(tensor_print, integers_and_bools_are_right_aligned)
{
    expect(VECTOR(i64, {1, -20, 300}), NULL, "tensor([  1, -20, 300])");
    expect(VECTOR(b8, {1, 0}), NULL, "tensor([ True, False])");
    expect(VECTOR(u8, {1, 255}), NULL, "tensor([  1, 255], dtype=torch.uint8)");
}

Test(tensor_print, no_dimensions_and_no_elements)
{
    expect(SHAPED(f32, 0, SHAPE(0), {3}), NULL, "tensor(3.)");
    expect(SHAPED(f64, 0, SHAPE(0), {0.25}), NULL, "tensor(0.2500, dtype=torch.float64)");
    expect(SHAPED(b8, 0, SHAPE(0), {1}), NULL, "tensor(True)");
    expect(tensor_new(DTYPE_f32, 1, (int64_t[]){0}), NULL, "tensor([])");
    expect(tensor_new(DTYPE_i64, 1, (int64_t[]){0}), NULL, "tensor([], dtype=torch.int64)");
    expect(tensor_new(DTYPE_f32, 2, (int64_t[]){0, 3}), NULL, "tensor([], size=(0, 3))");
    expect(tensor_new(DTYPE_b8, 2, (int64_t[]){2, 0}), NULL,
           "tensor([], size=(2, 0), dtype=torch.bool)");
}

Test(tensor_print, dimensions_nest_and_long_rows_wrap)
{
    expect(count_up(DTYPE_i64, 3, (int64_t[]){2, 2, 2}), NULL,
           "tensor([[[0, 1],\n         [2, 3]],\n\n        [[4, 5],\n         [6, 7]]])");
    expect(count_up(DTYPE_i64, 1, (int64_t[]){20}), NULL,
           "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
           "        18, 19])");
}

Test(tensor_print, views_print_what_they_show)
{
    struct tensor *t = count_up(DTYPE_i64, 2, (int64_t[]){2, 3});
    struct tensor *turned = tensor_view(t, 2, (int64_t[]){2, 2}, (int64_t[]){1, 3}, 1);

    tensor_unref(t);
    expect(turned, NULL, "tensor([[1, 4],\n        [2, 5]])");
}

Test(tensor_print, more_than_1000_elements_are_summarized)
{
    expect(count_up(DTYPE_i64, 1, (int64_t[]){1001}), NULL,
           "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
    expect(count_up(DTYPE_f32, 2, (int64_t[]){2, 501}), NULL,
           "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 4.9800e+02, 4.9900e+02,\n"
           "         5.0000e+02],\n"
           "        [5.0100e+02, 5.0200e+02, 5.0300e+02,  ..., 9.9900e+02, 1.0000e+03,\n"
           "         1.0010e+03]])");
    expect(count_up(DTYPE_i64, 2, (int64_t[]){501, 2}), NULL,
           "tensor([[   0,    1],\n        [   2,    3],\n        [   4,    5],\n        ...,\n"
           "        [ 996,  997],\n        [ 998,  999],\n        [1000, 1001]])");
}

Test(tensor_print, suffixes_move_to_a_line_of_their_own_when_there_is_no_room)
{
    expect(VECTOR(f32, {1}), "requires_grad=True", "tensor([1.], requires_grad=True)");
    expect(VECTOR(f64, {0.5, 2}), "grad_fn=<MulBackward0>",
           "tensor([0.5000, 2.0000], dtype=torch.float64, grad_fn=<MulBackward0>)");
    expect(VECTOR(f64, {.5, .5, .5, .5, .5}), "grad_fn=<MulBackward0>",
           "tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000], dtype=torch.float64,\n"
           "       grad_fn=<MulBackward0>)");
}

Test(tensor_print, the_default_dtype_is_not_named)
{
    dtype_set_default(DTYPE_f64);
    expect(VECTOR(f64, {0.5}), NULL, "tensor([0.5000])");
    expect(VECTOR(f32, {0.5}), NULL, "tensor([0.5000], dtype=torch.float32)");
    dtype_set_default(DTYPE_f32);
}

Test(tensor_print, options_change_the_picture)
{
    struct print_options before = print_options;

    print_options.precision = 2;
    expect(VECTOR(f32, {1.12345}), NULL, "tensor([1.12])");
    print_options.sci_mode = 1;
    expect(VECTOR(f32, {1.12345}), NULL, "tensor([1.12e+00])");
    print_options = before;
    print_options.threshold = 5;
    print_options.edgeitems = 2;
    expect(count_up(DTYPE_i64, 1, (int64_t[]){10}), NULL, "tensor([0, 1,  ..., 8, 9])");
    print_options = before;
}

Test(tensor_print, doubles_are_python_floats)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {0.1, "0.1"},
        {100, "100.0"},
        {-1234.5, "-1234.5"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {1.5e-7, "1.5e-07"},
        {0x1p-44, "5.684341886080802e-14"},
        {0x1p-1074, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {1.0 / 3, "0.3333333333333333"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct strbuf out = STRBUF_INIT;
        print_double(rows[i].value, &out);
        cr_expect_str_eq(out.text, rows[i].text);
        strbuf_release(&out);
    }
}
