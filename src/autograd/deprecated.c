/* Rows that PyTorch has given up say so, once each. */
#include "autograd/record.h"
#include "base/warn.h"

static struct {
    enum op_id id;
    const char *text;
    op_forward *forward;
} deprecated[] = {
#define DEPRECATED(op, text) {OP_##op, text, NULL},
#include "autograd/deprecated.def"
};
enum { COUNT = sizeof(deprecated) / sizeof(*deprecated) };

/* Stands in the place of a row's forward function until it is called. */
static int warn_first(const struct op *op, const struct value *args, struct tensor **out)
{
    int i = 0;

    while (deprecated[i].id != op->id)
        i++;
    ops[op->id].forward = deprecated[i].forward;
    return warn_user("%s", deprecated[i].text) < 0 ? -1 : deprecated[i].forward(op, args, out);
}

void deprecated_init(void)
{
    for (int i = 0; i < COUNT; i++) {
        deprecated[i].forward = ops[deprecated[i].id].forward;
        ops[deprecated[i].id].forward = warn_first;
    }
}
