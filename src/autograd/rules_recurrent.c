/*
 * The derivative of a recurrent layer. Its values come from the saved reserve, by hand; where a
 * graph of the derivative is asked for, it is that of the same layer in recorded operations.
 */
#include "autograd/recurrent.h"
#include "base/error.h"

#include <string.h>

enum { RESERVE = 3 };

/* The derivative by walking back a graph that is made again. The inputs enter it as aliases: each
 * has an edge of its own, and what is computed still depends on it. */
static void rule_recorded(struct grad_call *c)
{
    struct recurrent r;
    struct value args[OP_MAX_ARGS];
    struct tensor *inputs[IN_COUNT], *results[IN_COUNT] = {NULL}, *out[3] = {NULL};
    struct tensor *roots[3], *grads[3];
    struct backward_request request = {
        .roots = roots, .grads = grads, .inputs = inputs, .results = results};
    int edges[IN_COUNT];

    memcpy(args, c->args, (size_t)op_schema(c->op)->count * sizeof(*args));
    for (int i = 0; i < IN_COUNT; i++) {
        if (!args[i].given || !grad_wanted(c, i))
            continue;
        args[i].tensor = d_call1(OP_alias, args[i].tensor);
        edges[request.input_count] = i;
        inputs[request.input_count++] = args[i].tensor;
    }
    r = recurrent_of(c->op, args);
    if (error_pending() || !d_recurrent(&r, out))
        return;
    for (int i = 0; i < 3; i++) {
        if (!c->g[i] || !out[i] || !out[i]->requires_grad)
            continue;
        roots[request.root_count] = out[i];
        grads[request.root_count++] = c->g[i];
    }
    request.retain = request.create_graph = true;
    if (backward(&request) < 0)
        return;
    for (int i = 0; i < request.input_count; i++)
        c->grads[edges[i]] = pool_keep(results[i]);
}

void recurrent_rule(struct grad_call *c)
{
    struct recurrent r = recurrent_of(c->op, c->args);
    struct tensor *grads[IN_COUNT];
    unsigned need = 0;

    if (grad_enabled()) {
        rule_recorded(c);
        return;
    }
    for (int i = 0; i < IN_COUNT; i++)
        need |= (unsigned)(c->args[i].given && grad_wanted(c, i)) << i;
    if (recurrent_backward_pass(&r, c->results[RESERVE], c->g, need, grads) < 0)
        return;
    for (int i = 0; i < IN_COUNT; i++)
        c->grads[i] = pool_keep(grads[i]);
}

void pack_padded_sequence_rule(struct grad_call *c)
{
    const struct tensor *x = c->args[0].tensor;
    bool batch_first = c->args[2].i;
    struct tensor *g = c->g[0];

    if (!g)
        return;
    g = d_pad_packed(g, c->results[1], x->shape[!batch_first], x->shape[batch_first],
                     scalar_int(0));
    c->grads[0] = batch_first ? d_transpose(g, 0, 1) : g;
}
