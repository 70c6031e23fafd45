/*
 * Recorded operations: the forward call, the node that remembers it, and what becomes of a tensor
 * that is changed in place.
 */
#include "autograd/record.h"

#include "base/error.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- the node of a table row ---- */

struct saved {
    struct tensor *tensor;
    uint32_t version;
};

/* One block: the header, then edges, arguments, saved tensors, and copies of the lists in
 * arguments. */
struct op_node {
    struct node node;
    const struct op *op;
    size_t size;
    int saved_count;
    bool released;
    int number;            /* the argument, from 1 on, that was a Python number; 0: none */
    struct packed *packed; /* those of `saved` that went through hooks; there they are shapes */
    const char *name;      /* what it is called instead of its row's name, or NULL */
    struct value *args;
    struct saved *saved; /* arguments' tensors in edge order, then results, which are kept without
                          * their history: it would be a cycle */
    struct edge edges[];
};

static bool is_list(const struct param *p)
{
    return p->type == VALUE_TENSORS || p->type == VALUE_INDICES;
}

static const char *op_node_name(const struct node *node)
{
    const struct op_node *self = (const struct op_node *)node;

    return self->name ? self->name : op_backward_name(self->op, self->args, self->number);
}

static void unref_saved(struct op_node *self)
{
    for (int i = 0; i < self->saved_count; i++) {
        tensor_unref(self->saved[i].tensor);
        self->saved[i].tensor = NULL;
    }
    packed_free(self->packed);
    self->packed = NULL;
}

static int tensors_in(const struct param *p, const struct value *v)
{
    return p->type == VALUE_TENSOR ? 1 : is_list(p) && v->given ? v->tensors.count : 0;
}

/* The argument that edge k belongs to, and its place there if that is a list of tensors. */
static int argument_of(const struct op_node *self, int k, int *place)
{
    const struct schema *schema = op_schema(self->op);

    for (int i = 0; i < schema->count; i++) {
        const struct param *p = &schema->params[i];
        int count = tensors_in(p, &self->args[i]);

        *place = k;
        if (k < count)
            return i;
        k -= count;
    }
    return -1;
}

static bool op_node_shows(const struct node *node, int edge)
{
    const struct op_node *self = (const struct op_node *)node;
    int place, i = argument_of(self, edge, &place);

    return i < 0 || op_edge_shown(self->op, i, self->number);
}

/* A node that has saved no values, only shapes, can be walked again, as in PyTorch. */
static void op_node_release(struct node *node)
{
    struct op_node *self = (struct op_node *)node;

    if (!op_rules[self->op->id].saves)
        return;
    unref_saved(self);
    self->released = true;
}

static void op_node_free(struct node *node)
{
    struct op_node *self = (struct op_node *)node;

    unref_saved(self);
    node_release_edges(node);
    pool_free(self, self->size);
}

/* Which result of which node a saved tensor is: ", which is output 0 of ExpBackward0,". Nothing for
 * a leaf. */
static const char *origin_text(const struct op_node *self, int k, char *text, size_t size)
{
    bool result = k >= self->node.edge_count;
    const struct tensor *t = self->saved[k].tensor;
    const struct node *node = result ? &self->node : t->grad_fn;
    int nr = result ? k - self->node.edge_count : (int)t->output_nr;

    *text = '\0';
    if (node)
        snprintf(text, size, ", which is output %d of %s,", nr, node_name(node));
    return text;
}

static int check_saved(const struct op_node *self, int k)
{
    const struct tensor *t = self->saved[k].tensor;
    char origin[128];

    if (!t || !t->storage || t->storage->version == self->saved[k].version)
        return 0;
    return graph_changed_error(t, self->saved[k].version,
                               origin_text(self, k, origin, sizeof(origin)));
}

/* A saved result gets its history back for the time of the rule, so that a gradient of a gradient
 * finds its way through it. */
static struct tensor *unpack_result(struct op_node *self, int index, uint32_t nr)
{
    struct tensor *t = self->saved[index].tensor;

    if (packed_has(self->packed, index))
        t = packed_get(self->packed, index);
    else
        t = t ? tensor_alias(t) : NULL;
    if (t && grad_enabled())
        tensor_set_history(t, &self->node, nr);
    return pool_keep(t);
}

/* Rules are written for real numbers. The gradient of a holomorphic function f at z is g times the
 * conjugate of f'(z), which is f' of the conjugate of z for all functions here: so a rule sees what
 * was saved conjugated. */
static const struct value *conjugate_saved(const struct op_node *self, struct value *args,
                                           struct tensor **results)
{
    const struct schema *schema = op_schema(self->op);

    memcpy(args, self->args, (size_t)schema->count * sizeof(*args));
    for (int i = 0; i < schema->count; i++) {
        if (!args[i].given)
            continue;
        if (schema->params[i].type == VALUE_SCALAR)
            args[i].scalar.im = -args[i].scalar.im;
        else if (schema->tensors >> i & 1 && args[i].tensor && args[i].tensor->storage)
            args[i].tensor = d_conjugate(args[i].tensor);
    }
    for (int i = 0; i < OP_MAX_OUTPUTS; i++)
        results[i] = d_conjugate(results[i]);
    return args;
}

static bool saved_is_complex(const struct op_node *self, int k)
{
    const struct tensor *t = self->saved[k].tensor;

    return t && (t->storage || packed_has(self->packed, k)) && dtype_is_complex(tensor_dtype(t));
}

/* Where the arguments have the tensor of edge k. */
static struct tensor **argument_slot(const struct op_node *self, int k)
{
    int place, i = argument_of(self, k, &place);
    struct value *v = &self->args[i];

    return is_list(&op_schema(self->op)->params[i]) ? &v->tensors.at[place] : &v->tensor;
}

/* Puts what went through hooks into the arguments for the time of the rule. 0 or -1. */
static int unpack_arguments(struct op_node *self)
{
    for (int k = 0; k < self->node.edge_count; k++) {
        struct tensor *t;

        if (!packed_has(self->packed, k))
            continue;
        t = pool_keep(packed_get(self->packed, k));
        if (!t)
            return -1;
        *argument_slot(self, k) = t;
    }
    return 0;
}

static void forget_unpacked(struct op_node *self)
{
    for (int k = 0; k < self->node.edge_count; k++)
        if (packed_has(self->packed, k))
            *argument_slot(self, k) = self->saved[k].tensor;
}

static int op_node_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct op_node *self = (struct op_node *)node;
    const struct rule *rule = &op_rules[self->op->id];
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};
    struct value conjugated[OP_MAX_ARGS];
    struct grad_call call = {
        .op = self->op, .args = self->args, .g = g, .results = results, .grads = grads};
    bool has_complex = false;
    size_t mark;
    int status = 0;

    if (self->released)
        return error_set(ERROR_RUNTIME, "%s", graph_freed_text);
    for (int i = 0; i < self->saved_count; i++) {
        if (check_saved(self, i) < 0)
            return -1;
        has_complex |= saved_is_complex(self, i);
    }
    mark = pool_open();
    if (self->packed)
        unpack_arguments(self);
    for (int i = node->edge_count; i < self->saved_count; i++)
        results[i - node->edge_count] = unpack_result(self, i, (uint32_t)(i - node->edge_count));
    for (int k = 0; k < node->edge_count; k++)
        call.need |= (uint64_t)(node->edges[k].node != NULL) << (k < 63 ? k : 63);
    if (has_complex && !error_pending())
        call.args = conjugate_saved(self, conjugated, results);
    if (!error_pending()) /* else memory ran out while the results were unpacked */
        rule->apply(&call);
    if (error_pending())
        status = -1;
    if (self->packed)
        forget_unpacked(self);
    for (int k = 0; k < node->edge_count; k++) {
        if (grads[k] && status == 0)
            tensor_ref(grads[k]);
        else
            grads[k] = NULL;
    }
    pool_close(mark);
    return status;
}

static const struct node_type op_node_type = {.apply = op_node_apply,
                                              .name = op_node_name,
                                              .shows = op_node_shows,
                                              .release_saved = op_node_release,
                                              .free = op_node_free};

/* Bytes of the lists that an argument points to. */
static size_t list_bytes(const struct param *p, const struct value *v)
{
    if (!v->given)
        return 0;
    switch (p->type) {
    case VALUE_TENSORS:
    case VALUE_INDICES:
        return (size_t)v->tensors.count * sizeof(*v->tensors.at);
    case VALUE_INTS:
        return (size_t)v->ints.count * sizeof(*v->ints.at);
    case VALUE_FLOATS:
        return (size_t)v->floats.count * sizeof(*v->floats.at);
    case VALUE_STRING:
        return (strlen(v->text) + 8) / 8 * 8;
    default:
        return 0;
    }
}

static void copy_list(const struct param *p, struct value *v, char **space)
{
    size_t bytes = list_bytes(p, v);

    if (bytes == 0)
        return;
    memcpy(*space,
           p->type == VALUE_STRING   ? (const void *)v->text
           : p->type == VALUE_INTS   ? (const void *)v->ints.at
           : p->type == VALUE_FLOATS ? (const void *)v->floats.at
                                     : (const void *)v->tensors.at,
           p->type == VALUE_STRING ? strlen(v->text) + 1 : bytes);
    if (p->type == VALUE_STRING)
        v->text = *space;
    else if (p->type == VALUE_INTS)
        v->ints.at = (const int64_t *)*space;
    else if (p->type == VALUE_FLOATS)
        v->floats.at = (const double *)*space;
    else
        v->tensors.at = (struct tensor **)*space;
    *space += bytes;
}

static int edge_count(const struct schema *schema, const struct value *args)
{
    int count = 0;

    for (int i = 0; i < schema->count; i++)
        count += tensors_in(&schema->params[i], &args[i]);
    return count;
}

/* Keeps `t` for edge k: whole when the rule needs its values, else its shape. */
static int save_argument(struct op_node *self, int k, struct tensor **slot, bool values)
{
    struct tensor *t = *slot;

    if (!t)
        return 0;
    if (t->requires_grad) {
        self->edges[k] = tensor_edge(t);
        if (!self->edges[k].node)
            return -1;
    } else if (!values && self->op->forward == elementwise_forward) {
        *slot = NULL; /* neither its values nor its shape will be asked for */
        return 0;
    }
    if (values && tensor_is_inference(t))
        return error_set(ERROR_RUNTIME,
                         "Inference tensors cannot be saved for backward. To work around you can "
                         "make a clone to get a normal tensor and use it in autograd.");
    if (values && saved_hooks && !t->wrapped_number) {
        if (packed_add(&self->packed, self->saved_count, k, t) < 0)
            return -1;
        values = false;
    }
    t = values ? tensor_ref(t) : tensor_shape_only(t);
    if (!t)
        return -1;
    self->saved[k].tensor = t;
    self->saved[k].version = t->storage ? t->storage->version : 0;
    *slot = t;
    return 0;
}

static int save_arguments(struct op_node *self, const struct schema *schema, unsigned saves)
{
    int k = 0;

    for (int i = 0; i < schema->count; i++) {
        struct value *v = &self->args[i];
        bool values = i < 8 && (saves >> i & 1);

        if (schema->params[i].type == VALUE_TENSOR) {
            if (v->given && v->tensor->wrapped_number)
                self->number = i + 1;
            if (v->given && save_argument(self, k, &v->tensor, values) < 0)
                return -1;
            k++;
        } else if (is_list(&schema->params[i]) && v->given) {
            for (int j = 0; j < v->tensors.count; j++, k++) {
                if (save_argument(self, k, &v->tensors.at[j], values) < 0)
                    return -1;
            }
        }
    }
    return 0;
}

struct node *record_node(const struct op *op, const struct value *args)
{
    const struct schema *schema = op_schema(op);
    const struct rule *rule = &op_rules[op->id];
    int edges = edge_count(schema, args), saved = edges + (rule->saves & SR ? op->outputs : 0);
    size_t size = sizeof(struct op_node) + (size_t)edges * sizeof(struct edge), lists = 0;
    size_t args_at = size, saved_at, space_at;
    struct op_node *self;
    char *space;

    saved_at = args_at + (size_t)schema->count * sizeof(struct value);
    space_at = saved_at + (size_t)saved * sizeof(struct saved);
    for (int i = 0; i < schema->count; i++)
        lists += list_bytes(&schema->params[i], &args[i]);
    size = space_at + lists;
    self = pool_alloc(size);
    if (!self)
        return NULL;
    node_init(&self->node, &op_node_type, self->edges, edges, op->outputs);
    self->op = op;
    self->size = size;
    self->saved_count = saved;
    self->released = false;
    self->number = 0;
    self->packed = NULL;
    self->name = NULL;
    self->args = (struct value *)((char *)self + args_at);
    self->saved = (struct saved *)((char *)self + saved_at);
    memset(self->edges, 0, (size_t)edges * sizeof(struct edge));
    memset(self->saved, 0, (size_t)saved * sizeof(struct saved));
    memcpy(self->args, args, (size_t)schema->count * sizeof(struct value));
    space = (char *)self + space_at;
    for (int i = 0; i < schema->count; i++)
        copy_list(&schema->params[i], &self->args[i], &space);
    if (save_arguments(self, schema, rule->saves) < 0) {
        node_unref(&self->node);
        return NULL;
    }
    return &self->node;
}

int record_results(struct node *node, struct tensor *const *out)
{
    struct op_node *self = (struct op_node *)node;

    for (int i = 0; i < node->output_count; i++) {
        if (self->op->flags & OP_RESERVE && i < node->output_count - 1)
            continue;
        if (node->edge_count + i < self->saved_count) {
            struct saved *saved = &self->saved[node->edge_count + i];

            if (saved_hooks) {
                if (packed_add(&self->packed, self->saved_count, node->edge_count + i, out[i]) < 0)
                    return -1;
                saved->tensor = tensor_shape_only(out[i]);
                continue;
            }
            saved->tensor = tensor_alias(out[i]);
            if (!saved->tensor)
                return -1;
            saved->version = out[i]->storage->version;
        }
    }
    return 0;
}

/* ---- calls ---- */

static bool list_wants_grad(const struct value *list)
{
    for (int j = 0; list->given && j < list->tensors.count; j++) {
        if (list->tensors.at[j] && list->tensors.at[j]->requires_grad)
            return true;
    }
    return false;
}

static bool wants_grad(const struct op *op, const struct value *args)
{
    const struct schema *schema = op_schema(op);

    for (uint32_t left = schema->tensors; left; left &= left - 1) {
        const struct value *v = &args[__builtin_ctz(left)];

        if (v->given && v->tensor->requires_grad)
            return true;
    }
    for (uint32_t left = schema->lists; left; left &= left - 1) {
        if (list_wants_grad(&args[__builtin_ctz(left)]))
            return true;
    }
    return false;
}

bool op_records(const struct op *op, const struct value *args)
{
    return grad_enabled() && op_rules[op->id].apply && wants_grad(op, args);
}

/* A view keeps the tensor that it shows a part of, which later in-place changes must reach. */
static void set_base(const struct op *op, const struct value *args, struct tensor *out)
{
    struct tensor *self = args[0].tensor;
    bool is_leaf = self->requires_grad && !self->grad_fn; /* a view that was made a leaf */

    if (!(op->flags & OP_VIEW) || out->base || out->storage != self->storage || out == self)
        return;
    out->base = tensor_ref(self->base && !is_leaf ? self->base : self);
    out->view_version = out->storage->version;
}

/* relu(x, inplace=True): x itself, changed. */
static int call_inplace_form(const struct op *op, const struct value *args, struct tensor **out)
{
    if (op_call_inplace(&ops_inplace[op->id], args) < 0)
        return -1;
    *out = tensor_ref(args[0].tensor);
    return 0;
}

/* The norm of complex numbers is that of their absolute values. */
static int call_of_size(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value sizes[OP_MAX_ARGS];
    size_t mark = pool_open();
    int status;

    memcpy(sizes, args, (size_t)op_schema(op)->count * sizeof(*args));
    sizes[0].tensor = d_abs(args[0].tensor);
    status = sizes[0].tensor ? op_call(op, sizes, out) : -1;
    pool_close(mark);
    return status;
}

void node_rename(struct node *node, const char *name)
{
    if (node && node->type == &op_node_type)
        ((struct op_node *)node)->name = name;
}

struct tensor *d_renamed(struct tensor *t, const char *name)
{
    node_rename(t ? t->grad_fn : NULL, name);
    return t;
}

/* The node of t, unless it was there before `since`, takes the name of an operation that PyTorch
 * records as one and that is made of several here. */
static void name_node(struct tensor *t, const struct op *op, uint64_t since)
{
    struct node *node = t ? t->grad_fn : NULL;

    if (node && node->sequence >= since)
        node_rename(node, op_backward_name(op, NULL, 0));
}

static int call_named(const struct op *op, const struct value *args, struct tensor **out)
{
    uint64_t since = node_next_sequence();
    int status = op->forward(op, args, out);

    for (int i = 0; i < op->outputs && status == 0; i++)
        name_node(out[i], op, since);
    return status;
}

int op_call_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    uint64_t since = node_next_sequence();
    int status = op->list(op, args, out);

    for (size_t i = 0; i < out->count && status == 0 && op->flags & OP_NODE; i++)
        name_node(out->at[i], op, since);
    return status;
}

int op_call(const struct op *op, const struct value *args, struct tensor **out)
{
    bool record;
    struct node *node = NULL;
    int status = 0;

    if (op->flags & OP_COMPOSED)
        return op->flags & OP_NODE ? call_named(op, args, out) : op->forward(op, args, out);
    if (__builtin_expect(op->inplace_arg && args[op->inplace_arg].i, 0))
        return call_inplace_form(op, args, out);
    if (op->flags & OP_OF_SIZE && dtype_is_complex(tensor_dtype(args[0].tensor)))
        return call_of_size(op, args, out);
    record = op_records(op, args);
    if (op_run(op, args, out) < 0)
        return -1;
    for (int i = 0; i < op->outputs && op->flags & OP_VIEW; i++)
        set_base(op, args, out[i]);
    if (!record || out[0] == args[0].tensor) /* a no-op gives its input back */
        return 0;
    node = record_node(op, args);
    if (!node || record_results(node, out) < 0)
        status = -1;
    for (int i = 0; i < op->outputs; i++) {
        if (status == 0 && i >= op_graded(op))
            continue;
        if (status == 0 && out[i] && dtype_is_differentiable(tensor_dtype(out[i])))
            tensor_set_history(out[i], node, (uint32_t)i);
        else if (status < 0) {
            tensor_unref(out[i]);
            out[i] = NULL;
        }
    }
    node_unref(node);
    return status;
}
