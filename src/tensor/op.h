/*
 * op.h: what an operation is: a row of a table.
 *
 * ops.def (and nn/functional.def) have one row per operation. A row's schema, in PyTorch's
 * notation, says its arguments; callers of any kind hand these over as an array of struct value in
 * the schema's order, so one argument parser, one recorder and one test generator serve all
 * operations.
 */
#ifndef SADDLE_TENSOR_OP_H
#define SADDLE_TENSOR_OP_H

#include "tensor/tensor.h"

/* The operations of ops.def. */
enum op_id {
#define UNARY(name, params, rule, expr, saves, dself, flags, help)               OP_##name,
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)      OP_##name,
#define UNARY_MATH(name, params, rule, expr, saves, dself, flags, help)          OP_##name,
#define BINARY_MATH(name, params, rule, expr, saves, dself, dother, flags, help) OP_##name,
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help)        OP_##name,
#define OP(name, schema, forward, saves, derivative, flags, help)                OP_##name,
#define COMPOSITE(name, schema, function, flags, help)                           OP_##name,
#define LIST(name, schema, function, flags, help)                                OP_##name,
#include "tensor/ops.def"
    OP_COUNT
};

enum value_type {
    VALUE_TENSOR,  /* Tensor: a Python number is wrapped */
    VALUE_TENSORS, /* Tensor[] */
    VALUE_SCALAR,  /* Scalar: any Python number */
    VALUE_INT,
    VALUE_INTS, /* int[]; int[1] takes a single int as well */
    VALUE_FLOAT,
    VALUE_FLOATS, /* float[] */
    VALUE_BOOL,
    VALUE_DTYPE,     /* ScalarType */
    VALUE_DEVICE,    /* only "cpu" passes the parser for now */
    VALUE_STRING,    /* str */
    VALUE_GENERATOR, /* Generator */
    VALUE_INDICES,   /* Tensor?[]: an entry may be NULL */
    /* Only in signatures that errors are told by (python/signatures.def). */
    VALUE_NAME,    /* Dimname: the name of a dimension */
    VALUE_NAMES,   /* Dimname[] */
    VALUE_LAYOUT,  /* Layout */
    VALUE_FORMAT,  /* MemoryFormat */
    VALUE_STORAGE, /* Storage */
    VALUE_OBJECT   /* object: anything */
};

struct generator;
struct value {
    bool given; /* false: None, or a default of None */
    union {
        struct tensor *tensor;
        struct {
            struct tensor **at;
            int count;
        } tensors;
        struct scalar scalar;
        int64_t i; /* VALUE_INT, VALUE_BOOL, VALUE_DTYPE */
        double d;
        struct {
            const int64_t *at;
            int count;
        } ints;
        struct {
            const double *at;
            int count;
        } floats;
        const char *text;
        struct generator *generator;
    };
};

enum { OP_MAX_ARGS = 16, OP_MAX_OUTPUTS = 4 };

struct op;
/*
 * Computes out[0..outputs-1] from args. An entry of `out` that is not NULL on entry is the tensor
 * to write into (out= or in-place, resized or checked by op_output()), otherwise a new reference is
 * stored. -1 on error, and then no new entry is left in `out`.
 */
typedef int op_forward(const struct op *op, const struct value *args, struct tensor **out);

/* The form of operations that give a list, such as split(); they are composites. */
struct tensor_list {
    struct tensor **at;
    size_t count, capacity;
};
typedef int op_list_forward(const struct op *op, const struct value *args, struct tensor_list *out);

/* How an elementwise row chooses the types that it computes in and gives. */
enum type_rule {
    RULE_NONE,
    RULE_FLOAT,     /* whole numbers become the default float dtype */
    RULE_NUMBER,    /* ints and floats as they are; bool is refused where PyTorch refuses it */
    RULE_ANY,       /* bool as well */
    RULE_INTEGER,   /* bool and ints */
    RULE_COMPARE,   /* computes in ANY, gives bool */
    RULE_ONLY_FLOAT /* floats alone */
};

enum op_flag {
    OP_FUNCTION = 1 << 0, /* torch.name */
    OP_METHOD = 1 << 1,   /* Tensor.name */
    OP_INPLACE = 1 << 2,  /* Tensor.name_ */
    OP_OUT = 1 << 3,      /* out= */
    OP_NN = 1 << 4,       /* torch.nn.functional.name */
    OP_SPECIAL = 1 << 5,  /* torch.special.name */
    OP_LINALG = 1 << 6,   /* torch.linalg.name (the row is called linalg_name) */
    OP_VIEW = 1 << 7,     /* the result shares memory with self */
    OP_MUTATES = 1 << 8,  /* changes self in place under its own name (copy_), which it returns */
    OP_COMPOSED = 1 << 9, /* made of recorded operations: records nothing itself */
    OP_NO_GRAD = 1 << 10, /* its result never requires a gradient */
    OP_IN_PLACE_CALL = 1 << 11, /* this is the in-place form of a row: out[0] is self */
    OP_PLAIN_TUPLE = 1 << 15,   /* several results are a plain tuple, not a named one */
    OP_ONE_GRAD = 1 << 13,      /* of several results, the first alone has a gradient */
    OP_RESERVE = 1 << 14, /* the last result is for the rule: it alone is saved (SR), and it has no
                           * gradient */
    OP_NUMBERS = 1 << 16, /* a Python number may stand for a tensor behind the first */
    OP_NUMBER_FIRST = 1 << 17, /* and for the first one as well */
    OP_OF_SIZE = 1 << 18,      /* of complex numbers it takes their absolute values */
    OP_NODE = 1 << 19,         /* made of others, but its result's node has a name of its own
                                * (node_names.def); the table sets it */
    OP_FFT = 1 << 23,          /* torch.fft.name (the row is called fft_name) */
    OP_OUT_COPIED = 1 << 21,   /* its results are copied to out=; the table sets it */
    OP_OUT_TYPED = 1 << 22,    /* the type of out= is its argument dtype; the table sets it */
    OP_APART = 1 << 20,        /* what it writes to may share no memory with what it reads */
    OP_PYTHON_BOOL = 1 << 12   /* Python gets True or False instead of a zero-dim tensor */
};
#define OP_FM   (OP_FUNCTION | OP_METHOD)
#define OP_FMO  (OP_FM | OP_OUT)
#define OP_FMIO (OP_FMO | OP_INPLACE)

struct schema;
struct op {
    const char *name;   /* as in the row; Python sees the part before "__" (max__dim is max) */
    const char *schema; /* "(Tensor self, *, Scalar alpha=1)" */
    op_forward *forward;
    op_list_forward *list; /* instead of forward */
    const char *help;
    unsigned flags;
    enum op_id id;
    int outputs;
    int inplace_arg;          /* the argument that asks for the in-place form; 0: there is none */
    const char *result_names; /* names of several results: "values, indices", else NULL */
    struct schema *parsed;    /* op_schema() makes and keeps it */
};

/* How many of the results, the first ones, can have a gradient. */
static inline int op_graded(const struct op *op)
{
    return op->flags & OP_ONE_GRAD ? 1 : op->outputs - (op->flags & OP_RESERVE ? 1 : 0);
}

/* ---- parsed schemas (schema.c) ---- */

struct param {
    const char *name; /* not terminated: name_length bytes */
    int name_length;
    enum value_type type;
    int list_size; /* int[2]: 2; a single int is repeated. int[]: 0, no list: -1 */
    bool nullable; /* "?": takes None */
    bool keyword;  /* after "*" */
    bool symbolic; /* SymInt[]: a list of ints, which errors call SymInts */
    bool has_default;
    struct value value; /* the default */
};
struct schema {
    int count, positional;
    bool numbers, number_first; /* of the row's flags: OP_NUMBERS, OP_NUMBER_FIRST */
    uint32_t tensors;           /* bit i: argument i is a Tensor */
    uint32_t lists;             /* bit i: argument i is a list of tensors */
    uint32_t dtypes;            /* bit i: argument i is a ScalarType */
    uint32_t defaults;          /* bit i: argument i may be left out */
    int outputs;
    int size_average; /* the argument of a loss that `reduction` has replaced; 0: there is none */
    const char *result_names; /* "values, indices": in the schema behind "->"; NULL: one result */
    struct param params[OP_MAX_ARGS];
};
/* The parsed schema of an operation, made on first use and kept. Never NULL: a schema that does not
 * parse is a mistake in a table and ends in an assertion. */
const struct schema *schema_of(const struct op *op);
static inline const struct schema *op_schema(const struct op *op)
{
    return op->parsed ? op->parsed : schema_of(op);
}
void schema_parse(struct schema *schema, const char *text);

/* ---- for forward functions ---- */

/* The forward call of any operation: op->forward() for the types that it has kernels for. Tensors
 * of stored types (half, bfloat16, complex32) are computed in the wider type and each result is
 * rounded once; complex tensors are refused by a row that ops_complex.def does not name. */
int op_run(const struct op *op, const struct value *args, struct tensor **out);

/* PyTorch's words, from ops_refusals.def, for an operation that does not take tensors of this type.
 * op_refuse_kernel() is for one that runs the kernel of another row. -1. */
int op_refuse_type(const struct op *op, enum dtype dtype);
int op_refuse_kernel(const struct op *op, enum op_id kernel, enum dtype dtype);
/* The type of a tensor of this call as the caller gave it: where no kernel knows it (half), the
 * forward function has it in a wider one. Two of such types are the same only if they were. */
enum dtype op_given_type(const struct tensor *t);
static inline bool op_same_type(const struct tensor *a, const struct tensor *b)
{
    return a->dtype == b->dtype && op_given_type(a) == op_given_type(b);
}
/* For a forward function that calls other operations: NULL before, afterwards what it gave. */
const void *op_forget_given(const void *others);
/* 0 for a tensor of real floating-point numbers, of anything but bool, else op_refuse_type(). */
int op_check_float(const struct op *op, const struct tensor *t);
int op_check_number(const struct op *op, const struct tensor *t);

/* Makes *out ready to take a result of this dtype and shape: a new tensor if it is NULL, else
 * checked and resized as PyTorch does for out=. `inplace` results must already have the shape. */
int op_output(const struct op *op, struct tensor **out, enum dtype dtype, int ndim,
              const int64_t *shape);

/* Whether out= of the type `got` may take result i, of the type `want`: by ops_out.def for out=,
 * what can be converted for in-place calls. */
int op_check_out(const struct op *op, int i, enum dtype want, enum dtype got);

/* Hands a result that was computed apart (taken over; NULL: -1) to a forward function's *out: as it
 * is, or copied into a given tensor. */
int op_give(const struct op *op, struct tensor *result, struct tensor **out);

/* op_give() for several results, which are taken over; a NULL among them makes it -1. */
int op_give_several(const struct op *op, int count, struct tensor **results, struct tensor **out);

/* The forward function of all elementwise rows. */
op_forward elementwise_forward;
/* Runs the elementwise row `id` on behalf of `op` (which names errors and the kind of call). params
 * are two scalars. */
int elementwise_run(const struct op *op, enum op_id id, struct tensor *const *inputs,
                    const struct scalar *params, struct tensor **out);

/* The dtype that a list of operands computes in (torch.result_type). */
enum dtype op_result_type(int count, struct tensor *const *tensors);

/* Every forward function that rows of ops.def name. */
#define OP(name, schema, forward, saves, derivative, flags, help) op_forward forward;
#define COMPOSITE(name, schema, function, flags, help)            op_forward function;
#define LIST(name, schema, function, flags, help)                 op_list_forward function;
#include "tensor/ops.def"

#endif
