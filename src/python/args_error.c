/*
 * Why a call fits no schema, in PyTorch's words.
 *
 * PyTorch tries the signatures of a function one after the other. With a single one it names the
 * first thing that is wrong; with several it does so if the number of arguments leaves but one of
 * them, and else lists all. The signatures are those of the rows, or those of signatures.def.
 */
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
    [VALUE_NAME] = "name",
    [VALUE_NAMES] = "tuple of names",
    [VALUE_LAYOUT] = "torch.layout",
    [VALUE_FORMAT] = "torch.memory_format",
    [VALUE_STORAGE] = "torch.Storage",
    [VALUE_OBJECT] = "object",
};

static const char *type_word(const struct param *p)
{
    return p->symbolic ? "tuple of SymInts" : type_words[p->type];
}

/* ---- the signatures of a name ---- */

enum { MAX_SIGNATURES = 12 };

static const struct {
    const char *name;
    bool method;
    const char *text;
} rows[] = {
#define FUNCTION(name, text) {#name, false, text},
#define METHOD(name, text)   {#name, true, text},
#include "python/signatures.def"
};

/* x.add_() is told by what is said of x.add(). */
static bool is_same(const char *row, const char *name)
{
    size_t length = strlen(row);

    return strncmp(row, name, length) == 0 && (!name[length] || strcmp(name + length, "_") == 0);
}

/* What takes the name of a dimension for its number as well, in a signature of its own; for some
 * PyTorch has no more than the signature. */
enum names { NAMES_NONE, NAMES_TAKEN, NAMES_LATER };
static const struct {
    const char *name;
    enum names names;
} with_names[] = {
#define NAMED(name)       {#name, NAMES_TAKEN},
#define NAMED_LATER(name) {#name, NAMES_LATER},
#include "python/signatures.def"
};

static enum names takes_names(const char *name)
{
    for (size_t i = 0; i < sizeof(with_names) / sizeof(*with_names); i++) {
        if (is_same(with_names[i].name, name))
            return with_names[i].names;
    }
    return NAMES_NONE;
}

static const char *const listed[] = {
#define LISTED(name) #name,
#include "python/signatures.def"
};

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < sizeof(listed) / sizeof(*listed); i++) {
        if (is_same(listed[i], name))
            return true;
    }
    return false;
}

static int named_parameter(const struct schema *s)
{
    for (int i = 0; i < s->count; i++) {
        if (s->params[i].type == VALUE_NAME || s->params[i].type == VALUE_NAMES)
            return i;
    }
    return -1;
}

static void drop_self(struct schema *s)
{
    memmove(s->params, s->params + 1, (size_t)--s->count * sizeof(*s->params));
    s->defaults >>= 1;
    s->positional--;
    s->number_first = s->numbers;
}

static void add_out(struct schema *s)
{
    static const struct param out = {
        .name = "out", .name_length = 3, .nullable = true, .keyword = true, .has_default = true};
    struct param *p = &s->params[s->count];

    if (s->count == OP_MAX_ARGS)
        return;
    *p = out;
    p->type = s->outputs == 1 ? VALUE_TENSOR : VALUE_TENSORS;
    s->defaults |= 1u << s->count++;
}

/* The same with names for the dimensions: false when there are none in it. */
static bool turn_to_names(struct schema *s)
{
    for (int i = 0; i < s->count; i++) {
        struct param *p = &s->params[i];

        if (p->name_length != 3 || memcmp(p->name, "dim", 3) != 0)
            continue;
        p->type = p->type == VALUE_INTS ? VALUE_NAMES : VALUE_NAME;
        p->has_default = p->nullable = false;
        s->defaults &= ~(1u << i);
        return true;
    }
    return false;
}

/* Those of signatures.def if it has the name, else those of the rows. Returns how many. */
static int signatures(struct schema *list, const char *name, const struct schema *const *schemas,
                      int count, int kind)
{
    bool method = kind & ARGS_METHOD;
    int found = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && found < MAX_SIGNATURES; i++) {
        if (rows[i].method == method && is_same(rows[i].name, name))
            schema_parse(&list[found++], rows[i].text);
    }
    if (found)
        return found;
    for (int i = 0; i < count && found < MAX_SIGNATURES - 1; i++) {
        struct schema *s = &list[found++];

        *s = *schemas[i];
        if (method)
            drop_self(s);
        else if (kind & ARGS_OUT)
            add_out(s);
        if (takes_names(name) == NAMES_NONE)
            continue;
        list[found] = *s;
        found += turn_to_names(&list[found]);
    }
    return found;
}

/* ---- pieces of text ---- */

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
    return Py_IS_TYPE(object, tensor_type) ? "Tensor" : Py_TYPE(object)->tp_name;
}

static void add_signature(struct strbuf *text, const struct schema *schema)
{
    strbuf_adds(text, "(");
    for (int i = 0; i < schema->count; i++) {
        const struct param *p = &schema->params[i];

        if (i > 0)
            strbuf_adds(text, ", ");
        if (p->keyword && (i == 0 || !schema->params[i - 1].keyword))
            strbuf_adds(text, "*, ");
        strbuf_addf(text, "%s ", type_word(p));
        add_name(text, p);
    }
    strbuf_adds(text, ")");
}

static Py_ssize_t keyword_count(const struct python_call *call)
{
    return call->names ? PyTuple_GET_SIZE(call->names) : 0;
}

static const char *keyword_name(const struct python_call *call, Py_ssize_t k)
{
    const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, k));

    return name ? name : "";
}

/* Keywords stand in the order of PyTorch's hash table, the last one first; and where there are only
 * keywords, it leaves the last comma. */
static void add_call(struct strbuf *text, const struct python_call *call)
{
    strbuf_adds(text, "(");
    for (Py_ssize_t i = 0; i < call->count; i++)
        strbuf_addf(text, "%s%s", i ? ", " : "", python_type_name(call->args[i]));
    for (Py_ssize_t k = keyword_count(call) - 1; k >= 0; k--) {
        strbuf_adds(text, call->count ? ", " : "");
        strbuf_addf(text, "%s=%s", keyword_name(call, k),
                    python_type_name(call->args[call->count + k]));
        strbuf_adds(text, call->count ? "" : ", ");
    }
    strbuf_adds(text, ")");
}

/* ---- does a value fit a parameter ---- */

/* A schema of that parameter, not as its last one, called with the value. */
static bool value_fits(const struct schema *schema, int i, PyObject *object)
{
    struct schema one = {.count = 1, .positional = 2, .outputs = 1, .params = {schema->params[i]}};
    struct python_call call = {&object, 1, NULL};
    struct parsed_args parsed;
    bool fits;

    one.number_first = i > 0 ? schema->numbers : schema->number_first;
    one.params[0].has_default = false;
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
    *keyword = i >= call->count;
    if (!*keyword)
        return call->args[i];
    for (Py_ssize_t k = 0; k < keyword_count(call); k++) {
        if (args_find_name(schema, keyword_name(call, k), self_name) == i)
            return call->args[call->count + k];
    }
    return NULL;
}

/* ---- one signature: the first thing that is wrong ---- */

struct explanation {
    struct strbuf *text;
    const char *name, *self_name;
    const struct schema *schema;
    const struct python_call *call;
};

static int required(const struct schema *schema)
{
    int count = 0;

    for (int i = 0; i < schema->count; i++)
        count += !schema->params[i].has_default;
    return count;
}

/* From the first one that is missing on, PyTorch counts what has no default, given or not; and it
 * adds the s to one of them, not to several. */
static void explain_missing(const struct explanation *e, int from)
{
    struct strbuf missing = STRBUF_INIT;
    int count = 0;

    for (int i = from; i < e->schema->count; i++) {
        if (e->schema->params[i].has_default)
            continue;
        strbuf_adds(&missing, count++ ? ", \"" : "\"");
        add_name(&missing, &e->schema->params[i]);
        strbuf_addch(&missing, '"');
    }
    strbuf_addf(e->text, "%s() missing %d required positional argument%s: %s", e->name, count,
                count == 1 ? "s" : "", missing.text);
    strbuf_release(&missing);
}

static void explain_too_many(const struct explanation *e)
{
    int most = e->schema->positional, least = required(e->schema);
    Py_ssize_t given = e->call->count;

    if (least != most)
        strbuf_addf(e->text, "%s() takes from %d to %d positional arguments but %zd were given",
                    e->name, least, most, given);
    else
        strbuf_addf(e->text, "%s() takes %d positional argument%s but %zd %s given", e->name, most,
                    most == 1 ? "" : "s", given, given == 1 ? "was" : "were");
}

/* A keyword that no parameter has, or whose parameter has a value already. */
static void explain_keywords(const struct explanation *e)
{
    for (Py_ssize_t k = 0; k < keyword_count(e->call); k++) {
        const char *keyword = keyword_name(e->call, k);
        int at = args_find_name(e->schema, keyword, e->self_name);

        if (at >= e->call->count)
            continue;
        strbuf_addf(e->text,
                    at >= 0 ? "%s() got multiple values for argument '%s'"
                            : "%s() got an unexpected keyword argument '%s'",
                    e->name, keyword);
        return;
    }
}

/* Of the elements of a list for this parameter the first that is none: `count` if all are. */
static Py_ssize_t first_unfit(const struct param *p, PyObject *const *items, Py_ssize_t count)
{
    struct schema one = {.params = {{.type = p->type == VALUE_INTS ? VALUE_INT : VALUE_TENSOR}}};
    Py_ssize_t i = 0;

    while (i < count && value_fits(&one, 0, items[i]))
        i++;
    return i;
}

/* The place of the element that makes a list, or all the arguments, unfit for a parameter of
 * several ints or tensors: -1 when it is no list, or its first element is wrong already. */
static Py_ssize_t wrong_element(const struct param *p, PyObject *const *items, Py_ssize_t count)
{
    Py_ssize_t at = first_unfit(p, items, count);

    return at == count || (at == 0 && p->type == VALUE_INTS) ? -1 : at;
}

/* A value of the wrong type, which may be an element of a list or the rest of the arguments. */
static void explain_value(const struct explanation *e, int i, PyObject *object, bool keyword)
{
    const struct param *p = &e->schema->params[i];
    bool list = PyTuple_Check(object) || PyList_Check(object);
    bool rest = !list && i == 0 && !keyword && e->schema->positional == 1;
    PyObject *const *items = list ? PySequence_Fast_ITEMS(object) : e->call->args;
    Py_ssize_t count = list ? PySequence_Fast_GET_SIZE(object) : e->call->count, at = -1;

    if ((list || rest) && (p->type == VALUE_INTS || (p->type == VALUE_TENSORS && list)))
        at = wrong_element(p, items, count);
    if (at >= 0 && p->type == VALUE_TENSORS) {
        strbuf_addf(e->text, "expected Tensor as element %zd in argument %d, but got %s", at, i,
                    python_type_name(items[at]));
        return;
    }
    strbuf_addf(e->text, "%s(): argument '", e->name);
    add_name(e->text, p);
    strbuf_adds(e->text, "'");
    if (!keyword && at < 0)
        strbuf_addf(e->text, " (position %d)", i + 1);
    strbuf_addf(e->text, " must be %s, ", type_word(p));
    if (at >= 0)
        strbuf_addf(e->text, "but found element of type %s at pos %zd", python_type_name(items[at]),
                    at + 1);
    else
        strbuf_addf(e->text, "not %s", python_type_name(object));
}

/* x.view(2, 3): the arguments are the one list that the signature takes. */
static bool takes_all(const struct schema *schema)
{
    return schema->positional == 1 &&
           (schema->params[0].type == VALUE_INTS || schema->params[0].type == VALUE_TENSORS);
}

/* In the order in which PyTorch looks. */
static void explain_one(const struct explanation *e)
{
    const struct schema *schema = e->schema;
    bool all = takes_all(schema);

    if (e->call->count > schema->positional && !all) {
        explain_too_many(e);
        return;
    }
    for (int i = 0; i < schema->count; i++) {
        bool keyword;
        PyObject *object = value_for(schema, i, e->call, e->self_name, &keyword);

        if (!object && schema->params[i].has_default)
            continue;
        if (!object) {
            explain_missing(e, i);
            return;
        }
        if (value_fits(schema, i, object) ||
            (all && !keyword && i == 0 &&
             first_unfit(&schema->params[0], e->call->args, e->call->count) == e->call->count))
            continue;
        explain_value(e, i, object, keyword);
        return;
    }
    if (e->call->count > schema->positional && !all)
        explain_too_many(e);
    else
        explain_keywords(e);
}

/* A method without parameters is a plain C method of PyTorch's base class, with Python's words. */
static void explain_no_arguments(const struct explanation *e)
{
    if (keyword_count(e->call))
        strbuf_addf(e->text, "_TensorBase.%s() takes no keyword arguments", e->name);
    else
        strbuf_addf(e->text, "_TensorBase.%s() takes no arguments (%zd given)", e->name,
                    e->call->count);
}

/* ---- several signatures ---- */

/* The one that takes that many arguments: -1 when several do, or none. */
static int plausible(const struct schema *list, int count, const struct python_call *call)
{
    Py_ssize_t given = call->count + keyword_count(call);
    int one = -1;

    for (int i = 0; i < count; i++) {
        if (given < required(&list[i]) || given > list[i].count)
            continue;
        if (one >= 0)
            return -1;
        one = i;
    }
    return one;
}

/* Under a signature that takes as many arguments: what of the call does not fit it, in marks. */
static void add_reason(const struct explanation *e)
{
    Py_ssize_t named = keyword_count(e->call), given = e->call->count + named;
    bool strange = false;

    /* PyTorch counts the star. */
    if (given != e->schema->count + (e->schema->positional < e->schema->count))
        return;
    strbuf_adds(e->text, "      didn't match because some of the ");
    for (Py_ssize_t k = named - 1; k >= 0; k--) {
        if (args_find_name(e->schema, keyword_name(e->call, k), e->self_name) >= 0)
            continue;
        strbuf_addf(e->text, "%s%s",
                    strange ? ", " : "keywords were incorrect: ", keyword_name(e->call, k));
        strange = true;
    }
    if (!strange)
        strbuf_adds(e->text, "arguments have invalid types: (");
    for (int i = 0, shown = 0; i < e->schema->count && !strange; i++) {
        bool keyword;
        PyObject *object = value_for(e->schema, i, e->call, e->self_name, &keyword);
        const char *mark = !object || value_fits(e->schema, i, object) ? "" : "!";

        if (!object)
            continue;
        strbuf_addf(e->text, "%s%s", shown++ ? ", " : "", mark);
        if (keyword) {
            add_name(e->text, &e->schema->params[i]);
            strbuf_adds(e->text, "=");
        }
        strbuf_addf(e->text, "%s%s", python_type_name(object), mark);
    }
    strbuf_adds(e->text, strange ? "\n" : ")\n");
}

static void explain_list(struct explanation *e, const struct schema *list, int count)
{
    strbuf_addf(e->text, "%s() received an invalid combination of arguments - got ", e->name);
    add_call(e->text, e->call);
    strbuf_adds(e->text, count == 1 ? ", but expected " : ", but expected one of:\n");
    for (int i = 0; i < count; i++) {
        e->schema = &list[i];
        strbuf_adds(e->text, count == 1 ? "" : " * ");
        add_signature(e->text, &list[i]);
        if (count == 1)
            break;
        strbuf_adds(e->text, "\n");
        add_reason(e);
    }
}

/* A call that fits a signature with the names of dimensions: tensors have none here. */
static bool refuse_names(const struct explanation *e, const struct schema *list, int count,
                         PyObject *tensor)
{
    struct parsed_args parsed;
    const char *name = NULL;

    for (int i = 0; i < count && !name; i++) {
        int at = named_parameter(&list[i]);

        if (at >= 0 && args_parse(&list[i], e->call, false, e->self_name, &parsed) > 0) {
            name = parsed.values[at].text;
            args_release(&parsed);
        }
    }
    PyErr_Clear();
    if (!name)
        return false;
    if (takes_names(e->name) == NAMES_LATER)
        strbuf_addf(e->text,
                    "%s: You passed a dimname (string) to this op in place of a dimension index "
                    "but it does not yet support this behavior. Please pass a dimension index to "
                    "work around this.",
                    e->name);
    else
        strbuf_addf(e->text, "Name '%s' not found in Tensor[", name);
    for (int d = 0; takes_names(e->name) == NAMES_TAKEN && d < tensor_of(tensor)->ndim; d++)
        strbuf_addf(e->text, "%sNone", d ? ", " : "");
    if (takes_names(e->name) == NAMES_TAKEN)
        strbuf_adds(e->text, "].");
    PyErr_SetString(PyExc_RuntimeError, e->text->text);
    return true;
}

void *args_mismatch(const char *name, const struct schema *const *schemas, int count,
                    const struct python_call *call, int kind)
{
    struct schema list[MAX_SIGNATURES];
    struct strbuf text = STRBUF_INIT;
    int method = kind & ARGS_METHOD, found = signatures(list, name, schemas, count, kind), one;
    struct python_call given = {call->args + method, call->count - method, call->names};
    struct explanation e = {&text, name, method ? NULL : "input", &list[0], &given};
    PyObject *first = call->count ? call->args[0] : NULL;

    if (!first || !tensor_check(first) || !refuse_names(&e, list, found, first)) {
        one = found == 1 && !is_listed(name) ? 0 : plausible(list, found, &given);
        e.schema = &list[one < 0 ? 0 : one];
        if (found == 1 && method && list[0].count == 0)
            explain_no_arguments(&e);
        else if (one >= 0)
            explain_one(&e);
        if (text.length == 0)
            explain_list(&e, list, found);
        PyErr_SetString(PyExc_TypeError, text.text);
    }
    strbuf_release(&text);
    return NULL;
}
