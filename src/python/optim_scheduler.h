/*
 * optim_scheduler.h: what the schedulers share. Private to src/python.
 *
 * Functions that return PyObject * return new references, and NULL with a Python exception; those
 * that return int give 0, or -1 with an exception.
 */
#ifndef SADDLE_PYTHON_OPTIM_SCHEDULER_H
#define SADDLE_PYTHON_OPTIM_SCHEDULER_H

#include "optim/schedule.h"
#include "python/bind.h"
#include "python/optim_parts.h"

#include <structmember.h>

struct schedule_class;

/* A scheduler's state is its __dict__, as PyTorch has it. */
typedef struct {
    PyObject_HEAD PyObject *dict;
    PyObject *weakrefs;
    const struct schedule_class *row; /* of the nearest base that is a row of the table, or NULL */
} SchedulerObject;

extern PyTypeObject *scheduler_type; /* _LRScheduler */

/* What _LRScheduler.__init__() does. */
int scheduler_setup(PyObject *self, PyObject *optimizer, PyObject *last_epoch, PyObject *verbose);
/* A constructor: binds the arguments, where `defaults` is a tuple of the values of those that need
 * not be given (taken over; NULL passes its exception on), and has start() do the rest. */
int scheduler_construct(PyObject *self, const struct binding *binding, PyObject *defaults,
                        PyObject *args, PyObject *kwargs,
                        int (*start)(PyObject *self, PyObject *const *values));
/* TypeError unless the object is an Optimizer. */
int scheduler_check_optimizer(PyObject *object);
/* self.optimizer.param_groups; a new reference to a list. */
PyObject *scheduler_groups(PyObject *self);
/* [group[key] for group in self.optimizer.param_groups] */
PyObject *scheduler_collect(PyObject *self, PyObject *key);
/* self._last_lr = the groups' present rates. */
int scheduler_note_rates(PyObject *self);
/* group['lr'] = rate for each group, printed when verbose; epoch may be None. */
int scheduler_apply(PyObject *self, PyObject *rates, PyObject *epoch);
/* Calls get_lr() or another method while it may be called. */
PyObject *scheduler_rates(PyObject *self, PyObject *method);
/* For get_lr() methods: warns a user who calls it himself. */
int scheduler_warn_outside_step(PyObject *self);
int scheduler_warn_epoch(void);
/* The __dict__ without the keys that are given (NULL after the last). */
PyObject *scheduler_dict_without(PyObject *self, PyObject *const *keys);
/* Updates the __dict__. */
int scheduler_dict_update(PyObject *self, PyObject *state);
/* A number, or a list or tuple with one for each group: always as a sequence. */
PyObject *scheduler_per_group(PyObject *optimizer, const char *name, PyObject *value);
/* Reads a number from an attribute. */
int attribute_number(PyObject *self, PyObject *name, double *out);
/* Sets an attribute to a value whose reference is taken over; NULL passes its exception on. */
int attribute_take(PyObject *self, PyObject *name, PyObject *value);
int attribute_is_true(PyObject *self, PyObject *name); /* -1 with an exception */
/* An epoch in a line that is printed: "00003", or "3.00" for a float. */
int epoch_text(PyObject *epoch, char *text, size_t size);
/* Writes to sys.stdout as print() does, without an end of line. */
int print_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds a scheduler class to torch.optim.lr_scheduler. */
int scheduler_add_type(PyObject *torch, PyType_Spec *spec, PyTypeObject *base, PyTypeObject **type);

/* The slots of every type here that has no base. */
PyObject *scheduler_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
int scheduler_traverse(PyObject *self, visitproc visit, void *arg);
int scheduler_clear(PyObject *self);
void scheduler_dealloc(PyObject *self);
extern PyMemberDef scheduler_members[];
extern PyMethodDef scheduler_methods[];
PyObject *scheduler_state_dict(PyObject *self, PyObject *unused);
PyObject *scheduler_load_state_dict(PyObject *self, PyObject *state);
/* The row of a type, or NULL. */
const struct schedule_class *schedule_class_of(PyTypeObject *type);

#endif
