/*
 * nn_module.h: what the files of torch.nn share: the object behind nn.Module and the ways into it.
 *
 * A module's state is its __dict__, as PyTorch has it: training, _parameters, _buffers, _modules
 * and the dicts of hooks. So copy, pickle, vars() and code that reaches for _modules all work, and
 * the struct holds nothing that a copy would have to know.
 *
 * Functions that return PyObject * return new references, and NULL with a Python exception, unless
 * said otherwise.
 */
#ifndef SADDLE_PYTHON_NN_MODULE_H
#define SADDLE_PYTHON_NN_MODULE_H

#include "python/method.h"
#include "python/tensor_type.h"

#include <stdbool.h>

struct layer_type;

typedef struct {
    PyObject_HEAD PyObject *dict;
    PyObject *weakrefs;
    vectorcallfunc vectorcall;
    const struct layer_type *layer; /* of the nearest base that is a row of layers.def, or NULL */
} ModuleObject;

extern PyTypeObject *nn_module_type; /* torch.nn.Module */

static inline bool module_check(PyObject *object)
{
    return PyObject_TypeCheck(object, nn_module_type);
}

/* Attribute names, interned once. */
/* clang-format off */
#define NN_NAMES(X)                                                                                \
    X(training) X(_parameters) X(_buffers) X(_modules) X(_non_persistent_buffers_set)              \
    X(_backward_hooks) X(_is_full_backward_hook) X(_forward_hooks) X(_forward_pre_hooks)           \
    X(_state_dict_hooks) X(_load_state_dict_pre_hooks) X(_load_state_dict_post_hooks)              \
    X(_metadata) X(_version) X(_save_to_state_dict) X(_load_from_state_dict) X(state_dict)         \
    X(get_extra_state) X(set_extra_state) X(_get_name) X(extra_repr) X(forward) X(train)           \
    X(apply) X(data) X(inplace) X(__getattr__) X(__getattribute__) X(_size) X(_keys)
/* clang-format on */
struct nn_names {
#define X(name) PyObject *name;
    NN_NAMES(X)
#undef X
};
extern struct nn_names nn_names;

/* ---- state ---- */

/* Fills the __dict__ as Module.__init__() does. 0 or -1. */
int module_setup(PyObject *self);
/* A dict of the module (_parameters and so on); borrowed. NULL with an AttributeError when
 * Module.__init__() has not run. */
PyObject *module_part(PyObject *self, PyObject *name);
/* The same without an exception when it is missing. */
PyObject *module_part_or_null(PyObject *self, PyObject *name);
/* An attribute as Module.__getattr__() finds it; NULL without an exception when there is none. */
PyObject *module_lookup(PyObject *self, PyObject *name);
/* torch.typename(). */
PyObject *type_name_of(PyObject *object);

int module_register_parameter(PyObject *self, PyObject *name, PyObject *param);
int module_register_buffer(PyObject *self, PyObject *name, PyObject *tensor, bool persistent);
int module_add(PyObject *self, PyObject *name, PyObject *module);

/* ---- walks: lists in PyTorch's order, each object once ---- */

PyObject *module_children(PyObject *self, bool named);
/* Parameters or buffers (`part` is one of nn_names): objects, or (name, object). */
PyObject *module_members(PyObject *self, PyObject *part, PyObject *prefix, bool recurse,
                         bool named);

/* ---- calls and hooks ---- */

/* Calls with hooks of any kind; keywords may be NULL. */
PyObject *module_call_hooked(PyObject *self, PyObject *args, PyObject *keywords);
/* 1 when calls have hooks to run, -1 with an exception when Module.__init__() has not run. */
int module_hooked(PyObject *self);
/* Adds a hook to a dict of hooks and returns its handle, which can remove it. */
PyObject *hook_add(PyObject *hooks, PyObject *hook);

/* The function and flags of a method with keywords, for a PyMethodDef. */

/* ---- methods of Module, by file ---- */

extern PyMethodDef module_registry_methods[], module_walk_methods[], module_convert_methods[],
    module_state_methods[], module_hook_methods[], module_repr_methods[];
PyObject *module_repr(PyObject *self);

/* Adds a class to torch.nn and torch.nn.modules. 0 or -1. */
int module_publish(PyObject *torch, const char *name, PyTypeObject *type);

/* Makes the class torch.nn.modules.<file>.<name>, a subclass of base, and publishes it. 0 or -1. */
int module_add_class(PyObject *torch, const char *file, const char *name, PyType_Slot *slots,
                     PyTypeObject *base, PyTypeObject **type);

/* The same with any bases. */
int module_add_class_of(PyObject *torch, const char *file, const char *name, PyType_Slot *slots,
                        PyObject *bases, PyTypeObject **type);

/* What nn_init() calls; each adds its types and functions below torch.nn. 0 or -1. */
int module_type_init(PyObject *torch);
int walk_init(void);
int hooks_init(PyObject *torch);
int layers_init(PyObject *torch);
int triplet_init(PyObject *torch);
int containers_init(PyObject *torch);
int initialisers_init(PyObject *torch);
int nn_utils_init(PyObject *torch);
int weight_norm_init(PyObject *torch);
int spectral_norm_init(PyObject *torch);
int parametrize_init(PyObject *torch);
int wrappers_init(PyObject *torch);  /* DataParallel, AveragedModel */
int stateless_init(PyObject *torch); /* functional_call, fusion, skip_init, checkpoint */
int prune_init(PyObject *torch);     /* after distributions_init(), for its formulas */
int packed_init(PyObject *torch);
int recurrent_init(PyObject *torch);
int attention_init(PyObject *torch);
int transformer_init(PyObject *torch);
int layers_lazy_init(PyObject *torch);

/* Module's own forward(): NULL with the error that there is none. */
PyObject *module_forward_missing(PyObject *self);

#endif
