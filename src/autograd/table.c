/*
 * The table of operations, made from the rows of ops.def: what each is called, does and saves.
 */
#include "autograd/formula_nn.h"
#include "autograd/record.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct op ops[OP_COUNT] = {
#define ROW(op_name, op_schema_text, op_forward_fn, op_list_fn, op_flags, op_help)                 \
    [OP_##op_name] = {.name = #op_name,                                                            \
                      .schema = op_schema_text,                                                    \
                      .forward = op_forward_fn,                                                    \
                      .list = op_list_fn,                                                          \
                      .help = op_help,                                                             \
                      .flags = op_flags,                                                           \
                      .id = OP_##op_name},
#define UNARY(name, params, rule, expr, saves, dself, flags, help)                                 \
    ROW(name, "(Tensor self" params ")", elementwise_forward, NULL, flags, help)
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)                        \
    ROW(name, "(Tensor self, Tensor other" params ")", elementwise_forward, NULL, flags, help)
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help)                          \
    ROW(name, TERNARY_SCHEMA_##name params ")", elementwise_forward, NULL, flags, help)
#define OP(name, schema, forward, saves, derivative, flags, help)                                  \
    ROW(name, schema, forward, NULL, flags, help)
#define COMPOSITE(name, schema, function, flags, help)                                             \
    ROW(name, schema, function, NULL, (flags) | OP_COMPOSED, help)
#define LIST(name, schema, function, flags, help)                                                  \
    ROW(name, schema, NULL, function, (flags) | OP_COMPOSED, help)
/* What PyTorch calls the three tensors. */
#define TERNARY_SCHEMA_lerp                    "(Tensor self, Tensor end, Tensor weight"
#define TERNARY_SCHEMA_addcmul                 "(Tensor self, Tensor tensor1, Tensor tensor2"
#define TERNARY_SCHEMA_addcdiv                 "(Tensor self, Tensor tensor1, Tensor tensor2"
#define TERNARY_SCHEMA_bce_logits_weighed_each "(Tensor self, Tensor target, Tensor pos_weight"
#include "tensor/ops.def"
};

struct op ops_inplace[OP_COUNT];

/* ---- rules ---- */

#define S(i) (c->args[i].scalar)
#define BEGIN                                                                                      \
    struct tensor *g = c->g[0], *self = c->args[0].tensor, *result = c->results[0];                \
    (void)g;                                                                                       \
    (void)self;                                                                                    \
    (void)result;
#define UNARY(name, params, rule, expr, saves, dself, flags, help)                                 \
    static __attribute__((unused)) void name##_rule(struct grad_call *c)                           \
    {                                                                                              \
        BEGIN                                                                                      \
        grad_store(c, 0, 0, dself);                                                                \
    }
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)                        \
    static __attribute__((unused)) void name##_rule(struct grad_call *c)                           \
    {                                                                                              \
        BEGIN                                                                                      \
        struct tensor *other = c->args[1].tensor;                                                  \
        (void)other;                                                                               \
        if (grad_wanted(c, 0))                                                                     \
            grad_store(c, 0, 0, dself);                                                            \
        if (grad_wanted(c, 1))                                                                     \
            grad_store(c, 1, 1, dother);                                                           \
    }
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help)                          \
    static __attribute__((unused)) void name##_rule(struct grad_call *c)                           \
    {                                                                                              \
        BEGIN                                                                                      \
        struct tensor *other = c->args[1].tensor, *third = c->args[2].tensor;                      \
        (void)other;                                                                               \
        (void)third;                                                                               \
        if (grad_wanted(c, 0))                                                                     \
            grad_store(c, 0, 0, d0);                                                               \
        if (grad_wanted(c, 1))                                                                     \
            grad_store(c, 1, 1, d1);                                                               \
        if (grad_wanted(c, 2))                                                                     \
            grad_store(c, 2, 2, d2);                                                               \
    }
#include "tensor/ops.def"

/* Comparisons and whole-number operations have no derivative. */
#define RULE_OF_FLOAT(name)      name##_rule
#define RULE_OF_ONLY_FLOAT(name) name##_rule
#define RULE_OF_NUMBER(name)     name##_rule
#define RULE_OF_ANY(name)        name##_rule
#define RULE_OF_INTEGER(name)    NULL
#define RULE_OF_COMPARE(name)    NULL

#define RULE_UNLESS(flags, rule) ((flags)&OP_NO_GRAD ? NULL : (rule))

#define none NULL
const struct rule op_rules[OP_COUNT] = {
#define UNARY(name, params, rule, expr, saves, dself, flags, help)                                 \
    [OP_##name] = {saves, RULE_UNLESS(flags, RULE_OF_##rule(name))},
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)                        \
    [OP_##name] = {saves, RULE_UNLESS(flags, RULE_OF_##rule(name))},
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help)                          \
    [OP_##name] = {saves, RULE_UNLESS(flags, RULE_OF_##rule(name))},
#define OP(name, schema, forward, saves, derivative, flags, help) [OP_##name] = {saves, derivative},
#include "tensor/ops.def"
};
#undef none

/* ---- names ---- */

static const struct {
    enum op_id id;
    const char *name;
} odd_names[] = {
#define NODE_NAME(op, name) {OP_##op, name},
#include "autograd/node_names.def"
};

static const struct {
    enum op_id id;
    unsigned arguments;
} odd_edges[] = {
#define NODE_EDGES(op, arguments) {OP_##op, arguments},
#include "autograd/node_names.def"
};

/* Arguments of these names say where, not what: PyTorch differentiates none of them. */
static const char *const places[] = {"index",     "indices",      "mask",
                                     "condition", "running_mean", "running_var"};

/* What has an overload for a Python number in PyTorch: with tensors alone, and with a number. */
static const struct {
    enum op_id id;
    const char *tensors, *number;
} overload_names[] = {
    {OP_fmod, "FmodBackward1", "FmodBackward0"},
    {OP_remainder, "RemainderBackward1", "RemainderBackward0"},
    {OP_rsub, "RsubBackward0", "RsubBackward1"},
    {OP_lerp, "LerpBackward1", "LerpBackward0"},
    {OP_copysign, "CopysignBackward0", "CopysignBackward1"},
    {OP_masked_fill, "MaskedFillBackward1", "MaskedFillBackward0"},
    {OP_index_fill, "IndexFillBackward1", "IndexFillBackward0"},
    {OP_eq, "EqBackward1", "EqBackward0"},
    {OP_ne, "NeBackward1", "NeBackward0"},
    {OP_lt, "LtBackward1", "LtBackward0"},
    {OP_le, "LeBackward1", "LeBackward0"},
    {OP_gt, "GtBackward1", "GtBackward0"},
    {OP_ge, "GeBackward1", "GeBackward0"},
};

static bool number_overload(enum op_id id)
{
    bool found = id == OP_pow;

    for (size_t i = 0; i < sizeof(overload_names) / sizeof(*overload_names); i++)
        found |= overload_names[i].id == id;
    return found;
}

bool op_edge_shown(const struct op *op, int argument, int number)
{
    const struct param *p = &op_schema(op)->params[argument];

    if (argument > 0 && number == argument + 1 && number_overload(op->id))
        return false;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        if (strlen(places[i]) == (size_t)p->name_length &&
            memcmp(places[i], p->name, (size_t)p->name_length) == 0)
            return false;
    }
    for (size_t i = 0; i < sizeof(odd_edges) / sizeof(*odd_edges); i++) {
        if (odd_edges[i].id == op->id)
            return odd_edges[i].arguments >> argument & 1;
    }
    return true;
}

static char backward_names[OP_COUNT][40];

/* log_softmax -> LogSoftmaxBackward0, avg_pool2d -> AvgPool2DBackward0. A leading underscore and an
 * overload's name go; the overload "vec" is PyTorch's second. */
static void make_backward_name(const char *name, char *out, size_t size)
{
    size_t length = 0;
    bool upper = true;

    for (; *name && strncmp(name, "__", 2) != 0 && length + 12 < size; name++) {
        if (*name == '_') {
            upper = true;
            continue;
        }
        out[length++] = upper ? (char)toupper((unsigned char)*name) : *name;
        upper = isdigit((unsigned char)*name) != 0;
    }
    snprintf(out + length, size - length, "Backward%d", strcmp(name, "__vec") == 0);
}

const char *op_backward_name(const struct op *op, const struct value *args, int number)
{
    char *name = backward_names[op->id];

    if (op->id == OP_pow && number != 2)
        return "PowBackward1";
    if (op->id == OP_sort && args[3].i) /* stable */
        return "SortBackward1";
    if (op->id == OP_div && args[2].given) /* the rounding mode */
        return "DivBackward2";
    for (size_t i = 0; i < sizeof(odd_names) / sizeof(*odd_names); i++) {
        if (odd_names[i].id == op->id)
            return odd_names[i].name;
    }
    for (size_t i = 0; i < sizeof(overload_names) / sizeof(*overload_names); i++) {
        if (overload_names[i].id == op->id)
            return number ? overload_names[i].number : overload_names[i].tensors;
    }
    if (!name[0])
        make_backward_name(ops[op->id].name, name, sizeof(backward_names[0]));
    return name;
}

/* ---- start ---- */

/* Where the schema has "bool inplace", as many functions of torch.nn.functional. */
static int find_inplace(const struct schema *schema)
{
    for (int i = 0; i < schema->count; i++) {
        const struct param *p = &schema->params[i];

        if (p->name_length == 7 && memcmp(p->name, "inplace", 7) == 0)
            return i;
    }
    return 0;
}

/* add -> add_, with the schema of add. */
static void make_inplace(enum op_id id)
{
    static char names[OP_COUNT][40];
    const struct op *op = &ops[id];

    ops_inplace[id] = *op;
    snprintf(names[id], sizeof(names[id]), "%s_", op->name);
    ops_inplace[id].name = names[id];
    ops_inplace[id].flags |= OP_IN_PLACE_CALL;
}

/* What ops_out.def says of out=. */
static const struct {
    enum op_id id;
    unsigned flags;
} out_flags[] = {
#define OUT(name)                        {OP_##name, OP_OUT},
#define OUT_SAME_EACH(name, text, other) OUT(name)
#define OUT_CAST(name, text)             OUT(name)
#define OUT_TYPED(name)                  {OP_##name, OP_OUT | OP_OUT_TYPED},
#include "tensor/ops_out.def"
};

/* A row that says nothing of out= itself does not write there either. */
static void init_out(void)
{
    for (int id = 0; id < OP_COUNT; id++) {
        if (!(ops[id].flags & OP_OUT) || ops[id].flags & (OP_COMPOSED | OP_OF_SIZE))
            ops[id].flags |= OP_OUT_COPIED;
        if (ops[id].forward == elementwise_forward)
            ops[id].flags &= ~(unsigned)OP_OUT_COPIED;
    }
    for (size_t i = 0; i < sizeof(out_flags) / sizeof(*out_flags); i++)
        ops[out_flags[i].id].flags |= out_flags[i].flags;
}

void op_table_init(void)
{
    for (int id = 0; id < OP_COUNT; id++) {
        const struct schema *schema = op_schema(&ops[id]);

        ops[id].outputs = schema->outputs;
        ops[id].result_names = schema->result_names;
        ops[id].inplace_arg = ops[id].flags & OP_INPLACE ? find_inplace(schema) : 0;
        if (ops[id].flags & OP_INPLACE)
            make_inplace((enum op_id)id);
    }
    for (size_t i = 0; i < sizeof(odd_names) / sizeof(*odd_names); i++) {
        if (ops[odd_names[i].id].flags & OP_COMPOSED)
            ops[odd_names[i].id].flags |= OP_NODE;
    }
    init_out();
    deprecated_init();
}

void op_defaults(const struct op *op, struct value *args, int from)
{
    const struct schema *schema = op_schema(op);

    for (int i = from; i < schema->count; i++)
        args[i] = schema->params[i].value;
}
