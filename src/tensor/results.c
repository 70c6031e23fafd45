/* Several results handed over as one. */
#include "tensor/op.h"

int op_give_several(const struct op *op, int count, struct tensor **results, struct tensor **out)
{
    struct tensor *given[OP_MAX_OUTPUTS] = {NULL};
    int status = 0, done = 0;

    for (int i = 0; i < count; i++) {
        given[i] = out[i];
        if (!results[i])
            status = -1;
    }
    for (; done < count && status == 0; done++) {
        status = op_give(op, results[done], &out[done]);
        results[done] = NULL;
    }
    if (status == 0)
        return 0;
    for (int i = 0; i < count; i++) {
        tensor_unref(results[i]);
        if (!given[i]) {
            tensor_unref(out[i]);
            out[i] = NULL;
        }
    }
    return -1;
}
