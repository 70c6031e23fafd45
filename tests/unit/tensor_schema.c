/* Schema strings, from which argument parsing, errors and help are made. */
#include "base/mem.h"
#include "tensor/op.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

static bool is_called(const struct param *p, const char *name)
{
    return p->name_length == (int)strlen(name) && strncmp(p->name, name, strlen(name)) == 0;
}

Test(tensor_schema, names_types_and_keywords)
{
    struct schema s;

    schema_parse(&s,
                 "(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None)");
    cr_assert_eq(s.count, 4);
    cr_expect_eq(s.positional, 3);
    cr_expect_eq(s.outputs, 1);
    cr_expect_null(s.result_names);
    cr_expect_eq(s.tensors, 1);
    cr_expect(is_called(&s.params[0], "self"));
    cr_expect_not(s.params[0].has_default);
    cr_expect(is_called(&s.params[1], "dim"));
    cr_expect_eq(s.params[1].type, VALUE_INTS);
    cr_expect_eq(s.params[1].list_size, 1);
    cr_expect(s.params[1].nullable && s.params[1].has_default && !s.params[1].value.given);
    cr_expect(is_called(&s.params[2], "keepdim"));
    cr_expect_eq(s.params[2].type, VALUE_BOOL);
    cr_expect(s.params[2].value.given && s.params[2].value.i == 0);
    cr_expect_eq(s.params[3].type, VALUE_DTYPE);
    cr_expect(s.params[3].keyword && !s.params[2].keyword);
}

Test(tensor_schema, defaults)
{
    struct schema s;

    schema_parse(&s, "(float a=1e-05, Scalar b=1, Scalar c=0.5, int d=-100, bool e=True, "
                     "str f='mean', int[2] g=1, int[] h=[0, -1], float[] i=(0.9, 0.999))");
    cr_assert_eq(s.count, 9);
    cr_expect_eq(s.params[0].value.d, 1e-5);
    cr_expect_eq(s.params[1].value.scalar.kind, SCALAR_INT);
    cr_expect_eq(s.params[2].value.scalar.kind, SCALAR_FLOAT);
    cr_expect_eq(s.params[2].value.scalar.d, 0.5);
    cr_expect_eq(s.params[3].value.i, -100);
    cr_expect_eq(s.params[4].value.i, 1);
    cr_expect_str_eq(s.params[5].value.text, "mean");
    cr_assert_eq(s.params[6].value.ints.count, 2);
    cr_expect(s.params[6].value.ints.at[0] == 1 && s.params[6].value.ints.at[1] == 1);
    cr_assert_eq(s.params[7].value.ints.count, 2);
    cr_expect(s.params[7].value.ints.at[0] == 0 && s.params[7].value.ints.at[1] == -1);
    cr_assert_eq(s.params[8].value.floats.count, 2);
    cr_expect_eq(s.params[8].value.floats.at[1], 0.999);
    mem_free((void *)s.params[5].value.text);
    mem_free((void *)s.params[6].value.ints.at);
    mem_free((void *)s.params[7].value.ints.at);
    mem_free((void *)s.params[8].value.floats.at);
}

Test(tensor_schema, lists_of_tensors_and_results)
{
    struct schema s;

    schema_parse(&s, "(Tensor[] tensors, Indices at, Tensor? out=None) -> values, indices, third");
    cr_assert_eq(s.count, 3);
    cr_expect_eq(s.lists, 1 << 0 | 1 << 1);
    cr_expect_eq(s.tensors, 1 << 2);
    cr_expect_eq(s.outputs, 3);
    cr_expect_str_eq(s.result_names, "values, indices, third");
    schema_parse(&s, "()");
    cr_expect_eq(s.count, 0);
}

/* Python builds its messages from the names: they have to be words, and none may stand twice. */
Test(tensor_schema, every_row)
{
    static struct op rows[] = {
    /* static: a parsed schema is kept for good */
#define OP(id_, text, forward, saves, derivative, flags, help) {.name = #id_, .schema = text},
#define COMPOSITE(id_, text, function, flags, help)            {.name = #id_, .schema = text},
#define LIST(id_, text, function, flags, help)                 {.name = #id_, .schema = text},
#include "tensor/ops.def"
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct schema *s = op_schema(&rows[i]);

        cr_expect(s->count > 0 && s->outputs <= OP_MAX_OUTPUTS, "%s", rows[i].name);
        for (int k = 0; k < s->count; k++) {
            const struct param *p = &s->params[k];

            cr_expect(p->name_length > 0 && (isalpha((unsigned char)*p->name) || *p->name == '_'),
                      "%s: argument %d", rows[i].name, k);
            for (int other = 0; other < k; other++)
                cr_expect(s->params[other].name_length != p->name_length ||
                              strncmp(s->params[other].name, p->name, (size_t)p->name_length) != 0,
                          "%s: argument %d stands twice", rows[i].name, k);
        }
    }
}
