/*
 * create.h: what the files that make tensors from Python share. Private to src/python.
 *
 * Every maker reads its arguments into a list of keywords, in the order of its positional
 * arguments, and what all makers take into a struct create_options.
 */
#ifndef SADDLE_PYTHON_CREATE_H
#define SADDLE_PYTHON_CREATE_H

#include "python/args.h"
#include "python/tensor_parts.h"
#include "tensor/random.h"

/* dtype=, device=, requires_grad=, generator=, out= ..., as every maker takes them. */
struct create_options {
    enum dtype dtype; /* DTYPE_NONE: not given */
    bool requires_grad;
    struct generator *generator; /* NULL: the default one */
    struct tensor *out;
};

struct create_keyword {
    const char *name;
    PyObject **value; /* borrowed; untouched when not given */
};

/* All return false with a Python exception. */
/* One of the options into *o; *known is false when it is none of them. */
bool create_read_option(const char *name, PyObject *value, struct create_options *o, bool *known);
/* Positional arguments into the list, keywords into the list or into *o. */
bool create_read(const char *function, const struct python_call *call, struct create_options *o,
                 const struct create_keyword *keywords, int count);
/* Numbers; *whole when all of them are. */
bool create_read_numbers(PyObject *const *objects, struct scalar *out, int count, bool *whole);

/* The new tensor (taken over; NULL passes its error on) as the result: into out=, with
 * requires_grad. */
PyObject *create_finish(struct tensor *t, const struct create_options *o);

/* The head of a maker, and its arguments as `call`. */
#define FASTCALL(name)                                                                             \
    static PyObject *make_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,          \
                                 PyObject *names)
#define CALL                                                                                       \
    struct python_call call_data = {args, count, names}, *call = &call_data;                       \
    (void)self

/* A row of a method table for make_NAME. */
#define MAKER(name)                                                                                \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))make_##name, METH_FASTCALL | METH_KEYWORDS, NULL       \
    }

extern PyMethodDef create_range_methods[];  /* arange, linspace, eye ... */
extern PyMethodDef create_random_methods[]; /* randint, randperm, normal ... */
extern PyMethodDef create_data_methods[];   /* tensor, as_tensor, from_numpy ... */

#endif
