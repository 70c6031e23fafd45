/*
 * args.h: Python arguments by schema.
 *
 * Tables say what a function takes in PyTorch's notation; this turns a Python call into an array of
 * struct value in the schema's order, or raises what PyTorch would.
 */
#ifndef SADDLE_PYTHON_ARGS_H
#define SADDLE_PYTHON_ARGS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "tensor/op.h"

/* Values, and the memory and references that they need for the time of the call. */
struct parsed_args {
    struct value values[OP_MAX_ARGS];
    struct tensor *out[OP_MAX_OUTPUTS]; /* out=, borrowed */
    struct tensor *owned[OP_MAX_ARGS];  /* wrapped numbers */
    int owned_count;
    void *blocks[OP_MAX_ARGS];
    int block_count;
    int64_t space[32]; /* the first blocks lie here */
    int space_used;
};

/* A call as METH_FASTCALL | METH_KEYWORDS hands it over. */
struct python_call {
    PyObject *const *args;
    Py_ssize_t count;
    PyObject *names; /* tuple of keyword names, or NULL; their values follow the positional ones */
};

/* Whether the call fits the schema: 1 and the values; 0 and nothing set when it does not fit; -1
 * with an exception (a conversion raised). args_release() after 1. `self_name` is what Python may
 * call the first argument beside its name in the schema ("input"), or NULL. */
int args_parse(const struct schema *schema, const struct python_call *call, bool takes_out,
               const char *self_name, struct parsed_args *out);
void args_release_all(struct parsed_args *args);
static inline void args_release(struct parsed_args *args)
{
    if (args->owned_count || args->block_count)
        args_release_all(args);
}
/* The index of the parameter of that name or alias, -1 if there is none. */
int args_find_name(const struct schema *schema, const char *name, const char *self_name);
/* Raises the TypeError that explains why the call fits none of the schemas, of a method (its first
 * argument is the object that it was called on) or of what takes out=. Returns NULL. */
enum { ARGS_METHOD = 1, ARGS_OUT = 2 };
void *args_mismatch(const char *name, const struct schema *const *schemas, int count,
                    const struct python_call *call, int kind);

/* What size_average and reduce, the old arguments of losses, stand for, with a warning: "none",
 * "mean" or "sum"; NULL with an exception when the warning has become one. */
const char *old_reduction(bool size_average, bool reduce);

/* dtype, device, shape from Python, with PyTorch's errors: used beyond schemas as well. */
bool dtype_from_python(PyObject *object, enum dtype *out);
PyObject *dtype_object(enum dtype dtype);              /* torch.float32; new reference */
PyObject *size_object(int ndim, const int64_t *shape); /* torch.Size; new reference */
/* (2, 3), [2, 3], torch.Size or several ints at args[0..count-1]; ndim, or SHAPE_ERROR with an
 * exception, or SHAPE_MISFIT with none when they are no ints. shape_from_python() raises there as
 * well. */
enum { SHAPE_ERROR = -1, SHAPE_MISFIT = -2 };
int shape_read(PyObject *const *args, Py_ssize_t count, int64_t *shape);
int shape_from_python(PyObject *const *args, Py_ssize_t count, int64_t *shape);
/* The same of a tuple or a list alone. */
int shape_read_list(PyObject *list, int64_t *shape);

/* Results of an operation of torch.nn.functional, taken over: one tensor, or a plain tuple. Those
 * from the second on that are NULL were not asked for. */
PyObject *tensors_to_python(struct tensor **out, int count);

#endif
