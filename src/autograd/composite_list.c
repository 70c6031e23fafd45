/* Operations that give a list of tensors. */
#include "autograd/formula.h"
#include "base/error.h"
#include "base/vec.h"
#include "base/warn.h"
#include "tensor/index.h"

#include <string.h>

int list_add(struct tensor_list *list, struct tensor *t)
{
    if (!t || !vec_push(list, t))
        return -1;
    tensor_ref(t);
    return 0;
}

int list_leave(struct tensor_list *list, size_t mark, int status)
{
    pool_close(mark);
    if (status == 0)
        return 0;
    for (size_t i = 0; i < list->count; i++)
        tensor_unref(list->at[i]);
    vec_release(list);
    return -1;
}

/* ---- parts along a dimension ---- */

static int split_dim(const struct op *op, const struct value *args)
{
    bool tensor_split = op->id == OP_tensor_split || op->id == OP_tensor_split__indices;

    if (args[0].tensor->ndim == 0 && tensor_split)
        return error_set(ERROR_RUNTIME, "tensor_split expected at least a 1-dimensional tensor, "
                                        "but got a tensor with 0 dims");
    if (args[0].tensor->ndim == 0)
        return error_set(ERROR_RUNTIME, "%s expects at least a 1-dimensional tensor",
                         op->id == OP_split__sizes ? "split_with_sizes" : op->name);
    return tensor_dim(args[0].tensor, args[2].i);
}

static int equal_parts(struct tensor *self, int dim, int64_t size, struct tensor_list *out)
{
    int64_t length = self->shape[dim], start = 0;
    size_t mark = pool_open();
    int status;

    do {
        int64_t rest = length - start;

        status = list_add(out, d_narrow(self, dim, start, rest < size ? rest : size));
        start += size;
    } while (status == 0 && start < length && size > 0);
    return list_leave(out, mark, status);
}

int split_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    int dim = split_dim(op, args);
    int64_t size = args[1].i;

    if (dim < 0)
        return -1;
    if (size < 0)
        return error_set(ERROR_RUNTIME,
                         "split expects split_size be non-negative, but got split_size=%lld",
                         (long long)size);
    if (size == 0 && args[0].tensor->shape[dim] != 0)
        return error_set(ERROR_RUNTIME,
                         "split_size can only be 0 if dimension size is 0, but got dimension size "
                         "of %lld",
                         (long long)args[0].tensor->shape[dim]);
    return equal_parts(args[0].tensor, dim, size, out);
}

static int empty_parts(struct tensor *self, int dim, int64_t count, struct tensor_list *out)
{
    size_t mark = pool_open();
    int status = 0;

    for (int64_t i = 0; i < count && status == 0; i++)
        status = list_add(out, d_narrow(self, dim, 0, 0));
    return list_leave(out, mark, status);
}

int chunk_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    int dim = split_dim(op, args);
    int64_t chunks = args[1].i, length;

    if (dim < 0)
        return -1;
    if (chunks <= 0)
        return error_set(ERROR_RUNTIME, "chunk expects `chunks` to be greater than 0, got: %lld",
                         (long long)chunks);
    length = args[0].tensor->shape[dim];
    if (length == 0)
        return empty_parts(args[0].tensor, dim, chunks, out);
    return equal_parts(args[0].tensor, dim, (length + chunks - 1) / chunks, out);
}

int split_sizes_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = split_dim(op, args), count = args[1].ints.count, status = 0;
    int64_t total = 0, start = 0;
    size_t mark = pool_open();
    char text[256];

    if (dim < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (args[1].ints.at[i] < 0)
            return error_set(ERROR_RUNTIME,
                             "split_with_sizes expects split_sizes have only non-negative "
                             "entries, but got %lld",
                             (long long)args[1].ints.at[i]);
        total += args[1].ints.at[i];
    }
    if (total != self->shape[dim])
        return error_set(ERROR_RUNTIME,
                         "split_with_sizes expects split_sizes to sum exactly to %lld (input "
                         "tensor's size at dimension %d), but got split_sizes=%s",
                         (long long)self->shape[dim], dim,
                         shape_text(count, args[1].ints.at, text, sizeof(text)));
    for (int i = 0; i < count && status == 0; i++) {
        status = list_add(out, d_narrow(self, dim, start, args[1].ints.at[i]));
        start += args[1].ints.at[i];
    }
    return list_leave(out, mark, status);
}

int tensor_split_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = split_dim(op, args), status = 0;
    int64_t sections = args[1].i, length, start = 0;
    size_t mark = pool_open();

    if (dim < 0)
        return -1;
    if (sections <= 0)
        return error_set(ERROR_RUNTIME, "number of sections must be larger than 0, got %lld",
                         (long long)sections);
    length = self->shape[dim];
    for (int64_t i = 0; i < sections && status == 0; i++) {
        int64_t size = length / sections + (i < length % sections);

        status = list_add(out, d_narrow(self, dim, start, size));
        start += size;
    }
    return list_leave(out, mark, status);
}

static int64_t clip(int64_t at, int64_t length)
{
    at = at < 0 ? at + length : at;
    return at < 0 ? 0 : at > length ? length : at;
}

int tensor_split_indices_list(const struct op *op, const struct value *args,
                              struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = split_dim(op, args), count = args[1].ints.count, status = 0;
    int64_t length, start = 0;
    size_t mark = pool_open();

    if (dim < 0)
        return -1;
    length = self->shape[dim];
    for (int i = 0; i <= count && status == 0; i++) {
        int64_t end = i < count ? clip(args[1].ints.at[i], length) : length;

        status = list_add(out, d_narrow(self, dim, start, end > start ? end - start : 0));
        start = end;
    }
    return list_leave(out, mark, status);
}

int unbind_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim_there(self, args[1].i), status = 0;
    size_t mark = pool_open();

    (void)op;
    if (dim < 0)
        return -1;
    for (int64_t i = 0; i < self->shape[dim] && status == 0; i++)
        status = list_add(out, d_select(self, dim, i));
    return list_leave(out, mark, status);
}

/* ---- grids and common shapes ---- */

int meshgrid_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    int count = args[0].tensors.count, status = 0;
    bool swap = args[1].given && strcmp(args[1].text, "xy") == 0 && count >= 2;
    int64_t shape[TENSOR_MAX_DIMS];
    size_t mark = pool_open();
    static bool warned;

    (void)op;
    if (count == 0 || count > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "meshgrid expects a non-empty TensorList");
    if (!args[1].given && !warned) {
        warned = true;
        if (warn_user("torch.meshgrid: in an upcoming release, it will be required to pass the "
                      "indexing argument.") < 0)
            return -1;
    }
    if (args[1].given && !swap && count >= 2 && strcmp(args[1].text, "ij") != 0)
        return error_set(ERROR_RUNTIME,
                         "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: "
                         "%s",
                         args[1].text);
    for (int i = 0; i < count; i++) {
        const struct tensor *t = args[0].tensors.at[swap && i < 2 ? 1 - i : i];

        if (t->ndim > 1)
            return error_set(ERROR_RUNTIME,
                             "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                             "a tensor with %d dimensions",
                             t->ndim);
        if (t->dtype != args[0].tensors.at[0]->dtype)
            return error_set(ERROR_RUNTIME, "meshgrid expects all tensors to have the same dtype");
        shape[i] = t->numel;
    }
    for (int i = 0; i < count && status == 0; i++) {
        int64_t line[TENSOR_MAX_DIMS];
        int own = swap && i < 2 ? 1 - i : i;
        struct tensor *t;

        for (int d = 0; d < count; d++)
            line[d] = d == own ? shape[own] : 1;
        t = d_reshape(args[0].tensors.at[i], count, line);
        status = list_add(out, t ? d_expand(t, count, shape) : NULL);
    }
    return list_leave(out, mark, status);
}

int broadcast_tensors_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = 0, status = 0, count = args[0].tensors.count;
    size_t mark = pool_open();

    (void)op;
    for (int i = 0; i < count; i++) {
        const struct tensor *t = args[0].tensors.at[i];

        if (shape_broadcast(&ndim, shape, t->ndim, t->shape) < 0)
            return -1;
    }
    for (int i = 0; i < count && status == 0; i++)
        status = list_add(out, d_expand(args[0].tensors.at[i], ndim, shape));
    return list_leave(out, mark, status);
}

/* nonzero() by columns; of a zero-dim tensor there is one. */
int where_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *row = tensor_as_row(args[0].tensor), *places = row ? nonzero(row) : NULL;
    size_t mark = pool_open();
    int status = pool_keep(places) ? 0 : -1;

    (void)op;
    tensor_unref(row);
    for (int64_t d = 0; status == 0 && d < places->shape[1]; d++)
        status = list_add(out, d_call1(OP__contiguous, d_select(places, 1, d)));
    return list_leave(out, mark, status);
}

int nonzero_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    if (!args[1].i)
        return error_set(ERROR_NOT_IMPLEMENTED,
                         "nonzero(): as_tuple=False is what nonzero() gives without it");
    return where_list(op, args, out);
}
