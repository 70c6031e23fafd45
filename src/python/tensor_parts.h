/*
 * tensor_parts.h: what the files that make up torch.Tensor offer one another. Private to
 * src/python.
 */
#ifndef SADDLE_PYTHON_TENSOR_PARTS_H
#define SADDLE_PYTHON_TENSOR_PARTS_H

#include "python/tensor_type.h"

int parameter_init(PyObject *torch); /* torch.nn.Parameter */

/* Slots of the type: each writes its own and returns how many. */
int tensor_number_slots(PyType_Slot *slots); /* arithmetic, comparisons, bool, int, float */
int tensor_index_slots(PyType_Slot *slots);  /* x[...], len, iteration, in */
/* The methods that are not operations of the table. */
PyMethodDef *tensor_methods(void);
extern PyMethodDef tensor_convert_methods[]; /* item, tolist, numpy, to, type ... */
extern PyMethodDef tensor_grad_methods[];    /* backward, register_hook ... */
extern PyMethodDef tensor_new_methods[];     /* new_zeros, new_full ... */
extern PyMethodDef tensor_serial_methods[];  /* storage, __reduce_ex__, __deepcopy__ */
extern PyMethodDef tensor_dlpack_methods[];  /* __dlpack__, __dlpack_device__ */
extern PyMethodDef tensor_unique_methods[];  /* unique, unique_consecutive */

extern PyMethodDef tensor_memory_methods[]; /* set_, resize_as_, get_device ... */
extern PyMethodDef tensor_random_methods[]; /* uniform_, normal_ ... */
extern PyMethodDef tensor_map_methods[];    /* apply_, map_ ... */

/* What torch.FloatTensor(...) makes of its positional arguments: of DTYPE_NONE as torch.Tensor()
 * does. A new reference. */
struct tensor *tensor_legacy(enum dtype dtype, PyObject *args);
/* torch.FloatTensor, or 'torch.FloatTensor': DTYPE_NONE for others. */
enum dtype legacy_type_dtype(PyObject *object);
/* torch.Tensor(2, 3), torch.Tensor([1, 2]). */
PyObject *tensor_legacy_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
/* As tensor_wrap(), as an object of a subclass; the tensor must not have one yet. */
PyObject *tensor_wrap_as(PyTypeObject *type, struct tensor *t);
/* requires_grad= of a tensor that is being made; -1 in the words that PyTorch has for those. */
int tensor_born_requires_grad(struct tensor *t, bool on);
/* t gets the shape, strides and offset of another tensor, whose storage it shares. */
void tensor_take_geometry(struct tensor *t, const struct tensor *from);

/* x.grad_fn: one object per node, of a type named like the node. NULL gives None. */
PyObject *node_object(struct node *node);
/* The node of such an object, borrowed; NULL for other objects. */
struct node *node_of_object(PyObject *object);
/* node.metadata, made on first use: a dict that lives as long as the node. Borrowed; NULL with an
 * exception. */
PyObject *node_metadata(struct node *node);
int node_types_init(PyObject *torch);
int node_hooks_init(void);
/* A hook on a whole node: callable(grad_outputs) before it, or callable(grad_inputs, grad_outputs)
 * after it. Its id, or -1 with an exception. */
int node_add_callable(struct node *node, PyObject *callable, bool after);
/* Methods of nodes: register_hook() and register_prehook(). */
PyObject *node_register_hook(PyObject *self, PyObject *callable);
PyObject *node_register_prehook(PyObject *self, PyObject *callable);
/* The Python callable of a hook that register_hook() made, else NULL. Borrowed. */
PyObject *hook_callable(const struct hook *hook);
/* A hook that calls a Python callable with the gradient; takes a reference to it. */
struct hook hook_from_callable(PyObject *callable);
/* What register_hook() returns: remove() takes the hook away. Keeps the tensor. */
PyObject *hook_handle(struct tensor *t, int id);

/* A NumPy array sharing memory; a tensor sharing a NumPy array's memory. */
PyObject *tensor_to_numpy(struct tensor *t);
struct tensor *tensor_from_buffer(PyObject *array);
/* A tensor on memory of somebody else, which release(owner) gives back when the storage ends; on
 * failure (NULL) the memory stays the caller's. Strides are not negative. */
struct tensor *tensor_on_memory(enum dtype dtype, int ndim, const int64_t *shape,
                                const int64_t *stride, void *data, void (*release)(void *),
                                void *owner);
bool is_numpy_array(PyObject *object);
/* float32 <-> 'f4' of the array interface; DTYPE_NONE where there is none. */
enum dtype dtype_from_typestr(const char *typestr);

#endif
