/* The forward function of the UNARY, BINARY and TERNARY rows. */
#include "base/error.h"
#include "tensor/elementwise_check.h"
#include "tensor/iter.h"

#include <math.h>
#include <string.h>

/* Kept here rather than in the table of operations, so that this layer can be used alone. */
static const struct {
    enum type_rule rule;
    int inputs;
    bool has_params; /* takes more than tensors */
} rows[OP_COUNT] = {
#define ROW(name, rule, inputs, params)                            [OP_##name] = {RULE_##rule, inputs, sizeof(params) > 1},
#define UNARY(name, params, rule, expr, saves, dself, flags, help) ROW(name, rule, 1, params)
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)                        \
    ROW(name, rule, 2, params)
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help) ROW(name, rule, 3, params)
#include "tensor/ops.def"
};

/* The rows that give a real number for a complex one. */
static const bool gives_part[OP_COUNT] = {
#define RESULT_SAME                       false
#define RESULT_PART                       true
#define RESULT_BOOL                       false
#define UNARY_COMPLEX(name, result, expr) [OP_##name] = RESULT_##result,
#include "tensor/ops_complex.def"
};

/* The type that the row computes in, from that of its operands; DTYPE_NONE: it does not take that.
 */
static enum dtype compute_type(enum type_rule rule, enum dtype common)
{
    bool takes = true;

    if (rule == RULE_FLOAT && !dtype_is_differentiable(common))
        return dtype_default();
    if (rule == RULE_NUMBER)
        takes = common != DTYPE_b8;
    else if (rule == RULE_INTEGER || rule == RULE_ONLY_FLOAT)
        takes = dtype_is_differentiable(common) == (rule == RULE_ONLY_FLOAT);
    return takes ? common : DTYPE_NONE;
}

/* The type of what the row gives when it computes in `dtype`. */
static enum dtype result_type(enum op_id id, enum dtype dtype)
{
    if (rows[id].rule == RULE_COMPARE)
        return DTYPE_b8;
    return gives_part[id] ? dtype_infos[dtype].part : dtype;
}

/* Promotion looks at tensors with dimensions first, then at zero-dim ones, then at Python numbers;
 * a later group counts only when its category is higher. */
enum dtype op_result_type(int count, struct tensor *const *tensors)
{
    enum dtype group[3] = {DTYPE_NONE, DTYPE_NONE, DTYPE_NONE}, result = DTYPE_NONE;

    for (int i = 0; i < count; i++) {
        const struct tensor *t = tensors[i];
        int g = t->wrapped_number ? 2 : t->ndim == 0;
        enum dtype d = tensor_dtype(t);

        if (t->wrapped_number && dtype_is_differentiable(d))
            d = dtype_is_complex(d) ? dtype_default_complex() : dtype_default();
        group[g] = group[g] == DTYPE_NONE ? d : dtype_promote(group[g], d);
    }
    for (int g = 0; g < 3; g++) {
        if (group[g] == DTYPE_NONE)
            continue;
        if (result == DTYPE_NONE)
            result = group[g];
        else if (dtype_is_complex(group[g]) && dtype_is_float(result))
            result = dtype_to_complex(result); /* only what is new about it counts */
        else if (dtype_infos[group[g]].category > dtype_infos[result].category)
            result = dtype_promote(result, group[g]);
    }
    return result;
}

/* Whole-number division by zero is an error before a kernel meets it. */
static int check_divisor(enum op_id id, enum dtype dtype, const struct tensor *divisor)
{
    struct tensor *copy;
    bool zero = false;

    if (id != OP_floor_divide && id != OP_div_trunc && id != OP_remainder && id != OP_fmod)
        return 0;
    if (dtype_is_differentiable(dtype))
        return 0;
    copy = tensor_contiguous((struct tensor *)divisor);
    for (int64_t i = 0; copy && i < copy->numel && !zero; i++)
        zero = dtype_load(tensor_dtype(copy),
                          tensor_data(copy) + i * (int64_t)dtype_size(tensor_dtype(copy)))
                   .d == 0;
    tensor_unref(copy);
    return zero ? error_set(ERROR_RUNTIME, "ZeroDivisionError") : copy ? 0 : -1;
}

static int check_power(enum dtype dtype, const struct tensor *exponent)
{
    if (dtype_is_differentiable(dtype) || !exponent->wrapped_number ||
        dtype_load(tensor_dtype(exponent), tensor_data(exponent)).d >= 0)
        return 0;
    return error_set(ERROR_RUNTIME, "Integers to negative integer powers are not allowed.");
}

/* The Scalar arguments, which stand behind the tensors, for the kernel. */
static void collect_params(const struct op *op, const struct value *args, int inputs,
                           struct scalar params[2])
{
    const struct schema *schema = op_schema(op);

    for (int k = 0; k < 2; k++) {
        const int i = inputs + k;
        const bool there = i < schema->count && schema->params[i].type == VALUE_SCALAR;

        params[k] = there ? args[i].scalar : scalar_int(0);
    }
}

static int check_params(const struct op *op, enum dtype dtype, const struct scalar params[2])
{
    if (op->id != OP_add && op->id != OP_sub && op->id != OP_rsub)
        return 0;
    if (!dtype_is_differentiable(dtype) && params[0].kind == SCALAR_FLOAT)
        return error_set(ERROR_RUNTIME, "For integral input tensors, argument alpha must not be a "
                                        "floating point number.");
    if (!dtype_is_complex(dtype) && params[0].kind == SCALAR_COMPLEX)
        return error_set(ERROR_RUNTIME, "For non-complex input tensors, argument alpha must not be "
                                        "a complex number.");
    return 0;
}

/* Where operands and result have one type and the same contiguous shape, or the second operand is a
 * number, there is nothing to broadcast, convert or walk: one kernel call. */
static bool run_short_cut(kernel_fn *kernel, int inputs, struct tensor *const *in,
                          struct tensor *out, const struct scalar *params)
{
    int64_t stride[ITER_OPERANDS];
    char *ptr[ITER_OPERANDS];

    if (out->numel > ITER_GRAIN || !tensor_is_contiguous(out))
        return false;
    stride[0] = (int64_t)dtype_size(tensor_dtype(out));
    ptr[0] = tensor_data(out);
    for (int k = 0; k < inputs; k++) {
        const struct tensor *t = in[k];

        ptr[k + 1] = tensor_data(t);
        stride[k + 1] = (int64_t)dtype_size(tensor_dtype(t));
        if (t->ndim == 0 && k > 0)
            stride[k + 1] = 0;
        else if (!tensor_same_shape(t, out) || !tensor_is_contiguous(t))
            return false;
    }
    kernel(out->numel, ptr, stride, params);
    return true;
}

static kernel_fn *kernel_past_cache(enum op_id id, enum dtype dtype, kernel_fn *usual)
{
    const struct past_kernel *k = *KERNELS_PICK(past_cache);

    while (k->op != OP_COUNT && (k->op != id || k->dtype != dtype))
        k++;
    return k->kernel ? k->kernel : usual;
}

static void run(enum op_id id, enum dtype dtype, int inputs, struct tensor *const *in,
                struct tensor *out, const struct scalar *params)
{
    kernel_fn *kernel = kernels.elementwise[id][dtype];
    const struct tensor *operands[ITER_OPERANDS] = {out};
    struct iter it;

    if (run_short_cut(kernel, inputs, in, out, params))
        return;
    for (int k = 0; k < inputs; k++)
        operands[k + 1] = in[k];
    iter_init(&it, inputs + 1, operands);
    if (iter_is_past_cache(&it))
        kernel = kernel_past_cache(id, dtype, kernel);
    iter_run(&it, kernel, params);
}

/* An input that shares the result's memory in another geometry must be copied first. */
static bool clashes(const struct tensor *in, const struct tensor *out)
{
    return in->storage == out->storage &&
           (in->offset != out->offset || !tensor_same_shape(in, out) ||
            memcmp(in->stride, out->stride, (size_t)in->ndim * sizeof(*in->stride)) != 0);
}

static int broadcast_shape(int inputs, struct tensor *const *in, int *ndim, int64_t *shape)
{
    *ndim = in[0]->ndim;
    memcpy(shape, in[0]->shape, (size_t)*ndim * sizeof(*shape));
    for (int k = 1; k < inputs; k++) {
        if (shape_broadcast(ndim, shape, in[k]->ndim, in[k]->shape) < 0)
            return -1;
    }
    return 0;
}

/* inputs[k] in the type that the kernel takes, by way of the type that PyTorch computes in: one
 * more reference, or a copy. It is copied as well where it clashes with the result. */
static struct tensor *operand(struct tensor *t, enum dtype dtype, const struct tensor *target)
{
    struct tensor *typed = tensor_to(t, dtype), *result;

    if (!typed)
        return NULL;
    result = tensor_to(typed, dtype_computed(dtype));
    tensor_unref(typed);
    if (result && clashes(result, target)) {
        typed = result;
        result = tensor_clone(typed);
        tensor_unref(typed);
    }
    return result;
}

/* The tensor that the kernel writes: the result itself, or one of the kernel's type. */
static struct tensor *kernel_target(struct tensor *made, enum dtype written)
{
    return tensor_dtype(made) == written ? tensor_ref(made) : tensor_new_like(made, written);
}

/* ---- the short way ---- */

enum { SMALL = 1024 };

/* A contiguous tensor of few elements: what most operands are where people learn. */
static bool is_small(const struct tensor *t)
{
    return t->numel <= SMALL && tensor_is_contiguous(t);
}

/* Whether the rule computes in this type and has nothing to say of the operands' values, as it may
 * of whole numbers. */
static bool computes_plainly(enum type_rule rule, enum dtype dtype)
{
    if (dtype == DTYPE_f32 || dtype == DTYPE_f64)
        return rule != RULE_INTEGER;
    return !dtype_is_differentiable(dtype) &&
           (rule == RULE_ANY || rule == RULE_COMPARE || rule == RULE_INTEGER);
}

/* An operand beside a first one, small: the same kind of tensor, one of a single element, or a
 * number that does not change the type, which is put into `number`. Its data and step, or false. */
static bool small_operand(const struct tensor *a, const struct tensor *b, char number[8],
                          char **data, int64_t *step)
{
    if (b->wrapped_number && b->dtype != DTYPE_b8 &&
        dtype_infos[b->dtype].category <= dtype_infos[a->dtype].category) {
        dtype_store(tensor_dtype(a), number, dtype_load(tensor_dtype(b), tensor_data(b)));
        *data = number;
        *step = 0;
        return true;
    }
    if (b->dtype != a->dtype)
        return false;
    *data = tensor_data(b);
    *step = b->numel == 1 && b->ndim <= a->ndim ? 0 : (int64_t)dtype_size(tensor_dtype(b));
    return *step == 0 || (tensor_same_shape(a, b) && tensor_is_contiguous(b));
}

/* Whether a given result is such a tensor too, whose memory is that of an operand or of none. */
static bool small_target(const struct tensor *out, enum dtype dtype, int count,
                         struct tensor *const *in)
{
    for (int k = 0; k < count; k++) {
        if (in[k] != out && in[k]->storage == out->storage)
            return false;
    }
    return tensor_dtype(out) == dtype && tensor_same_shape(out, in[0]) && tensor_is_contiguous(out);
}

/* Few elements of one type: nothing to promote, broadcast, convert, walk or share. 1 when done, 0
 * when the call is not of this kind, -1 on an error. */
static int run_small(const struct op *op, enum op_id id, struct tensor *const *in,
                     const struct scalar *params, struct tensor **out)
{
    const struct tensor *a = in[0];
    enum dtype dtype = tensor_dtype(a), given = rows[id].rule == RULE_COMPARE ? DTYPE_b8 : dtype;
    char number[2][8] __attribute__((aligned(8))), *ptr[4];
    struct tensor *result = *out;
    int64_t step[4];

    if (!computes_plainly(rows[id].rule, dtype) || a->wrapped_number || !is_small(a))
        return 0;
    ptr[1] = tensor_data(a);
    step[1] = (int64_t)dtype_size(dtype);
    for (int k = 1; k < rows[id].inputs; k++) {
        if (!small_operand(a, in[k], number[k - 1], &ptr[k + 1], &step[k + 1]))
            return 0;
    }
    if (result && !small_target(result, given, rows[id].inputs, in))
        return 0;
    if (rows[id].has_params && check_params(op, dtype, params) < 0)
        return -1;
    if (!result && !(result = tensor_new_like(a, given)))
        return -1;
    ptr[0] = tensor_data(result);
    step[0] = (int64_t)dtype_size(given);
    kernels.elementwise[id][dtype](a->numel, ptr, step, params);
    *out = result;
    return 1;
}

/* ---- any way ---- */

/* A type that no kernel knows is told after what is wrong with shapes and with the result. */
static int refuse_operands(const struct op *op, enum op_id id, struct tensor *const *inputs,
                           enum dtype common, struct tensor **out)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;

    if (broadcast_shape(rows[id].inputs, inputs, &ndim, shape) < 0 ||
        (op->flags & OP_IN_PLACE_CALL && op_output(op, out, common, ndim, shape) < 0))
        return -1;
    return op_refuse_kernel(op, id, common);
}

/* Apart from the short way, which would pay for all that it keeps on the stack. */
static __attribute__((noinline)) int run_any(const struct op *op, enum op_id id,
                                             struct tensor *const *inputs,
                                             const struct scalar *params, struct tensor **out)
{
    int count = rows[id].inputs, status = -1, ndim;
    struct tensor *in[3] = {NULL}, *made = *out, *target;
    enum dtype common, dtype, result;
    int64_t shape[TENSOR_MAX_DIMS];

    if (elementwise_check(id, count, inputs, *out) < 0)
        return -1;
    common = op_result_type(count, inputs);
    dtype = compute_type(rows[id].rule, common);
    if (dtype == DTYPE_NONE)
        return refuse_operands(op, id, inputs, common, out);
    if (check_params(op, dtype, params) < 0 || broadcast_shape(count, inputs, &ndim, shape) < 0)
        return -1;
    if (check_divisor(id, dtype, inputs[count - 1]) < 0 ||
        (id == OP_pow && check_power(dtype, inputs[1]) < 0))
        return -1;
    if (!kernels.elementwise[id][dtype_computed(dtype)])
        return op_refuse_kernel(op, id, dtype);
    result = result_type(id, dtype);
    if (result != dtype && gives_part[id] && op->flags & OP_IN_PLACE_CALL)
        return error_set(ERROR_RUNTIME, "In-place abs is not supported for complex tensors.");
    if (!made)
        made = tensor_new_as(result, ndim, shape, count, inputs);
    if (!made || op_output(op, &made, result, ndim, shape) < 0)
        return -1;
    target = kernel_target(made, result_type(id, dtype_computed(dtype)));
    for (int k = 0; k < count && target; k++) {
        in[k] = operand(inputs[k], dtype, target);
        if (!in[k])
            goto end;
    }
    if (!target)
        goto end;
    run(id, dtype_computed(dtype), count, in, target, params);
    status = target == made ? 0 : tensor_copy(made, target);
end:
    for (int k = 0; k < count; k++)
        tensor_unref(in[k]);
    tensor_unref(target);
    if (status == 0)
        *out = made;
    else if (!*out)
        tensor_unref(made);
    return status;
}

int elementwise_run(const struct op *op, enum op_id id, struct tensor *const *inputs,
                    const struct scalar *params, struct tensor **out)
{
    int status = run_small(op, id, inputs, params, out);

    if (status == 0)
        return run_any(op, id, inputs, params, out);
    return status > 0 ? 0 : -1;
}

/* ---- forward functions ---- */

/* PyTorch's square() is pow(self, 2), whose number makes whole numbers of truth values. */
static int square_of_bool(const struct op *op, struct tensor *self, struct tensor **out)
{
    return op_give(op, tensor_to(self, DTYPE_i64), out);
}

static const struct scalar no_params[2] = {{.kind = SCALAR_INT}, {.kind = SCALAR_INT}};

int elementwise_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    int inputs = rows[op->id].inputs;
    struct scalar params[2];
    struct tensor *in[3];

    if (op->id == OP_square && args[0].tensor->dtype == DTYPE_b8 && !*out)
        return square_of_bool(op, args[0].tensor, out);
    if (op->id == OP_clamp_min)
        return clamp_forward(op, (struct value[]){args[0], args[1], {.given = false}}, out);
    if (op->id == OP_clamp_max)
        return clamp_forward(op, (struct value[]){args[0], {.given = false}, args[1]}, out);
    for (int k = 0; k < inputs; k++)
        in[k] = args[k].tensor;
    if (!rows[op->id].has_params)
        return elementwise_run(op, op->id, in, no_params, out);
    collect_params(op, args, inputs, params);
    return elementwise_run(op, op->id, in, params, out);
}

int div_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *in[2] = {args[0].tensor, args[1].tensor};
    enum op_id id = OP_true_divide;

    if (args[2].given) {
        if (strcmp(args[2].text, "floor") == 0)
            id = OP_floor_divide;
        else if (strcmp(args[2].text, "trunc") == 0)
            id = OP_div_trunc;
        else
            return error_set(ERROR_RUNTIME,
                             "div expected rounding_mode to be one of None, 'trunc', or 'floor' "
                             "but found '%s'",
                             args[2].text);
    }
    return elementwise_run(op, id, in, no_params, out);
}

/* What a bound that is not a number makes of everything. */
static int all_nan(const struct op *op, const struct tensor *self, struct tensor **out)
{
    return op_give(op, tensor_full(tensor_dtype(self), self->ndim, self->shape, scalar_float(NAN)),
                   out);
}

/* clamp() with both bounds or one; a float bound turns whole numbers into floats. */
int clamp_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *converted;
    struct scalar params[2] = {args[1].scalar, args[2].scalar};
    bool low = args[1].given, high = args[2].given;
    bool real = (low && params[0].kind == SCALAR_FLOAT) || (high && params[1].kind == SCALAR_FLOAT);
    enum op_id id = low && high ? OP_clamp_range : low ? OP_clamp_min : OP_clamp_max;
    int status;

    if (!low && !high)
        return error_set(ERROR_RUNTIME,
                         "torch.clamp: At least one of 'min' or 'max' must not be None");
    if (!low)
        params[0] = params[1];
    converted = real && !dtype_is_float(tensor_dtype(self)) ? tensor_to(self, dtype_default())
                                                            : tensor_ref(self);
    if (!converted)
        return -1;
    if ((low && isnan(args[1].scalar.d)) || (high && isnan(args[2].scalar.d)))
        status = all_nan(op, converted, out);
    else
        status = elementwise_run(op, id, &converted, params, out);
    tensor_unref(converted);
    return status;
}
