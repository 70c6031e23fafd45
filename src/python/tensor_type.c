/* torch.Tensor: the object, its life, and what it looks like. */
#include "python/tensor_type.h"

#include "base/strbuf.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_parts.h"
#include "python/types.h"
#include "tensor/print.h"

#include <structmember.h>

PyTypeObject *tensor_type;

/* ---- life ---- */

/* Ended plain Tensor objects wait here for the next result: small operations make one each. They
 * keep their reference to the type, and their dict while it is empty: by an object's dict Python
 * sees at once that a method is the type's, where without one it has to look it up. */
enum { FREE_OBJECTS = 256 };
static TensorObject *free_objects[FREE_OBJECTS];
static int free_count;

static TensorObject *object_alloc(PyTypeObject *type)
{
    TensorObject *self;

    if (type == tensor_type && free_count > 0) {
        self = free_objects[--free_count];
        _Py_NewReference((PyObject *)self);
        PyObject_GC_Track(self);
        return self;
    }
    self = (TensorObject *)type->tp_alloc(type, 0);
    if (self && !(self->dict = PyDict_New()))
        Py_CLEAR(self);
    return self;
}

static bool keep_object(TensorObject *self)
{
    if (!Py_IS_TYPE(self, tensor_type) || free_count == FREE_OBJECTS || !self->dict ||
        PyDict_GET_SIZE(self->dict) > 0 || Py_REFCNT(self->dict) > 1)
        return false;
    free_objects[free_count++] = self;
    return true;
}

static PyObject *object_of(PyTypeObject *type, struct tensor *t)
{
    TensorObject *self = object_alloc(type);

    if (!self) {
        tensor_unref(t);
        return NULL;
    }
    self->tensor = t;
    t->python = self;
    return (PyObject *)self;
}

/* ---- objects that the tensor keeps ---- */

/* Whether an object that Python lets go of rests with its tensor, which the engine still uses. */
static bool rest(TensorObject *self)
{
    struct tensor *t = self->tensor;
    bool special =
        !Py_IS_TYPE(self, tensor_type) || (self->dict && PyDict_GET_SIZE(self->dict) > 0);

    if (!t || t->refs == 1 || !special)
        return false;
    Py_SET_REFCNT((PyObject *)self, 1); /* the tensor's */
    self->resting = true;
    tensor_unref(t);
    return true;
}

/* The reference that the tensor had is the caller's now, and t, taken over, is the object's. */
static PyObject *wake(struct tensor *t)
{
    TensorObject *self = t->python;

    self->resting = false;
    return (PyObject *)self;
}

/* The tensor of a resting object ends: the object keeps it once more while it ends itself. */
static void release_python(struct tensor *t)
{
    t->refs = 1;
    Py_DECREF(wake(t));
}

PyObject *tensor_wrap(struct tensor *t)
{
    PyObject *object;

    if (!t)
        return python_error();
    if (!t->python)
        return object_of(tensor_type, t);
    if (((TensorObject *)t->python)->resting)
        return wake(t);
    object = Py_NewRef((PyObject *)t->python);
    tensor_unref(t);
    return object;
}

PyObject *tensor_object(struct tensor *t)
{
    if (!t)
        Py_RETURN_NONE;
    if (!t->python)
        return object_of(tensor_type, tensor_ref(t));
    if (((TensorObject *)t->python)->resting)
        return wake(tensor_ref(t));
    return Py_NewRef((PyObject *)t->python);
}

PyObject *tensor_wrap_as(PyTypeObject *type, struct tensor *t)
{
    return t ? object_of(type, t) : python_error();
}

static int tensor_traverse(PyObject *object, visitproc visit, void *arg)
{
    TensorObject *self = (TensorObject *)object;
    struct tensor *t = self->tensor;

    Py_VISIT(Py_TYPE(self));
    /* While the engine uses the tensor, the object may come back from it: no garbage. */
    if (t && t->refs > 1)
        return 0;
    Py_VISIT(self->dict);
    /* What only this object keeps alive is part of a cycle through it: hooks are Python callables.
     */
    if (t && t->meta) {
        for (struct hook *hook = t->meta->hooks; hook; hook = hook->next)
            Py_VISIT(hook_callable(hook));
        if (t->meta->grad && t->meta->grad->python && t->meta->grad->refs == 2)
            Py_VISIT((PyObject *)t->meta->grad->python);
    }
    return 0;
}

static int tensor_clear(PyObject *object)
{
    TensorObject *self = (TensorObject *)object;
    struct tensor *t = self->tensor;

    if (t && t->refs > 1)
        return 0; /* the engine still uses it: what it has may come back to Python */
    Py_CLEAR(self->dict);
    while (t && t->meta && t->meta->hooks && t->refs == 1)
        tensor_remove_hook(t, t->meta->hooks->id);
    return 0;
}

static void tensor_dealloc(PyObject *object)
{
    TensorObject *self = (TensorObject *)object;
    PyTypeObject *type = Py_TYPE(self);
    struct tensor *t = self->tensor;

    if (rest(self))
        return;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    if (t) {
        t->python = NULL;
        self->tensor = NULL;
        tensor_unref(t);
    }
    if (keep_object(self))
        return;
    Py_CLEAR(self->dict);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- repr ---- */

static void add_suffix(struct tensor *t, struct strbuf *suffix)
{
    struct node *node = tensor_grad_fn(t);
    const char *name = node ? node_name(node) : NULL;
    const char *colon = name ? strrchr(name, ':') : NULL;

    if (name)
        strbuf_addf(suffix, "grad_fn=<%s>", colon ? colon + 1 : name);
    else if (t->requires_grad)
        strbuf_adds(suffix, "requires_grad=True");
}

static PyObject *tensor_repr(PyObject *self)
{
    struct strbuf text = STRBUF_INIT, suffix = STRBUF_INIT;
    struct tensor *t = tensor_of(self);
    PyObject *result = NULL;

    if (PyObject_TypeCheck(self, parameter_type))
        strbuf_adds(&text, "Parameter containing:\n");
    add_suffix(t, &suffix);
    if (tensor_print(t, "tensor", suffix.length ? suffix.text : NULL, 0, &text) < 0)
        python_error();
    else
        result = PyUnicode_FromStringAndSize(text.text, (Py_ssize_t)text.length);
    strbuf_release(&text);
    strbuf_release(&suffix);
    return result;
}

/* ---- attributes ---- */

static PyObject *get_shape(PyObject *self, void *Py_UNUSED(unused))
{
    return size_object(tensor_of(self)->ndim, tensor_of(self)->shape);
}

static PyObject *get_dtype(PyObject *self, void *Py_UNUSED(unused))
{
    return dtype_object(tensor_dtype(tensor_of(self)));
}

static PyObject *get_device(PyObject *Py_UNUSED(self), void *Py_UNUSED(unused))
{
    return device_cpu();
}

static PyObject *get_ndim(PyObject *self, void *Py_UNUSED(unused))
{
    return PyLong_FromLong(tensor_of(self)->ndim);
}

static PyObject *get_requires_grad(PyObject *self, void *unused)
{
    struct tensor *t = tensor_of(self);

    (void)unused;
    tensor_grad_fn(t); /* a view may have got a history through its base */
    return PyBool_FromLong(t->requires_grad);
}

static int set_requires_grad(PyObject *self, PyObject *value, void *unused)
{
    int on = value ? PyObject_IsTrue(value) : 0;

    (void)unused;
    if (on < 0)
        return -1;
    if (tensor_set_requires_grad(tensor_of(self), on) < 0)
        return python_error(), -1;
    return 0;
}

static PyObject *get_grad(PyObject *self, void *unused)
{
    struct tensor *t = tensor_of(self);

    (void)unused;
    if (!tensor_grad(t) && t->grad_fn && t->requires_grad && !(t->meta && t->meta->retains_grad) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. "
                     "Its .grad attribute won't be populated during autograd.backward(). If you "
                     "indeed want the .grad field to be populated for a non-leaf Tensor, use "
                     ".retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by "
                     "mistake, make sure you access the leaf Tensor instead.",
                     1) < 0)
        return NULL;
    return tensor_object(tensor_grad(t));
}

static int set_grad(PyObject *self, PyObject *value, void *unused)
{
    struct tensor *t = tensor_of(self), *grad;

    (void)unused;
    if (!value || value == Py_None) {
        tensor_set_grad(t, NULL);
        return 0;
    }
    if (!tensor_check(value)) {
        PyErr_Format(PyExc_TypeError,
                     "assigned grad expected to be a Tensor or None but got grad of type %s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    grad = tensor_of(value);
    if (grad == t) {
        PyErr_SetString(PyExc_RuntimeError, "can't assign Variable as its own grad");
        return -1;
    }
    if (grad->dtype != t->dtype) {
        PyErr_Format(PyExc_RuntimeError,
                     "attempting to assign a gradient with dtype '%s' to a tensor with dtype '%s'. "
                     "Please ensure that the gradient and the tensor have the same dtype",
                     dtype_short_name(tensor_dtype(grad)), dtype_short_name(tensor_dtype(t)));
        return -1;
    }
    if (!tensor_same_shape(grad, t)) {
        char text[2][256];

        PyErr_Format(
            PyExc_RuntimeError,
            "attempting to assign a gradient of size '%s' to a tensor of size '%s'. Please "
            "ensure that the gradient and the tensor are the same size",
            shape_text(grad->ndim, grad->shape, text[0], sizeof(text[0])),
            shape_text(t->ndim, t->shape, text[1], sizeof(text[1])));
        return -1;
    }
    if (tensor_set_grad(t, grad) < 0)
        return python_error(), -1;
    return 0;
}

static PyObject *get_grad_fn(PyObject *self, void *Py_UNUSED(unused))
{
    return node_object(tensor_grad_fn(tensor_of(self)));
}

static PyObject *get_is_leaf(PyObject *self, void *Py_UNUSED(unused))
{
    return PyBool_FromLong(!tensor_grad_fn(tensor_of(self)));
}

static PyObject *get_retains_grad(PyObject *self, void *unused)
{
    struct tensor *t = tensor_of(self);

    (void)unused;
    return PyBool_FromLong(t->meta && t->meta->retains_grad);
}

static PyObject *get_data(PyObject *self, void *Py_UNUSED(unused))
{
    return tensor_wrap(tensor_detach(tensor_of(self)));
}

/* x.data = y: x shows y's memory from now on; its gradient and history stay. */
static int set_data(PyObject *self, PyObject *value, void *unused)
{
    struct tensor *t = tensor_of(self), *from;

    (void)unused;
    if (!value || !tensor_check(value)) {
        PyErr_SetString(PyExc_TypeError, "Variable data has to be a tensor");
        return -1;
    }
    from = tensor_of(value);
    storage_ref(from->storage);
    storage_unref(t->storage);
    t->storage = from->storage;
    t->dtype = from->dtype;
    tensor_take_geometry(t, from);
    return 0;
}

static PyObject *get_version(PyObject *self, void *Py_UNUSED(unused))
{
    if (tensor_is_inference(tensor_of(self)))
        return PyErr_Format(PyExc_RuntimeError, "Inference tensors do not track version counter.");
    return PyLong_FromUnsignedLong(tensor_of(self)->storage->version);
}

static PyObject *get_base(PyObject *self, void *Py_UNUSED(unused))
{
    return tensor_object(tensor_of(self)->base);
}

static PyObject *get_output_nr(PyObject *self, void *Py_UNUSED(unused))
{
    return PyLong_FromUnsignedLong(tensor_of(self)->output_nr);
}

static PyObject *get_layout(PyObject *Py_UNUSED(self), void *Py_UNUSED(unused))
{
    return layout_strided();
}

/* Dimensions have no names here. */
static PyObject *get_names(PyObject *self, void *unused)
{
    const int ndim = tensor_of(self)->ndim;
    PyObject *names = PyTuple_New(ndim);

    (void)unused;
    for (int d = 0; names && d < ndim; d++)
        PyTuple_SET_ITEM(names, d, Py_NewRef(Py_None));
    return names;
}

static PyObject *get_none(PyObject *Py_UNUSED(self), void *Py_UNUSED(unused))
{
    Py_RETURN_NONE;
}

static PyObject *get_true(PyObject *Py_UNUSED(self), void *Py_UNUSED(unused))
{
    Py_RETURN_TRUE;
}

static PyObject *get_false(PyObject *Py_UNUSED(self), void *Py_UNUSED(unused))
{
    Py_RETURN_FALSE;
}

/* T reverses all dimensions. */
static PyObject *get_transposed(PyObject *self, void *unused)
{
    static bool warned;
    struct tensor *t = tensor_of(self), *out = NULL;
    int64_t order[TENSOR_MAX_DIMS];
    struct value args[] = {{.given = true, .tensor = t}, {.given = true, .ints = {order, t->ndim}}};

    (void)unused;
    if (t->ndim != 2 && t->ndim != 0 && !warned) {
        warned = true;
        if (PyErr_WarnEx(PyExc_UserWarning,
                         "The use of `x.T` on tensors of dimension other than 2 to reverse their "
                         "shape is deprecated and it will throw an error in a future release. "
                         "Consider `x.mT` to transpose batches of matrices or `x.permute(*torch."
                         "arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor.",
                         1) < 0)
            return NULL;
    }
    for (int d = 0; d < t->ndim; d++)
        order[d] = t->ndim - 1 - d;
    return op_call(&ops[OP_permute], args, &out) < 0 ? python_error() : tensor_wrap(out);
}

/* mT transposes the last two. */
static PyObject *get_matrix_transposed(PyObject *self, void *unused)
{
    struct tensor *t = tensor_of(self), *out = NULL;
    struct value args[] = {
        {.given = true, .tensor = t}, {.given = true, .i = -2}, {.given = true, .i = -1}};

    (void)unused;
    if (t->ndim == 0)
        return Py_NewRef(self);
    if (t->ndim < 2)
        return PyErr_Format(PyExc_RuntimeError,
                            "tensor.mT is only supported on matrices or batches of matrices. Got "
                            "%d-D tensor.",
                            t->ndim);
    return op_call(&ops[OP_transpose], args, &out) < 0 ? python_error() : tensor_wrap(out);
}

/* NumPy leaves operators between its arrays and tensors to the tensor. */
static PyObject *get_array_priority(PyObject *Py_UNUSED(self), void *Py_UNUSED(unused))
{
    return PyLong_FromLong(1000);
}

/* H: a matrix transposed and conjugated. */
static PyObject *get_adjoint(PyObject *self, void *unused)
{
    struct tensor *t = tensor_of(self), *out = NULL;
    struct value args[] = {{.given = true, .tensor = t}};

    (void)unused;
    if (t->ndim != 0 && t->ndim != 2)
        return PyErr_Format(
            PyExc_RuntimeError,
            "tensor.H is only supported on matrices (2-D tensors). Got %d-D "
            "tensor.%s",
            t->ndim, t->ndim > 2 ? " For batches of matrices, consider using tensor.mH" : "");
    if (op_call(&ops[t->ndim ? OP_adjoint : OP_conj], args, &out) < 0)
        return python_error();
    return tensor_wrap(out);
}

/* mH: the same for each matrix of a batch. */
static PyObject *get_batch_adjoint(PyObject *self, void *unused)
{
    struct value args[] = {{.given = true, .tensor = tensor_of(self)}};
    struct tensor *out = NULL;

    (void)unused;
    if (tensor_of(self)->ndim < 2)
        return PyErr_Format(PyExc_RuntimeError,
                            "tensor.mH is only supported on matrices or batches of matrices. Got "
                            "%d-D tensor.",
                            tensor_of(self)->ndim);
    return op_call(&ops[OP_adjoint], args, &out) < 0 ? python_error() : tensor_wrap(out);
}

/* real (OP_real) and imag (OP_imag), as views; op_id in the closure. */
static PyObject *get_part(PyObject *self, void *id)
{
    struct value args[] = {{.given = true, .tensor = tensor_of(self)}};
    struct tensor *out = NULL;

    return op_call(&ops[(intptr_t)id], args, &out) < 0 ? python_error() : tensor_wrap(out);
}

static int set_part(PyObject *self, PyObject *value, void *id)
{
    PyObject *part, *done;

    if (!value) {
        PyErr_SetString(PyExc_TypeError, "cannot delete a part of a tensor");
        return -1;
    }
    part = get_part(self, id);
    done = part ? PyObject_CallMethod(part, tensor_check(value) ? "copy_" : "fill_", "O", value)
                : NULL;
    Py_XDECREF(part);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyGetSetDef tensor_getset[] = {
    {"shape", get_shape, NULL, "the sizes of the dimensions", NULL},
    {"dtype", get_dtype, NULL, "the type of the elements", NULL},
    {"device", get_device, NULL, NULL, NULL},
    {"ndim", get_ndim, NULL, "the number of dimensions", NULL},
    {"requires_grad", get_requires_grad, set_requires_grad, NULL, NULL},
    {"grad", get_grad, set_grad, "the gradient that backward() has gathered, or None", NULL},
    {"grad_fn", get_grad_fn, NULL, "the node that computed this, None for a leaf", NULL},
    {"is_leaf", get_is_leaf, NULL, NULL, NULL},
    {"retains_grad", get_retains_grad, NULL, NULL, NULL},
    {"data", get_data, set_data, NULL, NULL},
    {"T", get_transposed, NULL, NULL, NULL},
    {"H", get_adjoint, NULL, NULL, NULL},
    {"mH", get_batch_adjoint, NULL, NULL, NULL},
    {"real", get_part, set_part, "the real parts, sharing memory", (void *)OP_real},
    {"imag", get_part, set_part, "the imaginary parts, sharing memory", (void *)OP_imag},
    {"mT", get_matrix_transposed, NULL, NULL, NULL},
    {"__array_priority__", get_array_priority, NULL, NULL, NULL},
    {"_version", get_version, NULL, NULL, NULL},
    {"_base", get_base, NULL, NULL, NULL},
    {"output_nr", get_output_nr, NULL, NULL, NULL},
    {"layout", get_layout, NULL, NULL, NULL},
    {"name", get_none, NULL, NULL, NULL},
    {"names", get_names, NULL, NULL, NULL},
    {"is_cpu", get_true, NULL, NULL, NULL},
    {"is_cuda", get_false, NULL, NULL, NULL},
    {"is_meta", get_false, NULL, NULL, NULL},
    {"is_mps", get_false, NULL, NULL, NULL},
    {"is_nested", get_false, NULL, NULL, NULL},
    {"is_sparse", get_false, NULL, NULL, NULL},
    {"is_sparse_csr", get_false, NULL, NULL, NULL},
    {"is_mkldnn", get_false, NULL, NULL, NULL},
    {"is_quantized", get_false, NULL, NULL, NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef tensor_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(TensorObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(TensorObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static Py_hash_t tensor_hash(PyObject *self)
{
    return _Py_HashPointer(self);
}

/* ---- the type ---- */

int tensor_type_init(PyObject *torch)
{
    PyType_Slot slots[128] = {{Py_tp_new, tensor_legacy_new},    {Py_tp_dealloc, tensor_dealloc},
                              {Py_tp_traverse, tensor_traverse}, {Py_tp_clear, tensor_clear},
                              {Py_tp_repr, tensor_repr},         {Py_tp_hash, tensor_hash},
                              {Py_tp_getset, tensor_getset},     {Py_tp_members, tensor_members},
                              {Py_tp_methods, tensor_methods()}};
    PyType_Spec spec = {.name = "torch.Tensor",
                        .basicsize = sizeof(TensorObject),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                        .slots = slots};
    int used = 9;

    used += tensor_number_slots(slots + used);
    used += tensor_index_slots(slots + used);
    slots[used] = (PyType_Slot){0, NULL};
    if (module_add_type(torch, &spec, NULL, &tensor_type) < 0)
        return -1;
    tensor_release_python = release_python;
    return parameter_init(torch) < 0 ? -1 : node_types_init(torch);
}
