#include "autograd_samples.h"

#include "autograd/formula.h"
#include "base/vec.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ONE(name, text) {OP_##name, text},
#define PLAIN2(name)    {OP_##name, "f23 f23"}, {OP_##name, "f23 f3"}, {OP_##name, "f21 f3"},
#define PLAIN1(name)    {OP_##name, "f23"}, {OP_##name, "f"}, {OP_##name, "f03"},
#define POSITIVE1(name) {OP_##name, "p23"}, {OP_##name, "p"},
const struct sample samples[] = {
#include "autograd_samples.def"
#include "autograd_samples_complex.def"
#include "autograd_samples_linalg.def"
#include "autograd_samples_lists.def"
#include "autograd_samples_nn.def"
#include "autograd_samples_ops.def"
#include "autograd_samples_recurrent.def"
};
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
    int parts = kind == 'h' ? 2 : 1; /* numbers an element */
    int64_t n = t->ndim ? t->shape[t->ndim - parts] : 1;

    for (int64_t i = 0; i < t->numel; i++) {
        if (kind == 'b')
            ((bool *)tensor_data(t))[i] = i % 3 != 1;
        else if (kind == 'p' || kind == 'q')
            d[i] = 0.1 + 0.8 * noise();
        else if (kind == 'u' || kind == 'c' || kind == 'l')
            d[i] = 1.5 + noise();
        else if (kind == 's' || kind == 'h')
            d[i] = i % (n * n * parts) % (n * parts + parts) == 0
                       ? 1.5 + (double)(i / parts % n) + noise()
                       : noise() - 0.5;
        else
            d[i] = 2 * noise() - 1;
    }
}

/* "f23", "i22:0,1,1,0"; *text moves on. */
static struct tensor *read_tensor(struct call *call, const char **text, bool turned)
{
    char kind = *(*text)++;
    enum dtype dtype = kind == 'b'   ? DTYPE_b8
                       : kind == 'i' ? DTYPE_i64
                       : kind == 'j' ? DTYPE_i32
                                     : DTYPE_f64;
    int64_t shape[8];
    int ndim = 0;
    struct tensor *t;

    while (isdigit((unsigned char)**text))
        shape[ndim++] = *(*text)++ - '0';
    if (kind == 'z' || kind == 'h')
        shape[ndim++] = 2;
    t = own(call, tensor_new(dtype, ndim, shape));
    if (!t)
        return NULL;
    if (kind == 'i') {
        for (int64_t i = 0; i < t->numel; i++)
            ((int64_t *)tensor_data(t))[i] = strtol(*text + 1, (char **)text, 10);
    } else if (kind == 'j') {
        for (int64_t i = 0; i < t->numel; i++)
            ((int32_t *)tensor_data(t))[i] = (int32_t)strtol(*text + 1, (char **)text, 10);
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
    if (strchr("fpubicjqszhl", *text) && *text && strcmp(text, "inf") != 0) {
        if (*text == 'l')
            call->lower |= 1u << (v - call->args);
        if (*text == 's' || *text == 'h')
            call->symmetric |= 1u << (v - call->args);
        if (*text == 'z' || *text == 'h')
            call->complex |= 1u << (v - call->args);
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
        for (int k = 0; p->type == VALUE_FLOATS && k < v->ints.count; k++)
            call->floats[k] = (double)ints[k];
        if (p->type == VALUE_FLOATS)
            v->floats.at = call->floats; /* their count is that of ints */
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

bool call_arguments(const struct call *call, struct value *args)
{
    memcpy(args, call->args, sizeof(call->args));
    for (int i = 0; i < OP_MAX_ARGS; i++) {
        struct tensor *t = args[i].tensor;

        if (!((call->symmetric | call->complex | call->lower) >> i & 1))
            continue;
        if (call->lower >> i & 1)
            t = d_call1(OP_tril, t);
        if (call->complex >> i & 1)
            t = d_call1(OP_view_as_complex, d_call1(OP_contiguous, t));
        if (call->symmetric >> i & 1)
            t = d_add(t, d_conjugate(d_transpose(t, -2, -1)));
        if (!t)
            return false;
        args[i].tensor = t;
    }
    return true;
}

int call_run(const struct op *op, const struct value *args, struct tensor_list *results)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};
    bool room = true;

    *results = (struct tensor_list){0};
    if (op->list)
        return op->list(op, args, results);
    if (op_call(op, args, out) < 0)
        return -1;
    for (int i = 0; i < op->outputs; i++) {
        if (room)
            room = vec_push(results, out[i]);
        if (!room)
            tensor_unref(out[i]);
    }
    if (!room)
        results_release(results);
    return room ? 0 : -1;
}

void results_release(struct tensor_list *results)
{
    for (size_t i = 0; i < results->count; i++)
        tensor_unref(results->at[i]);
    vec_release(results);
}

void call_release(struct call *call)
{
    for (int i = 0; i < call->owned_count; i++)
        tensor_unref(call->owned[i]);
    call->owned_count = call->input_count = 0;
}
