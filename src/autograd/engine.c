/* backward(): the walk from the roots to the leaves. */
#include "autograd/record.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

const struct observer *observer;
const struct anomaly *anomaly;
struct node *node_running;

/* What a run knows of a node. The tasks of a run lie in one array; node->task points into it while
 * the run lasts, and back to that of an outer run (a backward inside a hook) afterwards. */
struct run;
struct task {
    struct node *node;
    const struct run *run;
    struct task *outer;
    int waits_for; /* how many edges still have to deliver */
    bool needed;   /* on a way to one of the inputs, when inputs are given */
    bool leads_on; /* an edge leads to a node that is needed */
    struct tensor **g;
    struct tensor *inline_g[2];
};

enum { TASKS_ON_STACK = 16 };

struct run {
    const struct backward_request *request;
    struct task **tasks;
    size_t count, capacity;
    struct task **ready; /* a heap: the latest made node on top */
    size_t ready_count, ready_capacity;
    struct task *small_tasks[TASKS_ON_STACK], *small_ready[TASKS_ON_STACK];
};

/* Room for one more; a small graph stays in the arrays on the stack. */
static bool grow(struct task ***list, size_t count, size_t *capacity, struct task **small)
{
    struct task **heap = NULL;
    size_t room = 0;

    if (count < *capacity)
        return true;
    if (*list != small)
        return vec_grow((void **)list, count, capacity, sizeof(**list));
    while (room <= count) {
        if (!vec_grow((void **)&heap, room, &room, sizeof(*heap))) {
            mem_free(heap);
            return false;
        }
    }
    memcpy(heap, small, count * sizeof(*heap));
    *list = heap;
    *capacity = room;
    return true;
}

static struct task *add_task(struct run *run, struct node *node)
{
    struct task *task = pool_alloc(sizeof(*task));

    if (!task || !grow(&run->tasks, run->count, &run->capacity, run->small_tasks)) {
        if (task)
            pool_free(task, sizeof(*task));
        return NULL;
    }
    memset(task, 0, sizeof(*task));
    task->g = task->inline_g;
    if (node->output_count > 2) {
        task->g = mem_zero((size_t)node->output_count, sizeof(*task->g));
        if (!task->g) {
            pool_free(task, sizeof(*task));
            return NULL;
        }
    }
    task->node = node_ref(node);
    task->run = run;
    task->outer = node->task;
    node->task = task;
    run->tasks[run->count++] = task;
    return task;
}

static bool in_run(const struct run *run, const struct node *node)
{
    return node->task && node->task->run == run;
}

/* Finds all nodes that the roots reach, and counts the edges into each. */
static int discover(struct run *run)
{
    for (size_t next = 0; next < run->count; next++) {
        struct node *node = run->tasks[next]->node;

        for (int k = 0; k < node->edge_count; k++) {
            struct node *to = node->edges[k].node;

            if (!to)
                continue;
            if (!in_run(run, to) && !add_task(run, to))
                return -1;
            to->task->waits_for++;
        }
    }
    return 0;
}

/* ---- which nodes are needed ---- */

static int by_sequence(const void *a, const void *b)
{
    const struct node *x = (*(struct task *const *)a)->node, *y = (*(struct task *const *)b)->node;

    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* The first input from `from` on that waits for output `nr` of a node, or -1. */
static int input_of(const struct run *run, const struct node *node, uint32_t nr, int from)
{
    for (int i = from; i < run->request->input_count; i++) {
        struct tensor *t = run->request->inputs[i];

        if (t->grad_fn ? t->grad_fn == node && t->output_nr == nr : node_variable(node) == t)
            return i;
    }
    return -1;
}

static bool is_input(const struct run *run, const struct node *node)
{
    for (int nr = 0; nr < node->output_count; nr++) {
        if (input_of(run, node, (uint32_t)nr, 0) >= 0)
            return true;
    }
    return false;
}

/* With inputs given, only what lies between the roots and them is computed. Edges lead to nodes
 * made earlier (and to leaves), so one pass in the order of making settles it. */
static void mark_needed(struct run *run)
{
    if (!run->request->inputs) {
        for (size_t i = 0; i < run->count; i++)
            run->tasks[i]->needed = true;
        return;
    }
    for (size_t i = 0; i < run->count; i++)
        run->tasks[i]->needed = is_input(run, run->tasks[i]->node);
    qsort(run->tasks, run->count, sizeof(*run->tasks), by_sequence);
    for (size_t i = 0; i < run->count; i++) {
        struct node *node = run->tasks[i]->node;

        for (int k = 0; k < node->edge_count; k++) {
            if (node->edges[k].node && node->edges[k].node->task->needed)
                run->tasks[i]->needed = run->tasks[i]->leads_on = true;
        }
    }
}

/* ---- the nodes that are ready ---- */

static int push_ready(struct run *run, struct task *task)
{
    size_t at = run->ready_count;

    if (!grow(&run->ready, at, &run->ready_capacity, run->small_ready))
        return -1;
    run->ready_count++;
    for (; at > 0 && run->ready[(at - 1) / 2]->node->sequence < task->node->sequence;
         at = (at - 1) / 2)
        run->ready[at] = run->ready[(at - 1) / 2];
    run->ready[at] = task;
    return 0;
}

static struct task *pop_ready(struct run *run)
{
    struct task *top = run->ready[0], *last = run->ready[--run->ready_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= run->ready_count)
            break;
        if (child + 1 < run->ready_count &&
            run->ready[child + 1]->node->sequence > run->ready[child]->node->sequence)
            child++;
        if (run->ready[child]->node->sequence <= last->node->sequence)
            break;
        run->ready[at] = run->ready[child];
        at = child;
    }
    run->ready[at] = last;
    return top;
}

/* ---- gradients on their way ---- */

static bool may_add_in_place(const struct tensor *sum, const struct tensor *grad)
{
    return !grad_enabled() && sum->refs == 1 && sum->storage->refs == 1 && !sum->python &&
           tensor_is_contiguous(sum) && tensor_same_shape(sum, grad) && sum->dtype == grad->dtype;
}

/* Adds `grad` (a new reference, taken over) to *slot. */
static int add_gradient(struct tensor **slot, struct tensor *grad)
{
    struct value args[3];
    struct tensor *sum = NULL;
    int status;

    if (!*slot) {
        *slot = grad;
        return 0;
    }
    args[0] = (struct value){.given = true, .tensor = *slot};
    args[1] = (struct value){.given = true, .tensor = grad};
    op_defaults(&ops[OP_add], args, 2);
    if (may_add_in_place(*slot, grad)) {
        status = op_call_inplace(&ops_inplace[OP_add], args);
    } else {
        status = op_call(&ops[OP_add], args, &sum);
        if (status == 0) {
            tensor_unref(*slot);
            *slot = sum;
        }
    }
    tensor_unref(grad);
    return status;
}

static int run_hooks(struct node *node, struct tensor **g)
{
    struct hook *next;

    for (struct hook *hook = node_hooks(node); hook; hook = next) {
        struct tensor **slot = &g[hook->output_nr], *changed;

        next = hook->next;
        if (!*slot)
            continue;
        changed = hook->call(hook->data, *slot);
        if (!changed)
            return -1;
        tensor_unref(*slot);
        *slot = changed;
    }
    return 0;
}

/* The hooks on the whole node, those before its apply (grads NULL) or those after it. */
static int run_whole_hooks(struct node *node, struct tensor **g, struct tensor **grads)
{
    struct node_hook *next;

    for (struct node_hook *hook = node->whole; hook; hook = next) {
        next = hook->next;
        if (hook->after == (grads != NULL) && hook->call(hook->data, node, g, grads) < 0)
            return -1;
    }
    return 0;
}

/* Hands the gradients of inputs over; *done when the node itself need not run. */
static void capture(struct run *run, struct task *task, bool *done)
{
    const struct backward_request *request = run->request;
    struct node *node = task->node;

    *done = request->inputs && !task->leads_on && (request->results || !node_variable(node));
    for (int nr = 0; request->inputs && nr < node->output_count; nr++) {
        struct tensor *grad = task->g[nr];

        for (int i = input_of(run, node, (uint32_t)nr, 0); i >= 0 && grad;
             i = input_of(run, node, (uint32_t)nr, i + 1)) {
            if (request->results)
                request->results[i] = tensor_ref(grad);
        }
    }
}

/* Gives the computed gradients to the nodes that wait for them. */
static int deliver(struct run *run, struct node *node, struct tensor **grads)
{
    int status = 0;

    for (int k = 0; k < node->edge_count; k++) {
        struct edge edge = node->edges[k];
        struct tensor *grad = grads ? grads[k] : NULL;

        if (!edge.node || !edge.node->task->needed) {
            tensor_unref(grad);
            if (!edge.node)
                continue;
        } else if (grad && add_gradient(&edge.node->task->g[edge.output_nr], grad) < 0) {
            status = -1;
        }
        if (--edge.node->task->waits_for == 0 && push_ready(run, edge.node->task) < 0)
            status = -1;
    }
    return status;
}

static bool any_gradient(const struct task *task)
{
    for (int i = 0; i < task->node->output_count; i++) {
        if (task->g[i])
            return true;
    }
    return false;
}

/* ---- running a node ---- */

/* 1 when an element is not a number, 0, or -1. */
static int has_nan(struct tensor *t)
{
    struct value args = {.given = true, .tensor = t};
    struct tensor *mask = NULL, *any = NULL;
    struct scalar found = {0};
    bool before = grad_set_enabled(false);
    int status = op_call(&ops[OP_isnan], &args, &mask);

    args.tensor = mask;
    if (status == 0)
        status = op_call(&ops[OP_any], &args, &any);
    if (status == 0)
        status = tensor_item(any, &found);
    grad_set_enabled(before);
    tensor_unref(mask);
    tensor_unref(any);
    return status < 0 ? -1 : found.i != 0;
}

static int check_nan(const struct node *node, struct tensor *const *grads)
{
    for (int k = 0; k < node->edge_count; k++) {
        int found = grads[k] ? has_nan(grads[k]) : 0;

        if (found > 0)
            error_set(ERROR_RUNTIME, "Function '%s' returned nan values in its %dth output.",
                      node_name(node), k);
        if (found)
            return -1;
    }
    return 0;
}

/* apply() under anomaly detection. */
static int apply_watched(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    const struct anomaly *watch = anomaly;
    struct node *outer = node_running;
    int status;

    node_running = node;
    status = node->type->apply(node, g, grads);
    node_running = outer;
    if (status == 0 && watch->check_nan && check_nan(node, grads) < 0) {
        for (int k = 0; k < node->edge_count; k++) {
            tensor_unref(grads[k]);
            grads[k] = NULL;
        }
        status = -1;
    }
    if (status < 0)
        watch->failed(node);
    return status;
}

enum { EDGES_ON_STACK = 16 };

static int run_task(struct run *run, struct task *task)
{
    struct node *node = task->node;
    struct tensor *small[EDGES_ON_STACK] = {NULL}, **grads = small;
    bool done;
    int status;

    if (!task->needed || !any_gradient(task))
        return deliver(run, node, NULL);
    if (run_hooks(node, task->g) < 0 || (node->whole && run_whole_hooks(node, task->g, NULL) < 0))
        return -1;
    capture(run, task, &done);
    if (done)
        return 0;
    if (node->edge_count > EDGES_ON_STACK) {
        grads = mem_zero((size_t)node->edge_count, sizeof(*grads));
        if (!grads)
            return -1;
    }
    status =
        anomaly ? apply_watched(node, task->g, grads) : node->type->apply(node, task->g, grads);
    if (status == 0 && node->whole && run_whole_hooks(node, task->g, grads) < 0) {
        for (int k = 0; k < node->edge_count; k++)
            tensor_unref(grads[k]);
        status = -1;
    }
    if (status == 0 && observer && observer->node)
        observer->node(observer->data, node, task->g, grads);
    if (!run->request->retain && node->type->release_saved)
        node->type->release_saved(node);
    for (int i = 0; i < node->output_count; i++) {
        tensor_unref(task->g[i]);
        task->g[i] = NULL;
    }
    if (status == 0)
        status = deliver(run, node, grads);
    if (grads != small)
        mem_free(grads);
    return status;
}

/* ---- the whole ---- */

/* A gradient that is given has its root's shape; without one the root has one element. */
static int check_root(const struct tensor *root, const struct tensor *grad, int i)
{
    char text[2][256];

    if (!grad && root->requires_grad && root->numel != 1)
        return error_set(ERROR_RUNTIME, "grad can be implicitly created only for scalar outputs");
    if (!grad || tensor_same_shape(root, grad))
        return 0;
    return error_set(ERROR_RUNTIME,
                     "Mismatch in shape: grad_output[%d] has a shape of torch.Size(%s) and "
                     "output[%d] has a shape of torch.Size(%s).",
                     i, shape_text(grad->ndim, grad->shape, text[0], sizeof(text[0])), i,
                     shape_text(root->ndim, root->shape, text[1], sizeof(text[1])));
}

/* The gradient that a root starts with: given, or 1. A new reference. */
static struct tensor *root_gradient(struct tensor *root, struct tensor *grad)
{
    return grad ? tensor_ref(grad)
                : tensor_full(tensor_dtype(root), root->ndim, root->shape, scalar_int(1));
}

/* All inputs can get a gradient. */
static int check_inputs(const struct backward_request *request)
{
    for (int i = 0; i < request->input_count; i++) {
        if (!request->inputs[i]->requires_grad)
            return error_set(ERROR_RUNTIME,
                             "One of the differentiated Tensors does not require grad");
    }
    return 0;
}

static int add_roots(struct run *run)
{
    const struct backward_request *request = run->request;

    for (int i = 0; i < request->root_count; i++) {
        if (check_root(request->roots[i], request->grads ? request->grads[i] : NULL, i) < 0)
            return -1;
    }
    for (int i = 0; i < request->root_count; i++) {
        struct tensor *root = request->roots[i], *grad;
        struct edge edge;
        int status = 0;

        if (!root->requires_grad)
            return error_set(ERROR_RUNTIME,
                             "element %d of tensors does not require grad and does "
                             "not have a grad_fn",
                             i);
        grad = root_gradient(root, request->grads ? request->grads[i] : NULL);
        if (!grad)
            return -1;
        edge = tensor_edge(root);
        if (!edge.node || (!in_run(run, edge.node) && !add_task(run, edge.node)))
            status = -1;
        if (status == 0)
            status = add_gradient(&edge.node->task->g[edge.output_nr], grad);
        else
            tensor_unref(grad);
        node_unref(edge.node);
        if (status < 0)
            return -1;
    }
    return check_inputs(request);
}

static void end_run(struct run *run)
{
    for (size_t i = run->count; i-- > 0;) {
        struct task *task = run->tasks[i];

        for (int nr = 0; nr < task->node->output_count; nr++)
            tensor_unref(task->g[nr]);
        if (task->g != task->inline_g)
            mem_free(task->g);
        task->node->task = task->outer;
        node_unref(task->node);
        pool_free(task, sizeof(*task));
    }
    if (run->tasks != run->small_tasks)
        mem_free(run->tasks);
    if (run->ready != run->small_ready)
        mem_free(run->ready);
}

int backward(const struct backward_request *request)
{
    struct run run;
    bool was = grad_set_enabled(request->create_graph);
    size_t roots;
    int status;

    run.request = request;
    run.count = run.ready_count = 0;
    run.tasks = run.small_tasks;
    run.ready = run.small_ready;
    run.capacity = run.ready_capacity = TASKS_ON_STACK;
    status = add_roots(&run);
    roots = run.count;

    if (status == 0 && observer && observer->graph)
        observer->graph(observer->data, request->roots, request->root_count);
    if (status == 0)
        status = discover(&run);
    if (status == 0) {
        for (size_t i = 0; i < roots && status == 0; i++) {
            if (run.tasks[i]->waits_for == 0)
                status = push_ready(&run, run.tasks[i]);
        }
        mark_needed(&run);
    }
    while (status == 0 && run.ready_count > 0)
        status = run_task(&run, pop_ready(&run));
    end_run(&run);
    grad_set_enabled(was);
    return status;
}
