/* How a forward function hands over what it gives: as new tensors, or into those of out=. */
#include "base/error.h"
#include "base/warn.h"
#include "tensor/op.h"

#include <string.h>

/* ---- of another type ---- */

/* What a row says of an out= of another type than its result. */
static const struct out_rule {
    const char *text, *other; /* NULL: the words of most; of the second result */
    bool same;                /* the very type, not one that the result can be converted to */
} out_rules[OP_COUNT] = {
#define OUT_SAME_EACH(name, text, other) [OP_##name] = {text, other, true},
#define OUT_CAST(name, text)             [OP_##name] = {text, text, false},
#include "tensor/ops_out.def"
};

static bool can_cast(enum dtype from, enum dtype to)
{
    return dtype_infos[from].category <= dtype_infos[to].category;
}

/* The name of result i: "indices" of "values, indices". */
static const char *result_name(const struct op *op, int i, char *name, size_t size)
{
    const char *at = op->result_names ? op->result_names : "result";
    size_t length = 0;

    for (; i > 0 && strchr(at, ','); i--)
        at = strchr(at, ',') + 2;
    for (; at[length] && at[length] != ',' && length + 1 < size; length++)
        name[length] = at[length];
    name[length] = '\0';
    return name;
}

/* Says a text of ops_out.def. */
static int refuse_out(const char *text, enum dtype want, enum dtype got, const char *name)
{
    const struct {
        const char *mark, *value;
    } marks[] = {{"{want}", dtype_short_name(want)},
                 {"{got}", dtype_short_name(got)},
                 {"{want.c}", dtype_c_name(want)},
                 {"{got.c}", dtype_c_name(got)},
                 {"{want.class}", dtype_infos[want].class_name},
                 {"{got.class}", dtype_infos[got].class_name},
                 {"{name}", name}};
    char said[512];
    size_t length = 0;

    while (*text && length + 1 < sizeof(said)) {
        const char *value = NULL;

        for (size_t i = 0; i < sizeof(marks) / sizeof(*marks) && !value && *text == '{'; i++) {
            if (strncmp(text, marks[i].mark, strlen(marks[i].mark)) == 0) {
                value = marks[i].value;
                text += strlen(marks[i].mark);
            }
        }
        if (!value)
            said[length++] = *text++;
        while (value && *value && length + 1 < sizeof(said))
            said[length++] = *value++;
    }
    said[length] = '\0';
    return error_set(ERROR_RUNTIME, "%s", said);
}

int op_check_out(const struct op *op, int i, enum dtype want, enum dtype got)
{
    static const struct out_rule plain = {NULL, NULL, false};
    const struct out_rule *rule = op->flags & OP_IN_PLACE_CALL ? &plain : &out_rules[op->id];
    const char *text = i == 1 ? rule->other : rule->text;
    char name[32];

    if (rule->same ? want == got : can_cast(want, got))
        return 0;
    return refuse_out(text ? text
                           : "result type {want} can't be cast to the desired output type {got}",
                      want, got, result_name(op, i, name, sizeof(name)));
}

/* ---- handing over ---- */

int op_output(const struct op *op, struct tensor **out, enum dtype dtype, int ndim,
              const int64_t *shape)
{
    char text[2][256];
    bool fits;

    if (!*out) {
        *out = tensor_new(dtype, ndim, shape);
        return *out ? 0 : -1;
    }
    fits = (*out)->ndim == ndim && memcmp((*out)->shape, shape, (size_t)ndim * sizeof(*shape)) == 0;
    if (!fits && op->flags & OP_IN_PLACE_CALL)
        return error_set(ERROR_RUNTIME, "output with shape %s doesn't match the broadcast shape %s",
                         shape_text((*out)->ndim, (*out)->shape, text[0], sizeof(text[0])),
                         shape_text(ndim, shape, text[1], sizeof(text[1])));
    if (op_check_out(op, 0, dtype, tensor_dtype(*out)) < 0)
        return -1;
    if (fits)
        return 0;
    if ((*out)->numel != 0 &&
        warn_user(
            "An output with one or more elements was resized since it had shape %s, which does "
            "not match the required output shape %s. This behavior is deprecated, and in a "
            "future PyTorch release outputs will not be resized unless they have zero "
            "elements. You can explicitly reuse an out tensor t by resizing it, inplace, to "
            "zero elements with t.resize_(0).",
            shape_text((*out)->ndim, (*out)->shape, text[0], sizeof(text[0])),
            shape_text(ndim, shape, text[1], sizeof(text[1]))) < 0)
        return -1;
    return tensor_resize(*out, ndim, shape);
}

int op_give(const struct op *op, struct tensor *result, struct tensor **out)
{
    bool resized;
    int status;

    if (!result)
        return -1;
    if (!*out) {
        *out = result;
        return 0;
    }
    resized = (*out)->ndim != result->ndim || (*out)->numel != result->numel;
    status = op_output(op, out, tensor_dtype(result), result->ndim, result->shape);
    if (status == 0 && resized && tensor_is_dense(result)) /* lies in memory as the result does */
        memcpy((*out)->stride, result->stride, sizeof(result->stride));
    if (status == 0)
        status = tensor_copy(*out, result);
    tensor_unref(result);
    return status;
}

/* The types of all results, before the first is written. */
static int check_outs(const struct op *op, int count, struct tensor *const *results,
                      struct tensor *const *out)
{
    int status = 0;

    for (int i = 0; i < count && status == 0; i++) {
        if (out[i] && results[i])
            status = op_check_out(op, i, tensor_dtype(results[i]), tensor_dtype(out[i]));
    }
    return status;
}

int op_give_several(const struct op *op, int count, struct tensor **results, struct tensor **out)
{
    struct tensor *given[OP_MAX_OUTPUTS] = {NULL};
    int status = check_outs(op, count, results, out), done = 0;

    for (int i = 0; i < count; i++) {
        given[i] = out[i];
        if (!results[i])
            status = -1;
    }
    for (; done < count && status == 0; done++) {
        status = op_give(op, results[done], &out[done]);
        results[done] = NULL;
    }
    if (status == 0)
        return 0;
    for (int i = 0; i < count; i++) {
        tensor_unref(results[i]);
        if (!given[i]) {
            tensor_unref(out[i]);
            out[i] = NULL;
        }
    }
    return -1;
}
