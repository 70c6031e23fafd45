/* Gradients of the neural-network functions against finite differences, first and second order. */
#include "autograd/arguments.h"
#include "autograd/formula.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ROWS = 3, COLUMNS = 4, COUNT = ROWS * COLUMNS };

/* Fixed numbers away from the kinks at -3, -1, -0.5, 0, 0.1, 0.5, 1, 3 and 6. */
static struct tensor *numbers(double scale, double shift)
{
    static const double some[COUNT] = {-1.7, 0.83, 0.31, -0.37, 1.42, -0.74,
                                       2.1,  -2.3, 0.57, 1.21,  -1.3, 0.23};
    struct tensor *t = tensor_new(DTYPE_f64, 2, (int64_t[]){ROWS, COLUMNS});

    for (int i = 0; i < COUNT; i++)
        ((double *)tensor_data(t))[i] = some[i] * scale + shift;
    return t;
}

struct check {
    const char *name;
    enum op_id id;
    void (*arguments)(struct value *args); /* those behind self, besides the defaults; or NULL */
    double scale, shift;                   /* of the input */
};

static struct tensor *targets, *classes, *weights;

/* A scalar that weighs all elements of the result differently. */
static struct tensor *value_of(const struct check *c, struct tensor *x)
{
    struct value args[OP_MAX_ARGS] = {arg_tensor(x)};
    struct tensor *y;

    if (op_schema(&ops[c->id])->count > 1)
        op_defaults(&ops[c->id], args, 1);
    if (c->arguments)
        c->arguments(args);
    y = d_call(c->id, args);
    cr_assert(y, "%s: %s", c->name, error_message());
    return d_sum_all(d_mul(y, d_sin(d_shift(y, 0.3))));
}

static struct tensor *gradient(const struct check *c, struct tensor *x, bool create_graph)
{
    struct tensor *root = value_of(c, x), *result = NULL;
    struct backward_request request = {.roots = &root,
                                       .grads = (struct tensor *[]){NULL},
                                       .root_count = 1,
                                       .inputs = &x,
                                       .input_count = 1,
                                       .results = &result,
                                       .retain = create_graph,
                                       .create_graph = create_graph};

    cr_assert_eq(backward(&request), 0, "%s: %s", c->name, error_message());
    cr_assert(result, "%s: no gradient", c->name);
    return pool_keep(result);
}

/* The gradient of the sum of squares of the gradient. */
static struct tensor *second(const struct check *c, struct tensor *x)
{
    struct tensor *g = gradient(c, x, true), *root = d_sum_all(d_mul(g, g)), *result = NULL;
    struct backward_request request = {.roots = &root,
                                       .grads = (struct tensor *[]){NULL},
                                       .root_count = 1,
                                       .inputs = &x,
                                       .input_count = 1,
                                       .results = &result};

    cr_assert_eq(backward(&request), 0, "%s, second order: %s", c->name, error_message());
    return pool_keep(result);
}

static double number(struct tensor *t)
{
    return *(double *)tensor_data(t);
}

static void compare(const struct check *c, const char *order, int i, double ours, double measured)
{
    cr_expect(fabs(ours - measured) <= 1e-5 * (1 + fabs(measured)),
              "%s, %s order, element %d: %.9g, but differences say %.9g", c->name, order, i, ours,
              measured);
}

static void check_gradients(const struct check *c)
{
    const double step = 1e-5;
    size_t mark = pool_open();
    struct tensor *x = pool_keep(numbers(c->scale, c->shift)), *g, *h;
    double *at = (double *)tensor_data(x);

    tensor_set_requires_grad(x, true);
    g = gradient(c, x, false);
    h = second(c, x);
    for (int i = 0; i < COUNT; i++) {
        double here = at[i], up, down, slope_up, slope_down;
        struct tensor *t;

        at[i] = here + step;
        up = number(value_of(c, x));
        t = gradient(c, x, false);
        slope_up = number(d_sum_all(d_mul(t, t)));
        at[i] = here - step;
        down = number(value_of(c, x));
        t = gradient(c, x, false);
        slope_down = number(d_sum_all(d_mul(t, t)));
        at[i] = here;
        compare(c, "first", i, ((double *)tensor_data(g))[i], (up - down) / (2 * step));
        compare(c, "second", i, h ? ((double *)tensor_data(h))[i] : 0,
                (slope_up - slope_down) / (2 * step));
    }
    pool_close(mark);
}

static void with_target(struct value *args)
{
    args[1] = arg_tensor(targets);
}

static void with_weight(struct value *args)
{
    args[1] = arg_tensor(targets);
    args[2] = arg_tensor(weights);
}

static void with_pos_weight(struct value *args)
{
    args[1] = arg_tensor(targets);
    args[6] = arg_tensor(weights);
}

static void with_classes(struct value *args)
{
    args[1] = arg_tensor(classes);
    args[2] = arg_tensor(weights);
}

static void with_smoothing(struct value *args)
{
    with_classes(args);
    args[7] = (struct value){.given = true, .d = 0.2};
}

static void with_dim(struct value *args)
{
    args[1] = arg_int(0);
}

static void with_prelu_weight(struct value *args)
{
    args[1] = arg_tensor(weights);
}

static void with_tanh(struct value *args)
{
    args[1] = arg_text("tanh");
}

static void with_threshold(struct value *args)
{
    args[1] = arg_scalar(scalar_float(0.1));
    args[2] = arg_scalar(scalar_float(2));
}

#define CHECK(op, arguments, scale, shift)                                                         \
    {                                                                                              \
#op, OP_##op, arguments, scale, shift                                                      \
    }
static const struct check checks[] = {
    CHECK(softmax, with_dim, 1, 0),
    CHECK(softmin, NULL, 1, 0),
    CHECK(log_softmax, with_dim, 1, 0),
    CHECK(nll_loss, with_classes, 1, 0),
    CHECK(cross_entropy, with_classes, 1, 0),
    CHECK(cross_entropy, with_smoothing, 1, 0),
    CHECK(cross_entropy, with_target, 1, 0),
    CHECK(mse_loss, with_target, 1, 0),
    CHECK(smooth_l1_loss, with_target, 1, 0),
    CHECK(huber_loss, with_target, 1, 0),
    CHECK(soft_margin_loss, with_target, 1, 0),
    CHECK(l1_loss, with_target, 1, 0),
    CHECK(binary_cross_entropy, with_weight, 0.1, 0.5),
    CHECK(binary_cross_entropy_with_logits, with_weight, 1, 0),
    CHECK(binary_cross_entropy_with_logits, with_pos_weight, 1, 0),
    CHECK(kl_div, with_target, 1, 0),
    CHECK(poisson_nll_loss, with_target, 1, 0),
    CHECK(leaky_relu, NULL, 1, 0),
    CHECK(hardtanh, NULL, 1, 0),
    CHECK(relu6, NULL, 1, 0),
    CHECK(hardsigmoid, NULL, 2, 0),
    CHECK(hardswish, NULL, 2, 0),
    CHECK(elu, NULL, 1, 0),
    CHECK(selu, NULL, 1, 0),
    CHECK(celu, NULL, 1, 0),
    CHECK(gelu, NULL, 1, 0),
    CHECK(gelu, with_tanh, 1, 0),
    CHECK(silu, NULL, 1, 0),
    CHECK(mish, NULL, 1, 0),
    CHECK(softplus, NULL, 1, 0),
    CHECK(softplus, NULL, 15, 0),
    CHECK(softsign, NULL, 1, 0),
    CHECK(tanhshrink, NULL, 1, 0),
    CHECK(logsigmoid, NULL, 1, 0),
    CHECK(softshrink, NULL, 1, 0),
    CHECK(hardshrink, NULL, 1, 0),
    CHECK(threshold, with_threshold, 1, 0),
    CHECK(prelu, with_prelu_weight, 1, 0),
    CHECK(rrelu, NULL, 1, 0),
    CHECK(glu, NULL, 1, 0),
};

Test(autograd_nn, gradients)
{
    int64_t before;

    autograd_init();
    before = tensor_live_count;
    targets = numbers(0.1, 0.4);
    classes = tensor_zeros(DTYPE_i64, 1, (int64_t[]){ROWS});
    memcpy(tensor_data(classes), (int64_t[]){2, 0, 3}, ROWS * sizeof(int64_t));
    weights = tensor_new(DTYPE_f64, 1, (int64_t[]){COLUMNS});
    memcpy(tensor_data(weights), (double[]){0.5, 1.5, 0.7, 1.1}, COLUMNS * sizeof(double));
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
        check_gradients(&checks[i]);
    tensor_unref(targets);
    tensor_unref(classes);
    tensor_unref(weights);
    cr_expect_eq(tensor_live_count, before, "%lld tensors are left",
                 (long long)(tensor_live_count - before));
}

static void expect_error(enum op_id id, struct value *args, int given, const char *message)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};

    op_defaults(&ops[id], args, given);
    cr_expect_eq(op_call(&ops[id], args, out), -1, "%s did not fail", ops[id].name);
    cr_expect_str_eq(error_message(), message);
    error_clear();
}

Test(autograd_nn, errors)
{
    struct value args[OP_MAX_ARGS];
    struct tensor *x, *few, *far;

    autograd_init();
    x = numbers(1, 0);
    few = tensor_zeros(DTYPE_i64, 1, (int64_t[]){2});
    far = tensor_full(DTYPE_i64, 1, (int64_t[]){ROWS}, scalar_int(5));
    args[0] = arg_tensor(x);
    args[1] = arg_tensor(few);
    expect_error(OP_cross_entropy, args, 2,
                 "Expected input batch_size (3) to match target batch_size (2).");
    args[1] = arg_tensor(far);
    expect_error(OP_cross_entropy, args, 2, "Target 5 is out of bounds.");
    args[1] = (struct value){.given = true, .d = 2};
    expect_error(OP_dropout, args, 2, "dropout probability has to be between 0 and 1, but got 2");
    tensor_unref(x);
    tensor_unref(few);
    tensor_unref(far);
}
