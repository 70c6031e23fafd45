/* Tensors that nodes save: by way of hooks, and the errors of those that are gone or changed. */
#include "autograd/record.h"
#include "base/error.h"
#include "base/mem.h"

const char graph_freed_text[] =
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward.";

int graph_changed_error(const struct tensor *t, uint32_t expected, const char *origin)
{
    char shape[256];

    return error_set(
        ERROR_RUNTIME,
        "one of the variables needed for gradient computation has been modified by an inplace "
        "operation: [torch.%s %s]%s is at version %u; expected version %u instead. Hint: %s",
        dtype_infos[t->dtype].class_name, shape_text(t->ndim, t->shape, shape, sizeof(shape)),
        origin, t->storage->version, expected,
        anomaly ? "the backtrace further above shows the operation that failed to compute its "
                  "gradient. The variable in question was changed in there or anywhere later. Good "
                  "luck!"
                : "enable anomaly detection to find the operation that failed to compute its "
                  "gradient, with torch.autograd.set_detect_anomaly(True).");
}

/* ---- hooks ---- */

struct saved_hooks *saved_hooks;

struct packed {
    struct saved_hooks *hooks;
    int count;
    struct {
        void *data; /* NULL: nothing was packed */
        struct edge edge;
    } at[];
};

void saved_hooks_unref(struct saved_hooks *hooks)
{
    if (hooks && --hooks->refs == 0)
        hooks->free(hooks);
}

int packed_add(struct packed **list, int count, int k, struct tensor *t)
{
    struct packed *packed = *list;

    if (!packed) {
        packed = mem_zero(1, sizeof(*packed) + (size_t)count * sizeof(packed->at[0]));
        if (!packed)
            return -1;
        packed->hooks = saved_hooks;
        saved_hooks->refs++;
        packed->count = count;
        *list = packed;
    }
    packed->at[k].data = packed->hooks->pack(packed->hooks, t);
    if (packed->at[k].data)
        packed->at[k].edge = tensor_edge(t);
    return packed->at[k].data ? 0 : -1;
}

bool packed_has(const struct packed *list, int k)
{
    return list && list->at[k].data;
}

/* Gives t, fresh from unpack(), the place in the graph of the tensor that was packed. A leaf's is
 * behind a node that passes gradients on: only the leaf itself can be one. */
static int place(struct tensor *t, struct edge edge)
{
    struct value leaf = {.given = true, .tensor = node_variable(edge.node)};
    struct node *node = leaf.tensor ? record_node(&ops[OP_alias], &leaf) : node_ref(edge.node);

    if (node)
        tensor_set_history(t, node, leaf.tensor ? 0 : edge.output_nr);
    node_unref(node);
    return node ? 0 : -1;
}

struct tensor *packed_get(const struct packed *list, int k)
{
    struct tensor *t = list->hooks->unpack(list->hooks, list->at[k].data);
    struct tensor *alias = t ? tensor_alias(t) : NULL;

    tensor_unref(t);
    if (alias && grad_enabled() && list->at[k].edge.node && place(alias, list->at[k].edge) < 0) {
        tensor_unref(alias);
        return NULL;
    }
    return alias;
}

void packed_free(struct packed *list)
{
    if (!list)
        return;
    for (int k = 0; k < list->count; k++) {
        if (list->at[k].data)
            list->hooks->drop(list->at[k].data);
        node_unref(list->at[k].edge.node);
    }
    saved_hooks_unref(list->hooks);
    mem_free(list);
}
