/*
 * create.h: what the files that make tensors from Python share. Private to src/python.
 *
 * Every maker reads its arguments into a list of keywords, in the order of its positional
 * arguments, and what all makers take into a struct create_options.
 */
#ifndef SADDLE_PYTHON_CREATE_H
#define SADDLE_PYTHON_CREATE_H

#include "python/args.h"
#include "python/method.h"
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

/* Readers give 1; 0 when the call does not fit, with nothing set (create_refuse() tells why); -1
 * with an exception. */
/* Positional arguments into the list, keywords into the list or into *o. */
int create_read_call(const struct python_call *call, struct create_options *o,
                     const struct create_keyword *keywords, int count);
/* Numbers; *whole when all of them are. */
int create_read_numbers(PyObject *const *objects, struct scalar *out, int count, bool *whole);
/* (2, 3), 2, 3 or size=, and options: ndim, SHAPE_MISFIT or SHAPE_ERROR. */
int create_read_sizes(const struct python_call *call, struct create_options *o, int64_t *shape);
/* Raises the TypeError that says why; NULL. */
void *create_refuse(const char *function, const struct python_call *call);

/* create_read_call() of a function: false with an exception. */
bool create_read(const char *function, const struct python_call *call, struct create_options *o,
                 const struct create_keyword *keywords, int count);

/* What fills a new tensor (taken over), which then goes to create_finish(). */
enum filling { FILL_EMPTY, FILL_ZEROS, FILL_ONES, FILL_UNIFORM, FILL_NORMAL };
PyObject *create_filled(struct tensor *t, enum filling filling, const struct create_options *o);
/* dtype: unless the options name one. */
PyObject *create_full(enum dtype dtype, int ndim, const int64_t *shape, struct scalar value,
                      const struct create_options *o);
/* Says that x.clone() copies a tensor better than tensor() or new_tensor(). -1: an exception. */
int create_warn_copy(const char *function);
/* Undefined content, with these strides; NULL with an exception, or with *fits false. */
struct tensor *create_strided(enum dtype dtype, PyObject *size, PyObject *stride, bool *fits);

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
#name, WITH_FASTCALL(make_##name), NULL                                                    \
    }

extern PyMethodDef create_range_methods[];     /* arange, linspace, eye ... */
extern PyMethodDef create_random_methods[];    /* randint, randperm, normal ... */
extern PyMethodDef create_data_methods[];      /* tensor, as_tensor, from_numpy ... */
extern PyMethodDef create_window_methods[];    /* hann_window ... */
extern PyMethodDef create_frequency_methods[]; /* of torch.fft: fftfreq, rfftfreq */
extern PyMethodDef create_indices_methods[];   /* tril_indices, broadcast_shapes ... */

#endif
