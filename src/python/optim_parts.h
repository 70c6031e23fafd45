/*
 * optim_parts.h: what the files of torch.optim share. Private to src/python.
 *
 * Everything that PyTorch keeps in Python lies in Python here too: param_groups, state and defaults
 * are the dicts that users read and change, and each step looks at what they say now. An optimizer
 * of the table differs from one that a user writes only in its step().
 *
 * Functions that return PyObject * return new references, and NULL with a Python exception; those
 * that return int give 0, or -1 with an exception; unless said otherwise.
 */
#ifndef SADDLE_PYTHON_OPTIM_PARTS_H
#define SADDLE_PYTHON_OPTIM_PARTS_H

#include "optim/optim.h"
#include "python/method.h"
#include "python/tensor_type.h"

#include <stdbool.h>

/* Attribute names and keys, interned once by optim_names_init(). */
/* clang-format off */
#define OPTIM_NAMES(X)                                                                            \
    X(__dict__) X(__setstate__) X(_get_closed_form_lr) X(_get_lr_called_within_step)               \
    X(_initial_step) X(_last_lr) X(_milestones) X(_reset) X(_schedule_phases) X(_schedulers)       \
    X(_scale_fn_custom) X(_step_count) X(_with_counter) X(add_param_group) X(al)                   \
    X(_anneal_func_type) X(base_lrs) X(base_momentum) X(base_momentums) X(best) X(betas)           \
    X(closure) X(cooldown) X(cooldown_counter) X(cycle_momentum) X(d) X(differentiable)            \
    X(end_lr) X(end_momentum) X(end_step) X(eps) X(eta_min) X(factor) X(func_evals) X(gamma)       \
    X(get_last_lr) X(get_lr) X(H_diag) X(history_size) X(initial_lr) X(last_epoch)                 \
    X(line_search_fn) X(load_state_dict) X(lr) X(lr_lambdas) X(max_eval) X(max_iter) X(max_lr)     \
    X(max_lrs) X(max_momentum) X(max_momentums) X(min_lr) X(min_lrs) X(mode) X(mode_worse)         \
    X(momentum) X(n_iter) X(num_bad_epochs) X(old_dirs) X(old_stps) X(optimizer) X(param_groups)   \
    X(params) X(patience) X(prev_flat_grad) X(prev_loss) X(print_lr) X(_reduce_lr) X(ro)           \
    X(scale_fn) X(scale_mode) X(start_lr) X(start_momentum) X(state) X(state_dict) X(step)         \
    X(step_ratio) X(t) X(T_0) X(T_cur) X(T_i) X(T_mult) X(threshold) X(threshold_mode)             \
    X(tolerance_change) X(tolerance_grad) X(total_size) X(total_steps) X(use_beta1) X(verbose)
/* clang-format on */
struct optim_names {
#define X(name) PyObject *name;
    OPTIM_NAMES(X)
#undef X
};
extern struct optim_names optim_names;

/* ---- options (optim_options.c) ---- */

/* Stands in `defaults` for an option that each group must give. */
extern PyObject *optim_required;
/* An option's default as a Python object; optim_required where there is none. */
PyObject *option_initial(const struct option *option);
/* A Python value as the numbers that the option takes: two for a pair. */
int option_read(const struct option *option, PyObject *object, struct scalar *out);
/* Any Python number as a double, with `name` in the error. */
int number_from_python(PyObject *object, const char *name, double *out);

/* The parameters of a constructor: the first, then options, of which `required` must be given. */
struct signature {
    const char *class;
    PyObject *first;
    PyObject *const *names;
    int count, positional, required;
};
/* Binds a call; values hold the defaults before. All values are borrowed. */
int signature_bind(const struct signature *s, PyObject *args, PyObject *kwargs, PyObject **first,
                   PyObject **values);
int name_index(PyObject *const *names, int count, PyObject *name); /* -1: none */

/* ---- optimizers ---- */

struct optimizer_class;

typedef struct {
    PyObject_HEAD PyObject *dict;
    PyObject *weakrefs;
    PyObject *defaults, *state, *param_groups;
    Py_ssize_t step_count;             /* steps since the last scheduler was made */
    const struct optimizer_class *row; /* of the nearest base that is a row of the table, or NULL */
} OptimizerObject;

extern PyTypeObject *optimizer_type;

static inline bool optimizer_check_type(PyObject *object)
{
    return PyObject_TypeCheck(object, optimizer_type);
}

/* What Optimizer.__init__() does; takes no reference. */
int optimizer_setup(OptimizerObject *self, PyObject *params, PyObject *defaults);
PyObject *optimizer_add_group(PyObject *self, PyObject *group); /* add_param_group() */
/* self.param_groups, borrowed: a list for certain, of dicts; and a group's list of parameters. */
PyObject *optimizer_groups(OptimizerObject *self);
PyObject *group_params(PyObject *group);
/* The dict of what is kept for a parameter, made when there is none; borrowed. */
PyObject *optimizer_state_of(OptimizerObject *self, PyObject *param);
PyObject *optimizer_empty_state(void); /* defaultdict(dict) */
/* Calls the closure with gradients on. */
PyObject *closure_call(PyObject *closure);
/* The only argument of step(): closure, borrowed; Py_None when it is not given, NULL on error. */
PyObject *step_closure(PyObject *const *args, Py_ssize_t count, PyObject *names);
/* Tells the observer, if there is one. */
void optimizer_observed(OptimizerObject *self, const char *name);
/* dict[key] as Python does it (KeyError); borrowed. */
PyObject *dict_item(PyObject *dict, PyObject *key);

PyObject *optimizer_state_dict(PyObject *self, PyObject *unused);
PyObject *optimizer_load_state_dict(PyObject *self, PyObject *state_dict);
PyObject *optimizer_getstate(PyObject *self, PyObject *unused);
PyObject *optimizer_setstate(PyObject *self, PyObject *state);

/* The row of a type, or NULL. */
const struct optimizer_class *optimizer_class_of(PyTypeObject *type);
/* Sees to it that steps are counted, also those of a step() that is written in Python. */
int optimizer_watch(PyObject *optimizer);
/* 0 when step() has been replaced since; -1 with an exception. */
int optimizer_is_watched(PyObject *optimizer);
int watch_init(void);
/* Adds to loaded groups the options that older versions did not have. */
int optimizer_complete_groups(OptimizerObject *self);

/* ---- what optim_init() calls ---- */

int optimizer_type_init(PyObject *torch);
int optimizer_classes_init(PyObject *torch);
int lbfgs_init(PyObject *torch);
int scheduler_type_init(PyObject *torch);
int schedule_classes_init(PyObject *torch);
int lambda_schedulers_init(PyObject *torch);
int plateau_init(PyObject *torch);
int cyclic_init(PyObject *torch);
int one_cycle_init(PyObject *torch);
int restarts_init(PyObject *torch);
int combined_schedulers_init(PyObject *torch);

/* Adds an optimizer class to torch.optim.<file> and torch.optim. */
int optim_add_type(PyObject *torch, const char *file, PyType_Spec *spec, PyTypeObject *base,
                   PyTypeObject **type);
/* The function and flags of a method with keywords, for a PyMethodDef. */

#endif
