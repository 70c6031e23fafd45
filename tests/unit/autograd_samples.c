#include "autograd_samples.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const struct sample samples[] = {
#define ONE(name, text) {OP_##name, text},
/* elementwise rows are sampled twice: with equal shapes and with shapes that broadcast */
#define PLAIN2(name)    {OP_##name, "f23 f23"}, {OP_##name, "f23 f3"}, {OP_##name, "f21 f3"},
#define PLAIN1(name)    {OP_##name, "f23"}, {OP_##name, "f"}, {OP_##name, "f03"},
#define POSITIVE1(name) {OP_##name, "p23"}, {OP_##name, "p"},
    PLAIN2(add) PLAIN2(sub) PLAIN2(rsub) PLAIN2(mul) ONE(add, "f23 f3 2.5") ONE(
        sub, "f23 f3 2.5") ONE(rsub, "f23 f3 2.5") ONE(true_divide, "f23 u3") ONE(div, "f23 u3")
        ONE(div, "f23 u23 'floor'") ONE(floor_divide, "f23 u23") ONE(div_trunc, "f23 u23") ONE(
            remainder, "f23 u23") ONE(fmod, "f23 u3") ONE(pow, "p23 f23") ONE(pow,
                                                                              "p3 u23") PLAIN1(neg)
            PLAIN1(positive) PLAIN1(abs) PLAIN1(sign) PLAIN1(square) ONE(reciprocal, "u23") PLAIN1(
                exp) PLAIN1(exp2) PLAIN1(expm1) POSITIVE1(log) POSITIVE1(log2) POSITIVE1(log10)
                POSITIVE1(log1p) POSITIVE1(sqrt) POSITIVE1(rsqrt) PLAIN1(sin) PLAIN1(cos) PLAIN1(
                    tan) POSITIVE1(asin) POSITIVE1(acos) PLAIN1(atan) PLAIN1(sinh) PLAIN1(cosh)
                    PLAIN1(tanh) PLAIN2(tanh_backward) PLAIN1(asinh) ONE(acosh, "u23")
                        POSITIVE1(atanh) PLAIN2(atan2) PLAIN2(hypot) PLAIN1(sigmoid) PLAIN2(
                            sigmoid_backward) PLAIN1(erf) PLAIN1(erfc)
                            ONE(lgamma, "u23") ONE(digamma, "u23") PLAIN2(logaddexp) PLAIN1(floor)
                                PLAIN1(ceil) PLAIN1(trunc) PLAIN1(fix) PLAIN1(round) PLAIN1(
                                    frac) PLAIN2(maximum) PLAIN2(minimum) PLAIN2(fmax) PLAIN2(fmin)
                                    PLAIN2(copysign) ONE(clamp_range, "f23 -0.5 0.5")
                                        ONE(clamp, "f23 -0.5 0.5") ONE(clamp, "f23 - 0.5")
                                            ONE(clip, "f23 -0.5") ONE(clamp_min, "f23 -0.25")
                                                ONE(clamp_max, "f23 0.25") ONE(lerp, "f23 f23 f23")
                                                    ONE(lerp, "f23 f3 f")
                                                        ONE(addcmul, "f23 f23 f3 2.0")
                                                            ONE(addcdiv, "f23 f23 u3 2.0")
    /* activations and losses */
    PLAIN1(relu) PLAIN2(threshold_backward) ONE(softmax, "f23 1") ONE(softmax, "f234 1")
        ONE(log_softmax, "f23 0") ONE(log_softmax, "f234 -1") ONE(softmin, "f23 1")
            ONE(softmax__nn, "f23") ONE(log_softmax__nn, "f34 0") ONE(_softmax, "f234 1")
                ONE(_log_softmax, "f23 1") ONE(linear, "f23 f43 f4") ONE(linear, "f23 f43") ONE(
                    linear, "f223 f43 f4") ONE(linear, "f3 f43 f4") ONE(div_number, "f23 2.5")
                    ONE(mse_loss, "f23 f23") ONE(mse_loss, "f23 f3 - - 'sum'") ONE(
                        mse_loss, "f23 f23 - - 'none'") ONE(_nll_loss, "f23 i2:0,2 c3 'sum' -100")
                        ONE(_nll_loss2d, "f232 i22:0,2,1,1 - 'none' 1") ONE(nll_loss, "f23 i2:0,2")
                            ONE(nll_loss, "f3 i:1") ONE(nll_loss, "f232 i22:0,2,1,1 - - 1")
                                ONE(_nll_loss_backward, "f i2:0,2 - 'mean' -100 [2,3]")
                                    ONE(_nll_loss_backward, "f2 i2:0,2 - 'none' 2 [2,3]")
                                        ONE(cross_entropy, "f23 i2:0,2")
                                            ONE(cross_entropy, "f23 i2:0,2 - - 2 - 'mean' 0.2")
                                                ONE(cross_entropy, "f23 p23") ONE(
                                                    cross_entropy, "f23 p23 - - -100 - 'sum' 0.1")
                                                    ONE(cross_entropy, "f232 i22:0,2,1,1")
    /* copies, views, products */
    PLAIN1(clone) PLAIN1(alias) ONE(_to_copy, "f23 @f64") PLAIN1(contiguous)
        ONE(where, "b23 f23 f3") ONE(masked_fill, "f23 b23 f") ONE(view, "f23 [3,2]")
            ONE(reshape, "f23 [6]") PLAIN1(flatten) ONE(expand, "f21 [4,2,3]")
                ONE(transpose, "f234 0 2") ONE(t, "f23") ONE(permute, "f234 [2,0,1]")
                    ONE(squeeze, "f213") ONE(squeeze__dim, "f213 1") ONE(unsqueeze, "f23 1")
                        ONE(select, "f23 1 -1") ONE(slice, "f43 0 1 4 2") ONE(narrow, "f43 0 1 2")
                            ONE(diagonal, "f34 1") ONE(mm, "f23 f34") ONE(bmm, "f223 f234")
                                ONE(mv, "f23 f3") ONE(dot, "f3 f3") ONE(addmm, "f4 f23 f34 2.0 0.5")
                                    ONE(matmul, "f23 f3") ONE(matmul, "f223 f34")
                                        ONE(matmul, "f3 f234") ONE(copy_, "f23 f3")
                                            ONE(fill_, "f23 2.5") ONE(zero_, "f23")
    /* reductions */
    PLAIN1(sum) ONE(sum__dim, "f234 [0,2]") ONE(sum__dim, "f234 [1] T") PLAIN1(mean) ONE(
        mean__dim, "f234 [0,2] T") ONE(mean__dim, "f23 -") PLAIN1(prod) ONE(prod__dim, "f234 1")
        ONE(prod__dim, "f23 0 T") PLAIN1(nansum) ONE(nanmean, "f23 [0]") ONE(count_nonzero, "f23")
            PLAIN1(any) ONE(any__dim, "f23 0") PLAIN1(all) ONE(all__dim, "f23 1 T") ONE(var, "f23")
                ONE(var, "f23 F") ONE(var__dim, "f234 [0,2] F T") ONE(var__correction, "f23 [1] 0")
                    ONE(std, "f23") ONE(std__dim, "f23 [0]") ONE(std__correction, "f234 [1] 1 T")
                        ONE(norm, "f23") ONE(norm, "f23 1 [0]") ONE(norm, "f23 3 [1] T") ONE(
                            norm, "f23 0 [1]") ONE(norm, "f23 inf") ONE(norm__text, "f23 'fro'")
                            ONE(dist, "f23 f23") ONE(logsumexp, "f23 [1]") ONE(
                                logsumexp, "f234 [0,2] T") ONE(max, "f23") ONE(max__dim, "f23 0")
                                ONE(max__dim, "f23 1 T") ONE(max__other, "f23 f3") ONE(min, "f23")
                                    ONE(min__dim, "f234 1") ONE(min__other, "f23 f3") ONE(
                                        amax, "f23 [0]") ONE(amax, "f23") ONE(amin, "f234 [0,1] T")
                                        ONE(argmax, "f23 1") ONE(argmin, "f23") ONE(
                                            cumsum, "f23 1") ONE(cumsum, "f") ONE(cumprod, "f23 0")
                                            ONE(cummax, "f23 1") ONE(cummin, "f23 0") ONE(
                                                sort, "f34 0") ONE(sort, "f34 1 T") ONE(argsort,
                                                                                        "f34")
                                                ONE(topk, "f34 2") ONE(kthvalue, "f34 2 0 T") ONE(
                                                    median,
                                                    "f23") ONE(median__dim, "f34 0")
                                                    ONE(mode, "f34") ONE(quantile, "f34 q 1") ONE(
                                                        quantile, "f34 q3 0 T") ONE(histc, "f23 4")
                                                        ONE(histogram,
                                                            "c23 4") ONE(bincount, "i4:0,2,2,1")
                                                            ONE(_unique, "i4:3,1,3,0 T -") ONE(
                                                                _unique,
                                                                "c23 T 1") ONE(_unique_consecutive,
                                                                               "i4:1,1,2,1 -")
                                                                ONE(searchsorted, "i3:1,4,9 i2:4,5")
                                                                    ONE(bucketize,
                                                                        "i2:4,5 i3:1,4,9")
                                                                        ONE(equal, "f23 f23") ONE(
                                                                            allclose, "f23 f23")
                                                                            ONE(isclose, "f23 f3")
    /* by index */
    ONE(index, "f34 {i2:0,2}") ONE(index, "f34 {-,i22:0,3,1,1}") ONE(index, "f34 {b34}") ONE(
        index, "f234 {i2:0,1,-,i2:3,0}") ONE(index_put, "f34 {i2:0,2} f4") ONE(index_put_,
                                                                               "f34 {i2:0,2} f4")
        ONE(index_put, "f34 {b34} f T") ONE(index_put, "f34 {i2:0,0} f24 T") ONE(
            index_select, "f34 1 i3:0,3,0") ONE(index_select,
                                                "f 0 i:0") ONE(index_add, "f34 0 i3:0,2,0 f34 2.0")
            ONE(index_copy, "f34 1 i2:3,0 f32") ONE(index_fill, "f34 1 i2:3,0 f") ONE(
                gather,
                "f34 1 i32:0,3,1,1,2,0") ONE(gather, "f34 0 i24:0,1,2,0,0,1,1,2")
                ONE(take_along_dim, "f34 i31:0,3,1 1") ONE(take_along_dim, "f34 i2:7,0") ONE(
                    scatter, "f34 1 i32:0,3,1,2,2,0 f32") ONE(scatter__value,
                                                              "f34 1 i32:0,3,1,2,2,0 5")
                    ONE(scatter_add, "f34 1 i32:0,3,1,1,2,0 f32") ONE(take, "f34 i22:0,11,5,5") ONE(
                        masked_select, "f34 b34") ONE(masked_select, "f34 b4")
                        ONE(masked_scatter, "f34 b34 f34") ONE(nonzero, "b34") ONE(
                            argwhere, "f23") ONE(cat, "{f23,f43}") ONE(cat, "{f23,f0,f24} 1")
                            ONE(concat, "{f23,f43}") ONE(stack, "{f23,f23} 1")
                                ONE(hstack, "{f23,f21}") ONE(vstack, "{f3,f23}") ONE(
                                    row_stack, "{f3,f23}") ONE(dstack, "{f23,f23}")
                                    ONE(column_stack, "{f3,f32}") ONE(repeat, "f23 [2,1,3]") ONE(
                                        tile, "f23 [2]") ONE(repeat_interleave, "f23 i3:1,0,2 1")
                                        ONE(repeat_interleave,
                                            "f23 i:2") ONE(flip, "f23 [0,1]") ONE(flip, "f234 [2]")
                                            ONE(fliplr, "f23") ONE(flipud, "f23") ONE(
                                                roll, "f23 [1]") ONE(roll, "f34 [1,-1] [0,1]")
                                                ONE(rot90, "f23") ONE(rot90, "f23 2") ONE(
                                                    tril, "f34") ONE(triu, "f234 1") ONE(diag,
                                                                                         "f3 1")
                                                    ONE(diag, "f34") ONE(diag_embed, "f23 -1") ONE(
                                                        diagflat, "f23") ONE(unfold, "f52 0 3 1")
                                                        ONE(movedim, "f234 [0] [2]") ONE(
                                                            moveaxis, "f234 [0,1] [2,0]")
                                                            ONE(swapaxes, "f234 0 1") ONE(
                                                                swapdims, "f234 0 2") ONE(adjoint,
                                                                                          "f234")
                                                                ONE(unflatten, "f26 1 [2,-1]") ONE(
                                                                    ravel, "f23") ONE(expand_as,
                                                                                      "f3 f23")
                                                                    ONE(view_as, "f23 f32") ONE(
                                                                        reshape_as,
                                                                        "f23 f32") ONE(broadcast_to,
                                                                                       "f3 [2,3]")
                                                                        ONE(atleast_1d, "f")
                                                                            ONE(atleast_2d, "f3")
                                                                                ONE(diff, "f25 2")
    /* products */
    ONE(outer, "f2 f3") ONE(ger, "f2 f3") ONE(inner, "f23 f43") ONE(inner, "f3 f")
        ONE(vdot, "f3 f3") ONE(chain_matmul, "{f23,f34,f42}") ONE(addmv, "f2 f23 f3 2.0 0.5")
            ONE(addr, "f23 f2 f3 2.0 0.5") ONE(baddbmm, "f3 f224 f243 2.0 0.5")
                ONE(addbmm, "f23 f224 f243 0.5") ONE(trace, "f34") ONE(kron, "f23 f2")
                    ONE(cross, "f23 f23") ONE(cross, "f32 f32 0") ONE(tensordot, "f234 f342 2")
                        ONE(tensordot, "f2 f3 0") ONE(einsum, "'ij,jk->ik' {f23,f34}")
                            ONE(einsum, "'ii->i' {f33}") ONE(einsum, "'ij->' {f23}")
                                ONE(einsum, "'bij,bjk' {f223,f234}")
                                    ONE(einsum, "'i,j,ij->j' {f2,f3,f23}")
                                        ONE(einsum, "'ijj,j->ij' {f233,f3}")};
const int sample_count = sizeof(samples) / sizeof(*samples);

static uint32_t noise_state;

static double noise(void)
{
    noise_state = noise_state * 1664525u + 1013904223u;
    return (noise_state >> 8) / 16777216.0;
}

static struct tensor *own(struct call *call, struct tensor *t)
{
    if (t)
        call->owned[call->owned_count++] = t;
    return t;
}

/* The same elements, laid out with the last dimension outermost. */
static struct tensor *turn(struct call *call, struct tensor *t)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    struct tensor *whole, *view;

    for (int d = 0; d < t->ndim; d++)
        shape[d] = t->shape[t->ndim - 1 - d];
    whole = own(call, tensor_new(tensor_dtype(t), t->ndim, shape));
    if (!whole)
        return NULL;
    for (int d = 0; d < t->ndim; d++)
        stride[d] = whole->stride[t->ndim - 1 - d];
    view = own(call, tensor_view(whole, t->ndim, t->shape, stride, 0));
    return view && tensor_copy(view, t) == 0 ? view : NULL;
}

static void fill(struct tensor *t, char kind)
{
    double *d = (double *)tensor_data(t);

    for (int64_t i = 0; i < t->numel; i++) {
        if (kind == 'b')
            ((bool *)tensor_data(t))[i] = i % 3 != 1;
        else if (kind == 'p' || kind == 'q')
            d[i] = 0.1 + 0.8 * noise();
        else if (kind == 'u' || kind == 'c')
            d[i] = 1.5 + noise();
        else
            d[i] = 2 * noise() - 1;
    }
}

/* "f23", "i22:0,1,1,0"; *text moves on. */
static struct tensor *read_tensor(struct call *call, const char **text, bool turned)
{
    char kind = *(*text)++;
    enum dtype dtype = kind == 'b' ? DTYPE_b8 : kind == 'i' ? DTYPE_i64 : DTYPE_f64;
    int64_t shape[8];
    int ndim = 0;
    struct tensor *t;

    while (isdigit((unsigned char)**text))
        shape[ndim++] = *(*text)++ - '0';
    t = own(call, tensor_new(dtype, ndim, shape));
    if (!t)
        return NULL;
    if (kind == 'i') {
        for (int64_t i = 0; i < t->numel; i++)
            ((int64_t *)tensor_data(t))[i] = strtol(*text + 1, (char **)text, 10);
    } else {
        fill(t, kind);
    }
    if (turned && ndim >= 2)
        t = turn(call, t);
    if (t && dtype == DTYPE_f64 && kind != 'c' && kind != 'q') {
        if (tensor_set_requires_grad(t, true) < 0)
            return NULL;
        call->inputs[call->input_count++] = t;
    }
    return t;
}

static bool read_list(struct call *call, const char *text, struct value *v, bool turned)
{
    struct tensor **list = call->lists[call->list_count++];

    v->tensors.at = list;
    for (text++; *text && *text != '}'; text += *text == ',') {
        struct tensor **slot = &list[v->tensors.count++];

        if (*text == '-') {
            *slot = NULL;
            text++;
        } else if (!(*slot = read_tensor(call, &text, turned))) {
            return false;
        }
    }
    return true;
}

static bool read_word(struct call *call, const char *text, const struct param *p, struct value *v,
                      bool turned)
{
    v->given = strcmp(text, "-") != 0;
    if (!v->given)
        return true;
    if (strchr("fpubicq", *text) && *text && strcmp(text, "inf") != 0) {
        v->tensor = read_tensor(call, &text, turned);
        return v->tensor;
    }
    if (*text == '{')
        return read_list(call, text, v, turned);
    if (*text == '[') {
        int64_t *ints = call->ints[call->ints_count++];

        v->ints.at = ints;
        while (*text != ']')
            ints[v->ints.count++] = strtol(text + 1, (char **)&text, 10);
    } else if (*text == '\'') {
        char *copy = call->texts[call->text_count++];

        strcpy(copy, text + 1);
        copy[strlen(copy) - 1] = '\0';
        v->text = copy;
    } else if (*text == '@') {
        v->i = strcmp(text, "@f64") == 0 ? DTYPE_f64 : DTYPE_f32;
    } else if (p->type == VALUE_SCALAR) {
        v->scalar = strpbrk(text, ".in") ? scalar_float(strtod(text, NULL))
                                         : scalar_int(strtol(text, NULL, 10));
    } else if (p->type == VALUE_FLOAT) {
        v->d = strtod(text, NULL);
    } else {
        v->i = *text == 'T' || (*text != 'F' && strtol(text, NULL, 10));
        if (isdigit((unsigned char)text[*text == '-']))
            v->i = strtol(text, NULL, 10);
    }
    return true;
}

bool call_init(struct call *call, const struct sample *sample, bool turned)
{
    const struct schema *schema = op_schema(&ops[sample->id]);
    char words[256], *word, *rest;
    int count = 0;

    memset(call, 0, sizeof(*call));
    call->op = &ops[sample->id];
    noise_state = 7;
    assert(strlen(sample->text) < sizeof(words));
    strcpy(words, sample->text);
    for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest), count++) {
        assert(count < schema->count);
        if (!read_word(call, word, &schema->params[count], &call->args[count], turned)) {
            call_release(call);
            return false;
        }
    }
    op_defaults(call->op, call->args, count);
    return true;
}

void call_release(struct call *call)
{
    for (int i = 0; i < call->owned_count; i++)
        tensor_unref(call->owned[i]);
    call->owned_count = call->input_count = 0;
}
