#include "tensor/lines.h"

#include "tensor/iter.h"

int64_t line_length(const struct tensor *t, int dim)
{
    return t->ndim ? t->shape[dim] : 1;
}

struct plan {
    int operands, ndim;
    int64_t shape[TENSOR_MAX_DIMS];
    int64_t stride[TENSOR_MAX_DIMS][LINES_OPERANDS]; /* bytes, without `dim` */
    int64_t step[LINES_OPERANDS];
    char *base[LINES_OPERANDS];
    line_fn *line;
    void *context;
};

static void run_range(const struct plan *p, int64_t begin, int64_t end)
{
    char *ptr[LINES_OPERANDS];
    int64_t at[TENSOR_MAX_DIMS], rest = begin;

    if (begin == end) /* some size may be 0 */
        return;
    for (int k = 0; k < p->operands; k++)
        ptr[k] = p->base[k];
    for (int d = p->ndim - 1; d >= 0; d--) {
        at[d] = rest % p->shape[d];
        rest /= p->shape[d];
        for (int k = 0; k < p->operands; k++)
            ptr[k] += at[d] * p->stride[d][k];
    }
    for (int64_t i = begin; i < end; i++) {
        p->line(ptr, p->step, p->context);
        for (int d = p->ndim - 1; d >= 0; d--) { /* on to the next line */
            bool over = ++at[d] == p->shape[d];

            for (int k = 0; k < p->operands; k++)
                ptr[k] += (over ? 1 - p->shape[d] : 1) * p->stride[d][k];
            if (!over)
                break;
            at[d] = 0;
        }
    }
}

static void run_parallel(const struct plan *p, int64_t lines, int64_t work)
{
    int64_t chunk = ITER_GRAIN / work > 0 ? ITER_GRAIN / work : 1;
    void *token = lines * work >= ITER_LONG && tensor_long_begin ? tensor_long_begin() : NULL;

#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < lines; i += chunk)
        run_range(p, i, i + chunk < lines ? i + chunk : lines);
    if (token)
        tensor_long_end(token);
}

/* Fills the plan and returns the number of lines. */
static int64_t make_plan(struct plan *p, int count, const struct tensor *const *operands, int dim)
{
    int64_t lines = 1;

    p->operands = count;
    for (int d = 0; d < operands[0]->ndim; d++) {
        if (d == dim)
            continue;
        p->shape[p->ndim] = operands[0]->shape[d];
        lines *= p->shape[p->ndim];
        for (int k = 0; k < count; k++)
            p->stride[p->ndim][k] =
                operands[k]->stride[d] * (int64_t)dtype_size(tensor_dtype(operands[k]));
        p->ndim++;
    }
    for (int k = 0; k < count; k++) {
        int64_t size = (int64_t)dtype_size(tensor_dtype(operands[k]));

        p->base[k] = tensor_data(operands[k]);
        p->step[k] = operands[k]->ndim ? operands[k]->stride[dim] * size : size;
    }
    return lines;
}

void lines_run(int count, const struct tensor *const *operands, int dim, int64_t work,
               line_fn *line, void *context)
{
    struct plan p = {.line = line, .context = context};
    int64_t lines = make_plan(&p, count, operands, dim);

    if (work < 1)
        work = 1;
    if (lines > 1 && lines * work >= 2 * ITER_GRAIN)
        run_parallel(&p, lines, work);
    else
        run_range(&p, 0, lines);
}
