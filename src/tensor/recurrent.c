/* Recurrent layers: the walk over the steps. The row kernels are those of kernels_recurrent.c. */
#include "tensor/recurrent.h"

#include "base/error.h"
#include "base/mem.h"
#include "tensor/kernels.h"
#include "tensor/threads.h"

#include <cblas.h>
#include <string.h>

const struct cell_info cell_infos[CELL_COUNT] = {
    [CELL_TANH] = {1, 1, RESERVE_RNN_H},
    [CELL_RELU] = {1, 1, RESERVE_RNN_H},
    [CELL_LSTM] = {4, 7, RESERVE_LSTM_H},
    [CELL_GRU] = {3, 5, RESERVE_GRU_H},
};

enum {
    LONG_PASS = 4 << 20,     /* multiplications from which on others run meanwhile */
    PARALLEL_STEP = 1 << 18, /* multiplications of a step from which on the batch is shared out */
    OWNED_MOST = 16
};

/* A pass under way: sizes, and where everything lies. */
struct pass {
    const struct recurrent *r;
    struct cell_info info;
    enum dtype dtype;
    size_t size; /* of an element */
    int64_t steps, batch, rows, input, hidden, output;
    int64_t sum, width; /* columns of the gates, of the reserve */
    int64_t *offsets;   /* of the steps' first rows; steps + 1 of them */
    const char *x, *h, *c, *w_ih, *w_hh, *w_hr;
    char *reserve;
    struct tensor *owned[OWNED_MOST];
    int owned_count;
    bool failed;
};

/* ---- buffers ---- */

static struct tensor *own(struct pass *p, struct tensor *t)
{
    p->failed |= !t;
    if (t)
        p->owned[p->owned_count++] = t;
    return t;
}

/* The elements of a tensor, one behind the other; NULL for no tensor. */
static char *data_of(struct pass *p, struct tensor *t)
{
    t = t ? own(p, tensor_contiguous(t)) : NULL;
    return t ? tensor_data(t) : NULL;
}

static struct tensor *matrix(struct pass *p, int64_t rows, int64_t columns)
{
    return tensor_new(p->dtype, 2, (int64_t[]){rows, columns});
}

static char *buffer(struct pass *p, int64_t rows, int64_t columns)
{
    struct tensor *t = own(p, matrix(p, rows, columns));

    return t ? tensor_data(t) : NULL;
}

static char *zeros(struct pass *p, int64_t columns)
{
    struct tensor *t = own(p, tensor_zeros(p->dtype, 1, &columns));

    return t ? tensor_data(t) : NULL;
}

/* Row `row` of a matrix of that many columns. */
static char *at(const struct pass *p, const char *data, int64_t row, int64_t columns)
{
    return (char *)data + (size_t)(row * columns) * p->size;
}

static void pass_release(struct pass *p)
{
    while (p->owned_count > 0)
        tensor_unref(p->owned[--p->owned_count]);
    mem_free(p->offsets);
}

static void pass_init(struct pass *p, const struct recurrent *r)
{
    *p = (struct pass){.r = r, .info = cell_infos[r->cell], .dtype = tensor_dtype(r->x)};
    p->size = dtype_size(p->dtype);
    p->batch = r->h->shape[0];
    p->output = r->h->shape[1];
    p->input = r->x->shape[r->x->ndim - 1];
    p->hidden = r->w_hh->shape[0] / p->info.gates;
    p->steps = r->sizes ? r->steps : r->x->shape[0];
    p->sum = p->info.gates * p->hidden;
    p->width = p->info.columns * p->hidden;
    p->x = data_of(p, r->x);
    p->h = data_of(p, r->h);
    p->c = data_of(p, r->c);
    p->w_ih = data_of(p, r->w_ih);
    p->w_hh = data_of(p, r->w_hh);
    p->w_hr = data_of(p, r->w_hr);
    p->offsets = mem_array((size_t)p->steps + 1, sizeof(*p->offsets));
    p->failed |= !p->offsets;
    for (int64_t t = 0; p->offsets && t < p->steps; t++) {
        p->offsets[t] = p->rows;
        p->rows += r->sizes ? r->sizes[t] : p->batch;
    }
    if (p->offsets)
        p->offsets[p->steps] = p->rows;
}

/* The step that is k-th in the order of the walk; how many rows it has. */
static int64_t step_at(const struct pass *p, int64_t k)
{
    return p->r->reverse ? p->steps - 1 - k : k;
}

static int64_t step_rows(const struct pass *p, int64_t step)
{
    return p->offsets[step + 1] - p->offsets[step];
}

/* ---- products ---- */

struct operand {
    const char *data;
    int64_t step; /* elements from row to row */
    bool turned;  /* the matrix is the transpose of what lies there */
};

/* c (n, m) = a (n, k) @ b (k, m) + beta * c. One row goes the shorter way of gemv. */
static void product(const struct pass *p, int64_t n, int64_t m, int64_t k, struct operand a,
                    struct operand b, int beta, char *c, int64_t c_step)
{
    CBLAS_TRANSPOSE ta = a.turned ? CblasTrans : CblasNoTrans;
    CBLAS_TRANSPOSE tb = b.turned ? CblasTrans : CblasNoTrans;
    CBLAS_TRANSPOSE tv = b.turned ? CblasNoTrans : CblasTrans;
    blasint rows = (blasint)(b.turned ? m : k), columns = (blasint)(b.turned ? k : m);
    blasint lda = (blasint)a.step, ldb = (blasint)b.step, ldc = (blasint)c_step;
    bool single = p->dtype == DTYPE_f32, vector = n == 1 && !a.turned;

    if (n == 0 || m == 0)
        return;
    if (k == 0) {
        for (int64_t i = 0; i < n && !beta; i++)
            memset(at(p, c, i, c_step), 0, (size_t)m * p->size);
    } else if (vector && single) {
        cblas_sgemv(CblasRowMajor, tv, rows, columns, 1, (const float *)b.data, ldb,
                    (const float *)a.data, 1, (float)beta, (float *)c, 1);
    } else if (vector) {
        cblas_dgemv(CblasRowMajor, tv, rows, columns, 1, (const double *)b.data, ldb,
                    (const double *)a.data, 1, beta, (double *)c, 1);
    } else if (single) {
        cblas_sgemm(CblasRowMajor, ta, tb, (blasint)n, (blasint)m, (blasint)k, 1,
                    (const float *)a.data, lda, (const float *)b.data, ldb, (float)beta, (float *)c,
                    ldc);
    } else {
        cblas_dgemm(CblasRowMajor, ta, tb, (blasint)n, (blasint)m, (blasint)k, 1,
                    (const double *)a.data, lda, (const double *)b.data, ldb, beta, (double *)c,
                    ldc);
    }
}
#define PLAIN(data, step)  ((struct operand){data, step, false})
#define TURNED(data, step) ((struct operand){data, step, true})

/* to[0..n-1] += from[0..n-1] */
static void add_row(const struct pass *p, int64_t n, char *to, const char *from)
{
    const struct scalar one[2] = {scalar_int(1)};
    int64_t step = (int64_t)p->size, stride[] = {step, step, step};
    char *ptr[] = {to, to, (char *)from};

    kernels.elementwise[OP_add][p->dtype](n, ptr, stride, one);
}

/* ---- running ---- */

/* Walks the steps for the sequences lo..hi-1 of the batch. */
typedef void walk(struct pass *p, void *context, int64_t lo, int64_t hi);

/* Sequences do not meet before the weights' gradients: threads take some of them each. */
static void run(struct pass *p, walk *function, void *context)
{
    int64_t work = p->batch * p->sum * p->output;
    int chunks = work >= PARALLEL_STEP ? tensor_threads() : 1;

    if (chunks > p->batch)
        chunks = (int)p->batch;
#pragma omp parallel for if (chunks > 1) num_threads(chunks)
    for (int i = 0; i < chunks; i++)
        function(p, context, p->batch * i / chunks, p->batch * (i + 1) / chunks);
}

static void *begin_long(const struct pass *p)
{
    bool is_long = p->rows * p->sum * (p->input + p->output) > LONG_PASS;

    return is_long && tensor_long_begin ? tensor_long_begin() : NULL;
}

static void end_long(void *token)
{
    if (token)
        tensor_long_end(token);
}

/* How many of the sequences lo..hi-1 a step has. */
static int64_t rows_within(const struct pass *p, int64_t step, int64_t lo, int64_t hi)
{
    int64_t n = step_rows(p, step);

    return (n < hi ? n : hi) - lo;
}

/* ---- forward ---- */

struct forward {
    char *bias;       /* as the kernels want it */
    char *from_h;     /* (batch, sum) */
    char *h, *c, *h0; /* the running states; h0: h before W_hr, or h itself */
    char *out;
};

static char *make_bias(struct pass *p)
{
    const struct recurrent *r = p->r;
    bool apart = r->cell == CELL_GRU;
    int64_t shared = apart ? 2 * p->hidden : p->sum;
    char *bias = zeros(p, p->sum + (apart ? p->hidden : 0));
    const char *b_ih = data_of(p, r->b_ih), *b_hh = data_of(p, r->b_hh);

    if (!bias || !b_ih || !b_hh)
        return bias;
    memcpy(bias, b_ih, (size_t)p->sum * p->size);
    add_row(p, shared, bias, b_hh);
    if (apart)
        memcpy(at(p, bias, 3, p->hidden), at(p, b_hh, 2, p->hidden), (size_t)p->hidden * p->size);
    return bias;
}

static void walk_forward(struct pass *p, void *context, int64_t lo, int64_t hi)
{
    struct forward *f = context;
    kernel_fn *kernel = kernels.recurrent[0][p->r->cell][p->dtype];

    for (int64_t k = 0; k < p->steps; k++) {
        int64_t step = step_at(p, k), first = p->offsets[step] + lo;
        int64_t n = rows_within(p, step, lo, hi);
        char *h = at(p, f->h, lo, p->output);

        if (n <= 0)
            continue;
        product(p, n, p->sum, p->output, PLAIN(h, p->output), TURNED(p->w_hh, p->output), 0,
                at(p, f->from_h, lo, p->sum), p->sum);
        for (int64_t i = 0; i < n; i++) {
            char *ptr[] = {at(p, p->reserve, first + i, p->width), at(p, f->from_h, lo + i, p->sum),
                           f->bias, at(p, f->h0, lo + i, p->hidden),
                           f->c ? at(p, f->c, lo + i, p->hidden) : NULL};

            kernel(p->hidden, ptr, NULL, NULL);
        }
        if (p->w_hr)
            product(p, n, p->output, p->hidden, PLAIN(at(p, f->h0, lo, p->hidden), p->hidden),
                    TURNED(p->w_hr, p->hidden), 0, h, p->output);
        memcpy(at(p, f->out, first, p->output), h, (size_t)(n * p->output) * p->size);
    }
}

int recurrent_forward_pass(const struct recurrent *r, struct tensor **out)
{
    int64_t shape[3];
    struct tensor *made[4] = {NULL};
    struct forward f;
    struct pass p;
    void *token;

    pass_init(&p, r);
    memcpy(shape, r->x->shape, sizeof(shape));
    shape[r->x->ndim - 1] = p.output;
    made[0] = tensor_new(p.dtype, r->x->ndim, shape);
    made[1] = p.failed ? NULL : tensor_clone(r->h);
    made[2] = p.failed || !r->c ? NULL : tensor_clone(r->c);
    made[3] = matrix(&p, p.rows, p.width);
    f.bias = make_bias(&p);
    f.from_h = buffer(&p, p.batch, p.sum);
    f.h0 = r->w_hr ? buffer(&p, p.batch, p.hidden) : NULL;
    if (p.failed || !made[0] || !made[1] || (r->c && !made[2]) || !made[3])
        goto fail;
    f.out = tensor_data(made[0]);
    f.h = tensor_data(made[1]);
    f.c = made[2] ? tensor_data(made[2]) : NULL;
    f.h0 = f.h0 ? f.h0 : f.h;
    p.reserve = tensor_data(made[3]);
    token = begin_long(&p);
    product(&p, p.rows, p.sum, p.input, PLAIN(p.x, p.input), TURNED(p.w_ih, p.input), 0, p.reserve,
            p.width);
    run(&p, walk_forward, &f);
    end_long(token);
    memcpy(out, made, sizeof(made));
    pass_release(&p);
    return 0;
fail:
    for (int i = 0; i < 4; i++)
        tensor_unref(made[i]);
    pass_release(&p);
    return -1;
}

/* ---- back ---- */

struct back {
    char *g_sum, *g_from_h; /* (rows, sum); the same buffer but for GRU */
    char *g_h, *g_c;        /* the running gradients of the states */
    char *g_out;            /* (rows, output), or NULL */
    char *g_all;            /* (rows, output): with W_hr, all that reaches its outputs */
    char *g_h0;             /* (batch, hidden): with W_hr, what passes it */
    char *zero;
};

/* What a column of the reserve held for a sequence before the k-th step of the walk. */
static const char *value_before(const struct pass *p, int64_t k, int64_t row, int column,
                                const char *initial)
{
    int64_t step = k > 0 ? step_at(p, k - 1) : 0;

    if (k == 0 || row >= step_rows(p, step))
        return at(p, initial, row, p->hidden);
    return at(p, at(p, p->reserve, p->offsets[step] + row, p->width), column, p->hidden);
}

static void rows_back(struct pass *p, struct back *b, int64_t k, int64_t lo, int64_t n)
{
    kernel_fn *kernel = kernels.recurrent[1][p->r->cell][p->dtype];
    int64_t first = p->offsets[step_at(p, k)];
    bool lstm = p->r->cell == CELL_LSTM;
    int column = lstm ? RESERVE_LSTM_C : p->info.h;
    const char *initial = lstm ? p->c : p->h;

    for (int64_t row = lo; row < lo + n; row++) {
        char *ptr[] = {at(p, p->reserve, first + row, p->width),
                       at(p, b->g_sum, first + row, p->sum),
                       at(p, b->g_from_h, first + row, p->sum),
                       p->w_hr ? at(p, b->g_h0, row, p->hidden) : at(p, b->g_h, row, p->hidden),
                       b->g_out && !p->w_hr ? at(p, b->g_out, first + row, p->hidden) : b->zero,
                       (char *)value_before(p, k, row, column, initial),
                       b->g_c ? at(p, b->g_c, row, p->hidden) : NULL};

        kernel(p->hidden, ptr, NULL, NULL);
    }
}

/* Through W_hr: from g_h and g_out to g_h0. */
static void projection_back(struct pass *p, struct back *b, int64_t first, int64_t lo, int64_t n)
{
    char *all = at(p, b->g_all, first + lo, p->output);

    memcpy(all, at(p, b->g_h, lo, p->output), (size_t)(n * p->output) * p->size);
    if (b->g_out)
        add_row(p, n * p->output, all, at(p, b->g_out, first + lo, p->output));
    product(p, n, p->hidden, p->output, PLAIN(all, p->output), PLAIN(p->w_hr, p->hidden), 0,
            at(p, b->g_h0, lo, p->hidden), p->hidden);
}

static void walk_back(struct pass *p, void *context, int64_t lo, int64_t hi)
{
    struct back *b = context;

    for (int64_t k = p->steps - 1; k >= 0; k--) {
        int64_t step = step_at(p, k), first = p->offsets[step];
        int64_t n = rows_within(p, step, lo, hi);

        if (n <= 0)
            continue;
        if (p->w_hr)
            projection_back(p, b, first, lo, n);
        rows_back(p, b, k, lo, n);
        product(p, n, p->output, p->sum, PLAIN(at(p, b->g_from_h, first + lo, p->sum), p->sum),
                PLAIN(p->w_hh, p->output), p->r->cell == CELL_GRU, at(p, b->g_h, lo, p->output),
                p->output);
    }
}

/* h before each step, (rows, output): the right operand of the gradient of W_hh. */
static char *states_before(struct pass *p)
{
    char *before = buffer(p, p->rows, p->output);
    char *outputs = p->w_hr ? buffer(p, p->rows, p->output) : NULL;

    if (p->failed)
        return NULL;
    if (outputs)
        product(p, p->rows, p->output, p->hidden,
                PLAIN(at(p, p->reserve, p->info.h, p->hidden), p->width),
                TURNED(p->w_hr, p->hidden), 0, outputs, p->output);
    for (int64_t k = 0; k < p->steps; k++) {
        int64_t step = step_at(p, k), last = k > 0 ? step_at(p, k - 1) : 0;

        for (int64_t row = 0; row < step_rows(p, step); row++) {
            const char *from;

            if (!outputs)
                from = value_before(p, k, row, p->info.h, p->h);
            else if (k > 0 && row < step_rows(p, last))
                from = at(p, outputs, p->offsets[last] + row, p->output);
            else
                from = at(p, p->h, row, p->output);
            memcpy(at(p, before, p->offsets[step] + row, p->output), from,
                   (size_t)p->output * p->size);
        }
    }
    return before;
}

static struct tensor *column_sum(struct pass *p, const char *rows)
{
    struct tensor *sum = tensor_zeros(p->dtype, 1, &p->sum);
    int64_t step = (int64_t)p->size;
    const struct reduce_loop columns = {p->rows, p->sum, p->sum * step, step, step, false};

    if (sum)
        kernels.reduce[REDUCE_SUM][p->dtype](&columns, tensor_data(sum), rows);
    return sum;
}

/* left (rows, n), turned, @ right (rows, m), whose rows are `step` apart. */
static struct tensor *weight_gradient(struct pass *p, const char *left, int64_t n,
                                      const char *right, int64_t m, int64_t step)
{
    struct tensor *grad = right ? matrix(p, n, m) : NULL;

    if (grad)
        product(p, n, m, p->rows, TURNED(left, n), PLAIN(right, step), 0, tensor_data(grad), m);
    return grad;
}

static struct tensor *input_gradient(struct pass *p, const struct back *b)
{
    struct tensor *grad = tensor_new(p->dtype, p->r->x->ndim, p->r->x->shape);

    if (grad)
        product(p, p->rows, p->input, p->sum, PLAIN(b->g_sum, p->sum), PLAIN(p->w_ih, p->input), 0,
                tensor_data(grad), p->input);
    return grad;
}

/* The gradient that the walk starts with, and changes. */
static struct tensor *state_gradient(struct tensor *g, const struct tensor *state)
{
    return g ? tensor_clone(g) : tensor_zeros(tensor_dtype(state), state->ndim, state->shape);
}

static void fill_gradients(struct pass *p, const struct back *b, unsigned need,
                           struct tensor **grads)
{
    if (need >> IN_X & 1)
        grads[IN_X] = input_gradient(p, b);
    if (need >> IN_W_IH & 1)
        grads[IN_W_IH] = weight_gradient(p, b->g_sum, p->sum, p->x, p->input, p->input);
    if (need >> IN_W_HH & 1)
        grads[IN_W_HH] =
            weight_gradient(p, b->g_from_h, p->sum, states_before(p), p->output, p->output);
    if (need >> IN_B_IH & 1)
        grads[IN_B_IH] = column_sum(p, b->g_sum);
    if (need >> IN_B_HH & 1)
        grads[IN_B_HH] = column_sum(p, b->g_from_h);
    if (need >> IN_W_HR & 1)
        grads[IN_W_HR] = weight_gradient(
            p, b->g_all, p->output, at(p, p->reserve, p->info.h, p->hidden), p->hidden, p->width);
}

int recurrent_backward_pass(const struct recurrent *r, struct tensor *reserve,
                            struct tensor *const g[3], unsigned need,
                            struct tensor *grads[IN_COUNT])
{
    struct tensor *g_h, *g_c = NULL;
    struct back b = {.g_sum = NULL};
    struct pass p;
    void *token;
    int status = 0;

    memset(grads, 0, IN_COUNT * sizeof(*grads));
    pass_init(&p, r);
    p.reserve = tensor_data(reserve);
    g_h = own(&p, state_gradient(g[1], r->h));
    if (r->c)
        g_c = own(&p, state_gradient(g[2], r->c));
    b.g_out = data_of(&p, g[0]);
    b.g_sum = buffer(&p, p.rows, p.sum);
    b.g_from_h = r->cell == CELL_GRU ? buffer(&p, p.rows, p.sum) : b.g_sum;
    b.g_all = r->w_hr ? buffer(&p, p.rows, p.output) : NULL;
    b.g_h0 = r->w_hr ? buffer(&p, p.batch, p.hidden) : NULL;
    b.zero = zeros(&p, p.hidden);
    if (p.failed) {
        pass_release(&p);
        return -1;
    }
    b.g_h = tensor_data(g_h);
    b.g_c = g_c ? tensor_data(g_c) : NULL;
    token = begin_long(&p);
    run(&p, walk_back, &b);
    end_long(token);
    fill_gradients(&p, &b, need, grads);
    if (need >> IN_H & 1)
        grads[IN_H] = tensor_ref(g_h);
    if (need >> IN_C & 1)
        grads[IN_C] = tensor_ref(g_c);
    for (int i = 0; i < IN_COUNT; i++)
        if (need >> i & 1 && !grads[i])
            status = -1;
    for (int i = 0; status < 0 && i < IN_COUNT; i++) {
        tensor_unref(grads[i]);
        grads[i] = NULL;
    }
    pass_release(&p);
    return status;
}
