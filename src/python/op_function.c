/*
 * The operations as Python sees them: one callable per name, made from the rows of the table. As a
 * function it stands in torch, torch.nn.functional and so on, as a method in Tensor; several rows
 * of one name are overloads, tried in their order.
 */

#include "base/vec.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <stdio.h>
#include <string.h>
#include <structmember.h>

enum { MAX_OVERLOADS = 6 };

typedef struct {
    PyObject_HEAD vectorcallfunc call;
    char name[48];
    const struct op *overloads[MAX_OVERLOADS];
    int count;
    bool method;
    PyObject *home; /* the name of a function's module, NULL for a method */
} OpObject;

static PyTypeObject *function_type, *method_type;

/* ---- results ---- */

/* torch.return_types.max(values=..., indices=...): one type per operation, made when first needed.
 */
static PyObject *named_repr(PyObject *self)
{
    PyObject *fields = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__match_args__");
    PyObject *parts = PyList_New(0), *text = NULL, *comma = PyUnicode_FromString(",\n");

    for (Py_ssize_t i = 0; fields && parts && i < PyTuple_GET_SIZE(fields); i++) {
        PyObject *part = PyUnicode_FromFormat("%U=%R", PyTuple_GET_ITEM(fields, i),
                                              PyStructSequence_GET_ITEM(self, i));

        if (!part || PyList_Append(parts, part) < 0)
            Py_CLEAR(parts);
        Py_XDECREF(part);
    }
    if (parts && comma)
        text = PyUnicode_Join(comma, parts);
    Py_XDECREF(fields);
    Py_XDECREF(parts);
    Py_XDECREF(comma);
    if (!text)
        return NULL;
    parts = PyUnicode_FromFormat("%s(\n%U)", Py_TYPE(self)->tp_name, text);
    Py_DECREF(text);
    return parts;
}

static PyTypeObject *make_named_type(const struct op *op, bool given)
{
    enum { MOST = 128 }; /* rows of several results, twice */
    static char names[MOST][64], fields_text[MOST][96];
    static int used;
    PyStructSequence_Field fields[OP_MAX_OUTPUTS + 1] = {{NULL, NULL}};
    PyStructSequence_Desc desc = {.fields = fields, .n_in_sequence = op->outputs};
    PyTypeObject *type;
    char *text, *rest;

    if (used == MOST) {
        PyErr_SetString(PyExc_SystemError, "too many types of results");
        return NULL;
    }
    snprintf(names[used], sizeof(names[0]), "torch.return_types.%.*s%s",
             (int)strcspn(op->name, "_") == 0
                 ? 40
                 : (int)(strstr(op->name, "__") ? strstr(op->name, "__") - op->name
                                                : (long)strlen(op->name)),
             op->name, given ? "_out" : "");
    desc.name = names[used];
    text = fields_text[used++];
    snprintf(text, sizeof(fields_text[0]), "%s", op->result_names);
    for (int i = 0; i < op->outputs; i++) {
        fields[i].name = strtok_r(i ? NULL : text, ", ", &rest);
        fields[i].doc = "";
    }
    type = PyStructSequence_NewType(&desc);
    if (type)
        type->tp_repr = named_repr;
    return type;
}

/* `given`: in the tensors of out=, where the type's name says so. */
static PyObject *named_results(const struct op *op, PyObject *const *items, bool given)
{
    static PyTypeObject *types[OP_COUNT][2];
    PyTypeObject **type = &types[op->id][given];
    PyStructSequence *result;

    if (!*type)
        *type = make_named_type(op, given);
    /* PyStructSequence_New() looks up in three dicts how many fields there are */
    result = *type ? PyObject_GC_NewVar(PyStructSequence, *type, op->outputs) : NULL;
    for (int i = 0; i < op->outputs; i++) {
        if (result)
            result->ob_item[i] = items[i];
        else
            Py_XDECREF(items[i]);
    }
    return (PyObject *)result;
}

static PyObject *give_list(const struct op *op, const struct value *values)
{
    struct tensor_list list = {0};
    PyObject *tuple = NULL;

    if (op_call_list(op, values, &list) < 0)
        python_error();
    else
        tuple = PyTuple_New((Py_ssize_t)list.count);
    for (size_t i = 0; i < list.count; i++) {
        PyObject *item = tuple ? tensor_wrap(list.at[i]) : NULL;

        if (item)
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
        else
            Py_CLEAR(tuple);
    }
    vec_release(&list);
    return tuple;
}

PyObject *tensors_to_python(struct tensor **out, int count)
{
    PyObject *tuple;

    while (count > 1 && !out[count - 1])
        count--;
    if (count == 1)
        return tensor_wrap(out[0]);
    tuple = PyTuple_New(count);
    for (int i = 0; i < count; i++) {
        PyObject *item = tensor_wrap(out[i]);

        if (tuple && item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* ---- calls ---- */

static PyObject *call_op(const struct op *op, struct parsed_args *parsed)
{
    struct tensor *out[OP_MAX_OUTPUTS];
    PyObject *items[OP_MAX_OUTPUTS];

    if (op->list)
        return give_list(op, parsed->values);
    if (op->flags & (OP_IN_PLACE_CALL | OP_MUTATES)) {
        if (op_call_inplace(op, parsed->values) < 0)
            return python_error();
        return tensor_object(parsed->values[0].tensor);
    }
    memcpy(out, parsed->out, sizeof(out));
    if ((out[0] ? op_call_out : op_call)(op, parsed->values, out) < 0)
        return python_error();
    if (op->flags & OP_PYTHON_BOOL) {
        struct scalar truth;

        tensor_item(out[0], &truth);
        tensor_unref(out[0]);
        return scalar_to_python(truth);
    }
    if (op->outputs > 1 && op->flags & (OP_NN | OP_PLAIN_TUPLE))
        return tensors_to_python(out, op->outputs);
    for (int i = 0; i < op->outputs; i++) {
        items[i] = parsed->out[i] ? tensor_object(out[i]) : tensor_wrap(out[i]);
        if (!items[i])
            return NULL;
    }
    return op->outputs == 1 ? items[0] : named_results(op, items, parsed->out[0] != NULL);
}

const char *old_reduction(bool size_average, bool reduce)
{
    const char *now = !reduce ? "none" : size_average ? "mean" : "sum";
    char text[96];

    snprintf(text, sizeof(text),
             "size_average and reduce args will be deprecated, please use reduction='%s' instead.",
             now);
    return PyErr_WarnEx(PyExc_UserWarning, text, 1) < 0 ? NULL : now;
}

/* Puts what size_average and reduce ask for into `reduction`. */
static int read_old_reduction(const struct schema *schema, struct value *values)
{
    const struct value *average = &values[schema->size_average];
    const struct value *reduce = &values[args_find_name(schema, "reduce", NULL)];
    const char *now;

    if (!average->given && !reduce->given)
        return 0;
    now = old_reduction(!average->given || average->i, !reduce->given || reduce->i);
    if (!now)
        return -1;
    values[args_find_name(schema, "reduction", NULL)].text = now;
    return 0;
}

/* max__dim is max to Python; linalg_norm is norm in torch.linalg. */
static size_t python_length(const char *name)
{
    const char *overload = strstr(name + 1, "__");

    return overload ? (size_t)(overload - name) : strlen(name);
}

static PyObject *op_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf,
                               PyObject *names)
{
    OpObject *self = (OpObject *)callable;
    struct python_call call = {args, PyVectorcall_NARGS(nargsf), names};
    const struct schema *schemas[MAX_OVERLOADS];
    const char *self_name = self->method ? NULL : "input";
    bool takes_out = false;
    char name[64];

    for (int i = 0; i < self->count; i++) {
        const struct op *op = self->overloads[i];
        struct parsed_args parsed;
        PyObject *result;
        int status;

        schemas[i] = op_schema(op);
        takes_out = op->flags & OP_OUT && !self->method;
        status = args_parse(schemas[i], &call, takes_out, self_name, &parsed);
        if (status < 0)
            return NULL;
        if (status == 0)
            continue;
        if (schemas[i]->size_average && read_old_reduction(schemas[i], parsed.values) < 0)
            result = NULL;
        else
            result = call_op(op, &parsed);
        args_release(&parsed);
        return result;
    }
    /* errors of torch.linalg.norm() are those of linalg_norm() */
    snprintf(name, sizeof(name), "%.*s", (int)python_length(self->overloads[0]->name),
             self->overloads[0]->name);
    return args_mismatch(self->method ? self->name : name, schemas, self->count, &call,
                         self->method ? ARGS_METHOD
                         : takes_out  ? ARGS_OUT
                                      : 0);
}

/* ---- the two types ---- */

static PyObject *op_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<built-in %s %s>",
                                ((OpObject *)self)->method ? "method" : "function",
                                ((OpObject *)self)->name);
}

static PyObject *op_get_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((OpObject *)self)->name);
}

static PyObject *op_get_module(PyObject *self, void *unused)
{
    PyObject *home = ((OpObject *)self)->home;

    (void)unused;
    return Py_NewRef(home ? home : Py_None);
}

/* A copy of a function is the function itself, in a pickle it is its name. */
static PyObject *function_reduce(PyObject *self, PyObject *unused)
{
    return op_get_name(self, unused);
}

static PyObject *op_get_doc(PyObject *object, void *unused)
{
    OpObject *self = (OpObject *)object;
    PyObject *text = PyUnicode_FromString("");

    (void)unused;
    for (int i = 0; text && i < self->count; i++) {
        PyObject *more = PyUnicode_FromFormat("%U%s%s\n\n%s\n", text, self->name,
                                              self->overloads[i]->schema, self->overloads[i]->help);

        Py_SETREF(text, more);
    }
    return text;
}

static PyObject *method_bind(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object && object != Py_None ? PyMethod_New(self, object) : Py_NewRef(self);
}

static PyMemberDef op_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(OpObject, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef op_getset[] = {{"__name__", op_get_name, NULL, NULL, NULL},
                                  {"__qualname__", op_get_name, NULL, NULL, NULL},
                                  {"__module__", op_get_module, NULL, NULL, NULL},
                                  {"__doc__", op_get_doc, NULL, NULL, NULL},
                                  {NULL, NULL, NULL, NULL, NULL}};

static void function_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    Py_XDECREF(((OpObject *)self)->home);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef function_methods[] = {{"__reduce__", function_reduce, METH_NOARGS, NULL},
                                         {NULL, NULL, 0, NULL}};

static PyType_Spec function_spec = {.name = "torch.builtin_function",
                                    .basicsize = sizeof(OpObject),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL |
                                             Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                    .slots = (PyType_Slot[]){{Py_tp_repr, op_repr},
                                                             {Py_tp_call, PyVectorcall_Call},
                                                             {Py_tp_members, op_members},
                                                             {Py_tp_getset, op_getset},
                                                             {Py_tp_methods, function_methods},
                                                             {Py_tp_dealloc, function_dealloc},
                                                             {0, NULL}}};
static PyType_Spec method_spec = {.name = "torch.builtin_method",
                                  .basicsize = sizeof(OpObject),
                                  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL |
                                           Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_IMMUTABLETYPE |
                                           Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  .slots = (PyType_Slot[]){{Py_tp_repr, op_repr},
                                                           {Py_tp_call, PyVectorcall_Call},
                                                           {Py_tp_descr_get, method_bind},
                                                           {Py_tp_members, op_members},
                                                           {Py_tp_getset, op_getset},
                                                           {0, NULL}}};

/* Adds a row to the callable of that name in a namespace, which is made if it is not there. A name
 * that something else holds (a method written by hand) is left alone. */
static int add_row(PyObject *namespace, const struct op *op, const char *name, size_t length,
                   bool method)
{
    PyObject *key = PyUnicode_FromStringAndSize(name, (Py_ssize_t)length);
    PyTypeObject *type = method ? method_type : function_type;
    OpObject *self = key ? (OpObject *)PyDict_GetItemWithError(namespace, key) : NULL;
    int status = 0;

    if (!key || PyErr_Occurred())
        status = -1;
    else if (self && !Py_IS_TYPE(self, type))
        status = 0;
    else if (self && self->count < MAX_OVERLOADS)
        self->overloads[self->count++] = op;
    else if (!self && (self = PyObject_New(OpObject, type))) {
        self->call = op_vectorcall;
        self->count = 1;
        self->overloads[0] = op;
        self->method = method;
        self->home = method ? NULL : Py_XNewRef(PyDict_GetItemString(namespace, "__name__"));
        snprintf(self->name, sizeof(self->name), "%.*s", (int)length, name);
        status = PyDict_SetItem(namespace, key, (PyObject *)self);
        Py_DECREF(self);
    } else {
        status = -1;
    }
    Py_XDECREF(key);
    return status;
}

static int add_function(PyObject *torch, const char *module, const struct op *op, size_t skip)
{
    PyObject *target = module ? submodule(torch, module) : torch;

    return target ? add_row(PyModule_GetDict(target), op, op->name + skip,
                            python_length(op->name) - skip, false)
                  : -1;
}

static int add_op(PyObject *torch, const struct op *op)
{
    if (op->flags & OP_FUNCTION && add_function(torch, NULL, op, 0) < 0)
        return -1;
    if (op->flags & OP_NN && add_function(torch, "nn.functional", op, 0) < 0)
        return -1;
    if (op->flags & OP_SPECIAL && add_function(torch, "special", op, strlen("special_")) < 0)
        return -1;
    if (op->flags & OP_LINALG && add_function(torch, "linalg", op, strlen("linalg_")) < 0)
        return -1;
    if (op->flags & OP_FFT && add_function(torch, "fft", op, strlen("fft_")) < 0)
        return -1;
    if (op->flags & OP_METHOD &&
        add_row(tensor_type->tp_dict, op, op->name, python_length(op->name), true) < 0)
        return -1;
    return 0;
}

static int add_inplace(PyObject *torch, const struct op *op)
{
    char name[64];
    int length = snprintf(name, sizeof(name), "%.*s_", (int)python_length(ops[op->id].name),
                          ops[op->id].name);

    if (op->flags & OP_METHOD && add_row(tensor_type->tp_dict, op, name, (size_t)length, true) < 0)
        return -1;
    if (op->flags & OP_FUNCTION &&
        add_row(PyModule_GetDict(torch), op, name, (size_t)length, false) < 0)
        return -1;
    if (op->flags & OP_NN && add_row(PyModule_GetDict(submodule(torch, "nn.functional")), op, name,
                                     (size_t)length, false) < 0)
        return -1;
    return 0;
}

/* ---- other names ---- */

/* PyTorch's second names: the same callable, in place forms included. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"absolute", "abs"},
    {"arccos", "acos"},
    {"arccosh", "acosh"},
    {"arcsin", "asin"},
    {"arcsinh", "asinh"},
    {"arctan", "atan"},
    {"arctan2", "atan2"},
    {"arctanh", "atanh"},
    {"concatenate", "cat"},
    {"divide", "div"},
    {"greater", "gt"},
    {"greater_equal", "ge"},
    {"less", "lt"},
    {"less_equal", "le"},
    {"multiply", "mul"},
    {"negative", "neg"},
    {"not_equal", "ne"},
    {"subtract", "sub"},
    {"ger", "outer"},
    {"row_stack", "vstack"},
    {"moveaxis", "movedim"},
    {"swapdims", "transpose"},
    {"swapaxes", "transpose"},
};

static int add_alias(PyObject *namespace, const char *alias, const char *name, const char *suffix)
{
    char from[64], to[64];
    PyObject *callable;

    snprintf(from, sizeof(from), "%s%s", name, suffix);
    snprintf(to, sizeof(to), "%s%s", alias, suffix);
    callable = PyDict_GetItemString(namespace, from);
    if (!callable || PyDict_GetItemString(namespace, to))
        return 0;
    return PyDict_SetItemString(namespace, to, callable);
}

static int add_aliases(PyObject *torch)
{
    PyObject *namespaces[] = {PyModule_GetDict(torch), tensor_type->tp_dict};

    for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++) {
        for (int k = 0; k < 2; k++) {
            if (add_alias(namespaces[k], aliases[i].alias, aliases[i].name, "") < 0 ||
                add_alias(namespaces[k], aliases[i].alias, aliases[i].name, "_") < 0)
                return -1;
        }
    }
    return 0;
}

/* torch.special has functions of torch under these names. */
static const struct {
    const char *alias, *name;
} special_aliases[] = {
    {"digamma", "digamma"},
    {"erf", "erf"},
    {"erfc", "erfc"},
    {"erfinv", "erfinv"},
    {"exp2", "exp2"},
    {"expit", "sigmoid"},
    {"expm1", "expm1"},
    {"gammainc", "igamma"},
    {"gammaincc", "igammac"},
    {"gammaln", "lgamma"},
    {"i0", "i0"},
    {"log1p", "log1p"},
    {"log_softmax", "log_softmax"},
    {"logit", "logit"},
    {"logsumexp", "logsumexp"},
    {"multigammaln", "mvlgamma"},
    {"polygamma", "polygamma"},
    {"psi", "digamma"},
    {"round", "round"},
    {"sinc", "sinc"},
    {"softmax", "softmax"},
    {"xlogy", "xlogy"},
};

static int add_special(PyObject *torch)
{
    PyObject *special = PyModule_GetDict(submodule(torch, "special"));

    for (size_t i = 0; i < sizeof(special_aliases) / sizeof(*special_aliases); i++) {
        PyObject *function = PyDict_GetItemString(PyModule_GetDict(torch), special_aliases[i].name);

        if (PyDict_SetItemString(special, special_aliases[i].alias, function) < 0)
            return -1;
    }
    return 0;
}

int op_init(PyObject *torch)
{
    function_type = (PyTypeObject *)PyType_FromSpec(&function_spec);
    method_type = (PyTypeObject *)PyType_FromSpec(&method_spec);
    if (!function_type || !method_type)
        return -1;
    for (int id = 0; id < OP_COUNT; id++) {
        if (add_op(torch, &ops[id]) < 0)
            return -1;
        if (ops_inplace[id].name && add_inplace(torch, &ops_inplace[id]) < 0)
            return -1;
    }
    if (add_aliases(torch) < 0 || add_special(torch) < 0)
        return -1;
    PyType_Modified(tensor_type);
    return 0;
}
