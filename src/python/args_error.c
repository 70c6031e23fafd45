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

/* Whether one value fits one parameter: a schema of that parameter alone, called with it. */
static bool value_fits(const struct param *p, bool first, PyObject *object)
{
    struct schema one = {.count = 2, .positional = 2, .outputs = 1};
    struct python_call call = {&object, 1, NULL};
    struct parsed_args parsed;
    PyObject *two[2];
    bool fits;

    one.params[0] = one.params[1] = *p;
    if (first || p->type != VALUE_TENSOR) {
        one.count = one.positional = 1;
    } else { /* a number may stand for a tensor, but not for the first */
        two[0] = two[1] = object;
        one.params[0].nullable = one.params[0].has_default = true;
        two[0] = Py_None;
        call.args = two;
        call.count = 2;
    }
    fits = args_parse(&one, &call, false, NULL, &parsed) > 0;
    if (fits)
        args_release(&parsed);
    PyErr_Clear();
    return fits;
}

/* With one schema the first thing that is wrong can be named. `method`: position 0 is self. */
static void explain_one(struct strbuf *text, const char *name, const struct schema *schema,
                        const struct python_call *call, bool method)
{
    Py_ssize_t named = call->names ? PyTuple_GET_SIZE(call->names) : 0;
    uint32_t seen = 0;
    struct strbuf missing = STRBUF_INIT;
    int missing_count = 0;

    if (call->count > schema->positional) {
        strbuf_addf(text, "%s() takes %d positional argument%s but %zd %s given", name,
                    schema->positional - method, schema->positional - method == 1 ? "" : "s",
                    call->count - method, call->count - method == 1 ? "was" : "were");
        return;
    }
    for (Py_ssize_t i = 0; i < call->count + named; i++) {
        const char *keyword =
            i < call->count ? NULL
                            : PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, i - call->count));
        int at = keyword ? args_find_name(schema, keyword, method ? NULL : "input") : (int)i;

        if (at < 0) {
            if (strcmp(keyword, "out") != 0)
                strbuf_addf(text, "%s() got an unexpected keyword argument '%s'", name, keyword);
            else
                strbuf_addf(text, "%s(): argument 'out' must be Tensor, not %s", name,
                            python_type_name(call->args[i]));
            return;
        }
        seen |= 1u << at;
        if (value_fits(&schema->params[at], at == 0, call->args[i]))
            continue;
        strbuf_addf(text, "%s(): argument '", name);
        add_name(text, &schema->params[at]);
        if (keyword)
            strbuf_addf(text, "' must be %s, not %s", type_words[schema->params[at].type],
                        python_type_name(call->args[i]));
        else
            strbuf_addf(text, "' (position %d) must be %s, not %s", at + !method,
                        type_words[schema->params[at].type], python_type_name(call->args[i]));
        return;
    }
    for (int i = 0; i < schema->count; i++) {
        if (seen >> i & 1 || schema->params[i].has_default)
            continue;
        strbuf_adds(&missing, missing_count++ ? ", \"" : "\"");
        add_name(&missing, &schema->params[i]);
        strbuf_addch(&missing, '"');
    }
    strbuf_addf(text, "%s() missing %d required positional arguments: %s", name, missing_count,
                missing.text);
    strbuf_release(&missing);
}

void *args_mismatch(const char *name, const struct schema *const *schemas, int count,
                    const struct python_call *call, bool method)
{
    struct strbuf text = STRBUF_INIT;

    if (count == 1) {
        explain_one(&text, name, schemas[0], call, method);
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
