/* Recurrent cells, and layers over sequences, in recorded operations. */
#include "autograd/recurrent.h"
#include "base/error.h"
#include "base/mem.h"

#include <string.h>

/* ---- one step ---- */

static struct tensor *linear(struct tensor *x, struct tensor *weight, struct tensor *bias)
{
    return D(linear, V_TENSOR(x), V_TENSOR(weight), V_MAYBE(bias));
}

/* The k-th part of the columns of a sum. */
static struct tensor *part(struct tensor *sum, int k, int64_t width)
{
    return sum ? d_narrow(sum, -1, k * width, width) : NULL;
}

static bool lstm_step(const struct recurrent *r, struct tensor *sum, struct tensor **h,
                      struct tensor **c)
{
    int64_t width = sum->shape[sum->ndim - 1] / 4;
    struct tensor *in = d_sigmoid(part(sum, 0, width)), *forget = d_sigmoid(part(sum, 1, width));
    struct tensor *fresh = d_tanh(part(sum, 2, width)), *out = d_sigmoid(part(sum, 3, width));

    *c = d_add(d_mul(forget, *c), d_mul(in, fresh));
    *h = d_mul(out, d_tanh(*c));
    if (r->w_hr && *h)
        *h = linear(*h, r->w_hr, NULL);
    return *h != NULL;
}

static bool gru_step(struct tensor *from_x, struct tensor *from_h, struct tensor **h)
{
    int64_t width = from_x->shape[from_x->ndim - 1] / 3;
    struct tensor *reset = d_sigmoid(d_add(part(from_h, 0, width), part(from_x, 0, width)));
    struct tensor *keep = d_sigmoid(d_add(part(from_h, 1, width), part(from_x, 1, width)));
    struct tensor *fresh =
        d_tanh(d_add(part(from_x, 2, width), d_mul(part(from_h, 2, width), reset)));

    *h = d_add(d_mul(d_sub(*h, fresh), keep), fresh);
    return *h != NULL;
}

static bool d_cell_step(const struct recurrent *r, struct tensor *from_x, struct tensor **h,
                        struct tensor **c)
{
    struct tensor *from_h = linear(*h, r->w_hh, r->b_hh), *sum;

    if (!from_h || !from_x)
        return false;
    if (r->cell == CELL_GRU)
        return gru_step(from_x, from_h, h);
    sum = d_add(from_h, from_x);
    if (sum && r->cell == CELL_LSTM)
        return lstm_step(r, sum, h, c);
    *h = r->cell == CELL_TANH ? d_tanh(sum) : d_relu(sum);
    return *h != NULL;
}

/* ---- all steps ---- */

/* The first n rows of a state, and a state whose first rows have changed. */
static struct tensor *first_rows(struct tensor *state, int64_t n)
{
    return state && n < state->shape[0] ? d_narrow(state, 0, 0, n) : state;
}

static struct tensor *with_rows(struct tensor *state, struct tensor *rows)
{
    struct tensor *both[2] = {rows, state};
    int64_t n;

    if (!rows || !state || rows->shape[0] == state->shape[0])
        return rows;
    n = rows->shape[0];
    both[1] = d_narrow(state, 0, n, state->shape[0] - n);
    return both[1] ? D(cat, V_TENSORS(both, 2), V_INT(0)) : NULL;
}

static int64_t step_count(const struct recurrent *r)
{
    return r->sizes ? r->steps : r->x->shape[0];
}

/* What the input gives to one step, whose rows begin at `first`. */
static struct tensor *step_of(const struct recurrent *r, struct tensor *from_x, int64_t step,
                              int64_t first)
{
    return r->sizes ? d_narrow(from_x, 0, first, r->sizes[step]) : d_select(from_x, 0, step);
}

static bool walk_steps(const struct recurrent *r, struct tensor *from_x, struct tensor **outputs,
                       struct tensor **h, struct tensor **c)
{
    int64_t steps = step_count(r), first = r->reverse ? r->x->shape[0] : 0;

    for (int64_t k = 0; k < steps; k++) {
        int64_t step = r->reverse ? steps - 1 - k : k, n = r->sizes ? r->sizes[step] : 0;
        struct tensor *now = r->sizes ? first_rows(*h, n) : *h;
        struct tensor *now_c = r->sizes ? first_rows(*c, n) : *c;

        first -= r->reverse ? n : 0;
        if (!d_cell_step(r, step_of(r, from_x, step, first), &now, &now_c))
            return false;
        first += r->reverse ? 0 : n;
        outputs[step] = now;
        *h = with_rows(*h, now);
        *c = r->c ? with_rows(*c, now_c) : NULL;
    }
    return *h != NULL;
}

bool d_recurrent(const struct recurrent *r, struct tensor *out[3])
{
    int64_t steps = step_count(r);
    struct tensor **outputs = mem_zero((size_t)steps, sizeof(*outputs));
    struct tensor *from_x = outputs ? linear(r->x, r->w_ih, r->b_ih) : NULL, *h = r->h, *c = r->c;

    out[0] = NULL;
    if (from_x && walk_steps(r, from_x, outputs, &h, &c))
        out[0] = r->sizes ? D(cat, V_TENSORS(outputs, (int)steps), V_INT(0))
                          : D(stack, V_TENSORS(outputs, (int)steps), V_INT(0));
    out[1] = h;
    out[2] = c;
    mem_free(outputs);
    return out[0] != NULL;
}

/* ---- torch.lstm_cell and its like ---- */

static int check_cell_input(const struct tensor *x, const struct tensor *weight)
{
    int64_t size = x->ndim > 1 ? x->shape[1] : 0;

    if (x->ndim == 2 && size == weight->shape[weight->ndim - 1])
        return 0;
    return error_set(ERROR_RUNTIME, "input has inconsistent input_size: got %lld expected %lld",
                     (long long)size, (long long)weight->shape[weight->ndim - 1]);
}

static int check_cell_state(const struct tensor *x, const struct tensor *state, int64_t hidden,
                            int number)
{
    if (state->ndim != 2)
        return error_set(ERROR_RUNTIME, "hidden%d must have 2 dimensions, got %d", number,
                         state->ndim);
    if (x->shape[0] != state->shape[0])
        return error_set(ERROR_RUNTIME,
                         "Input batch size %lld doesn't match hidden%d batch size %lld",
                         (long long)x->shape[0], number, (long long)state->shape[0]);
    if (state->shape[1] == hidden)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "hidden%d has inconsistent hidden_size: got %lld, expected %lld", number,
                     (long long)state->shape[1], (long long)hidden);
}

/* args are those of the row from w_ih on. */
static int run_cell(enum cell cell, struct tensor *x, struct tensor *const *states,
                    const struct value *args, struct tensor **out)
{
    struct recurrent r = {.cell = cell, .w_ih = args[0].tensor, .w_hh = args[1].tensor};
    struct tensor *h = states[0], *c = cell == CELL_LSTM ? states[1] : NULL;
    size_t mark;
    bool done;

    if (r.w_ih->ndim != 2 || r.w_hh->ndim != 2)
        return error_set(ERROR_RUNTIME, "the weights of a cell must have 2 dimensions");
    if (check_cell_input(x, r.w_ih) < 0 || check_cell_state(x, h, r.w_hh->shape[1], 0) < 0 ||
        (c && check_cell_state(x, c, r.w_hh->shape[1], 1) < 0))
        return -1;
    r.b_ih = args[2].given ? args[2].tensor : NULL;
    r.b_hh = args[3].given ? args[3].tensor : NULL;
    mark = pool_open();
    done = d_cell_step(&r, linear(x, r.w_ih, r.b_ih), &h, &c);
    if (done) {
        out[0] = tensor_ref(h);
        if (c)
            out[1] = tensor_ref(c);
    }
    pool_close(mark);
    return done ? 0 : -1;
}

int lstm_cell_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (args[1].tensors.count != 2)
        return error_set(ERROR_RUNTIME, "lstm_cell expects two hidden states");
    return run_cell(CELL_LSTM, args[0].tensor, args[1].tensors.at, args + 2, out);
}

int recurrent_cell_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    enum cell cell = op->id == OP_gru_cell        ? CELL_GRU
                     : op->id == OP_rnn_tanh_cell ? CELL_TANH
                                                  : CELL_RELU;

    return run_cell(cell, args[0].tensor, &args[1].tensor, args + 2, out);
}
