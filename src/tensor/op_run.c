/* The forward call: which types an operation takes as they are, and what is done with the others.
 */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/op.h"
#include "tensor/overlap.h"

#include <stdio.h>
#include <string.h>

#define BIT(id) (1u << DTYPE_##id)

/* The types that kernels of real numbers know. */
enum {
    REAL_TYPES = 0
#define DTYPE(id, ctype, name, category, class) | BIT(id)
#include "tensor/dtype.def"
    ,
    COMPLEX_TYPES = BIT(c64) | BIT(c128),
    ALL_TYPES = (1u << DTYPE_COUNT) - 1
};

/* Bit sets by operation; 0 stands for REAL_TYPES. */
static const uint32_t row_types[OP_COUNT] = {
#define UNARY(name, params, rule, expr, saves, dself, flags, help)          [OP_##name] = ALL_TYPES,
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help) [OP_##name] = ALL_TYPES,
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help)   [OP_##name] = ALL_TYPES,
#include "tensor/ops.def"
#define ANY_TYPE(name) [OP_##name] = ALL_TYPES,
#define COMPLEX(name)  [OP_##name] = REAL_TYPES | COMPLEX_TYPES,
#include "tensor/ops_complex.def"
};

/* ---- which types there are ---- */

static uint32_t types_given(const struct schema *schema, const struct value *args)
{
    uint32_t types = 0;

    for (uint32_t left = schema->tensors; left; left &= left - 1) {
        const struct value *v = &args[__builtin_ctz(left)];

        if (v->given)
            types |= 1u << v->tensor->dtype;
    }
    for (uint32_t left = schema->lists; left; left &= left - 1) {
        const struct value *v = &args[__builtin_ctz(left)];

        for (int j = 0; v->given && j < v->tensors.count; j++)
            types |= v->tensors.at[j] ? 1u << v->tensors.at[j]->dtype : 0;
    }
    for (uint32_t left = schema->dtypes; left; left &= left - 1) {
        const struct value *v = &args[__builtin_ctz(left)];

        types |= v->given ? 1u << v->i : 0;
    }
    return types;
}

/* What PyTorch says: of the types of a category, and before that what it calls its kernel. */
static const struct refusal {
    enum op_id id;
    enum dtype_category category;
    const char *message, *kernel;
} refusals[] = {
#define REFUSES_BOOL(name, text)    {OP_##name, CATEGORY_BOOL, text, NULL},
#define REFUSES_COMPLEX(name, text) {OP_##name, CATEGORY_COMPLEX, text, NULL},
#define KERNEL_NAME(name, text)     {OP_##name, 0, NULL, text},
#include "tensor/ops_refusals.def"
};

/* The words of a row for this type: its message, else the name of its kernel, else NULL. */
static const struct refusal *find_refusal(enum op_id id, enum dtype dtype)
{
    const struct refusal *found = NULL;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const struct refusal *r = &refusals[i];

        if (r->id == id && r->message && r->category == dtype_infos[dtype].category)
            return r;
        if (r->id == id && r->kernel)
            found = r;
    }
    return found;
}

/* "abs_cpu", whatever the form of the call: abs_, and max__dim is max. */
static int refuse_by_name(const struct op *op, enum dtype dtype)
{
    const char *name = op->name + (op->name[0] == '_'), *variant = strstr(name, "__");
    size_t length = variant ? (size_t)(variant - name) : strlen(name);
    char kernel[64];

    length -= !variant && op->flags & OP_IN_PLACE_CALL;
    snprintf(kernel, sizeof(kernel), "%.*s_cpu", (int)length, name);
    return dtype_refuse(kernel, dtype);
}

int op_refuse_kernel(const struct op *op, enum op_id kernel, enum dtype dtype)
{
    const struct refusal *r = find_refusal(kernel, dtype);

    if (!r && kernel != op->id)
        r = find_refusal(op->id, dtype);
    if (!r)
        return refuse_by_name(op, dtype);
    return r->message ? error_set(ERROR_RUNTIME, "%s", r->message) : dtype_refuse(r->kernel, dtype);
}

int op_refuse_type(const struct op *op, enum dtype dtype)
{
    return op_refuse_kernel(op, op->id, dtype);
}

int op_check_number(const struct op *op, const struct tensor *t)
{
    return t->dtype == DTYPE_b8 ? op_refuse_type(op, DTYPE_b8) : 0;
}

int op_check_float(const struct op *op, const struct tensor *t)
{
    enum dtype dtype = tensor_dtype(t);

    return dtype_is_float(dtype) ? 0 : op_refuse_type(op, dtype);
}

/* For the first type of a set. */
static int refuse(const struct op *op, uint32_t types)
{
    return op_refuse_type(op, (enum dtype)__builtin_ctz(types));
}

/* ---- calls in the wider type ---- */

/* One call with its tensors converted. `own` holds them in the order of the arguments, so that a
 * list argument is a part of it. */
struct widened {
    struct value args[OP_MAX_ARGS];
    struct tensor **own;
    int count;
    enum dtype common; /* the type of what the call gives */
    enum dtype *given; /* what the caller's tensors had, beside `own` */
};

/* The call whose forward function runs now; NULL: one with its tensors as they were given. */
static __thread const struct widened *widening;

enum dtype op_given_type(const struct tensor *t)
{
    for (int k = 0; widening && k < widening->count; k++) {
        if (widening->own[k] == t)
            return widening->given[k];
    }
    return tensor_dtype(t);
}

const void *op_forget_given(const void *others)
{
    const struct widened *before = widening;

    widening = others;
    return before;
}

static int count_tensors(const struct schema *schema, const struct value *args)
{
    int count = __builtin_popcount(schema->tensors);

    for (uint32_t left = schema->lists; left; left &= left - 1) {
        const struct value *v = &args[__builtin_ctz(left)];

        count += v->given ? v->tensors.count : 0;
    }
    return count;
}

static void widen_release(struct widened *w)
{
    for (int k = 0; k < w->count; k++)
        tensor_unref(w->own[k]);
    mem_free(w->own);
}

/* Adds a converted tensor (NULL: none) and returns its place. */
static struct tensor **widen_tensor(struct widened *w, struct tensor *t)
{
    struct tensor **at = &w->own[w->count];

    w->given[w->count++] = t ? tensor_dtype(t) : DTYPE_NONE;
    *at = t ? tensor_to(t, dtype_computed(tensor_dtype(t))) : NULL;
    return t && !*at ? NULL : at;
}

static int widen_argument(struct widened *w, const struct schema *schema, int i)
{
    struct value *v = &w->args[i];
    struct tensor **at, **list = w->own + w->count;

    if (schema->dtypes >> i & 1) {
        w->common = (enum dtype)v->i;
        v->i = dtype_computed(w->common);
    } else if (schema->tensors >> i & 1) {
        at = widen_tensor(w, v->tensor);
        if (!at)
            return -1;
        v->tensor = *at;
    } else if (schema->lists >> i & 1) {
        for (int j = 0; j < v->tensors.count; j++) {
            if (!widen_tensor(w, v->tensors.at[j]))
                return -1;
        }
        v->tensors.at = list;
    }
    return 0;
}

/* The type that the tensors of the call have in common. */
static enum dtype common_type(const struct schema *schema, const struct value *args,
                              struct tensor **scratch)
{
    int count = 0;

    for (int i = 0; i < schema->count; i++) {
        if (!args[i].given)
            continue;
        if (schema->tensors >> i & 1)
            scratch[count++] = args[i].tensor;
        for (int j = 0; schema->lists >> i & 1 && j < args[i].tensors.count; j++) {
            if (args[i].tensors.at[j])
                scratch[count++] = args[i].tensors.at[j];
        }
    }
    return count ? op_result_type(count, scratch) : DTYPE_NONE;
}

static int widen(struct widened *w, const struct schema *schema, const struct value *args)
{
    int count = count_tensors(schema, args);

    w->count = 0;
    w->own = mem_zero((size_t)count + 1, sizeof(*w->own) + sizeof(*w->given));
    if (!w->own)
        return -1;
    w->given = (enum dtype *)(w->own + count + 1);
    w->common = common_type(schema, args, w->own);
    memcpy(w->args, args, (size_t)schema->count * sizeof(*args));
    for (int i = 0; i < schema->count; i++) {
        if (args[i].given && widen_argument(w, schema, i) < 0) {
            widen_release(w);
            return -1;
        }
    }
    return 0;
}

/* What a result in the wider type becomes beside arguments of a common type. */
static enum dtype narrowed(enum dtype dtype, enum dtype common)
{
    if (common != DTYPE_NONE && dtype == dtype_computed(common))
        return common;
    if (common == DTYPE_c32 && dtype == DTYPE_f32)
        return DTYPE_f16; /* its part, or its size */
    return dtype;
}

static int give_narrowed(const struct op *op, struct tensor *result, enum dtype common,
                         struct tensor **out)
{
    struct tensor *given = tensor_to(result, narrowed(tensor_dtype(result), common));

    tensor_unref(result);
    return op_give(op, given, out);
}

static int run_widened(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *made[OP_MAX_OUTPUTS] = {NULL}, *given[OP_MAX_OUTPUTS];
    const void *outer;
    struct widened w;
    int status;

    if (widen(&w, op_schema(op), args) < 0)
        return -1;
    if (op->flags & (OP_MUTATES | OP_IN_PLACE_CALL))
        made[0] = tensor_ref(w.args[0].tensor);
    outer = op_forget_given(&w);
    status = op->forward(op, w.args, made);
    op_forget_given(outer);
    memcpy(given, out, sizeof(given));
    for (int i = 0; i < op->outputs; i++) {
        if (status == 0 && made[i])
            status = give_narrowed(op, made[i], w.common, &out[i]);
        else
            tensor_unref(made[i]);
    }
    for (int i = 0; i < op->outputs && status < 0; i++) {
        if (out[i] != given[i])
            tensor_unref(out[i]);
        out[i] = given[i];
    }
    widen_release(&w);
    return status;
}

int op_run(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t given, taken = row_types[op->id];

    if (op->flags & OP_APART && out[0] && op_check_apart(op, args, out[0]) < 0)
        return -1;
    if (taken == ALL_TYPES || op->flags & OP_VIEW)
        return op->forward(op, args, out);
    if (taken == 0)
        taken = REAL_TYPES;
    given = types_given(op_schema(op), args);
    if (!(given & ~taken))
        return op->forward(op, args, out);
    if (given & COMPLEX_TYPES & ~taken)
        return refuse(op, given & COMPLEX_TYPES & ~taken);
    if (given & BIT(c32) && !(taken & BIT(c64)))
        return refuse(op, BIT(c32));
    return run_widened(op, args, out);
}
