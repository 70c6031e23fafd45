/* The optimizers against PyTorch 1.13.1, digit for digit (tests/unit/data/optim_steps.py). */
#include "base/error.h"
#include "base/strbuf.h"
#include "optim/optim.h"
#include "tensor/threads.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SIZE = 9, STEPS = 20, COPIES = 4001 /* of the nine elements: enough for several threads */ };

static const struct step_case {
    const char *name;
    enum dtype dtype;
    double options[OPTIM_OPTIONS];
    double result[SIZE];
} step_cases[] = {
#include "data/optim_steps.inc"
};

static double get(const struct tensor *t, int64_t i)
{
    return dtype_load(tensor_dtype(t), tensor_data(t) + i * (int64_t)dtype_size(tensor_dtype(t))).d;
}

static void put(struct tensor *t, int64_t i, double value)
{
    dtype_store(tensor_dtype(t), tensor_data(t) + i * (int64_t)dtype_size(tensor_dtype(t)),
                scalar_float(value));
}

/* The nine elements that the cases begin with, `copies` times. */
static struct tensor *start_copies(enum dtype dtype, int64_t copies)
{
    struct tensor *t = tensor_new(dtype, 1, (int64_t[]){SIZE * copies});

    for (int64_t i = 0; i < SIZE * copies; i++)
        put(t, i, (double)(i % SIZE - 4) / 8.0);
    return t;
}

static struct tensor *start_param(enum dtype dtype)
{
    return start_copies(dtype, 1);
}

static void set_gradient(struct tensor *grad, int step)
{
    for (int64_t i = 0; i < grad->numel; i++)
        put(grad, i, (double)((7 * step + 3 * (i % SIZE)) % 11 - 5) / 4.0);
}

Test(optim_update, twenty_steps_give_pytorchs_digits)
{
    for (size_t k = 0; k < sizeof(step_cases) / sizeof(step_cases[0]); k++) {
        const struct step_case *c = &step_cases[k];
        const struct optimizer *o = optimizer_find(c->name);
        struct tensor *param = start_param(c->dtype), *grad = start_param(c->dtype);
        struct optim_state state = {0};

        cr_assert_not_null(o);
        for (int step = 0; step < STEPS; step++) {
            set_gradient(grad, step);
            cr_assert_eq(optim_update(o, c->options, param, grad, &state), 0);
        }
        for (int i = 0; i < SIZE; i++)
            cr_expect_eq(get(param, i), c->result[i], "%s, case %d, element %d: %a, not %a",
                         c->name, (int)k, i, get(param, i), c->result[i]);
        optim_state_release(&state);
        tensor_unref(param);
        tensor_unref(grad);
    }
}

Test(optim_update, a_parameter_that_threads_share_steps_like_a_small_one)
{
    tensor_set_threads(3);
    for (size_t k = 0; k < sizeof(step_cases) / sizeof(step_cases[0]); k++) {
        const struct step_case *c = &step_cases[k];
        const struct optimizer *o = optimizer_find(c->name);
        struct tensor *small = start_param(c->dtype), *grad = start_param(c->dtype);
        struct tensor *large = start_copies(c->dtype, COPIES),
                      *grads = start_copies(c->dtype, COPIES);
        struct optim_state state = {0}, states = {0};

        for (int step = 0; step < 4; step++) {
            set_gradient(grad, step);
            set_gradient(grads, step);
            cr_assert_eq(optim_update(o, c->options, small, grad, &state), 0);
            cr_assert_eq(optim_update(o, c->options, large, grads, &states), 0);
        }
        for (int64_t i = 0; i < large->numel; i++)
            cr_assert(get(large, i) == get(small, i % SIZE), "%s: element %lld is %a, not %a",
                      c->name, (long long)i, get(large, i), get(small, i % SIZE));
        optim_state_release(&state);
        optim_state_release(&states);
        tensor_unref(small);
        tensor_unref(grad);
        tensor_unref(large);
        tensor_unref(grads);
    }
}

Test(optim_update, a_strided_parameter_steps_like_a_contiguous_one)
{
    const struct optimizer *o = optimizer_find("Adam");
    double options[OPTIM_OPTIONS];
    struct tensor *plain = start_param(DTYPE_f32), *grad = start_param(DTYPE_f32);
    struct tensor *wide = tensor_zeros(DTYPE_f32, 2, (int64_t[]){SIZE, 2});
    struct tensor *column = tensor_view(wide, 1, (int64_t[]){SIZE}, (int64_t[]){2}, 1);
    struct optim_state a = {0}, b = {0};
    uint32_t version = wide->storage->version;

    optimizer_defaults(o, options);
    tensor_copy(column, plain);
    for (int step = 0; step < 3; step++) {
        set_gradient(grad, step);
        cr_assert_eq(optim_update(o, options, plain, grad, &a), 0);
        cr_assert_eq(optim_update(o, options, column, grad, &b), 0);
    }
    for (int i = 0; i < SIZE; i++) {
        cr_expect_eq(get(wide, 2 * i + 1), get(plain, i));
        cr_expect_eq(get(wide, 2 * i), 0);
    }
    cr_expect_gt(wide->storage->version, version);
    optim_state_release(&a);
    optim_state_release(&b);
    tensor_unref(column);
    tensor_unref(wide);
    tensor_unref(plain);
    tensor_unref(grad);
}

Test(optim_update, state_is_made_as_pytorch_makes_it)
{
    const struct optimizer *adam = optimizer_find("Adam"), *sgd = optimizer_find("SGD");
    const struct optimizer *asgd = optimizer_find("ASGD"), *adadelta = optimizer_find("Adadelta");
    struct tensor *param = start_param(DTYPE_f64), *grad = start_param(DTYPE_f64);
    struct optim_state state = {0};
    double options[OPTIM_OPTIONS];

    optimizer_defaults(adam, options);
    cr_assert_eq(optim_update(adam, options, param, grad, &state), 0);
    cr_expect_eq(state.slot[0]->dtype, DTYPE_f32);
    cr_expect_eq(state.slot[0]->ndim, 0);
    cr_expect_eq(get(state.slot[0], 0), 1);
    cr_expect_eq(state.slot[1]->dtype, DTYPE_f64);
    cr_expect_null(state.slot[3], "max_exp_avg_sq is kept for amsgrad alone");
    optim_state_release(&state);
    cr_expect_null(state.slot[0]);

    optimizer_defaults(sgd, options);
    options[0] = 0.1;
    cr_assert_eq(optim_update(sgd, options, param, grad, &state), 0);
    cr_expect_null(state.slot[0]);
    cr_expect_eq(sgd->slots[0].kind, SLOT_TENSOR_OR_NONE);

    optimizer_defaults(asgd, options);
    cr_assert_eq(optim_state_start(asgd, options, param, &state), 0);
    cr_expect_eq(get(state.slot[1], 0), (float)0.01, "eta starts as the learning rate");
    cr_expect_eq(get(state.slot[2], 0), 1);
    optim_state_release(&state);

    optimizer_defaults(adadelta, options);
    cr_assert_eq(optim_update(adadelta, options, param, grad, &state), 0);
    cr_expect_eq(state.count, 1);
    cr_expect_null(state.slot[0], "Adadelta counts its steps in a plain number");
    optim_state_release(&state);
    tensor_unref(param);
    tensor_unref(grad);
}

static void expect_error(const char *message)
{
    cr_expect_str_eq(error_message(), message);
    error_clear();
}

Test(optim_update, operands_that_do_not_fit_are_refused)
{
    const struct optimizer *o = optimizer_find("SGD");
    double options[OPTIM_OPTIONS] = {0.1, 0.9};
    struct tensor *param = start_param(DTYPE_f32), *other = start_param(DTYPE_f64);
    struct tensor *whole = tensor_zeros(DTYPE_i64, 1, (int64_t[]){SIZE});
    struct tensor *shorter = tensor_zeros(DTYPE_f32, 1, (int64_t[]){2});
    struct optim_state state = {0};

    cr_expect_eq(optim_update(o, options, param, other, &state), -1);
    expect_error("SGD expects a gradient of dtype float32, got float64");
    cr_expect_eq(optim_update(o, options, whole, whole, &state), -1);
    expect_error("SGD expects parameters of a floating point dtype, got int64");
    cr_expect_eq(optim_update(o, options, param, shorter, &state), -1);
    expect_error("SGD expects a gradient of shape [9], got [2]");
    state.slot[0] = tensor_ref(shorter);
    cr_expect_eq(optim_update(o, options, param, param, &state), -1);
    expect_error("SGD: the state 'momentum_buffer' does not fit its parameter");
    cr_expect_eq(get(param, 0), -0.5);
    optim_state_release(&state);
    tensor_unref(param);
    tensor_unref(other);
    tensor_unref(whole);
    tensor_unref(shorter);
}

Test(optim_table, signatures_are_pytorchs)
{
    struct strbuf text = STRBUF_INIT;

    optimizer_signature(optimizer_find("SGD"), &text);
    cr_expect_str_eq(text.text, "lr=<required parameter>, momentum=0, dampening=0, weight_decay=0, "
                                "nesterov=False, *, maximize=False, foreach=None, "
                                "differentiable=False");
    strbuf_clear(&text);
    optimizer_signature(optimizer_find("Adam"), &text);
    cr_expect_str_eq(text.text, "lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0, "
                                "amsgrad=False, *, foreach=None, maximize=False, "
                                "capturable=False, differentiable=False, fused=False");
    strbuf_release(&text);
    cr_expect_null(optimizer_find("Adamant"));
}

/* Every row must be whole: its group names each option once, its checks have words. */
Test(optim_table, rows_are_whole)
{
    const struct optimizer *o;
    int index = 0;

    for (; (o = optimizer_at(index)); index++) {
        int words = 1;
        for (const char *p = o->group; *p; p++)
            words += *p == ' ';
        cr_expect_eq(words, o->option_count, "%s: the group has %d names", o->name, words);
        for (int i = 0; i < o->option_count; i++) {
            const char *found = strstr(o->group, o->options[i].name);
            cr_expect_not_null(found, "%s: %s is not in its group", o->name, o->options[i].name);
            cr_expect(o->options[i].check == CHECK_NONE || *o->options[i].what);
        }
        for (int i = 0; i < o->slot_count; i++) {
            cr_expect(!*o->slots[i].when || o->slots[i].when_at >= 0);
            cr_expect(o->slots[i].initial_at >= 0 || strspn(o->slots[i].initial, "01") == 1);
        }
        cr_expect_gt(strlen(o->reference), 8);
    }
    cr_expect_eq(index, 11);
}

static struct scalar *given(const struct optimizer *o, struct scalar *values)
{
    double options[OPTIM_OPTIONS];

    optimizer_defaults(o, options);
    for (int i = 0; i < o->value_count; i++)
        values[i] = scalar_float(isnan(options[i]) ? 0.1 : options[i]);
    return values;
}

Test(optim_table, bad_options_are_named_in_pytorchs_words)
{
    const struct optimizer *sgd = optimizer_find("SGD"), *adam = optimizer_find("Adam");
    const struct optimizer *rprop = optimizer_find("Rprop");
    struct scalar values[OPTIM_OPTIONS];

    for (int i = 0; optimizer_at(i); i++)
        cr_expect_eq(optimizer_check(optimizer_at(i), given(optimizer_at(i), values)), 0);
    given(sgd, values)[0] = scalar_int(-1);
    cr_expect_eq(optimizer_check(sgd, values), -1);
    expect_error("Invalid learning rate: -1");
    given(sgd, values)[1] = scalar_float(-0.5);
    cr_expect_eq(optimizer_check(sgd, values), -1);
    expect_error("Invalid momentum value: -0.5");
    given(sgd, values)[4] = scalar_bool(true);
    cr_expect_eq(optimizer_check(sgd, values), -1);
    expect_error("Nesterov momentum requires a momentum and zero dampening");
    given(adam, values)[2] = scalar_float(1);
    cr_expect_eq(optimizer_check(adam, values), -1);
    expect_error("Invalid beta parameter at index 1: 1.0");
    given(adam, values)[3] = scalar_float(-1e-7);
    cr_expect_eq(optimizer_check(adam, values), -1);
    expect_error("Invalid epsilon value: -1e-07");
    given(rprop, values)[2] = scalar_int(1);
    cr_expect_eq(optimizer_check(rprop, values), -1);
    expect_error("Invalid eta values: 0.5, 1");
}
