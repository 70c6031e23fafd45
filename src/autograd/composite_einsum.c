/*
 * einsum: operands are contracted from left to right, each time as a batch of matrix products, over
 * the letters that neither the result nor a later operand names.
 */
#include "autograd/formula.h"
#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A tensor and the letter of each of its dimensions. */
struct term {
    struct tensor *t; /* pooled */
    char letters[TENSOR_MAX_DIMS + 1];
};

/* What the dimensions of "..." are called inside, from the last one on. */
static const char ellipsis_letters[] = "[\\]^_`;<=>?@";

/* Sets of letters: a bit for each of a-z, A-Z and ellipsis_letters. */
static uint64_t set_of_letter(char letter)
{
    return UINT64_C(1) << (letter & 63);
}

static uint64_t set_of(const char *letters)
{
    uint64_t set = 0;

    for (; *letters; letters++)
        set |= set_of_letter(*letters);
    return set;
}

/* The tensor with its dimensions in the order of `letters`, all of which it has. */
static struct tensor *ordered(const struct term *term, const char *letters)
{
    int64_t order[TENSOR_MAX_DIMS];
    int count = (int)strlen(letters);

    for (int i = 0; i < count; i++)
        order[i] = strchr(term->letters, letters[i]) - term->letters;
    return D(permute, V_TENSOR(term->t), V_INTS(order, count));
}

/* A product in the order of `letters`; as it is if they stand so already. */
static struct tensor *product_ordered(const struct term *term, const char *letters)
{
    struct tensor *t = strcmp(term->letters, letters) == 0 ? term->t : ordered(term, letters);

    return t == term->t || !t ? t : D(view, V_TENSOR(t), V_INTS(t->shape, t->ndim));
}

static int64_t size_of(const struct term *term, const char *letters)
{
    int64_t size = 1;

    for (; *letters; letters++)
        size *= term->t->shape[strchr(term->letters, *letters) - term->letters];
    return size;
}

static void append(char *to, char letter)
{
    size_t length = strlen(to);

    to[length] = letter;
    to[length + 1] = '\0';
}

/* Sums over the letters that are not in `keep`. */
static bool sum_out(struct term *term, uint64_t keep)
{
    int64_t dims[TENSOR_MAX_DIMS];
    int count = 0, left = 0;

    for (int d = 0; term->letters[d]; d++) {
        if (keep & set_of_letter(term->letters[d]))
            term->letters[left++] = term->letters[d];
        else
            dims[count++] = d;
    }
    term->letters[left] = '\0';
    if (count)
        term->t = d_sum(term->t, dims, count, false);
    return term->t;
}

/* A letter that stands twice means the diagonal. */
static bool take_diagonals(struct term *term)
{
    for (int d = 0; term->t && term->letters[d]; d++) {
        char *again = strchr(term->letters + d + 1, term->letters[d]), letter = term->letters[d];

        if (!again)
            continue;
        term->t = D(diagonal, V_TENSOR(term->t), V_INT(0), V_INT(d), V_INT(again - term->letters));
        memmove(again, again + 1, strlen(again));
        memmove(term->letters + d, term->letters + d + 1, strlen(term->letters + d));
        append(term->letters, letter);
        d--;
    }
    return term->t;
}

/* Three runs of letters as one; each is of one tensor. */
struct row {
    char letters[3 * TENSOR_MAX_DIMS + 1];
};

static struct row join(const char *first, const char *second, const char *third)
{
    struct row row;

    snprintf(row.letters, sizeof(row.letters), "%s%s%s", first, second, third);
    return row;
}

/* a becomes its product with b. */
static bool contract(struct term *a, struct term *b, uint64_t keep)
{
    char batch[TENSOR_MAX_DIMS + 1] = "", inner[TENSOR_MAX_DIMS + 1] = "";
    char left[TENSOR_MAX_DIMS + 1] = "", right[TENSOR_MAX_DIMS + 1] = "";
    int64_t shape[TENSOR_MAX_DIMS], n, l, k, r;
    struct tensor *x, *y;
    struct row all;
    int ndim = 0;

    if (!sum_out(a, keep | set_of(b->letters)) || !sum_out(b, keep | set_of(a->letters)))
        return false;
    for (const char *c = a->letters; *c; c++)
        append(!strchr(b->letters, *c) ? left : keep & set_of_letter(*c) ? batch : inner, *c);
    for (const char *c = b->letters; *c; c++) {
        if (!strchr(a->letters, *c))
            append(right, *c);
    }
    n = size_of(a, batch), l = size_of(a, left), k = size_of(a, inner), r = size_of(b, right);
    all = join(batch, left, right);
    if (strlen(all.letters) > TENSOR_MAX_DIMS)
        return error_null(ERROR_RUNTIME, "tensors have at most %d dimensions here",
                          TENSOR_MAX_DIMS);
    for (const char *c = all.letters; *c; c++) {
        const struct term *of = strchr(right, *c) ? b : a;

        shape[ndim++] = size_of(of, (char[]){*c, '\0'});
    }
    x = ordered(a, join(batch, left, inner).letters);
    y = ordered(b, join(batch, inner, right).letters);
    x = x ? d_reshape(x, 3, (int64_t[]){n, l, k}) : NULL;
    y = y ? d_reshape(y, 3, (int64_t[]){n, k, r}) : NULL;
    x = D(bmm, V_TENSOR(x), V_TENSOR(y));
    a->t = x ? D(view, V_TENSOR(x), V_INTS(shape, ndim)) : NULL;
    if (!*inner) /* where PyTorch multiplies */
        d_renamed(a->t, "MulBackward0");
    memcpy(a->letters, all.letters, sizeof(a->letters));
    return a->t;
}

/* ---- the equation ---- */

enum { MAX_OPERANDS = 8 };

struct equation {
    char terms[MAX_OPERANDS][TENSOR_MAX_DIMS + 1];
    char result[53];
    int count;
};

/* Without "->" the result has the letters that stand once, in the order of the alphabet. */
static void implicit_result(struct equation *e)
{
    int seen[128] = {0};

    for (int i = 0; i < e->count; i++) {
        for (const char *c = e->terms[i]; *c; c++)
            seen[(int)*c]++;
    }
    if (seen['.'])
        append(e->result, '.');
    for (int c = 'A'; c < 128; c++) {
        if (seen[c] == 1)
            append(e->result, (char)c);
    }
}

static int bad_equation(const char *text, const char *why)
{
    return error_set(ERROR_RUNTIME, "einsum(): %s in the equation '%s'", why, text);
}

static int read_equation(struct equation *e, const char *text)
{
    bool explicit = false;

    memset(e, 0, sizeof(*e));
    e->count = 1;
    for (const char *c = text; *c; c++) {
        char *to = explicit ? e->result : e->terms[e->count - 1];

        if (*c == ' ')
            continue;
        if (*c == '-' && c[1] == '>' && !explicit) {
            explicit = true;
            c++;
        } else if (*c == ',' && !explicit && e->count < MAX_OPERANDS) {
            e->count++;
        } else if (*c == '.') { /* "..." is kept as one point */
            if (strncmp(c, "...", 3) != 0 || strchr(to, '.'))
                return bad_equation(text, "found '.' that is not part of any ellipsis");
            append(to, '.');
            c += 2;
        } else if (!isalpha((unsigned char)*c)) {
            return bad_equation(text, "invalid subscript");
        } else if (strlen(to) >= TENSOR_MAX_DIMS) {
            return bad_equation(text, "too many subscripts");
        } else {
            append(to, *c);
        }
    }
    if (!explicit)
        implicit_result(e);
    return 0;
}

/* The point of a term becomes the last `count` of the letters of "...". */
static int spell_out(char *term, int count)
{
    char *at = strchr(term, '.');

    if (!at)
        return 0;
    if (strlen(term) - 1 + (size_t)count > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "tensors have at most %d dimensions here", TENSOR_MAX_DIMS);
    memmove(at + count, at + 1, strlen(at));
    for (int k = 0; k < count; k++)
        at[k] = ellipsis_letters[count - 1 - k];
    return 0;
}

/* How many dimensions "..." stands for in each operand; spelled out everywhere. */
static int spell_out_all(struct equation *e, const struct value *operands)
{
    int most = 0;

    for (int i = 0; i < e->count; i++) {
        const bool dots = strchr(e->terms[i], '.');
        int letters = (int)strlen(e->terms[i]) - dots, ndim = operands->tensors.at[i]->ndim;

        if (dots ? letters > ndim : letters != ndim)
            return error_set(ERROR_RUNTIME,
                             dots ? "einsum(): the number of subscripts in the equation (%d) is "
                                    "more than the number of dimensions (%d) for operand %d"
                                  : "einsum(): the number of subscripts in the equation (%d) does "
                                    "not match the number of dimensions (%d) for operand %d and "
                                    "no ellipsis was given",
                             letters, ndim, i);
        if (dots && ndim - letters > (int)sizeof(ellipsis_letters) - 1)
            return error_set(ERROR_RUNTIME, "einsum(): '...' stands for too many dimensions");
        most = dots && ndim - letters > most ? ndim - letters : most;
        if (spell_out(e->terms[i], ndim - letters) < 0)
            return -1;
    }
    return spell_out(e->result, most);
}

static int check_equation(const struct equation *e, const struct value *operands)
{
    int64_t sizes[128];

    memset(sizes, -1, sizeof(sizes));
    for (int i = 0; i < e->count; i++) {
        for (int d = 0; e->terms[i][d]; d++) {
            int64_t size = operands->tensors.at[i]->shape[d], *seen = &sizes[(int)e->terms[i][d]];

            if (*seen > 1 && size != 1 && size != *seen)
                return error_set(ERROR_RUNTIME,
                                 "einsum(): subscript %c has size %lld for operand %d which does "
                                 "not broadcast with previously seen size %lld",
                                 e->terms[i][d], (long long)size, i, (long long)*seen);
            *seen = *seen == -1 || *seen == 1 ? size : *seen;
        }
    }
    for (const char *c = e->result; *c; c++) {
        if (strchr(c + 1, *c))
            return error_set(ERROR_RUNTIME,
                             "einsum(): output subscript %c appears more than once in the output",
                             *c);
        if (sizes[(int)*c] == -1)
            return error_set(ERROR_RUNTIME,
                             "einsum(): output subscript %c does not appear in the equation for "
                             "any input operand",
                             *c);
    }
    return 0;
}

/* An operand with its dimensions of size 1 expanded to the size that others have. */
static struct tensor *expanded(const struct equation *e, struct tensor *const *operands, int which)
{
    struct tensor *t = operands[which];
    int64_t shape[TENSOR_MAX_DIMS];
    bool wider = false;

    for (int d = 0; d < t->ndim; d++) {
        shape[d] = t->shape[d];
        for (int i = 0; i < e->count && t->shape[d] == 1; i++) {
            const char *at = strchr(e->terms[i], e->terms[which][d]);

            if (at && operands[i]->shape[at - e->terms[i]] != 1)
                shape[d] = operands[i]->shape[at - e->terms[i]];
        }
        wider |= shape[d] != t->shape[d];
    }
    return wider ? d_expand(t, t->ndim, shape) : t;
}

static struct tensor *einsum(const struct equation *e, struct tensor *const *operands)
{
    struct term result = {.t = expanded(e, operands, 0)}, next;
    char order[TENSOR_MAX_DIMS + 1] = "";

    memcpy(result.letters, e->terms[0], sizeof(result.letters));
    if (!result.t || !take_diagonals(&result))
        return NULL;
    for (int i = 1; i < e->count; i++) {
        uint64_t keep = set_of(e->result);

        for (int k = i + 1; k < e->count; k++)
            keep |= set_of(e->terms[k]);
        next.t = expanded(e, operands, i);
        memcpy(next.letters, e->terms[i], sizeof(next.letters));
        if (!next.t || !take_diagonals(&next) || !contract(&result, &next, keep))
            return NULL;
    }
    if (e->count > 1)
        return sum_out(&result, set_of(e->result)) ? product_ordered(&result, e->result) : NULL;
    if (strlen(result.letters) == strlen(e->result))
        return ordered(&result, e->result);
    /* what is kept first, then what is summed */
    for (const char *c = e->result; *c; c++)
        append(order, *c);
    for (const char *c = result.letters; *c; c++) {
        if (!strchr(e->result, *c))
            append(order, *c);
    }
    result.t = ordered(&result, order);
    memcpy(result.letters, order, sizeof(order));
    return result.t && sum_out(&result, set_of(e->result)) ? result.t : NULL;
}

int einsum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct equation equation;

    if (read_equation(&equation, args[0].text) < 0)
        return -1;
    if (args[1].tensors.count != equation.count)
        return error_set(ERROR_RUNTIME,
                         args[1].tensors.count > equation.count
                             ? "einsum(): more operands were provided than specified in the "
                               "equation"
                             : "einsum(): fewer operands were provided than specified in the "
                               "equation");
    if (spell_out_all(&equation, &args[1]) < 0 || check_equation(&equation, &args[1]) < 0)
        return -1;
    return pool_leave(op, mark, einsum(&equation, args[1].tensors.at), out);
}
