/* Tensors as such: sizes, memory that runs out, broadcasting, promotion, copies. Messages and the
 * table of promotion are PyTorch 1.13.1's. */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/kernels.h"
#include "tensor/op.h"

#include <criterion/criterion.h>
#include <string.h>

#define SHAPE(...)                                                                                 \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[])                         \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static struct op add = {.name = "add",
                        .schema = "(Tensor self, Tensor other, *, Scalar alpha=1)",
                        .forward = elementwise_forward,
                        .id = OP_add,
                        .outputs = 1};

/* 0, 1, 2 ... in the order of the elements. */
static struct tensor *counted(enum dtype dtype, int ndim, const int64_t *shape)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);

    cr_assert(t, "%s", error_message());
    for (int64_t i = 0; i < t->numel; i++)
        dtype_store(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype), scalar_int(i));
    return t;
}

static struct tensor *transposed(const struct tensor *t)
{
    return tensor_view(t, 2, (int64_t[]){t->shape[1], t->shape[0]},
                       (int64_t[]){t->stride[1], t->stride[0]}, t->offset);
}

static void expect_elements(const struct tensor *t, const double *want)
{
    cr_assert(tensor_is_contiguous(t));
    for (int64_t i = 0; i < t->numel; i++) {
        const char *at = tensor_data(t) + i * (int64_t)dtype_size(tensor_dtype(t));

        cr_expect_eq(dtype_load(tensor_dtype(t), at).d, want[i], "element %d: %g, not %g", (int)i,
                     dtype_load(tensor_dtype(t), at).d, want[i]);
    }
}

static void expect_error(enum error_kind kind, const char *message)
{
    cr_expect_eq(error_kind(), kind);
    cr_expect_str_eq(error_message(), message);
    error_clear();
}

/* row(a, b), or in place into a. */
static int combine(const struct op *row, struct tensor *a, struct tensor *b, struct tensor **out)
{
    struct value args[3] = {{.given = true, .tensor = a},
                            {.given = true, .tensor = b},
                            {.given = true, .scalar = scalar_int(1)}};

    kernels_choose();
    return row->forward(row, args, out);
}

/* ---- sizes ---- */

Test(tensor_core, no_dimensions_and_no_elements)
{
    struct tensor *zero_dim = tensor_from_scalar(scalar_float(2.5), DTYPE_f32);
    struct tensor *empty = tensor_zeros(DTYPE_f32, SHAPE(0));
    struct tensor *vast = tensor_zeros(DTYPE_f32, SHAPE(0, INT64_MAX / 2, INT64_MAX / 2));
    struct scalar s;

    cr_expect_eq(zero_dim->ndim, 0);
    cr_expect_eq(zero_dim->numel, 1);
    cr_expect_eq(tensor_item(zero_dim, &s), 0);
    cr_expect_eq(s.d, 2.5);
    cr_expect_eq(tensor_dim(zero_dim, -1), 0);
    cr_expect_eq(empty->numel, 0);
    cr_expect_eq(tensor_item(empty, &s), -1);
    expect_error(ERROR_VALUE, "only one element tensors can be converted to Python scalars");
    cr_assert(vast, "a 0 makes the other sizes harmless");
    cr_expect_eq(vast->numel, 0);
    tensor_unref(zero_dim);
    tensor_unref(empty);
    tensor_unref(vast);
}

Test(tensor_core, impossible_sizes)
{
    static const struct {
        int ndim;
        int64_t shape[2];
        const char *message;
    } cases[] = {
        {1, {-1}, "Trying to create tensor with negative dimension -1: [-1]"},
        {2, {2, -3}, "Trying to create tensor with negative dimension -3: [2, -3]"},
        {1,
         {INT64_C(1) << 62},
         "Storage size calculation overflowed with sizes="
         "[4611686018427387904]"},
        {2,
         {INT64_C(1) << 40, INT64_C(1) << 40},
         "Storage size calculation overflowed with sizes="
         "[1099511627776, 1099511627776]"},
    };
    int64_t ones[TENSOR_MAX_DIMS + 1];

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cr_expect_null(tensor_new(DTYPE_f32, cases[i].ndim, cases[i].shape));
        expect_error(ERROR_RUNTIME, cases[i].message);
    }
    for (int d = 0; d <= TENSOR_MAX_DIMS; d++)
        ones[d] = 1;
    cr_expect_null(tensor_new(DTYPE_f32, TENSOR_MAX_DIMS + 1, ones));
    expect_error(ERROR_RUNTIME, "tensors have at most 16 dimensions here, got 17");
}

Test(tensor_core, dimensions_out_of_range)
{
    struct tensor *t = tensor_zeros(DTYPE_f32, SHAPE(2, 3));

    cr_expect_eq(tensor_dim(t, -2), 0);
    cr_expect_eq(tensor_dim(t, 1), 1);
    cr_expect_eq(tensor_dim(t, 2), -1);
    expect_error(ERROR_INDEX, "Dimension out of range (expected to be in range of [-2, 1], but got "
                              "2)");
    cr_expect_eq(tensor_dim(t, -3), -1);
    expect_error(ERROR_INDEX, "Dimension out of range (expected to be in range of [-2, 1], but got "
                              "-3)");
    tensor_unref(t);
}

/* ---- memory that runs out ---- */

/* For the elements of a tensor PyTorch has a RuntimeError with these words. */
static bool says_no_memory(void)
{
    return error_kind() == ERROR_MEMORY ||
           (error_kind() == ERROR_RUNTIME && strstr(error_message(), "can't allocate memory"));
}

static struct tensor *large, *small, *row;

static struct tensor *make_new(void)
{
    return tensor_new(DTYPE_f64, SHAPE(30, 40));
}
static struct tensor *make_full(void)
{
    return tensor_full(DTYPE_i64, SHAPE(30, 40), scalar_int(7));
}
static struct tensor *make_clone(void)
{
    return tensor_clone(large);
}
static struct tensor *make_converted(void)
{
    return tensor_to(large, DTYPE_i64);
}
static struct tensor *make_contiguous(void)
{
    struct tensor *turned = transposed(large), *result = turned ? tensor_contiguous(turned) : NULL;

    tensor_unref(turned);
    return result;
}
static struct tensor *make_small_sum(void)
{
    struct tensor *out = NULL;

    return combine(&add, small, small, &out) < 0 ? NULL : out;
}
static struct tensor *make_broadcast_sum(void)
{
    struct tensor *out = NULL;

    return combine(&add, large, row, &out) < 0 ? NULL : out;
}

/* Every allocation fails once: the error says so, and nothing stays behind. */
Test(tensor_core, no_memory)
{
    static struct tensor *(*const makers[])(void) = {
        make_new,        make_full,      make_clone,        make_converted,
        make_contiguous, make_small_sum, make_broadcast_sum};
    int64_t before;

    large = counted(DTYPE_f64, SHAPE(30, 40));
    small = counted(DTYPE_f32, SHAPE(2));
    row = counted(DTYPE_f32, SHAPE(40));
    op_schema(&add);
    before = tensor_live_count;
    for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
        struct tensor *made = NULL;
        int failures = 0;

        for (; !made && failures < 100; failures += !made) {
            mem_fail_after(failures);
            made = makers[i]();
            mem_fail_after(-1);
            cr_expect(made || says_no_memory(), "maker %zu: %s", i, error_message());
            error_clear();
            cr_expect_eq(tensor_live_count, before + (made != NULL), "maker %zu leaves tensors", i);
        }
        cr_expect(failures >= 1 && made, "maker %zu: %d failures", i, failures);
        tensor_unref(made);
    }
    tensor_unref(large);
    tensor_unref(small);
    tensor_unref(row);
}

Test(tensor_core, more_memory_than_there_is)
{
    cr_expect_null(tensor_new(DTYPE_f64, SHAPE(INT64_C(1) << 50)));
    cr_expect(says_no_memory(), "%s", error_message());
    error_clear();
}

/* ---- broadcasting ---- */

Test(tensor_core, broadcasting)
{
    static const struct {
        int a_ndim, b_ndim, ndim;
        int64_t a[3], b[3], shape[3];
    } cases[] = {
        {0, 0, 0, {0}, {0}, {0}},
        {2, 0, 2, {2, 3}, {0}, {2, 3}},
        {2, 1, 2, {2, 3}, {3}, {2, 3}},
        {1, 2, 2, {3}, {2, 1}, {2, 3}},
        {3, 2, 3, {4, 1, 3}, {2, 1}, {4, 2, 3}},
        {2, 2, 2, {0, 3}, {1, 3}, {0, 3}},
        {1, 1, 1, {1}, {0}, {0}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t shape[TENSOR_MAX_DIMS];
        int ndim = cases[i].a_ndim;

        memcpy(shape, cases[i].a, sizeof(cases[i].a));
        cr_expect_eq(shape_broadcast(&ndim, shape, cases[i].b_ndim, cases[i].b), 0);
        cr_expect_eq(ndim, cases[i].ndim, "case %zu", i);
        cr_expect(ndim == 0 || !memcmp(shape, cases[i].shape, (size_t)ndim * sizeof(*shape)),
                  "case %zu", i);
    }
}

Test(tensor_core, shapes_that_do_not_fit)
{
    struct tensor *a = tensor_zeros(DTYPE_f32, SHAPE(2, 3)), *out = NULL;
    struct tensor *four = tensor_zeros(DTYPE_f32, SHAPE(4)),
                  *none = tensor_zeros(DTYPE_f32, SHAPE(0));

    cr_expect_eq(combine(&add, a, four, &out), -1);
    expect_error(ERROR_RUNTIME, "The size of tensor a (3) must match the size of tensor b (4) at "
                                "non-singleton dimension 1");
    cr_expect_eq(combine(&add, a, none, &out), -1);
    expect_error(ERROR_RUNTIME, "The size of tensor a (3) must match the size of tensor b (0) at "
                                "non-singleton dimension 1");
    cr_expect_null(out);
    tensor_unref(a);
    tensor_unref(four);
    tensor_unref(none);
}

Test(tensor_core, in_place_keeps_shape_and_dtype)
{
    struct tensor *row3 = counted(DTYPE_f32, SHAPE(3)), *a = counted(DTYPE_f32, SHAPE(2, 3));
    struct tensor *whole = counted(DTYPE_i64, SHAPE(3)), *out;
    static struct op inplace;

    inplace = add;
    inplace.flags |= OP_IN_PLACE_CALL;
    out = row3;
    cr_expect_eq(combine(&inplace, row3, a, &out), -1);
    expect_error(ERROR_RUNTIME, "output with shape [3] doesn't match the broadcast shape [2, 3]");
    out = whole;
    cr_expect_eq(combine(&inplace, whole, row3, &out), -1);
    expect_error(ERROR_RUNTIME, "result type Float can't be cast to the desired output type Long");
    expect_elements(whole, (double[]){0, 1, 2});
    out = a;
    cr_expect_eq(combine(&inplace, a, row3, &out), 0);
    cr_expect_eq(out, a);
    expect_elements(a, (double[]){0, 2, 4, 3, 5, 7});
    tensor_unref(row3);
    tensor_unref(whole);
    tensor_unref(a);
}

/* ---- dtypes ---- */

Test(tensor_core, promotion)
{
    enum { B = DTYPE_b8, U = DTYPE_u8, C = DTYPE_i8, S = DTYPE_i16, I = DTYPE_i32, L = DTYPE_i64 };
    enum { F = DTYPE_f32, D = DTYPE_f64 };
    static const uint8_t want[8][8] = {{B, U, C, S, I, L, F, D}, {U, U, S, S, I, L, F, D},
                                       {C, S, C, S, I, L, F, D}, {S, S, S, S, I, L, F, D},
                                       {I, I, I, I, I, L, F, D}, {L, L, L, L, L, L, F, D},
                                       {F, F, F, F, F, F, F, D}, {D, D, D, D, D, D, D, D}};
    static const uint8_t order[8] = {B, U, C, S, I, L, F, D};

    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 8; k++)
            cr_expect_eq(dtype_promote(order[i], order[k]), want[i][k], "%s, %s",
                         dtype_name(order[i]), dtype_name(order[k]));
    }
}

/* A zero-dim tensor weighs less than one with dimensions, a number less than both. */
Test(tensor_core, weak_operands)
{
    struct tensor *f32 = tensor_zeros(DTYPE_f32, SHAPE(2)),
                  *i64 = tensor_zeros(DTYPE_i64, SHAPE(2));
    struct tensor *zero_dim = tensor_from_scalar(scalar_float(1), DTYPE_f64);
    struct tensor *number = tensor_wrap_number(scalar_float(1));

    cr_expect_eq(op_result_type(2, (struct tensor *[]){f32, i64}), DTYPE_f32);
    cr_expect_eq(op_result_type(2, (struct tensor *[]){f32, zero_dim}), DTYPE_f32);
    cr_expect_eq(op_result_type(2, (struct tensor *[]){i64, zero_dim}), DTYPE_f64);
    cr_expect_eq(op_result_type(2, (struct tensor *[]){i64, number}), DTYPE_f32);
    cr_expect_eq(op_result_type(2, (struct tensor *[]){number, zero_dim}), DTYPE_f64);
    tensor_unref(f32);
    tensor_unref(i64);
    tensor_unref(zero_dim);
    tensor_unref(number);
}

Test(tensor_core, arithmetic_of_bools)
{
    static struct op mul = {.name = "mul",
                            .schema = "(Tensor self, Tensor other)",
                            .forward = elementwise_forward,
                            .id = OP_mul,
                            .outputs = 1};
    static struct op sub = {.name = "sub",
                            .schema = "(Tensor self, Tensor other, *, Scalar alpha=1)",
                            .forward = elementwise_forward,
                            .id = OP_sub,
                            .outputs = 1};
    struct tensor *a = counted(DTYPE_b8, SHAPE(2)),
                  *b = tensor_full(DTYPE_b8, SHAPE(2), scalar_bool(1));
    struct tensor *sum = NULL, *product = NULL, *difference = NULL;

    cr_expect_eq(combine(&add, a, b, &sum), 0);
    cr_expect_eq(tensor_dtype(sum), DTYPE_b8);
    cr_expect_eq(((const uint8_t *)tensor_data(sum))[1], 1, "True + True is True, not 2");
    expect_elements(sum, (double[]){1, 1});
    cr_expect_eq(combine(&mul, a, b, &product), 0);
    expect_elements(product, (double[]){0, 1});
    cr_expect_eq(combine(&sub, a, b, &difference), -1);
    expect_error(ERROR_RUNTIME,
                 "Subtraction, the `-` operator, with two bool tensors is not supported. Use the "
                 "`^` or `logical_xor()` operator instead.");
    tensor_unref(a);
    tensor_unref(b);
    tensor_unref(sum);
    tensor_unref(product);
}

/* ---- views and copies ---- */

Test(tensor_core, views_that_cannot_be)
{
    static const struct {
        op_forward *forward;
        bool turned;
        int count;
        int64_t size[2];
        const char *message;
    } cases[] = {
        {expand_forward,
         false,
         2,
         {4, 3},
         "The expanded size of the tensor (4) must match the existing size (2) at non-singleton "
         "dimension 0.  Target sizes: [4, 3].  Tensor sizes: [2, 3]"},
        {expand_forward,
         false,
         1,
         {3},
         "expand(torch.FloatTensor{[2, 3]}, size=[3]): the number of sizes provided (1) must be "
         "greater or equal to the number of dimensions in the tensor (2)"},
        {view_forward, false, 1, {4}, "shape '[4]' is invalid for input of size 6"},
        {view_forward, false, 2, {-1, -1}, "only one dimension can be inferred"},
        {view_forward, false, 2, {-1, 4}, "shape '[-1, 4]' is invalid for input of size 6"},
        {view_forward,
         true,
         1,
         {6},
         "view size is not compatible with input tensor's size and stride (at least one dimension "
         "spans across two contiguous subspaces). Use .reshape(...) instead."},
    };
    struct tensor *t = counted(DTYPE_f32, SHAPE(2, 3)), *turned = transposed(t);

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct value args[3] = {{.given = true, .tensor = cases[i].turned ? turned : t},
                                {.given = true, .ints = {cases[i].size, cases[i].count}}};
        struct tensor *out = NULL;

        cr_expect_eq(cases[i].forward(&add, args, &out), -1, "case %zu", i);
        cr_expect_null(out);
        expect_error(ERROR_RUNTIME, cases[i].message);
    }
    tensor_unref(t);
    tensor_unref(turned);
}

Test(tensor_core, copies_of_what_is_not_contiguous)
{
    struct tensor *t = counted(DTYPE_f32, SHAPE(2, 3)), *turned = transposed(t), *copy;
    struct tensor *repeated = tensor_view(t, 2, (int64_t[]){2, 2}, (int64_t[]){0, 3}, 1);

    cr_expect_not(tensor_is_contiguous(turned));
    copy = tensor_contiguous(turned);
    expect_elements(copy, (double[]){0, 3, 1, 4, 2, 5});
    cr_expect_neq(copy->storage, t->storage);
    tensor_unref(copy);
    copy = tensor_contiguous(t);
    cr_expect_eq(copy, t, "a contiguous tensor is its own copy");
    tensor_unref(copy);
    copy = tensor_to(repeated, DTYPE_i64);
    expect_elements(copy, (double[]){1, 4, 1, 4});
    tensor_unref(copy);
    tensor_unref(repeated);
    tensor_unref(turned);
    tensor_unref(t);
}

Test(tensor_core, copies_onto_itself_and_of_another_shape)
{
    struct tensor *t = counted(DTYPE_i64, SHAPE(2, 2)), *turned = transposed(t);
    struct tensor *three = tensor_zeros(DTYPE_i64, SHAPE(3)),
                  *one = tensor_from_scalar(scalar_int(9), DTYPE_i64);

    cr_expect_eq(tensor_copy(t, turned), 0);
    expect_elements(t, (double[]){0, 2, 1, 3});
    cr_expect_eq(tensor_copy(three, t), -1);
    expect_error(ERROR_RUNTIME, "The size of tensor a (3) must match the size of tensor b (2) at "
                                "non-singleton dimension 1");
    cr_expect_eq(tensor_copy(three, one), 0);
    expect_elements(three, (double[]){9, 9, 9});
    tensor_unref(t);
    tensor_unref(turned);
    tensor_unref(three);
    tensor_unref(one);
}
