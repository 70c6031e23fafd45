/* The optimizers of optim/optimizers.def as Python classes: construction from a row. */
#include "python/optim_classes.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "python/errors.h"
#include "tensor/kernels.h"

#include <ctype.h>

enum { CLASSES_MAX = 16 };
static struct optimizer_class classes[CLASSES_MAX];
static int class_count;

const struct optimizer_class *optimizer_class_of(PyTypeObject *type)
{
    for (int i = 0; i < class_count; i++)
        if (PyType_IsSubtype(type, classes[i].type))
            return &classes[i];
    return NULL;
}

/* ---- construction ---- */

/* Checks the values as the row says. One that each group gives for itself is not known yet. */
static int check_values(const struct optimizer *o, PyObject *const *values)
{
    struct scalar scalars[OPTIM_OPTIONS] = {0};

    for (int i = 0; i < o->option_count; i++)
        if (values[i] != optim_required &&
            option_read(&o->options[i], values[i], scalars + o->options[i].at) < 0)
            return -1;
    if (optimizer_check(o, scalars) < 0)
        return python_error(), -1;
    return 0;
}

/* {option: value} in the order of a parameter group. */
static PyObject *defaults_dict(const struct optimizer_class *c, PyObject *const *values)
{
    PyObject *defaults = PyDict_New();

    for (int i = 0; defaults && i < c->row->option_count; i++) {
        int index = c->order[i];
        if (PyDict_SetItem(defaults, c->names[index], values[index]) < 0)
            Py_CLEAR(defaults);
    }
    return defaults;
}

static int class_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    OptimizerObject *self = (OptimizerObject *)object;
    const struct optimizer_class *c = self->row;
    struct signature signature = {.class = c->row->name,
                                  .first = optim_names.params,
                                  .names = c->names,
                                  .count = c->row->option_count,
                                  .positional = c->row->positional};
    PyObject *values[OPTIM_OPTIONS], *params, *defaults;
    int status;

    memcpy(values, c->initial, sizeof(values));
    if (signature_bind(&signature, args, kwargs, &params, values) < 0 ||
        check_values(c->row, values) < 0)
        return -1;
    defaults = defaults_dict(c, values);
    status = defaults ? optimizer_setup(self, params, defaults) : -1;
    Py_XDECREF(defaults);
    if (status == 0 && c->row->flags & OPTIM_EAGER)
        status = optimizer_start(self);
    return status;
}

int optimizer_complete_groups(OptimizerObject *self)
{
    const struct optimizer_class *c = self->row;
    PyObject *groups = optimizer_groups(self);

    for (Py_ssize_t i = 0; groups && i < PyList_GET_SIZE(groups); i++) {
        for (int j = 0; j < c->row->option_count; j++) {
            enum option_kind kind = c->row->options[j].kind;
            bool later = kind == OPTION_FLAG || kind == OPTION_UNUSED;
            if (later && !PyDict_SetDefault(PyList_GET_ITEM(groups, i), c->names[j], c->initial[j]))
                return -1;
        }
    }
    return groups ? 0 : -1;
}

/* ---- the types ---- */

/* The row's `group`, "lr momentum ...", as indices of options. */
static int group_order(struct optimizer_class *c)
{
    PyObject *text = PyUnicode_FromString(c->row->group);
    PyObject *words = text ? PyUnicode_Split(text, NULL, -1) : NULL;
    int status = words ? 0 : -1;

    assert(!words || PyList_GET_SIZE(words) == c->row->option_count);
    for (int i = 0; status == 0 && i < c->row->option_count; i++)
        c->order[i] = name_index(c->names, c->row->option_count, PyList_GET_ITEM(words, i));
    Py_XDECREF(text);
    Py_XDECREF(words);
    return status;
}

static int fill_class(struct optimizer_class *c, const struct optimizer *o)
{
    c->row = o;
    for (int i = 0; i < o->option_count; i++) {
        c->names[i] = PyUnicode_InternFromString(o->options[i].name);
        c->initial[i] = option_initial(&o->options[i]);
        if (!c->names[i] || !c->initial[i])
            return -1;
    }
    for (int i = 0; i < o->slot_count; i++) {
        c->slot_names[i] = PyUnicode_InternFromString(o->slots[i].name);
        if (!c->slot_names[i])
            return -1;
    }
    return group_order(c);
}

static int add_class(PyObject *torch, struct optimizer_class *c)
{
    struct strbuf doc = STRBUF_INIT;
    char file[32] = {0};
    PyType_Slot slots[] = {{Py_tp_init, class_init},
                           {Py_tp_methods, optimizer_step_methods},
                           {Py_tp_doc, NULL},
                           {0, NULL}};
    PyType_Spec spec = {.basicsize = sizeof(OptimizerObject),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                        .name = c->path,
                        .slots = slots};
    int status;

    for (size_t i = 0; i + 1 < sizeof(file) && c->row->name[i]; i++)
        file[i] = (char)tolower((unsigned char)c->row->name[i]);
    snprintf(c->path, sizeof(c->path), "torch.optim.%s.%s", file, c->row->name);
    strbuf_addf(&doc, "%s(params, ", c->row->name);
    optimizer_signature(c->row, &doc);
    strbuf_addf(&doc, ")\n--\n\n%s", c->row->reference);
    slots[2].pfunc = doc.text;
    status = optim_add_type(torch, file, &spec, optimizer_type, &c->type);
    strbuf_release(&doc);
    return status;
}

int optimizer_classes_init(PyObject *torch)
{
    const struct optimizer *o;

    for (int i = 0; (o = optimizer_at(i)); i++) {
        assert(i < CLASSES_MAX);
        if (fill_class(&classes[i], o) < 0 || add_class(torch, &classes[i]) < 0)
            return -1;
        class_count = i + 1;
    }
    return 0;
}
