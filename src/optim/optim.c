#include "optim/optim.h"

#include "base/error.h"
#include "optim/update.h"
#include "tensor/iter.h"
#include "tensor/kernels.h"
#include "tensor/threads.h"

#include <stdlib.h>
#include <string.h>

/* A part of a parameter that has a thread of its own: at least so many elements, and whole cache
 * lines of them. */
enum { PART_LEAST = 8192, PART_ALIGN = 64 };

/* ---- the table ---- */

#define NUMBER(name, initial, check, what) {#name, OPTION_NUMBER, initial, CHECK_##check, what, 0},
#define PAIR(name, initial, check, what)   {#name, OPTION_PAIR, initial, CHECK_##check, what, 0},
#define FLAG(name, initial)                {#name, OPTION_FLAG, initial, CHECK_NONE, "", 0},
#define UNUSED(name, initial)              {#name, OPTION_UNUSED, initial, CHECK_NONE, "", 0},
#define SLOT(name, kind, when, initial)    {#name, SLOT_##kind, when, initial, -1, -1},

#define OPTIMIZER(id, name, flags, positional, options, group, slots, reference)                   \
    static struct option id##_option_rows[] = {options};                                           \
    static struct optim_slot id##_slot_rows[] = {slots};                                           \
    _Static_assert(sizeof(id##_slot_rows) / sizeof(struct optim_slot) <= OPTIM_SLOTS, name);       \
    _Static_assert(sizeof(struct id##_options) / sizeof(double) <= OPTIM_OPTIONS, name);
#include "optim/optimizers.def"
#undef OPTIMIZER

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))
#define OPTIMIZER(id, name, flags, positional, options, group, slots, reference)                   \
    {name,                                                                                         \
     OPTIMIZER_##id,                                                                               \
     flags,                                                                                        \
     positional,                                                                                   \
     COUNT(id##_option_rows),                                                                      \
     COUNT(id##_slot_rows),                                                                        \
     (int)(sizeof(struct id##_options) / sizeof(double)),                                          \
     id##_option_rows,                                                                             \
     id##_slot_rows,                                                                               \
     group,                                                                                        \
     reference},
static const struct optimizer optimizers[] = {
#include "optim/optimizers.def"
};
#undef OPTIMIZER

static int place_of(const struct optimizer *o, const char *name)
{
    return options_find(o->options, o->option_count, name);
}

/* What follows from the order of a row's options. */
#define OPTIMIZER(id, name, flags, positional, options, group, slots, reference)                   \
    place_row(&optimizers[OPTIMIZER_##id], id##_option_rows, id##_slot_rows);
static void place_row(const struct optimizer *o, struct option *options, struct optim_slot *slots)
{
    options_place(options, o->option_count);
    for (int i = 0; i < o->slot_count; i++) {
        slots[i].when_at = place_of(o, slots[i].when);
        slots[i].initial_at = place_of(o, slots[i].initial);
    }
}

static void place_rows(void)
{
    static bool placed;

    if (placed)
        return;
    placed = true;
#include "optim/optimizers.def"
}
#undef OPTIMIZER

const struct optimizer *optimizer_at(int index)
{
    place_rows();
    return index >= 0 && index < OPTIMIZER_COUNT ? &optimizers[index] : NULL;
}

const struct optimizer *optimizer_find(const char *name)
{
    place_rows();
    for (int i = 0; i < OPTIMIZER_COUNT; i++)
        if (strcmp(optimizers[i].name, name) == 0)
            return &optimizers[i];
    return NULL;
}

void optimizer_signature(const struct optimizer *o, struct strbuf *out)
{
    options_signature(o->options, o->option_count, o->positional, out);
}

void optimizer_defaults(const struct optimizer *o, double *options)
{
    options_defaults(o->options, o->option_count, options);
}

int optimizer_check(const struct optimizer *o, const struct scalar *values)
{
    if (options_check(o->options, o->option_count, values) < 0)
        return -1;
    if (o->id == OPTIMIZER_sgd) {
        double momentum = values[place_of(o, "momentum")].d;
        double dampening = values[place_of(o, "dampening")].d;
        if (values[place_of(o, "nesterov")].d != 0 && (momentum <= 0 || dampening != 0))
            return error_set(ERROR_VALUE,
                             "Nesterov momentum requires a momentum and zero dampening");
    }
    return 0;
}

/* ---- state ---- */

void optim_state_release(struct optim_state *state)
{
    for (int i = 0; i < OPTIM_SLOTS; i++)
        tensor_unref(state->slot[i]);
    *state = (struct optim_state){0};
}

static struct tensor *make_slot(const struct optim_slot *slot, const double *options,
                                const struct tensor *param)
{
    double initial = slot->initial_at >= 0 ? options[slot->initial_at] : atof(slot->initial);

    if (slot->kind == SLOT_STEP || slot->kind == SLOT_SCALAR)
        return tensor_from_scalar(scalar_float(initial), DTYPE_f32);
    return tensor_full(tensor_dtype(param), param->ndim, param->shape, scalar_float(initial));
}

static bool is_kept(const struct optim_slot *slot, const double *options)
{
    return slot->kind != SLOT_COUNT && (slot->when_at < 0 || options[slot->when_at] != 0);
}

/* Sets a bit of *fresh for each slot that it makes. */
static int fill_slots(const struct optimizer *o, const double *options, const struct tensor *param,
                      struct optim_state *state, unsigned *fresh)
{
    for (int i = 0; i < o->slot_count; i++) {
        if (state->slot[i] || !is_kept(&o->slots[i], options))
            continue;
        state->slot[i] = make_slot(&o->slots[i], options, param);
        if (!state->slot[i])
            return -1;
        *fresh |= 1u << i;
    }
    state->started = true;
    return 0;
}

int optim_state_start(const struct optimizer *o, const double *options, const struct tensor *param,
                      struct optim_state *state)
{
    unsigned fresh = 0;

    return fill_slots(o, options, param, state, &fresh);
}

/* ---- one step ---- */

static int check_operands(const struct optimizer *o, const struct tensor *param,
                          const struct tensor *grad)
{
    char want[128], got[128];

    if (param->dtype != DTYPE_f32 && param->dtype != DTYPE_f64)
        return error_set(ERROR_RUNTIME, "%s expects parameters of a floating point dtype, got %s",
                         o->name, dtype_name(tensor_dtype(param)));
    if (grad->dtype != param->dtype)
        return error_set(ERROR_RUNTIME, "%s expects a gradient of dtype %s, got %s", o->name,
                         dtype_name(tensor_dtype(param)), dtype_name(tensor_dtype(grad)));
    if (!tensor_same_shape(grad, param))
        return error_set(ERROR_RUNTIME, "%s expects a gradient of shape %s, got %s", o->name,
                         shape_text(param->ndim, param->shape, want, sizeof(want)),
                         shape_text(grad->ndim, grad->shape, got, sizeof(got)));
    return 0;
}

/* State that a user loaded may not fit the parameter. */
static int check_slots(const struct optimizer *o, const struct tensor *param,
                       const struct optim_state *state)
{
    for (int i = 0; i < o->slot_count; i++) {
        const struct tensor *t = state->slot[i];
        enum optim_slot_kind kind = o->slots[i].kind;
        bool alike = kind == SLOT_TENSOR || kind == SLOT_TENSOR_OR_NONE;
        if (t && (alike ? t->dtype != param->dtype || !tensor_same_shape(t, param) : t->numel != 1))
            return error_set(ERROR_RUNTIME, "%s: the state '%s' does not fit its parameter",
                             o->name, o->slots[i].name);
    }
    return 0;
}

/* The operands of a step as contiguous tensors: themselves, or copies that are copied back. */
struct operands {
    struct tensor *param, *grad, *slot[OPTIM_SLOTS];
};

static void operands_release(struct operands *w)
{
    tensor_unref(w->param);
    tensor_unref(w->grad);
    for (int i = 0; i < OPTIM_SLOTS; i++)
        tensor_unref(w->slot[i]);
}

static int operands_take(struct operands *w, struct tensor *param, struct tensor *grad,
                         const struct optim_state *state)
{
    *w = (struct operands){tensor_contiguous(param), tensor_contiguous(grad), {NULL}};
    if (!w->param || !w->grad)
        return -1;
    for (int i = 0; i < OPTIM_SLOTS; i++) {
        if (!state->slot[i])
            continue;
        w->slot[i] = tensor_contiguous(state->slot[i]);
        if (!w->slot[i])
            return -1;
    }
    return 0;
}

static int operands_put_back(const struct operands *w, struct tensor *param,
                             const struct optim_state *state)
{
    if (w->param != param && tensor_copy(param, w->param) < 0)
        return -1;
    for (int i = 0; i < OPTIM_SLOTS; i++)
        if (w->slot[i] != state->slot[i] && tensor_copy(state->slot[i], w->slot[i]) < 0)
            return -1;
    return 0;
}

static bool has_scalar(const struct optim_slot *slot)
{
    return slot->kind == SLOT_STEP || slot->kind == SLOT_SCALAR;
}

/* The same step for elements [from, to) alone. */
static struct optim_step step_part(const struct optim_step *whole, size_t element, int64_t from,
                                   int64_t to)
{
    struct optim_step part = *whole;
    size_t skip = (size_t)from * element;

    part.n = to - from;
    part.param = (char *)whole->param + skip;
    part.grad = (const char *)whole->grad + skip;
    for (int i = 0; i < OPTIM_SLOTS; i++)
        if (whole->slot[i])
            part.slot[i] = (char *)whole->slot[i] + skip;
    return part;
}

/* Elements do not depend on one another: a large parameter is shared out among the threads. What
 * the rule makes of the scalars is the same in each part. */
static void run_step(optim_rule_fn *rule, struct optim_step *step, size_t element)
{
    int64_t parts =
        step->n / PART_LEAST < tensor_threads() ? step->n / PART_LEAST : tensor_threads();
    int64_t size = parts > 1 ? (step->n / parts + PART_ALIGN - 1) / PART_ALIGN * PART_ALIGN : 0;
    struct optim_step first;
    void *token;

    if (parts <= 1) {
        rule(step);
        return;
    }
    token = step->n >= ITER_LONG && tensor_long_begin ? tensor_long_begin() : NULL;
#pragma omp parallel for num_threads((int)parts) schedule(static, 1)
    for (int64_t i = 0; i < parts; i++) {
        struct optim_step part =
            step_part(step, element, i * size, i + 1 < parts ? (i + 1) * size : step->n);

        rule(&part);
        if (i == 0)
            first = part;
    }
    memcpy(step->scalar, first.scalar, sizeof(first.scalar));
    if (token)
        tensor_long_end(token);
}

static void run_rule(const struct optimizer *o, const double *options, const struct operands *w,
                     struct optim_state *state, unsigned fresh)
{
    struct optim_step step = {.n = w->param->numel,
                              .options = options,
                              .param = tensor_data(w->param),
                              .grad = tensor_data(w->grad),
                              .fresh = fresh};

    for (int i = 0; i < o->slot_count; i++) {
        const struct optim_slot *slot = &o->slots[i];
        if (slot->kind == SLOT_COUNT) {
            step.scalar[i] = (double)++state->count;
        } else if (has_scalar(slot)) {
            struct tensor *t = w->slot[i];
            step.scalar[i] = dtype_load(tensor_dtype(t), tensor_data(t)).d;
            step.scalar[i] += slot->kind == SLOT_STEP;
        } else if (is_kept(slot, options)) {
            step.slot[i] = tensor_data(w->slot[i]);
        }
    }
    run_step(
        (*KERNELS_PICK(optim_rules))[o->id][w->param->dtype == DTYPE_f32 ? OPTIM_F32 : OPTIM_F64],
        &step, dtype_size(tensor_dtype(w->param)));
    for (int i = 0; i < o->slot_count; i++)
        if (has_scalar(&o->slots[i]))
            dtype_store(tensor_dtype(w->slot[i]), tensor_data(w->slot[i]),
                        scalar_float(step.scalar[i]));
}

int optim_update(const struct optimizer *o, const double *options, struct tensor *param,
                 struct tensor *grad, struct optim_state *state)
{
    struct operands w = {0};
    unsigned fresh = 0;
    int status = -1;

    if (check_operands(o, param, grad) < 0 || fill_slots(o, options, param, state, &fresh) < 0 ||
        check_slots(o, param, state) < 0)
        return -1;
    if (operands_take(&w, param, grad, state) < 0)
        goto done;
    run_rule(o, options, &w, state, fresh);
    status = operands_put_back(&w, param, state);
    tensor_bump(param);
done:
    operands_release(&w);
    return status;
}
