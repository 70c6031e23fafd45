/* The fast way of recurrent layers against the recorded one: values and gradients of every cell, at
 * sizes that do not fill whole vectors and at sizes that threads share. */
#include "autograd/recurrent.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <math.h>

/* A leaf of numbers spread over -0.5 .. 0.5. In the pool. */
static struct tensor *leaf(int ndim, int64_t rows, int64_t columns, int salt)
{
    struct tensor *t = pool_keep(tensor_new(DTYPE_f32, ndim, (int64_t[]){rows, columns}));

    cr_assert(t);
    for (int64_t i = 0; i < t->numel; i++)
        ((float *)tensor_data(t))[i] = (float)((i * 37 + salt * 11) % 101) / 101 - 0.5f;
    tensor_set_requires_grad(t, true);
    return t;
}

struct layer {
    enum cell cell;
    int64_t steps, batch, input, hidden, projected;
    bool reverse, packed;
};

static void fill_arguments(const struct layer *l, const int64_t *sizes, struct value *args)
{
    int64_t gates = cell_infos[l->cell].gates * l->hidden, rows = 0;
    int64_t output = l->projected ? l->projected : l->hidden;
    struct tensor *x;

    for (int64_t t = 0; t < l->steps; t++)
        rows += sizes[t];
    x = leaf(2, rows, l->input, 1);
    if (!l->packed)
        x = d_reshape(x, 3, (int64_t[]){l->steps, l->batch, l->input});
    args[IN_X] = V_TENSOR(x);
    args[IN_H] = V_TENSOR(leaf(2, l->batch, output, 2));
    args[IN_C] = V_MAYBE(l->cell == CELL_LSTM ? leaf(2, l->batch, l->hidden, 3) : NULL);
    args[IN_W_IH] = V_TENSOR(leaf(2, gates, l->input, 4));
    args[IN_W_HH] = V_TENSOR(leaf(2, gates, output, 5));
    args[IN_B_IH] = V_TENSOR(leaf(1, gates, 0, 6));
    args[IN_B_HH] = V_TENSOR(leaf(1, gates, 0, 7));
    args[IN_W_HR] = V_MAYBE(l->projected ? leaf(2, output, l->hidden, 8) : NULL);
    args[8] = V_INT(l->cell);
    args[9] = V_INT(l->reverse);
    args[10] = V_INTS(sizes, (int)l->steps);
}

/* Gradients of a weighted sum of the results with respect to all inputs. */
static void gradients(struct tensor *const *out, const struct value *args, struct tensor **grads)
{
    struct tensor *inputs[IN_COUNT], *sum = NULL;
    struct backward_request request = {
        .roots = &sum, .root_count = 1, .inputs = inputs, .retain = true};

    for (int i = 0; i < 3; i++) {
        struct tensor *part = out[i] ? d_sum_all(d_mul(out[i], out[i])) : NULL;

        sum = sum && part ? d_add(sum, part) : part ? part : sum;
    }
    for (int i = 0; i < IN_COUNT; i++)
        if (args[i].given)
            inputs[request.input_count++] = args[i].tensor;
    request.results = grads;
    cr_assert(backward(&request) == 0, "%s", error_message());
    for (int i = 0; i < request.input_count; i++)
        pool_keep(grads[i]);
}

static void expect_close(const struct layer *l, const char *what, int k, struct tensor *a,
                         struct tensor *b)
{
    double most = 0, scale = 1;

    cr_assert(!a == !b, "cell %d, %s %d", l->cell, what, k);
    a = a ? pool_keep(tensor_contiguous(a)) : NULL; /* gradients may lie transposed */
    b = b ? pool_keep(tensor_contiguous(b)) : NULL;
    for (int64_t i = 0; a && i < a->numel; i++) {
        double x = ((float *)tensor_data(a))[i], y = ((float *)tensor_data(b))[i];

        most = fmax(most, fabs(x - y));
        scale = fmax(scale, fabs(y));
    }
    cr_expect(most <= 1e-5 * scale, "cell %d, hidden %d, %s %d: differs by %g of %g", l->cell,
              (int)l->hidden, what, k, most, scale);
}

static void compare(const struct layer *l)
{
    struct tensor *fast[OP_MAX_OUTPUTS] = {NULL}, *slow[3] = {NULL};
    struct tensor *fast_grads[IN_COUNT] = {NULL}, *slow_grads[IN_COUNT] = {NULL};
    const struct op *op = &ops[l->packed ? OP_recurrent_packed : OP_recurrent];
    struct value args[OP_MAX_ARGS] = {{0}};
    int64_t sizes[16];
    struct recurrent r;
    size_t mark = pool_open();

    for (int64_t t = 0; t < l->steps; t++)
        sizes[t] = l->packed && t > 1 ? (l->batch + 1) / 2 : l->batch;
    fill_arguments(l, sizes, args);
    cr_assert(op_call(op, args, fast) == 0, "%s", error_message());
    for (int i = 0; i < OP_MAX_OUTPUTS; i++)
        pool_keep(fast[i]);
    r = recurrent_of(op, args);
    cr_assert(d_recurrent(&r, slow), "%s", error_message());
    gradients(fast, args, fast_grads);
    gradients(slow, args, slow_grads);
    for (int i = 0; i < 3; i++)
        expect_close(l, "result", i, fast[i], slow[i]);
    for (int i = 0; i < IN_COUNT; i++)
        expect_close(l, "gradient", i, fast_grads[i], slow_grads[i]);
    pool_close(mark);
}

Test(recurrent, fast_and_recorded_agree)
{
    autograd_init();
    for (int cell = 0; cell < CELL_COUNT; cell++) {
        bool lstm = cell == CELL_LSTM;

        compare(&(struct layer){(enum cell)cell, 6, 7, 5, 19, lstm ? 6 : 0, false, false});
        compare(&(struct layer){(enum cell)cell, 5, 6, 3, 11, 0, true, true});
        compare(&(struct layer){(enum cell)cell, 3, 1, 9, 33, 0, true, false});
        compare(&(struct layer){(enum cell)cell, 2, 48, 8, 80, 0, false, true});
    }
}

Test(recurrent, tensors_that_do_not_fit_are_refused)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};
    struct value args[OP_MAX_ARGS] = {{0}};
    const struct layer l = {CELL_GRU, 2, 3, 4, 5, 0, false, false};
    size_t mark = pool_open();

    autograd_init();
    fill_arguments(&l, (int64_t[]){3, 3}, args);
    args[IN_W_HH] = V_TENSOR(leaf(2, 15, 4, 1));
    cr_expect(op_call(&ops[OP_recurrent], args, out) < 0);
    cr_expect(error_kind() == ERROR_RUNTIME);
    error_clear();
    pool_close(mark);
}
