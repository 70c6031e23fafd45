/* torch.lstm and its like: layers of recurrent cells in one or two directions. */
#include "autograd/recurrent.h"
#include "base/error.h"
#include "base/mem.h"

#include <string.h>

/* A call of any of the rows: what it says, and the tensors of its layers. */
struct stack {
    enum cell cell;
    struct tensor *x, *h, *c; /* h, c: (layers * directions, N, size); c of LSTM alone */
    struct value sizes;       /* of a packed sequence */
    struct tensor *const *params;
    int param_count, per_direction;
    bool biases, projected, train;
    int64_t layers;
    int directions;
    double dropout;
};

/* args[0] is the list of parameters, the rest follow as in the rows. */
static int read_parameters(struct stack *s, const struct value *args)
{
    const char *trouble = NULL;

    s->params = args[0].tensors.at;
    s->param_count = args[0].tensors.count;
    s->biases = args[1].i;
    s->layers = args[2].i;
    s->dropout = args[3].d;
    s->train = args[4].i;
    s->directions = args[5].i ? 2 : 1;
    s->projected = s->c && s->c->ndim == 3 && s->h->shape[2] != s->c->shape[2];
    s->per_direction = (s->biases ? 4 : 2) + s->projected;
    if (s->param_count % s->per_direction)
        trouble = "got an incorrect number of RNN parameters";
    else if (s->h->shape[0] != s->layers * s->directions)
        trouble = "Expected more hidden states in stacked_rnn";
    else if (s->param_count / s->per_direction != s->layers * s->directions)
        trouble = "Expected more weights in stacked_rnn";
    return trouble ? error_set(ERROR_RUNTIME, "%s", trouble) : 0;
}

/* ---- one direction of one layer ---- */

/* Runs it: results in the pool. */
static bool run_direction(const struct stack *s, struct tensor *x, int64_t index, bool reverse,
                          struct tensor *out[3])
{
    const struct op *op = &ops[s->sizes.given ? OP_recurrent_packed : OP_recurrent];
    struct tensor *const *w = s->params + index * s->per_direction;
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};
    struct tensor *h = d_select(s->h, 0, index), *c = s->c ? d_select(s->c, 0, index) : NULL;
    struct value args[OP_MAX_ARGS] = {
        [IN_X] = V_TENSOR(x),
        [IN_H] = V_TENSOR(h),
        [IN_C] = V_MAYBE(c),
        [IN_W_IH] = V_TENSOR(w[0]),
        [IN_W_HH] = V_TENSOR(w[1]),
        [IN_B_IH] = V_MAYBE(s->biases ? w[2] : NULL),
        [IN_B_HH] = V_MAYBE(s->biases ? w[3] : NULL),
        [IN_W_HR] = V_MAYBE(s->projected ? w[s->per_direction - 1] : NULL),
        [8] = V_INT(s->cell),
        [9] = V_INT(reverse),
        [10] = s->sizes,
    };
    struct recurrent r;

    if (!h || (s->c && !c))
        return false;
    r = recurrent_of(op, args);
    if (!recurrent_fits(&r)) /* or it is wrong: the recorded way has the errors */
        return d_recurrent(&r, out);
    if (op_call(op, args, results) < 0)
        return false;
    for (int i = 0; i < OP_MAX_OUTPUTS; i++)
        pool_keep(results[i]);
    memcpy(out, results, 3 * sizeof(*out));
    return true;
}

/* ---- all layers ---- */

/* The output of a layer's directions, side by side. Its last states go to h and c. */
static struct tensor *run_layer(const struct stack *s, struct tensor *x, int64_t layer,
                                struct tensor **h, struct tensor **c)
{
    struct tensor *outputs[2], *out[3];

    for (int d = 0; d < s->directions; d++) {
        int64_t index = layer * s->directions + d;

        if (!run_direction(s, x, index, d == 1, out))
            return NULL;
        outputs[d] = out[0];
        h[index] = out[1];
        c[index] = out[2];
    }
    return s->directions == 1 ? outputs[0] : D(cat, V_TENSORS(outputs, 2), V_INT(-1));
}

/* Fills out with the output, h and c; in the pool. */
static bool run_layers(const struct stack *s, struct tensor *out[3])
{
    int count = (int)(s->layers * s->directions);
    struct tensor **h = mem_zero((size_t)count * 2, sizeof(*h)), **c = h + count, *x = s->x;

    for (int64_t layer = 0; h && x && layer < s->layers; layer++) {
        x = run_layer(s, x, layer, h, c);
        if (x && s->dropout != 0 && s->train && layer < s->layers - 1)
            x = D(dropout, V_TENSOR(x), V_FLOAT(s->dropout), V_INT(true));
    }
    out[0] = h ? x : NULL;
    out[1] = out[0] ? D(stack, V_TENSORS(h, count), V_INT(0)) : NULL;
    out[2] = out[1] && s->c ? D(stack, V_TENSORS(c, count), V_INT(0)) : NULL;
    mem_free(h);
    return out[1] && (out[2] || !s->c);
}

static int give(struct tensor *const *made, int count, bool done, size_t mark, struct tensor **out)
{
    for (int i = 0; done && i < count; i++)
        out[i] = tensor_ref(made[i]);
    pool_close(mark);
    return done ? 0 : -1;
}

static int check_states(const struct stack *s)
{
    if (s->h->ndim == 3 && (!s->c || s->c->ndim == 3))
        return 0;
    return error_set(ERROR_RUNTIME, "hidden states must have 3 dimensions, got %d",
                     s->h->ndim != 3 ? s->h->ndim : s->c->ndim);
}

/* args from the parameters on; `batch_first` is behind them. */
static int run_sequence(struct stack *s, const struct value *args, struct tensor **out)
{
    bool batch_first = args[6].i;
    struct tensor *made[3] = {NULL};
    size_t mark = pool_open();
    bool done = false;

    if (s->x->ndim != 3)
        error_set(ERROR_RUNTIME, "input must have 3 dimensions, got %d", s->x->ndim);
    else if (s->x->shape[batch_first] == 0)
        error_set(ERROR_RUNTIME, "Expected sequence length to be larger than 0 in RNN");
    else if (check_states(s) == 0 && read_parameters(s, args) == 0) {
        s->x = batch_first ? d_transpose(s->x, 0, 1) : s->x;
        done = s->x && run_layers(s, made);
    }
    if (done && batch_first) {
        made[0] = s->c ? d_transpose(made[0], 0, 1)
                       : D(transpose_in_place, V_TENSOR(made[0]), V_INT(0), V_INT(1));
        done = made[0] != NULL;
    }
    return give(made, s->c ? 3 : 2, done, mark, out);
}

/* batch_sizes of a packed sequence; what they say is checked with the layers. */
static int read_sizes(struct stack *s, struct tensor *sizes)
{
    if (sizes->dtype != DTYPE_i64 || sizes->ndim != 1 || sizes->shape[0] == 0)
        return error_set(ERROR_RUNTIME, "batch_sizes should always be a 1D tensor of int64");
    sizes = pool_keep(tensor_contiguous(sizes));
    if (!sizes)
        return -1;
    s->sizes = V_INTS((const int64_t *)tensor_data(sizes), (int)sizes->shape[0]);
    return 0;
}

static int run_packed(struct stack *s, struct tensor *sizes, const struct value *args,
                      struct tensor **out)
{
    struct tensor *made[3] = {NULL};
    size_t mark = pool_open();
    bool done = check_states(s) == 0 && read_sizes(s, sizes) == 0 &&
                read_parameters(s, args) == 0 && run_layers(s, made);

    return give(made, s->c ? 3 : 2, done, mark, out);
}

/* ---- the rows ---- */

static int two_states(const struct value *list, struct stack *s)
{
    if (list->tensors.count != 2)
        return error_set(ERROR_RUNTIME, "lstm expects two hidden states");
    s->h = list->tensors.at[0];
    s->c = list->tensors.at[1];
    return 0;
}

int lstm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct stack s = {.cell = CELL_LSTM, .x = args[0].tensor};

    (void)op;
    return two_states(&args[1], &s) < 0 ? -1 : run_sequence(&s, args + 2, out);
}

int lstm_packed_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct stack s = {.cell = CELL_LSTM, .x = args[0].tensor};

    (void)op;
    return two_states(&args[2], &s) < 0 ? -1 : run_packed(&s, args[1].tensor, args + 3, out);
}

static enum cell cell_of(const struct op *op)
{
    return *op->name == 'g' ? CELL_GRU : op->name[4] == 't' ? CELL_TANH : CELL_RELU;
}

int recurrent_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct stack s = {.cell = cell_of(op), .x = args[0].tensor, .h = args[1].tensor};

    return run_sequence(&s, args + 2, out);
}

int recurrent_packed_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct stack s = {.cell = cell_of(op), .x = args[0].tensor, .h = args[2].tensor};

    return run_packed(&s, args[1].tensor, args + 3, out);
}
