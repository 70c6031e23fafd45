/*
 * Reads schema strings: "(Tensor self, int[1]? dim=None, bool keepdim=False)", with the names of
 * the results behind it where there are several: "(Tensor self, int dim) -> values, indices".
 */
#include "base/mem.h"
#include "tensor/op.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum value_type type, list; /* list: the type of name[] */
} type_names[] = {
    {"Tensor", VALUE_TENSOR, VALUE_TENSORS},
    {"Scalar", VALUE_SCALAR, VALUE_SCALAR},
    {"int", VALUE_INT, VALUE_INTS},
    {"float", VALUE_FLOAT, VALUE_FLOATS},
    {"bool", VALUE_BOOL, VALUE_BOOL},
    {"ScalarType", VALUE_DTYPE, VALUE_DTYPE},
    {"Device", VALUE_DEVICE, VALUE_DEVICE},
    {"str", VALUE_STRING, VALUE_STRING},
    {"Generator", VALUE_GENERATOR, VALUE_GENERATOR},
    {"Indices", VALUE_INDICES, VALUE_INDICES},
    {"SymInt", VALUE_INT, VALUE_INTS},
    {"Dimname", VALUE_NAME, VALUE_NAMES},
    {"Layout", VALUE_LAYOUT, VALUE_LAYOUT},
    {"MemoryFormat", VALUE_FORMAT, VALUE_FORMAT},
    {"Storage", VALUE_STORAGE, VALUE_STORAGE},
    {"object", VALUE_OBJECT, VALUE_OBJECT},
};

static const char *skip_spaces(const char *s)
{
    while (*s == ' ')
        s++;
    return s;
}

static const char *read_type(const char *s, struct param *p)
{
    size_t length = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    bool found = false;

    p->list_size = -1;
    for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++) {
        if (strlen(type_names[i].name) != length || strncmp(type_names[i].name, s, length) != 0)
            continue;
        found = true;
        p->type = s[length] == '[' ? type_names[i].list : type_names[i].type;
    }
    assert(found);
    (void)found;
    p->symbolic = *s == 'S' && s[1] == 'y';
    s += length;
    if (*s == '[') {
        p->list_size = (int)strtol(s + 1, NULL, 10);
        s = strchr(s, ']') + 1;
    }
    if (*s == '?') {
        p->nullable = true;
        s++;
    }
    return skip_spaces(s);
}

/* A list default "[0, 1]" or "(0.9, 0.999)"; its numbers live as long as the schema. */
static const char *read_list(const char *s, struct param *p)
{
    double numbers[8];
    int64_t *ints;
    double *floats;
    int count = 0;
    char *end;

    for (s = skip_spaces(s + 1); *s != ']' && *s != ')';
         s = skip_spaces(*end == ',' ? end + 1 : end))
        numbers[count++] = strtod(s, &end);
    if (p->type == VALUE_INTS) {
        ints = mem_alloc((size_t)count * sizeof(*ints));
        for (int i = 0; ints && i < count; i++)
            ints[i] = (int64_t)numbers[i];
        p->value.ints.at = ints;
        p->value.ints.count = count;
    } else {
        assert(p->type == VALUE_FLOATS);
        floats = mem_alloc((size_t)count * sizeof(*floats));
        for (int i = 0; floats && i < count; i++)
            floats[i] = numbers[i];
        p->value.floats.at = floats;
        p->value.floats.count = count;
    }
    return s + 1;
}

static const char *read_string(const char *s, struct param *p)
{
    const char *end = strchr(s + 1, '\'');

    p->value.text = mem_strndup(s + 1, (size_t)(end - s - 1));
    return end + 1;
}

static const char *read_number(const char *s, struct param *p)
{
    char *end;
    double number = strtod(s, &end);
    bool whole =
        memchr(s, '.', (size_t)(end - s)) == NULL && memchr(s, 'e', (size_t)(end - s)) == NULL;
    int64_t list[1] = {(int64_t)number};
    int64_t *ints;

    switch (p->type) {
    case VALUE_SCALAR:
        p->value.scalar = whole ? scalar_int((int64_t)number) : scalar_float(number);
        break;
    case VALUE_FLOAT:
        p->value.d = number;
        break;
    case VALUE_INTS: /* int[2] stride=1 */
        ints = mem_alloc((size_t)p->list_size * sizeof(*ints));
        for (int i = 0; ints && i < p->list_size; i++)
            ints[i] = list[0];
        p->value.ints.at = ints;
        p->value.ints.count = p->list_size;
        break;
    default:
        p->value.i = (int64_t)number;
    }
    return end;
}

static const char *read_default(const char *s, struct param *p)
{
    p->has_default = true;
    p->value.given = strncmp(s, "None", 4) != 0;
    if (!p->value.given)
        return s + 4;
    if (strncmp(s, "True", 4) == 0 || strncmp(s, "False", 5) == 0) {
        p->value.i = *s == 'T';
        if (p->type == VALUE_SCALAR)
            p->value.scalar = scalar_bool(*s == 'T');
        return s + (*s == 'T' ? 4 : 5);
    }
    if (*s == '[' || *s == '(')
        return read_list(s, p);
    return *s == '\'' ? read_string(s, p) : read_number(s, p);
}

static void read_results(struct schema *schema, const char *s)
{
    schema->outputs = 1;
    if (strncmp(s, " -> ", 4) != 0)
        return;
    schema->result_names = s + 4;
    for (s += 4; *s; s++)
        schema->outputs += *s == ',';
}

void schema_parse(struct schema *schema, const char *s)
{
    bool keyword = false;

    memset(schema, 0, sizeof(*schema));
    assert(*s == '(');
    s = skip_spaces(s + 1);
    while (*s != ')') {
        struct param *p = &schema->params[schema->count];

        assert(schema->count < OP_MAX_ARGS);
        if (*s == '*') {
            keyword = true;
            s++;
        } else {
            s = read_type(s, p);
            p->name = s;
            p->name_length = (int)strcspn(s, "=,) ");
            p->keyword = keyword;
            s += p->name_length;
            if (*s == '=')
                s = read_default(s + 1, p);
            if (p->has_default)
                schema->defaults |= 1u << schema->count;
            if (p->name_length == 12 && memcmp(p->name, "size_average", 12) == 0)
                schema->size_average = schema->count;
            if (p->type == VALUE_TENSOR)
                schema->tensors |= 1u << schema->count;
            if (p->type == VALUE_TENSORS || p->type == VALUE_INDICES)
                schema->lists |= 1u << schema->count;
            if (p->type == VALUE_DTYPE)
                schema->dtypes |= 1u << schema->count;
            schema->count++;
            schema->positional += !keyword;
        }
        s = skip_spaces(s);
        if (*s == ',')
            s = skip_spaces(s + 1);
    }
    read_results(schema, s + 1);
}

const struct schema *schema_of(const struct op *op)
{
    struct op *row = (struct op *)op; /* constant but for this */

    row->parsed = mem_alloc(sizeof(*row->parsed));
    assert(row->parsed);
    schema_parse(row->parsed, op->schema);
    row->parsed->numbers = op->flags & OP_NUMBERS;
    row->parsed->number_first = op->flags & OP_NUMBER_FIRST;
    return row->parsed;
}
