/* Nodes, edges, and what autograd keeps with a tensor. */
#include "autograd/record.h"
#include "base/error.h"
#include "base/mem.h"
#include "tensor/kernels.h"

#include <string.h>

static uint64_t next_sequence;
static struct grad_mode mode = {.enabled = true};
static bool recording = true;

bool grad_enabled(void)
{
    return recording;
}

bool grad_set_enabled(bool on)
{
    bool was = mode.enabled;

    mode.enabled = on;
    recording = on && !mode.inference;
    return was;
}

struct grad_mode grad_mode(void)
{
    return mode;
}

void grad_mode_set(struct grad_mode new_mode)
{
    mode = new_mode;
    recording = mode.enabled && !mode.inference;
    storage_inference = mode.inference;
}

/* ---- nodes ---- */

void node_init(struct node *node, const struct node_type *type, struct edge *edges, int edge_count,
               int output_count)
{
    memset(node, 0, sizeof(*node));
    node->refs = 1;
    node->type = type;
    node->edges = edges;
    node->edge_count = edge_count;
    node->output_count = output_count;
    node->sequence = next_sequence++;
    if (__builtin_expect(anomaly != NULL, 0))
        anomaly->made(node, node_running);
}

uint64_t node_next_sequence(void)
{
    return next_sequence;
}

struct node *node_ref(struct node *node)
{
    node->refs++;
    return node;
}

/* ---- hooks ---- */

static void free_hooks(struct hook *hooks)
{
    while (hooks) {
        struct hook *hook = hooks;

        hooks = hook->next;
        if (hook->release)
            hook->release(hook->data);
        mem_free(hook);
    }
}

/* At the end, but hooks of one kind on one output stay together, as PyTorch keeps them: what
 * retain_grad() sees is decided by where the first of the others was. */
static int append_hook(struct hook **list, struct hook hook)
{
    static int next_id;
    struct hook *made = mem_alloc(sizeof(*made)), **at = NULL;

    if (!made)
        return -1;
    *made = hook;
    made->id = ++next_id;
    for (; *list; list = &(*list)->next)
        if ((*list)->call == hook.call && (*list)->output_nr == hook.output_nr)
            at = &(*list)->next;
    if (!at)
        at = list;
    made->next = *at;
    *at = made;
    return made->id;
}

static void remove_hook(struct hook **list, int id)
{
    for (; *list; list = &(*list)->next) {
        struct hook *hook = *list;

        if (hook->id != id)
            continue;
        *list = hook->next;
        hook->next = NULL;
        free_hooks(hook);
        return;
    }
}

static void free_whole_hooks(struct node_hook *hooks)
{
    while (hooks) {
        struct node_hook *hook = hooks;

        hooks = hook->next;
        hook->release(hook->data);
        mem_free(hook);
    }
}

int node_add_whole_hook(struct node *node, struct node_hook hook)
{
    static int next_id;
    struct node_hook *made = mem_alloc(sizeof(*made)), **end = &node->whole;

    if (!made)
        return -1;
    *made = hook;
    made->id = ++next_id;
    made->next = NULL;
    while (*end)
        end = &(*end)->next;
    *end = made;
    return made->id;
}

void node_remove_whole_hook(struct node *node, int id)
{
    for (struct node_hook **at = &node->whole; *at; at = &(*at)->next) {
        struct node_hook *hook = *at;

        if (hook->id != id)
            continue;
        *at = hook->next;
        hook->next = NULL;
        free_whole_hooks(hook);
        return;
    }
}

int node_add_hook(struct node *node, struct hook hook)
{
    return append_hook(&node->hooks, hook);
}

int tensor_add_hook(struct tensor *t, struct hook hook)
{
    struct node *node;

    if (!t->requires_grad)
        return error_set(ERROR_RUNTIME,
                         "cannot register a hook on a tensor that doesn't require gradient");
    node = tensor_grad_fn(t);
    hook.output_nr = node ? t->output_nr : 0;
    if (node)
        return append_hook(&node->hooks, hook);
    return tensor_meta(t) ? append_hook(&t->meta->hooks, hook) : -1;
}

void tensor_remove_hook(struct tensor *t, int id)
{
    if (t->grad_fn)
        remove_hook(&t->grad_fn->hooks, id);
    if (t->meta)
        remove_hook(&t->meta->hooks, id);
}

/* ---- the end of nodes ---- */

/* Nodes whose count fell to zero wait in a list while one of them is being freed: a chain of a
 * hundred thousand nodes goes without recursion. The list is threaded through `task`. */
static struct node *dying;
static bool burying;

void node_unref(struct node *node)
{
    if (!node || --node->refs > 0)
        return;
    node->task = (struct task *)dying;
    dying = node;
    if (burying)
        return;
    burying = true;
    while (dying) {
        struct node *next = dying;

        dying = (struct node *)next->task;
        free_hooks(next->hooks);
        free_whole_hooks(next->whole);
        next->type->free(next);
    }
    burying = false;
}

void node_release_edges(struct node *node)
{
    for (int i = 0; i < node->edge_count; i++) {
        node_unref(node->edges[i].node);
        node->edges[i].node = NULL;
    }
}

const char *node_name(const struct node *node)
{
    return node->type->name(node);
}

struct hook *node_hooks(const struct node *node)
{
    const struct tensor *leaf = node_variable(node);

    return leaf ? leaf->meta->hooks : node->hooks;
}

struct edge tensor_edge(struct tensor *t)
{
    struct edge edge = {NULL, 0};

    if (!t->requires_grad)
        return edge;
    edge.node = tensor_grad_fn(t);
    if (edge.node) {
        node_ref(edge.node);
        edge.output_nr = t->output_nr;
    } else {
        edge.node = leaf_node(t);
    }
    return edge;
}

/* ---- tensors ---- */

struct autograd_meta *tensor_meta(struct tensor *t)
{
    if (!t->meta) {
        t->meta = pool_alloc(sizeof(*t->meta));
        if (t->meta)
            memset(t->meta, 0, sizeof(*t->meta));
    }
    return t->meta;
}

/* The hook of retain_grad(): its data is the tensor, which takes the hook along when it ends. */
static struct tensor *keep_grad(void *data, struct tensor *grad)
{
    struct tensor *t = data, *sum = NULL;
    struct value args[3] = {{.given = true, .tensor = tensor_grad(t)},
                            {.given = true, .tensor = grad}};
    int status;

    op_defaults(&ops[OP_add], args, 2);
    status = args[0].tensor ? op_call(&ops[OP_add], args, &sum) : 0;
    if (status == 0 && !sum && !tensor_is_dense(grad)) /* one number, expanded */
        status = (sum = tensor_clone(grad)) ? 0 : -1;
    if (status == 0)
        status = tensor_set_grad(t, sum ? sum : grad);
    tensor_unref(sum);
    return status < 0 ? NULL : tensor_ref(grad);
}

static void forget_retained(struct tensor *t)
{
    for (struct hook *hook = t->grad_fn ? t->grad_fn->hooks : NULL; hook; hook = hook->next) {
        if (hook->call == keep_grad && hook->data == t) {
            remove_hook(&t->grad_fn->hooks, hook->id);
            return;
        }
    }
}

void tensor_set_history(struct tensor *t, struct node *node, uint32_t nr)
{
    bool retains = t->meta && t->meta->retains_grad;
    struct node *old = t->grad_fn;

    if (retains)
        forget_retained(t); /* an in-place change: the gradient to keep is that of the new value */
    t->grad_fn = node_ref(node);
    t->output_nr = nr;
    t->requires_grad = true;
    if (t->base)
        t->view_version = t->storage->version;
    if (retains)
        append_hook(&node->hooks, (struct hook){.call = keep_grad, .data = t, .output_nr = nr});
    node_unref(old);
}

static void release_autograd(struct tensor *t)
{
    struct autograd_meta *meta = t->meta;

    if (meta) {
        if (meta->retains_grad)
            forget_retained(t);
        t->meta = NULL;
        tensor_unref(meta->grad);
        free_hooks(meta->hooks);
        pool_free(meta, sizeof(*meta));
    }
    node_unref(t->grad_fn);
    t->grad_fn = NULL;
}

void autograd_init(void)
{
    mem_keep_freed();
    tensor_release_autograd = release_autograd;
    kernels_choose();
    op_table_init();
}

struct tensor *tensor_grad(const struct tensor *t)
{
    return t->meta ? t->meta->grad : NULL;
}

int tensor_set_grad(struct tensor *t, struct tensor *grad)
{
    struct autograd_meta *meta = grad || t->meta ? tensor_meta(t) : NULL;
    struct tensor *old;

    if (!meta)
        return grad ? -1 : 0;
    old = meta->grad;
    meta->grad = grad ? tensor_ref(grad) : NULL;
    if (grad != old) /* `p.grad /= 8` sets what is there */
        meta->used = NULL;
    tensor_unref(old);
    return 0;
}

int tensor_zero_grad(struct tensor *t)
{
    struct tensor *grad = tensor_grad(t);

    if (!grad)
        return 0;
    tensor_forget_history(grad);
    if (tensor_is_contiguous(grad))
        memset(tensor_data(grad), 0, (size_t)grad->numel * dtype_size(tensor_dtype(grad)));
    else if (tensor_fill(grad, scalar_int(0)) < 0)
        return -1;
    tensor_bump(grad);
    t->meta->used = NULL;
    return 0;
}

int tensor_set_requires_grad(struct tensor *t, bool on)
{
    if (t->grad_fn && !on)
        return error_set(ERROR_RUNTIME,
                         "you can only change requires_grad flags of leaf variables. If you want "
                         "to use a computed variable in a subgraph that doesn't require "
                         "differentiation use var_no_grad = var.detach().");
    if (on && tensor_is_inference(t) && !mode.inference)
        return error_set(ERROR_RUNTIME, "Setting requires_grad=True on inference tensor outside "
                                        "InferenceMode is not allowed.");
    if (on && !dtype_is_differentiable(tensor_dtype(t)))
        return error_set(ERROR_RUNTIME, "only Tensors of floating point and complex dtype can "
                                        "require gradients");
    t->requires_grad = on;
    return 0;
}

int tensor_retain_grad(struct tensor *t)
{
    struct hook hook = {.call = keep_grad, .data = t};

    if (!t->requires_grad)
        return error_set(ERROR_RUNTIME, "can't retain_grad on Tensor that has requires_grad=False");
    if (!tensor_grad_fn(t) || (t->meta && t->meta->retains_grad))
        return 0; /* a leaf has its gradient anyway */
    if (!tensor_meta(t) || tensor_add_hook(t, hook) < 0)
        return -1;
    t->meta->retains_grad = true;
    return 0;
}

void tensor_forget_history(struct tensor *t)
{
    struct node *old = t->grad_fn;

    if (t->meta && t->meta->retains_grad) {
        forget_retained(t);
        t->meta->retains_grad = false;
    }
    t->grad_fn = NULL;
    t->output_nr = 0;
    t->requires_grad = false;
    node_unref(old);
}

struct tensor *tensor_detach(struct tensor *t)
{
    return tensor_alias(t);
}
