/*
 * law.h: what the files of torch.distributions share: distributions as rows.
 *
 * A distribution is a row of law_rows*.c: parameters with their constraints, support, and members
 * (mean, log_prob(), rsample() ...) as formulas (law_formula.h). From the row come the class with
 * its constructor, expand(), repr and validation. Objects keep what PyTorch's keep in __dict__:
 * parameters under their names, _batch_shape, _event_shape. What every class shares is Distribution
 * (law_base.c); a program may derive from it.
 *
 * Functions that return PyObject * return new references and NULL with an exception; others 0 or
 * -1.
 */
#ifndef SADDLE_PYTHON_LAW_H
#define SADDLE_PYTHON_LAW_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

enum law_kind {
    LAW_PROPERTY,  /* mean */
    LAW_LAZY,      /* logits, kept in __dict__ once computed */
    LAW_SAMPLE,    /* sample(sample_shape): sees `shape`, the whole one; not recorded */
    LAW_RSAMPLE,   /* rsample(sample_shape): sees `shape` */
    LAW_VALUE,     /* log_prob(value): the value is validated */
    LAW_UNCHECKED, /* icdf(value) */
    LAW_PLAIN,     /* entropy() */
    LAW_EXPANDED,  /* enumerate_support(expand=True): values along dimension 0, by events alone */
};

struct law_member {
    enum law_kind kind;
    const char *name, *formula;
};

struct law_param {
    const char *name;
    const char *constraint; /* a name of torch.distributions.constraints; NULL: none */
    const char *fallback;   /* a formula, NULL: must be given */
};

enum { LAW_MAX_PARAMS = 4 };
enum {
    LAW_HAS_RSAMPLE = 1,
    LAW_HAS_SUPPORT_LIST = 2, /* has_enumerate_support */
    LAW_SUPPORT_VARIES = 4,   /* support is a property: its formula needs the object */
    LAW_NOT_STORED = 16,      /* the parameters are those of a distribution that it is made of */
    LAW_ONE_EVENT = 8,        /* events have the last dimension of the first parameter */
};

struct law {
    const char *name, *file, *base; /* Normal, normal, ExponentialFamily */
    const char *support;
    unsigned flags;
    struct law_param params[LAW_MAX_PARAMS];
    const struct law_member *members; /* up to one without a name */
    /* A formula whose names become attributes, event_shape the shape of events, and whose value is
     * batch_shape. It sees the arguments if LAW_NOT_STORED, else the object after the parameters
     * have been broadcast against each other and stored. NULL: these alone. */
    const char *prepare;
    /* What a formula cannot say: instead of all that. Stores the shapes, new references, or leaves
     * them to those of the first parameter. Arguments not given are None. */
    int (*setup)(PyObject *self, PyObject *const *args, PyObject **batch, PyObject **event);
    int (*finish)(PyObject *self, PyObject *const *args); /* after all checks; NULL: nothing */
    const char *inner; /* how a distribution in __dict__, `value`, expands; NULL: to `batch` */
};

extern const struct law laws_simple[], laws_counts[], laws_joint[]; /* up to one without a name */

/* The row of an object, by the nearest base that has one; NULL for a class without. */
const struct law *law_of(PyObject *self);

/* Adds a formula to a class under the member's name. */
int law_member_add(PyTypeObject *type, const struct law_member *member);
/* Whether the attribute of the class is computed once; false without an exception if absent. */
bool law_member_is_lazy(PyTypeObject *type, PyObject *name);

/* Whether a constraint depends on the object, so that it cannot be checked by itself. */
bool law_constraint_is_dependent(PyObject *constraint);

/* Distribution.__init__(): shapes may be NULL for (); validate_args NULL or None for the default.
 */
int law_setup(PyObject *self, PyObject *batch, PyObject *event, PyObject *validate);
/* sample_shape + batch_shape + event_shape. */
PyObject *law_extended_shape(PyObject *self, PyObject *sample_shape);
/* The checks of _validate_sample(), if the object validates at all. */
int law_validate(PyObject *self, PyObject *value);

/* torch.Size of the first or the last dimensions: size[:-count], size[-count:]. */
PyObject *law_size_without(PyObject *size, Py_ssize_t count);
PyObject *law_size_last(PyObject *size, Py_ssize_t count);
PyObject *law_size(PyObject *sequence);
PyObject *law_size_none(void); /* torch.Size([]) */
/* A list of tensors broadcast against each other, numbers made tensors. */
PyObject *law_broadcast(PyObject *const *values, Py_ssize_t count);

extern PyTypeObject *distribution_type;
extern PyObject *law_module; /* torch.distributions */

/* Makes torch.distributions. After nn_init(). */
int distributions_init(PyObject *torch);
/* Its parts. */
int law_utils_init(PyObject *torch);
int law_constraints_init(PyObject *torch);
int law_base_init(PyObject *torch);
int law_members_init(void);
int law_kl_init(PyObject *torch);

#endif
