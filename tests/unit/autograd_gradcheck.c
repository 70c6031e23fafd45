/* Every differentiable row against central differences, of its value and of its gradient. */
#include "autograd/formula.h"
#include "autograd_samples.h"
#include "base/error.h"
#include "tensor/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const double step = 1e-6, tolerance = 2e-5;

/* A fixed weight for each element, so that no symmetry hides a mistake. */
static struct tensor *weights(const struct tensor *like, int salt)
{
    struct tensor *w = pool_keep(tensor_new(DTYPE_f64, like->ndim, like->shape));

    for (int64_t i = 0; w && i < w->numel; i++)
        ((double *)tensor_data(w))[i] = 0.5 + (double)((i * 7 + salt * 3) % 11) / 10;
    return w;
}

/* Complex eigenvectors and singular vectors are known up to a phase: their sizes are checked. */
static bool free_phase(enum op_id id)
{
    return id == OP__linalg_eig || id == OP_linalg_eig || id == OP__linalg_eigh ||
           id == OP_linalg_eigh || id == OP__linalg_svd || id == OP_linalg_svd || id == OP_svd;
}

static struct tensor *weighted_sum(struct tensor *const *list, int count, bool sizes, int salt)
{
    struct tensor *sum = NULL;

    for (int i = 0; i < count; i++) {
        struct tensor *part;

        if (!list[i] || !dtype_is_differentiable(tensor_dtype(list[i])))
            continue;
        part = list[i];
        if (dtype_is_complex(tensor_dtype(part)))
            part = sizes ? d_abs(part) : d_call1(OP_view_as_real, part);
        if (part)
            part = d_sum_all(d_mul(part, weights(part, salt + i)));
        sum = sum ? d_add(sum, part) : part;
    }
    return sum;
}

/* Runs the call; NULL with an error. Mutating rows work on a copy of their first input. */
static struct tensor *value_of(struct call *call)
{
    struct tensor *sum;
    struct tensor_list results;
    struct value args[OP_MAX_ARGS];

    if (!call_arguments(call, args))
        return NULL;
    generator_seed(generator_default(), 1); /* each value from the same random numbers */
    if (call->op->flags & OP_MUTATES) {
        args[0].tensor = d_call1(OP_clone, args[0].tensor);
        if (!args[0].tensor || op_call_inplace(call->op, args) < 0)
            return NULL;
        return weighted_sum(&args[0].tensor, 1, false, 1);
    }
    if (call_run(call->op, args, &results) < 0)
        return NULL;
    sum = weighted_sum(results.at, call->op->list ? (int)results.count : op_graded(call->op),
                       free_phase(call->op->id), 1);
    results_release(&results);
    return sum;
}

/* Gradients of `root`, in the pool; NULL entries where nothing flows. */
static bool gradients(struct tensor *root, struct call *call, bool create_graph,
                      struct tensor **grads)
{
    struct backward_request request = {.roots = &root,
                                       .root_count = 1,
                                       .inputs = call->inputs,
                                       .input_count = call->input_count,
                                       .results = grads,
                                       .retain = create_graph,
                                       .create_graph = create_graph};

    if (!root->requires_grad)
        return true;
    if (backward(&request) < 0)
        return false;
    for (int i = 0; i < call->input_count; i++)
        pool_keep(grads[i]);
    return true;
}

/* The value whose gradient is checked: of order 1 the weighted result, of order 2 its weighted
 * gradient. */
static struct tensor *target(struct call *call, int order)
{
    struct tensor *grads[CALL_TENSORS] = {NULL}, *root = value_of(call);

    if (order == 1 || !root)
        return root;
    if (!gradients(root, call, true, grads))
        return NULL;
    return weighted_sum(grads, call->input_count, false, 5);
}

static double number_of(struct call *call, int order)
{
    size_t mark = pool_open();
    struct tensor *t = target(call, order);
    struct scalar s = scalar_float(0);

    if (t)
        tensor_item(t, &s);
    pool_close(mark);
    return s.d;
}

static double *element(struct tensor *t, int64_t i)
{
    int64_t offset = 0;

    for (int d = t->ndim - 1; d >= 0; d--) {
        offset += i % t->shape[d] * t->stride[d];
        i /= t->shape[d];
    }
    return (double *)tensor_data(t) + offset;
}

static double difference(struct call *call, int order, double *x)
{
    double was = *x, high, low;

    *x = was + step;
    high = number_of(call, order);
    *x = was - step;
    low = number_of(call, order);
    *x = was;
    return (high - low) / (2 * step);
}

static void check_order(const struct sample *sample, struct call *call, int order)
{
    struct tensor *grads[CALL_TENSORS] = {NULL}, *root;
    size_t mark = pool_open();

    root = target(call, order);
    cr_assert(!error_pending(), "%s(%s), order %d: %s", call->op->name, sample->text, order,
              error_message());
    if (!root) { /* no gradient flows, or nothing that depends on the inputs */
        pool_close(mark);
        return;
    }
    cr_assert(gradients(root, call, false, grads), "%s(%s), order %d: %s", call->op->name,
              sample->text, order, error_message());
    for (int k = 0; k < call->input_count; k++) {
        for (int64_t i = 0; i < call->inputs[k]->numel; i++) {
            double numeric = difference(call, order, element(call->inputs[k], i));
            double exact = grads[k] ? *element(grads[k], i) : 0;

            cr_expect(fabs(numeric - exact) <= tolerance * (1 + fabs(numeric)),
                      "%s(%s), order %d: input %d element %d: %g by differences, %g by the rule",
                      call->op->name, sample->text, order, k, (int)i, numeric, exact);
        }
        if (grads[k])
            cr_expect(tensor_same_shape(grads[k], call->inputs[k]), "%s(%s): shape of gradient %d",
                      call->op->name, sample->text, k);
    }
    pool_close(mark);
}

/* The second derivative of these is not zero but taken as such, or refused, as in PyTorch. */
static bool second_order(enum op_id id)
{
    return id != OP_trigamma && id != OP_digamma && id != OP_lgamma && id != OP_grid_sample &&
           id != OP_grid_sampler_2d && id != OP_grid_sampler_3d;
}

/* These refuse a tensor that lies transposed. */
static bool only_contiguous(enum op_id id)
{
    return id == OP_view || id == OP__reshape_alias || id == OP__unsafe_view || id == OP_view_as ||
           id == OP_unflatten || id == OP_view_as_complex;
}

Test(gradcheck, every_sample)
{
    autograd_init();
    for (int i = 0; i < sample_count; i++) {
        for (int turned = 0; turned < 2 - only_contiguous(samples[i].id); turned++) {
            struct call call;

            cr_assert(call_init(&call, &samples[i], turned), "%s", samples[i].text);
            check_order(&samples[i], &call, 1);
            if (second_order(samples[i].id))
                check_order(&samples[i], &call, 2);
            call_release(&call);
        }
    }
}

/* Rows that only forward functions use: what is recorded is the operation around them. */
static bool is_inner(const char *name)
{
    size_t length = strlen(name);

    return length > 5 && strcmp(name + length - 5, "_each") == 0;
}

/* A new row without a sample fails here. Comparisons have no rule. */
Test(gradcheck, every_row_has_a_sample)
{
    autograd_init();
    for (int id = 0; id < OP_COUNT; id++) {
        bool found = !op_rules[id].apply && !(ops[id].flags & OP_COMPOSED);

        found |= id == OP_trigamma || is_inner(ops[id].name);
        for (int i = 0; i < sample_count && !found; i++)
            found = samples[i].id == (enum op_id)id;
        cr_expect(found, "%s: no sample in autograd_samples.c", ops[id].name);
    }
}
