/* torch.linalg where the samples of the gradient check do not go: singular matrices, errors. */
#include "autograd/formula.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct tensor *matrix(int64_t rows, int64_t cols, const double *numbers)
{
    struct tensor *t = tensor_new(DTYPE_f64, 2, (int64_t[]){rows, cols});

    cr_assert(t);
    memcpy(tensor_data(t), numbers, (size_t)t->numel * sizeof(*numbers));
    return t;
}

/* det() of a singular matrix has a gradient: its cofactors. */
static void check_cofactors(int64_t n, const double *numbers, const double *cofactors)
{
    struct tensor *a = matrix(n, n, numbers), *grad = NULL, *det;
    size_t mark = pool_open();
    struct backward_request request = {
        .roots = &det, .root_count = 1, .inputs = &a, .input_count = 1, .results = &grad};

    cr_assert_eq(tensor_set_requires_grad(a, true), 0);
    det = d_call1(OP_linalg_det, a);
    cr_assert(det);
    cr_assert_eq(backward(&request), 0, "%s", error_message());
    for (int64_t i = 0; i < n * n; i++) {
        double found =
            ((double *)tensor_data(grad))[i / n * grad->stride[0] + i % n * grad->stride[1]];

        cr_expect_float_eq(found, cofactors[i], 1e-9, "element %d: %g, not %g", (int)i, found,
                           cofactors[i]);
    }
    tensor_unref(grad);
    pool_close(mark);
    tensor_unref(a);
}

Test(autograd_linalg, det_of_singular_matrices)
{
    autograd_init();
    check_cofactors(2, (double[]){1, 2, 2, 4}, (double[]){4, -2, -2, 1});
    check_cofactors(2, (double[]){0, 0, 0, 0}, (double[]){0, 0, 0, 0});
    check_cofactors(3, (double[]){2, 0, 0, 0, 3, 0, 0, 0, 0},
                    (double[]){0, 0, 0, 0, 0, 0, 0, 0, 6});
}

/* Each refuses with an error of this kind and leaves nothing behind. */
Test(autograd_linalg, refusals_leave_nothing)
{
    static const double zeros[6] = {0}, not_finite[4] = {NAN, 0, 0, 1};
    int64_t live;

    autograd_init();
    live = tensor_live_count;
    for (int i = 0; i < 4; i++) {
        const enum op_id ids[] = {OP_linalg_inv, OP_linalg_cholesky, OP_linalg_eigh, OP_linalg_svd};
        const enum error_kind kinds[] = {ERROR_LINALG, ERROR_LINALG, ERROR_RUNTIME, ERROR_LINALG};
        struct tensor *a = i == 3 ? matrix(2, 2, not_finite) : matrix(2, i == 2 ? 3 : 2, zeros);
        size_t mark = pool_open();

        cr_expect_null(d_call1(ids[i], a));
        cr_expect_eq(error_kind(), kinds[i], "%s: %s", ops[ids[i]].name, error_message());
        error_clear();
        pool_close(mark);
        tensor_unref(a);
    }
    cr_expect_eq(tensor_live_count, live);
}
