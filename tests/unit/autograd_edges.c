/* Every row with tensors without elements, without dimensions, and with as many as there can be:
 * a result with gradients or an error, but no crash, no leak and no error left behind. */
#include "autograd/formula.h"
#include "autograd_samples.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

enum edge_form { EMPTY, NO_ROWS, NO_COLUMNS, ZERO_DIM, ALL_DIMS, FORM_COUNT };
static const char *const form_names[] = {"no elements", "no rows", "no columns", "no dimensions",
                                         "all dimensions"};

/* t in another form, of numbers that are valid as indices; in the pool. */
static struct tensor *in_form(const struct tensor *t, enum edge_form form)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = form == ZERO_DIM ? 0 : form == ALL_DIMS ? TENSOR_MAX_DIMS : t->ndim;
    struct tensor *made;

    for (int d = 0; d < ndim; d++) {
        bool cut =
            form == EMPTY || (form == NO_ROWS && d == 0) || (form == NO_COLUMNS && d == ndim - 1);
        int from = d - (ndim - t->ndim);

        shape[d] = cut || from < 0 ? !cut : t->shape[from];
    }
    made = pool_keep(tensor_full(tensor_dtype(t), ndim, shape,
                                 scalar_float(dtype_is_float(tensor_dtype(t)) ? 0.5 : 0)));
    if (made && t->requires_grad)
        tensor_set_requires_grad(made, true);
    return made;
}

/* Puts tensor arguments into the form: all of them, or only the one with the number `which`. How
 * many there are. `space` is for the lists. */
static int reform(const struct op *op, struct value *args, enum edge_form form, int which,
                  struct tensor *(*space)[CALL_TENSORS])
{
    const struct schema *schema = op_schema(op);
    int seen = 0;

    for (int i = 0; i < schema->count; i++) {
        struct value *v = &args[i];

        if (!v->given)
            continue;
        if (schema->tensors >> i & 1 && (seen++ == which || which < 0))
            v->tensor = in_form(v->tensor, form);
        if (!(schema->lists >> i & 1))
            continue;
        memcpy(space[i], v->tensors.at, (size_t)v->tensors.count * sizeof(*space[i]));
        v->tensors.at = space[i];
        for (int j = 0; j < v->tensors.count; j++) {
            if (space[i][j] && (seen++ == which || which < 0))
                space[i][j] = in_form(space[i][j], form);
        }
    }
    return seen;
}

/* Back through the results that have a history. */
static int walk_back(const struct tensor_list *results)
{
    int status = 0;

    for (size_t i = 0; i < results->count && status == 0; i++) {
        struct tensor *root = results->at[i];
        struct backward_request request = {.roots = &root, .root_count = 1, .retain = true};

        if (!root || !root->requires_grad)
            continue;
        root = dtype_is_complex(tensor_dtype(root)) ? d_sum_all(d_abs(root)) : d_sum_all(root);
        status = root ? backward(&request) : -1;
    }
    return status;
}

/* How many tensor arguments the call has; the caller stops behind them. */
static int check(const struct sample *sample, enum edge_form form, int which)
{
    struct tensor *space[OP_MAX_ARGS][CALL_TENSORS];
    struct tensor_list results = {0};
    struct value args[OP_MAX_ARGS];
    struct call call;
    int64_t before = tensor_live_count;
    size_t mark = pool_open();
    int status, seen;

    cr_assert(call_init(&call, sample, false));
    cr_assert(call_arguments(&call, args));
    seen = reform(call.op, args, form, which, space);
    if (call.op->flags & OP_MUTATES) {
        args[0].tensor = d_call1(OP_clone, args[0].tensor);
        status = args[0].tensor ? op_call_inplace(call.op, args) : -1;
    } else {
        status = call_run(call.op, args, &results);
    }
    if (status == 0)
        status = walk_back(&results);
    cr_expect((status < 0) == error_pending(), "%s(%s), %s: status %d, error: %s", call.op->name,
              sample->text, form_names[form], status, error_pending() ? error_message() : "none");
    error_clear();
    results_release(&results);
    pool_close(mark);
    call_release(&call);
    cr_expect(tensor_live_count == before, "%s(%s), %s: leaves %d tensors", call.op->name,
              sample->text, form_names[form], (int)(tensor_live_count - before));
    return seen;
}

/* Rows that only other rows call, who see to their arguments. */
static bool is_inner(const struct op *op)
{
    return !(op->flags & (OP_FM | OP_NN | OP_SPECIAL | OP_LINALG | OP_COMPOSED));
}

Test(edges, every_sample)
{
    autograd_init();
    for (int i = 0; i < sample_count; i++) {
        if (is_inner(&ops[samples[i].id]))
            continue;
        for (enum edge_form form = 0; form < FORM_COUNT; form++) {
            int count = check(&samples[i], form, -1);

            for (int which = 0; which < count && count > 1; which++)
                check(&samples[i], form, which);
        }
    }
}
