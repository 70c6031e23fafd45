/* No row leaks a tensor: when it succeeds, when it fails, and when memory ends anywhere in it. */
#include "autograd/formula.h"
#include "autograd_samples.h"
#include "base/error.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

/* Something that has a gradient, NULL if t has none. */
static struct tensor *sum_of(struct tensor *t)
{
    if (dtype_is_complex(tensor_dtype(t)))
        return d_sum_all(d_abs(t)); /* vectors may be known up to a phase alone */
    return dtype_is_differentiable(tensor_dtype(t)) ? d_sum_all(t) : NULL;
}

/* Calls the row and walks back from its results; the status of the call. */
static int run(struct call *call, bool in_place)
{
    struct tensor *root = NULL;
    struct tensor_list results = {0};
    struct value args[OP_MAX_ARGS];
    size_t mark = pool_open();
    int status;

    if (!call_arguments(call, args)) {
        status = -1;
    } else if (in_place || call->op->flags & OP_MUTATES) {
        args[0].tensor = d_call1(OP_clone, args[0].tensor);
        status = args[0].tensor
                     ? op_call_inplace(in_place ? &ops_inplace[call->op->id] : call->op, args)
                     : -1;
        root = status == 0 ? d_sum_all(args[0].tensor) : NULL;
    } else {
        status = call_run(call->op, args, &results);
        for (size_t i = 0; i < (call->op->list ? results.count : results.count > 0); i++)
            root = root ? d_add(root, sum_of(results.at[i])) : sum_of(results.at[i]);
    }
    if (root && dtype_is_complex(tensor_dtype(root)))
        root = d_part(root, 0);
    if (root && root->requires_grad) {
        struct backward_request request = {.roots = &root, .root_count = 1};

        status = backward(&request);
    }
    results_release(&results);
    for (int i = 0; i < call->input_count; i++)
        tensor_set_grad(call->inputs[i], NULL);
    pool_close(mark);
    return error_pending() ? -1 : status;
}

static void expect_no_leak(const struct sample *sample, bool in_place)
{
    struct call call;
    int64_t before;

    cr_assert(call_init(&call, sample, false));
    /* Lists and caches are there after this. In place a broadcast result does not fit. */
    cr_expect(run(&call, in_place) == 0 || in_place, "%s(%s): %s", call.op->name, sample->text,
              error_message());
    error_clear();
    before = tensor_live_count;
    run(&call, in_place);
    error_clear();
    cr_expect(tensor_live_count == before, "%s(%s)%s leaves %d tensors", call.op->name,
              sample->text, in_place ? " in place" : "", (int)(tensor_live_count - before));
    for (long n = 0; n < 400; n++) {
        int status;

        mem_fail_after(n);
        status = run(&call, in_place);
        mem_fail_after(-1);
        cr_expect(tensor_live_count == before,
                  "%s(%s)%s without memory after %ld leaves %d tensors", call.op->name,
                  sample->text, in_place ? " in place" : "", n, (int)(tensor_live_count - before));
        before = tensor_live_count;
        if (status == 0)
            break;
        cr_expect(error_kind() == ERROR_MEMORY || n > 0, "%s: %s", call.op->name, error_message());
        error_clear();
    }
    call_release(&call);
}

Test(memory, every_sample)
{
    autograd_init();
    for (int i = 0; i < sample_count; i++)
        expect_no_leak(&samples[i], false);
}

Test(memory, every_sample_in_place)
{
    autograd_init();
    for (int i = 0; i < sample_count; i++) {
        if (ops_inplace[samples[i].id].name)
            expect_no_leak(&samples[i], true);
    }
}
