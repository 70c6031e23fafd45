/* Why a call fits no schema, in PyTorch's words. */
#include "base/strbuf.h"
#include "python/args.h"
#include "python/tensor_type.h"

#include <string.h>

static const char *const type_words[] = {
    [VALUE_TENSOR] = "Tensor",
    [VALUE_TENSORS] = "tuple of Tensors",
    [VALUE_SCALAR] = "Number",
    [VALUE_INT] = "int",
    [VALUE_INTS] = "tuple of ints",
    [VALUE_FLOAT] = "float",
    [VALUE_FLOATS] = "tuple of floats",
    [VALUE_BOOL] = "bool",
    [VALUE_DTYPE] = "torch.dtype",
    [VALUE_DEVICE] = "torch.device",
    [VALUE_STRING] = "str",
    [VALUE_GENERATOR] = "torch.Generator",
    [VALUE_INDICES] = "tuple of Tensors",
};

/* What a function calls its first tensor: schemas say self. */
static void add_name(struct strbuf *text, const struct param *p)
{
    if (p->name_length == 4 && memcmp(p->name, "self", 4) == 0)
        strbuf_adds(text, "input");
    else
        strbuf_add(text, p->name, (size_t)p->name_length);
}

static const char *python_type_name(PyObject *object)
{
    return tensor_check(object) ? "Tensor" : Py_TYPE(object)->tp_name;
}

static void add_default(struct strbuf *text, const struct param *p)
{
    const struct value *v = &p->value;

    if (!p->has_default)
        return;
    if (!v->given)
        strbuf_adds(text, "=None");
    else if (p->type == VALUE_BOOL)
        strbuf_adds(text, v->i ? "=True" : "=False");
    else if (p->type == VALUE_INT)
        strbuf_addf(text, "=%lld", (long long)v->i);
    else if (p->type == VALUE_SCALAR)
        strbuf_addf(text, "=%g", v->scalar.d);
    else if (p->type == VALUE_FLOAT)
        strbuf_addf(text, "=%g", v->d);
    else if (p->type == VALUE_STRING)
        strbuf_addf(text, "='%s'", v->text);
}

static void add_schema(struct strbuf *text, const struct schema *schema, bool method)
{
    strbuf_adds(text, "(");
    for (int i = method; i < schema->count; i++) {
        const struct param *p = &schema->params[i];

        if (i > method)
            strbuf_adds(text, ", ");
        if (p->keyword && (i == 0 || !schema->params[i - 1].keyword))
            strbuf_adds(text, "*, ");
        strbuf_addf(text, "%s ", type_words[p->type]);
        add_name(text, p);
        add_default(text, p);
    }
    strbuf_adds(text, ")");
}

static void add_call(struct strbuf *text, const struct python_call *call, bool method)
{
    Py_ssize_t named = call->names ? PyTuple_GET_SIZE(call->names) : 0;

    strbuf_adds(text, "(");
    for (Py_ssize_t i = method; i < call->count + named; i++) {
        if (i > method)
            strbuf_adds(text, ", ");
        if (i >= call->count)
            strbuf_addf(text,
                        "%s=", PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, i - call->count)));
        strbuf_adds(text, python_type_name(call->args[i]));
    }
    strbuf_adds(text, ")");
}

/* Whether a value fits parameter i: a schema of that parameter alone, called with it. */
static bool value_fits(const struct schema *schema, int i, PyObject *object)
{
    struct schema one = {.count = 1, .positional = 1, .outputs = 1, .params = {schema->params[i]}};
    struct python_call call = {&object, 1, NULL};
    struct parsed_args parsed;
    bool fits;

    one.number_first = i > 0 ? schema->numbers : schema->number_first;
    fits = args_parse(&one, &call, false, NULL, &parsed) > 0;
    if (fits)
        args_release(&parsed);
    PyErr_Clear();
    return fits;
}

/* The value that the call gives for parameter i, or NULL. *keyword: it is given by name. */
static PyObject *value_for(const struct schema *schema, int i, const struct python_call *call,
                           const char *self_name, bool *keyword)
{
    Py_ssize_t named = call->names ? PyTuple_GET_SIZE(call->names) : 0;

    *keyword = i >= call->count;
    if (!*keyword)
        return call->args[i];
    for (Py_ssize_t k = 0; k < named; k++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, k));

        if (name && args_find_name(schema, name, self_name) == i)
            return call->args[call->count + k];
    }
    return NULL;
}

static void explain_missing(struct strbuf *text, const char *name, const struct schema *schema,
                            const struct python_call *call, const char *self_name)
{
    struct strbuf missing = STRBUF_INIT;
    int count = 0;
    bool keyword;

    for (int i = 0; i < schema->count; i++) {
        if (schema->params[i].has_default || value_for(schema, i, call, self_name, &keyword))
            continue;
        strbuf_adds(&missing, count++ ? ", \"" : "\"");
        add_name(&missing, &schema->params[i]);
        strbuf_addch(&missing, '"');
    }
    strbuf_addf(text, "%s() missing %d required positional arguments: %s", name, count,
                missing.text);
    strbuf_release(&missing);
}

/* A keyword that no parameter has, or whose parameter has a value already. */
static void explain_keywords(struct strbuf *text, const char *name, const struct schema *schema,
                             const struct python_call *call, int kind)
{
    Py_ssize_t named = call->names ? PyTuple_GET_SIZE(call->names) : 0;

    for (Py_ssize_t k = 0; k < named; k++) {
        const char *keyword = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, k));
        int at = args_find_name(schema, keyword, kind & ARGS_METHOD ? NULL : "input");

        if (at >= 0 && at >= call->count)
            continue;
        if (at >= 0)
            strbuf_addf(text, "%s() got multiple values for argument '%s'", name, keyword);
        else if (kind & ARGS_OUT && strcmp(keyword, "out") == 0)
            strbuf_addf(text, "%s(): argument 'out' must be Tensor, not %s", name,
                        python_type_name(call->args[call->count + k]));
        else
            strbuf_addf(text, "%s() got an unexpected keyword argument '%s'", name, keyword);
        return;
    }
}

/* A method without parameters is a plain C method of PyTorch's base class, with Python's words. */
static bool explain_no_arguments(struct strbuf *text, const char *name, const struct schema *schema,
                                 const struct python_call *call)
{
    if (schema->count > 1)
        return false;
    if (call->names && PyTuple_GET_SIZE(call->names))
        strbuf_addf(text, "_TensorBase.%s() takes no keyword arguments", name);
    else
        strbuf_addf(text, "_TensorBase.%s() takes no arguments (%zd given)", name, call->count - 1);
    return true;
}

/* With one schema the first thing that is wrong can be named, in the order in which PyTorch looks.
 */
static void explain_one(struct strbuf *text, const char *name, const struct schema *schema,
                        const struct python_call *call, int kind)
{
    int method = kind & ARGS_METHOD;
    const char *self_name = method ? NULL : "input";

    if (method && explain_no_arguments(text, name, schema, call))
        return;
    if (call->count > schema->positional) {
        strbuf_addf(text, "%s() takes %d positional argument%s but %zd %s given", name,
                    schema->positional - method, schema->positional - method == 1 ? "" : "s",
                    call->count - method, call->count - method == 1 ? "was" : "were");
        return;
    }
    for (int i = 0; i < schema->count; i++) {
        bool keyword;
        PyObject *object = value_for(schema, i, call, self_name, &keyword);

        if (!object && schema->params[i].has_default)
            continue;
        if (!object) {
            explain_missing(text, name, schema, call, self_name);
            return;
        }
        if (value_fits(schema, i, object))
            continue;
        strbuf_addf(text, "%s(): argument '", name);
        add_name(text, &schema->params[i]);
        if (keyword)
            strbuf_adds(text, "'");
        else
            strbuf_addf(text, "' (position %d)", i + !method);
        strbuf_addf(text, " must be %s, not %s", type_words[schema->params[i].type],
                    python_type_name(object));
        return;
    }
    explain_keywords(text, name, schema, call, kind);
}

/* What has overloads in PyTorch that one row stands for here: its error then lists them. */
static bool is_overloaded(const char *name)
{
    static const char *const names[] = {
        "clamp",       "clip", "cummax",   "cummin", "cumprod",      "cumsum",    "div", "eq",
        "ge",          "gt",   "kthvalue", "le",     "logcumsumexp", "logsumexp", "lt",  "ne",
        "float_power", "pow",  "lerp",     "narrow", "select",       "transpose", "view"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

void *args_mismatch(const char *name, const struct schema *const *schemas, int count,
                    const struct python_call *call, int kind)
{
    struct strbuf text = STRBUF_INIT;
    bool method = kind & ARGS_METHOD;

    if (count == 1 && !is_overloaded(name)) {
        explain_one(&text, name, schemas[0], call, kind);
    } else {
        strbuf_addf(&text, "%s() received an invalid combination of arguments - got ", name);
        add_call(&text, call, method);
        strbuf_adds(&text, ", but expected one of:\n");
        for (int i = 0; i < count; i++) {
            strbuf_adds(&text, " * ");
            add_schema(&text, schemas[i], method);
            strbuf_adds(&text, "\n");
        }
    }
    PyErr_SetString(PyExc_TypeError, text.text);
    strbuf_release(&text);
    return NULL;
}
