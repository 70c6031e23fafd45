/*
 * The layers: a class for each row of nn/layers.def, and what all of them do in the same way.
 */
#include "python/nn_layers.h"

#include "base/strbuf.h"
#include "python/module.h"

#include <string.h>

#define setup_none NULL
static struct layer_type layer_types[] = {
#define ROW(in, of, takes_, check, keeps, sees, shows, says)                                       \
    .file = #in, .name = #of, .constructor = takes_, .setup = check, .state = keeps,               \
    .inputs = sees, .extra_repr = shows, .help = says
#define LAYER(file, name, constructor, setup, state, op, inputs, extra_repr, help)                 \
    {ROW(file, name, constructor, setup_##setup, state, inputs, extra_repr, help), .op_name = #op},
#define LAYER_OWN(file, name, constructor, setup, state, own, inputs, extra_repr, help)            \
    {ROW(file, name, constructor, setup_##setup, state, inputs, extra_repr, help),                 \
     .function = forward_##own},
#include "nn/layers.def"
#undef LAYER
#undef LAYER_OWN
#undef ROW
};
#undef setup_none
enum { LAYER_COUNT = sizeof(layer_types) / sizeof(*layer_types) };

static const struct layer_type *row_of(const PyTypeObject *type)
{
    for (int i = 0; i < LAYER_COUNT; i++)
        if (layer_types[i].type == type)
            return &layer_types[i];
    return NULL;
}

const struct layer_type *layer_type_of(PyTypeObject *type)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i);
        const struct layer_type *layer = base == nn_module_type ? NULL : row_of(base);

        if (layer || base == nn_module_type)
            return layer;
    }
    return NULL;
}

static bool takes_anything(const struct layer_type *layer)
{
    return *layer->constructor == '*';
}

int layer_prepare(struct layer_type *layer)
{
    if (layer->prepared)
        return 0;
    schema_parse(&layer->takes, takes_anything(layer) ? "()" : layer->constructor);
    if (layer_prepare_state(layer) < 0 || layer_prepare_forward(layer) < 0)
        return -1;
    layer->prepared = true;
    return 0;
}

/* ---- the constructor ---- */

/* size_average and reduce of the losses, which `reduction` has replaced. */
static int apply_old_reduction(const struct layer_type *layer, PyObject **args)
{
    int average = schema_find(&layer->takes, "size_average", 12);
    int reduce = schema_find(&layer->takes, "reduce", 6);
    int reduction = schema_find(&layer->takes, "reduction", 9);
    int averages, reduces;
    const char *now;

    if (average < 0 || (args[average] == Py_None && args[reduce] == Py_None))
        return 0;
    averages = args[average] == Py_None ? 1 : PyObject_IsTrue(args[average]);
    reduces = args[reduce] == Py_None ? 1 : PyObject_IsTrue(args[reduce]);
    if (averages < 0 || reduces < 0)
        return -1;
    now = old_reduction(averages, reduces);
    if (!now)
        return -1;
    Py_SETREF(args[reduction], PyUnicode_FromString(now));
    return args[reduction] ? 0 : -1;
}

bool layer_keeps(const struct layer_type *layer, const struct param *p)
{
    static const char *const others[] = {"device", "dtype", "size_average", "reduce"};
    size_t length = (size_t)p->name_length;

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (strlen(others[i]) == length && memcmp(others[i], p->name, length) == 0)
            return false;
    for (int i = 0; i < layer->entry_count; i++) {
        const char *name = PyUnicode_AsUTF8(layer->entries[i].name);

        if (name && strlen(name) == length && memcmp(name, p->name, length) == 0)
            return false;
    }
    return *p->name != '_';
}

static int set_attributes(PyObject *self, const struct layer_type *layer, PyObject *const *args)
{
    for (int i = 0; i < layer->takes.count; i++) {
        const struct param *p = &layer->takes.params[i];
        PyObject *name;
        int status;

        if (!layer_keeps(layer, p))
            continue;
        name = PyUnicode_FromStringAndSize(p->name, p->name_length);
        if (!name)
            return -1;
        PyUnicode_InternInPlace(&name);
        status = PyObject_SetAttr(self, name, args[i]);
        Py_DECREF(name);
        if (status < 0)
            return -1;
    }
    return 0;
}

int layer_bind(const char *function, const struct schema *schema, PyObject *tuple,
               PyObject *keywords, PyObject **args)
{
    Py_ssize_t positional = PyTuple_GET_SIZE(tuple);
    Py_ssize_t named = keywords ? PyDict_GET_SIZE(keywords) : 0;
    PyObject **all = PyMem_New(PyObject *, positional + named + 1);
    PyObject *names = PyTuple_New(named), *name, *value;
    Py_ssize_t at = 0;
    int status = -1;

    if (!all || !names)
        goto done;
    for (Py_ssize_t i = 0; i < positional; i++)
        all[i] = PyTuple_GET_ITEM(tuple, i);
    for (Py_ssize_t i = 0; named && PyDict_Next(keywords, &at, &name, &value); i++) {
        all[positional + i] = value;
        PyTuple_SET_ITEM(names, i, Py_NewRef(name));
    }
    status = bind_arguments(function, schema, &(struct python_call){all, positional, names}, args);
    for (int i = 0; status == 0 && i < schema->count; i++)
        args[i] = args[i] ? Py_NewRef(args[i]) : default_object(&schema->params[i]);
done:
    PyMem_Free(all);
    Py_XDECREF(names);
    return status;
}

int layer_set_up(PyObject *self, const struct layer_type *layer, PyObject **args)
{
    if (apply_old_reduction(layer, args) < 0 || (layer->setup && layer->setup(self, args) < 0))
        return -1;
    return set_attributes(self, layer, args);
}

static int layer_init(PyObject *self, PyObject *tuple, PyObject *keywords)
{
    struct layer_type *layer = (struct layer_type *)((ModuleObject *)self)->layer;
    PyObject *args[OP_MAX_ARGS] = {NULL};
    char function[64];
    int status;

    if (module_setup(self) < 0)
        return -1;
    if (takes_anything(layer))
        return 0;
    snprintf(function, sizeof(function), "%s.__init__", layer_constructor_owner(layer));
    if (layer_bind(function, &layer->takes, tuple, keywords, args) < 0)
        return -1;
    status = layer_set_up(self, layer, args);
    if (status == 0)
        status = layer_make_state(self, layer, args);
    for (int i = 0; i < layer->takes.count; i++)
        Py_XDECREF(args[i]);
    return status;
}

static PyObject *layer_new_values(PyObject *self, PyObject *Py_UNUSED(none))
{
    return layer_reset(self, ((ModuleObject *)self)->layer) < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the classes ---- */

/* "Linear(in_features, out_features, bias=True)\n--\n\nhelp": what help() and completion read. */
static void add_documentation(const struct layer_type *layer, struct strbuf *out)
{
    const char *at = takes_anything(layer) ? "(*args, **kwargs)" : layer->constructor;

    strbuf_adds(out, layer->name);
    while (*at) {
        size_t length = strcspn(at, ",)");

        if (*at == '(' || *at == ',') { /* a type follows, unless it is a star */
            const char *name = at + 1 + strspn(at + 1, " ");

            strbuf_adds(out, *at == '(' ? "(" : ", ");
            at = *name == '*' || *name == ')' ? name : strchr(name, ' ') + 1;
            length = strcspn(at, ",)");
        }
        length += at[length] == ')';
        strbuf_add(out, at, length);
        at += length;
    }
    strbuf_addf(out, "\n--\n\n%s.", layer->help);
}

/* The layers that count their batches do so since their version 2; files name the version. */
static int set_version(const struct layer_type *layer)
{
    PyObject *version = PyLong_FromLong(strstr(layer->state, "num_batches_tracked") ? 2 : 1);
    int status =
        version ? PyObject_SetAttr((PyObject *)layer->type, nn_names._version, version) : -1;

    Py_XDECREF(version);
    return status;
}

/* Takes a positional or keyword argument out of a call; borrowed from the call. */
static PyObject *take_argument(PyObject *args, Py_ssize_t i, PyObject *keywords, PyObject *others,
                               const char *name)
{
    PyObject *found;

    if (i < PyTuple_GET_SIZE(args))
        return PyTuple_GET_ITEM(args, i);
    found = keywords ? PyDict_GetItemString(keywords, name) : NULL;
    if (found && PyDict_DelItemString(others, name) < 0)
        return NULL;
    return found;
}

/* Embedding.from_pretrained(embeddings, freeze=True, **others): a layer around this weight. */
static PyObject *from_pretrained(PyObject *cls, PyObject *args, PyObject *keywords)
{
    PyObject *others = keywords ? PyDict_Copy(keywords) : PyDict_New();
    PyObject *embeddings, *freeze, *sizes = NULL, *layer = NULL, *weight = NULL;
    const struct tensor *t;

    if (!others)
        return NULL;
    embeddings = take_argument(args, 0, keywords, others, "embeddings");
    freeze = take_argument(args, 1, keywords, others, "freeze");
    t = embeddings && tensor_check(embeddings) ? tensor_of(embeddings) : NULL;
    if (t && t->ndim == 2)
        sizes = Py_BuildValue("(LL)", (long long)t->shape[0], (long long)t->shape[1]);
    else
        PyErr_SetString(PyExc_AssertionError,
                        "Embeddings parameter is expected to be 2-dimensional");
    if (sizes && PyDict_SetItemString(others, "_weight", embeddings) == 0)
        layer = PyObject_Call(cls, sizes, others);
    if (layer)
        weight = PyObject_GetAttrString(layer, "weight");
    if (layer && (!weight || PyObject_SetAttrString(
                                 weight, "requires_grad",
                                 freeze && !PyObject_IsTrue(freeze) ? Py_True : Py_False) < 0))
        Py_CLEAR(layer);
    Py_XDECREF(weight);
    Py_XDECREF(sizes);
    Py_DECREF(others);
    return layer;
}

static int add_from_pretrained(PyTypeObject *type)
{
    static PyMethodDef method = {"from_pretrained", WITH_KEYWORDS(from_pretrained) | METH_CLASS,
                                 "A layer around this weight; frozen: without gradient."};
    PyObject *descriptor = PyDescr_NewClassMethod(type, &method);
    int status =
        descriptor ? PyObject_SetAttrString((PyObject *)type, method.ml_name, descriptor) : -1;

    Py_XDECREF(descriptor);
    return status;
}

static int add_layer(PyObject *torch, struct layer_type *layer)
{
    static PyMethodDef methods[] = {
        {"forward", WITH_FASTCALL(layer_forward), "What the layer computes."},
        {"reset_parameters", layer_new_values, METH_NOARGS, "Draws the parameters anew."},
        {"extra_repr", layer_extra_repr, METH_NOARGS, NULL},
        {NULL, NULL, 0, NULL},
    };
    struct strbuf doc = STRBUF_INIT;
    char path[96];
    PyType_Slot slots[] = {
        {Py_tp_init, layer_init}, {Py_tp_methods, methods}, {Py_tp_doc, NULL}, {0, NULL}};
    PyType_Spec spec = {path, sizeof(ModuleObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
                        slots};
    PyObject *home, *bases = layer_bases(torch, layer);
    int status = -1;

    add_documentation(layer, &doc);
    slots[2].pfunc = doc.text;
    snprintf(path, sizeof(path), "nn.modules.%s", layer->file);
    home = submodule(torch, path);
    snprintf(path, sizeof(path), "torch.nn.modules.%s.%s", layer->file, layer->name);
    if (bases && home && module_add_type(home, &spec, bases, &layer->type) == 0 &&
        set_version(layer) == 0 &&
        (!strstr(layer->constructor, "_weight=") || add_from_pretrained(layer->type) == 0))
        status = *layer->name == '_' ? 0 : module_publish(torch, layer->name, layer->type);
    Py_XDECREF(bases);
    strbuf_release(&doc);
    return status;
}

static bool find_op(struct layer_type *layer)
{
    for (int id = 0; id < OP_COUNT; id++)
        if (layer->op_name && strcmp(ops[id].name, layer->op_name) == 0) {
            layer->op = (enum op_id)id;
            return true;
        }
    return layer->function != NULL;
}

int layers_init(PyObject *torch)
{
    int status = 0;

    for (int i = 0; status == 0 && i < LAYER_COUNT; i++)
        if (find_op(&layer_types[i]))
            status = add_layer(torch, &layer_types[i]);
    return status;
}
