/*
 * autograd.h: recorded operations, the graph they leave, and the walk back along it.
 *
 * op_call() runs a row of the operation table and, when gradients are on and an input wants one,
 * hangs a node on the result: what it saved, and edges to the nodes of its inputs. backward() walks
 * these nodes in the reverse order of their making and hands gradients along the edges; at a leaf
 * they gather in its `grad`. Derivatives are written in recorded operations, so a gradient computed
 * with create_graph has a graph of its own.
 *
 * As in tensor.h: inputs are borrowed, results are new references.
 */
#ifndef SADDLE_AUTOGRAD_AUTOGRAD_H
#define SADDLE_AUTOGRAD_AUTOGRAD_H

#include "tensor/op.h"

/* ---- the operations ---- */

/* Filled by autograd_init(), constant afterwards. */
extern struct op ops[OP_COUNT];         /* the rows of ops.def */
extern struct op ops_inplace[OP_COUNT]; /* their in-place forms; name NULL where there is none */

/* Registers what this room must know of tensors, and chooses the kernels. Call once. */
void autograd_init(void);

/* Runs an operation: see op_forward for `out`, whose entries are NULL. */
int op_call(const struct op *op, const struct value *args, struct tensor **out);
/* The same with the tensors of out=: outside the graph, and what takes part in it is refused. */
int op_call_out(const struct op *op, const struct value *args, struct tensor **out);
/* The same for a row that gives a list (op->list): fills an empty one, which stays so on an error.
 */
int op_call_list(const struct op *op, const struct value *args, struct tensor_list *out);
/* Runs the in-place form, or a row with OP_MUTATES, on args[0]. Nothing is returned: self changed.
 */
int op_call_inplace(const struct op *op, const struct value *args);
/* For what writes a tensor anew without a row. Before: whether it may be written to; 0 or -1.
 * After: it counts as changed, and no gradient passes; its grad_fn gets this name (static). 0 or
 * -1. */
int tensor_overwrite_check(const struct tensor *self);
int tensor_overwritten(struct tensor *self, const char *name);
/* Fills args[from..] with the schema's defaults. */
void op_defaults(const struct op *op, struct value *args, int from);

/* ---- what a tensor knows ---- */

struct edge {
    struct node *node; /* NULL: nothing wants this gradient */
    uint32_t output_nr;
};

struct hook { /* called with the gradient; returns it, another (new reference), or NULL on error */
    struct tensor *(*call)(void *data, struct tensor *grad);
    void (*release)(void *data);
    void *data;
    int id;
    uint32_t output_nr;
    struct hook *next;
};

struct autograd_meta {
    struct tensor *grad;
    /* What an optimizer has used: the gradient's memory, and its version then or after backward()
     * has added to it. Only compared. */
    const struct storage *used;
    uint32_t used_version;
    bool used_again;          /* backward() has added to a used gradient */
    struct node *accumulator; /* borrowed: it lives as long as a graph uses it */
    struct hook *hooks;       /* of a leaf; those of other tensors hang on their grad_fn */
    bool retains_grad;
};

static inline bool tensor_is_leaf(const struct tensor *t)
{
    return !t->grad_fn;
}
struct tensor *tensor_grad(const struct tensor *t);         /* borrowed, NULL when there is none */
int tensor_set_grad(struct tensor *t, struct tensor *grad); /* grad may be NULL */
/* Fills t's gradient, if it has one, with zeros; a history that it has is dropped. */
int tensor_zero_grad(struct tensor *t);
/* Notes that an optimizer uses t's gradient. True when it contains one that was used before: since
 * then backward() has added to it, and nothing has cleared it. */
bool tensor_use_grad(struct tensor *t);
/* Switches requires_grad of a leaf; errors as PyTorch's (not a leaf, not floating point). */
int tensor_set_requires_grad(struct tensor *t, bool on);
int tensor_retain_grad(struct tensor *t);
/* The node that computed t, brought up to date after in-place changes of what it is a view of;
 * borrowed. */
struct node *tensor_grad_fn(struct tensor *t);
/* t becomes a leaf that wants no gradient, as detach_(). */
void tensor_forget_history(struct tensor *t);
/* An alias without history, as detach(). */
struct tensor *tensor_detach(struct tensor *t);
/* Adds a hook for the gradient of t, returns its id (> 0) or -1; the tensor owns `data` then. */
int tensor_add_hook(struct tensor *t, struct hook hook);
void tensor_remove_hook(struct tensor *t, int id);

/* ---- grad mode ---- */

/* In inference mode nothing is recorded, whatever `enabled` says, and new storages are marked:
 * their tensors never take part in a graph and may be changed in place in inference mode alone. */
struct grad_mode {
    bool enabled, inference;
};
bool grad_enabled(void);        /* whether operations are recorded now */
bool grad_set_enabled(bool on); /* returns what it was */
struct grad_mode grad_mode(void);
void grad_mode_set(struct grad_mode mode);
static inline bool tensor_is_inference(const struct tensor *t)
{
    return t->storage && t->storage->inference;
}

/* ---- nodes ---- */

struct node;
struct node_type {
    /* Gradients of the inputs from those of the outputs: g[i] borrowed, NULL for zero; grads[i] is
     * a new reference or NULL. Called once, or more often when the graph is retained. */
    int (*apply)(struct node *node, struct tensor *const *g, struct tensor **grads);
    const char *(*name)(const struct node *node);
    bool (*shows)(const struct node *node, int edge); /* in next_functions; NULL: all do */
    void (*release_saved)(struct node *node); /* after a backward that does not retain the graph */
    void (*free)(struct node *node);          /* frees what the node owns and its memory */
};

struct task;
struct node {
    int refs;
    int edge_count, output_count;
    uint64_t sequence; /* order of making: later ones run first */
    const struct node_type *type;
    struct edge *edges;
    struct task *task;  /* of the backward that is under way */
    struct hook *hooks; /* on the gradients of the outputs, before apply */
    struct node_hook *whole;
    void *python; /* the Python object that stands for this node, borrowed */
};

/* Fills a node that the caller has allocated; edges is its array, filled by the caller. */
void node_init(struct node *node, const struct node_type *type, struct edge *edges, int edge_count,
               int output_count);
struct node *node_ref(struct node *node);
void node_unref(struct node *node); /* releases a chain of any length without recursion */
/* For the `free` of a node type: lets go of the edges' nodes. */
void node_release_edges(struct node *node);
/* The edge that a gradient of t takes: to grad_fn, to the leaf's accumulator, or nowhere. The node
 * is a new reference. */
struct edge tensor_edge(struct tensor *t);
/* Makes t output `nr` of node: the history of a result. */
void tensor_set_history(struct tensor *t, struct node *node, uint32_t nr);
const char *node_name(const struct node *node);
/* The node of a table's row (others stay as they are) shows this name, which is constant. */
void node_rename(struct node *node, const char *name);

/* The leaf that a node gathers the gradient of, borrowed, or NULL if it is no AccumulateGrad. */
struct tensor *node_variable(const struct node *node);

/* Hooks run on a node's incoming gradients before apply; for a leaf's accumulator those of the
 * leaf. */
struct hook *node_hooks(const struct node *node);
int node_add_hook(struct node *node, struct hook hook); /* id > 0, or -1 */

/* Hooks on a whole node run before its apply, with all gradients of its outputs in g and grads
 * NULL, or after it. They may put other gradients in the place of some: new references, those that
 * they replace are released. 0 or -1. */
struct node_hook {
    int (*call)(void *data, const struct node *node, struct tensor **g, struct tensor **grads);
    void (*release)(void *data);
    void *data;
    bool after;
    int id;
    struct node_hook *next;
};
int node_add_whole_hook(struct node *node, struct node_hook hook); /* id > 0, or -1 */
void node_remove_whole_hook(struct node *node, int id);

/* ---- what nodes save ---- */

/* While these are set, each tensor whose values a node saves is handed to pack(), and what that
 * gives is kept in its place; unpack() gives the values back when they are needed. Counted. */
struct saved_hooks {
    int refs;
    void *(*pack)(struct saved_hooks *hooks, struct tensor *t);        /* NULL: an error */
    struct tensor *(*unpack)(struct saved_hooks *hooks, void *packed); /* a new reference */
    void (*drop)(void *packed);
    void (*free)(struct saved_hooks *hooks);
};
extern struct saved_hooks *saved_hooks; /* NULL by default */
void saved_hooks_unref(struct saved_hooks *hooks);

/* Up to `count` tensors that have been packed, each with its place in the graph; NULL: none. */
struct packed;
int packed_add(struct packed **list, int count, int k, struct tensor *t);
bool packed_has(const struct packed *list, int k);
/* Tensor k again; with its history, if recording is on. A new reference. */
struct tensor *packed_get(const struct packed *list, int k);
void packed_free(struct packed *list);

/* ---- backward ---- */

/*
 * d(roots)/d(...): `grads[i]` (borrowed, NULL: 1 for a one-element root, else PyTorch's error) is
 * the gradient of roots[i]. Without `inputs` (NULL) the gradients gather in the leaves; with them
 * they are stored in results[i] (new references, NULL where nothing flowed) when `results` is
 * given, else they gather in those inputs alone. `retain`: the graph can be walked again.
 */
struct backward_request {
    struct tensor *const *roots;
    struct tensor *const *grads;
    int root_count;
    struct tensor *const *inputs;
    int input_count;
    struct tensor **results;
    bool retain, create_graph;
};
int backward(const struct backward_request *request);
/* The error of a walk through nodes that were not retained. */
extern const char graph_freed_text[];
/* Sets the error of a saved tensor that has been changed in place since it had version `expected`.
 * `origin`: ", which is output 0 of AddBackward0,", or nothing. -1 */
int graph_changed_error(const struct tensor *t, uint32_t expected, const char *origin);

/* ---- anomaly detection ---- */

/* NULL, which is no detection, costs one branch where a node is made and one where it has run. */
struct anomaly {
    void (*made)(struct node *node,
                 struct node *during); /* during: whose backward makes it, or NULL */
    void (*failed)(struct node *node); /* its backward failed; the error is pending */
    bool check_nan;                    /* a gradient that is not a number is a failure */
};
extern const struct anomaly *anomaly;

/* ---- observer ---- */

/* All live views hang on this. NULL by default: one branch. */
struct observer {
    void (*graph)(void *data, struct tensor *const *roots, int count);
    void (*node)(void *data, struct node *node, struct tensor *const *g,
                 struct tensor *const *grads);
    void (*step)(void *data, const char *optimizer, struct tensor *const *params, int count);
    void *data;
};
extern const struct observer *observer;

#endif
