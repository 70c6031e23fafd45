/* The rows `recurrent` and `recurrent_packed`: their arguments, checked. */
#include "base/error.h"
#include "tensor/recurrent.h"

struct recurrent recurrent_of(const struct op *op, const struct value *args)
{
    struct tensor *in[IN_COUNT];
    bool packed = op->id == OP_recurrent_packed;

    for (int i = 0; i < IN_COUNT; i++)
        in[i] = args[i].given ? args[i].tensor : NULL;
    return (struct recurrent){.cell = (enum cell)args[8].i,
                              .x = in[IN_X],
                              .h = in[IN_H],
                              .c = in[IN_C],
                              .w_ih = in[IN_W_IH],
                              .w_hh = in[IN_W_HH],
                              .b_ih = in[IN_B_IH],
                              .b_hh = in[IN_B_HH],
                              .w_hr = in[IN_W_HR],
                              .reverse = args[9].i,
                              .sizes = packed ? args[10].ints.at : NULL,
                              .steps = packed ? args[10].ints.count : 0};
}

static bool has_shape(const struct tensor *t, int ndim, int64_t rows, int64_t columns)
{
    return t->ndim == ndim && t->shape[0] == rows && (ndim == 1 || t->shape[1] == columns);
}

static bool same_dtype(const struct recurrent *r)
{
    const struct tensor *const all[] = {r->h, r->c, r->w_ih, r->w_hh, r->b_ih, r->b_hh, r->w_hr};

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (all[i] && all[i]->dtype != r->x->dtype)
            return false;
    return r->x->dtype == DTYPE_f32 || r->x->dtype == DTYPE_f64;
}

/* The rows of the steps: none has more than the one before, the first as many as the batch. */
static bool sizes_fit(const struct recurrent *r)
{
    int64_t last = r->h->shape[0], rows = 0;

    for (int64_t t = 0; t < r->steps; t++) {
        if (r->sizes[t] < 1 || r->sizes[t] > last)
            return false;
        rows += last = r->sizes[t];
    }
    return rows == r->x->shape[0] && r->steps > 0 && r->sizes[0] == r->h->shape[0];
}

bool recurrent_fits(const struct recurrent *r)
{
    int ndim = r->sizes ? 2 : 3;
    int64_t sum, hidden, output;

    if (!same_dtype(r) || r->x->ndim != ndim || r->h->ndim != 2 || r->w_hh->ndim != 2)
        return false;
    if (r->sizes ? !sizes_fit(r) : r->x->shape[1] != r->h->shape[0])
        return false;
    sum = r->w_hh->shape[0];
    hidden = sum / cell_infos[r->cell].gates;
    output = r->h->shape[1];
    if (sum != hidden * cell_infos[r->cell].gates || r->w_hh->shape[1] != output ||
        !has_shape(r->w_ih, 2, sum, r->x->shape[ndim - 1]))
        return false;
    if (r->w_hr ? !has_shape(r->w_hr, 2, output, hidden) : hidden != output)
        return false;
    if ((r->cell == CELL_LSTM) != (r->c != NULL) || (r->w_hr && !r->c) ||
        (r->c && !has_shape(r->c, 2, r->h->shape[0], hidden)))
        return false;
    return !r->b_ih == !r->b_hh &&
           (!r->b_ih || (has_shape(r->b_ih, 1, sum, 0) && has_shape(r->b_hh, 1, sum, 0)));
}

int recurrent_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct recurrent r = recurrent_of(op, args);

    if (!recurrent_fits(&r))
        return error_set(ERROR_RUNTIME, "%s(): the tensors do not fit one another", op->name);
    return recurrent_forward_pass(&r, out);
}
