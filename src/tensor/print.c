#include "tensor/print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct print_options print_options = {
    .precision = 4, .edgeitems = 3, .linewidth = 80, .threshold = 1000, .sci_mode = -1};

/* ---- one element ---- */

/* How the elements of one tensor are written: all alike, in one width. A complex tensor has one for
 * the real parts and one for the imaginary parts. */
struct format {
    bool is_float, integral, scientific; /* integral: floats that are all whole, "1." */
    int width;
};
struct style {
    enum dtype dtype;
    int parts; /* 2: complex */
    struct format part[2];
};

enum { ELEMENT_SIZE = 512 }; /* the largest double has 309 digits; the precision is cut to fit */

static int precision(void)
{
    return print_options.precision < 100 ? print_options.precision : 100;
}

static int write_float(const struct format *f, double value, char *text)
{
    bool finite = isfinite(value);

    if (isnan(value))
        return snprintf(text, ELEMENT_SIZE, "nan");
    if (f->scientific)
        return snprintf(text, ELEMENT_SIZE, "%.*e", precision(), value);
    if (f->integral)
        return snprintf(text, ELEMENT_SIZE, "%.0f%s", value, finite ? "." : "");
    return snprintf(text, ELEMENT_SIZE, "%.*f", precision(), value);
}

/* The part of an element that is written by itself: the whole of a real one. */
static struct scalar load_part(enum dtype dtype, const char *at, int part)
{
    struct scalar s = dtype_load(dtype, at);

    return s.kind == SCALAR_COMPLEX ? scalar_float(part ? s.im : s.d) : s;
}

static int write_number(const struct format *f, struct scalar s, char *text)
{
    if (s.kind == SCALAR_BOOL)
        return snprintf(text, ELEMENT_SIZE, "%s", s.i ? "True" : "False");
    if (s.kind == SCALAR_INT)
        return snprintf(text, ELEMENT_SIZE, "%lld", (long long)s.i);
    return write_float(f, s.d, text);
}

static void add_element(const struct style *style, const char *at, struct strbuf *out)
{
    char text[ELEMENT_SIZE];
    const struct format *f = &style->part[0];
    int length = write_number(f, load_part(style->dtype, at, 0), text);

    if (length < f->width)
        strbuf_pad(out, ' ', (size_t)(f->width - length));
    strbuf_adds(out, text);
    if (style->parts == 1)
        return;
    write_number(&style->part[1], load_part(style->dtype, at, 1), text);
    if (text[0] != '-')
        strbuf_addch(out, '+');
    strbuf_adds(out, text);
    strbuf_addch(out, 'j');
}

/* As PyTorch counts it when it breaks lines. */
static int element_width(const struct style *style)
{
    return style->part[0].width + 2 + (style->parts == 2 ? style->part[1].width + 1 : 0);
}

/* ---- which elements are shown ---- */

/* Of n entries of a dimension, the first `head` and those from `tail` on are shown. */
struct window {
    int64_t n, head, tail;
};

static struct window window_of(const struct tensor *t, int dim, bool summarize)
{
    int64_t n = t->shape[dim], edge = print_options.edgeitems;

    if (summarize && n > 2 * edge)
        return (struct window){n, edge, n - edge};
    return (struct window){n, n, n};
}

/* At the first entry that is left out. */
static bool starts_gap(const struct window *w, int64_t i)
{
    return i == w->head && i < w->tail;
}

typedef void visit_fn(const char *at, void *context);

static void visit_shown(const struct tensor *t, int dim, const char *at, bool summarize,
                        visit_fn *visit, void *context)
{
    if (dim == t->ndim) {
        visit(at, context);
        return;
    }

    struct window w = window_of(t, dim, summarize);
    int64_t step = t->stride[dim] * (int64_t)dtype_size(tensor_dtype(t));

    for (int64_t i = 0; i < w.n; i++) {
        if (starts_gap(&w, i))
            i = w.tail - 1;
        else
            visit_shown(t, dim + 1, at + i * step, summarize, visit, context);
    }
}

/* ---- the format that suits a tensor ---- */

/* What PyTorch's rule looks at; zeros, infinities and NaN have no say in the format of floats. */
struct survey {
    const struct style *style;
    struct format *format;
    int part;
    int64_t counted;
    double min, max;
    bool fraction;
};

static void survey_element(const char *at, void *context)
{
    struct survey *s = context;
    double value = load_part(s->style->dtype, at, s->part).d, magnitude = fabs(value);

    if (!isfinite(value) || value == 0)
        return;
    s->min = s->counted && s->min < magnitude ? s->min : magnitude;
    s->max = s->counted && s->max > magnitude ? s->max : magnitude;
    s->fraction |= value != ceil(value);
    s->counted++;
}

static void widen(const char *at, void *context)
{
    const struct survey *s = context;
    struct format *f = s->format;
    struct scalar value = load_part(s->style->dtype, at, s->part);
    char text[ELEMENT_SIZE];
    int length;

    if (f->is_float && (!isfinite(value.d) || value.d == 0))
        return;
    length = write_number(f, value, text);
    if (length > f->width)
        f->width = length;
}

static void choose_format(const struct tensor *t, bool summarize, struct style *style, int part)
{
    struct format *f = &style->part[part];
    struct survey s = {.style = style, .format = f, .part = part};

    *f = (struct format){
        .is_float = dtype_is_differentiable(style->dtype), .integral = true, .width = 1};
    if (f->is_float) {
        visit_shown(t, 0, tensor_data(t), summarize, survey_element, &s);
        if (s.counted == 0)
            return;
        f->integral = !s.fraction;
        f->scientific = s.max / s.min > 1000.0 || s.max > 1.0e8 || (s.fraction && s.min < 1.0e-4);
    }
    visit_shown(t, 0, tensor_data(t), summarize, widen, &s);
    /* An option set by hand comes after the widths, as in PyTorch. */
    if (f->is_float && print_options.sci_mode >= 0)
        f->scientific = print_options.sci_mode > 0;
}

static struct style choose_style(const struct tensor *t, bool summarize)
{
    struct style style = {.dtype = tensor_dtype(t),
                          .parts = dtype_is_complex(tensor_dtype(t)) ? 2 : 1};

    for (int part = 0; part < style.parts; part++)
        choose_format(t, summarize, &style, part);
    return style;
}

/* ---- rows and brackets ---- */

static void add_row(const struct tensor *t, const char *at, int indent, const struct style *style,
                    bool summarize, struct strbuf *out)
{
    int dim = t->ndim - 1, room = print_options.linewidth - indent, count = 0;
    int per_line = room / element_width(style) > 1 ? room / element_width(style) : 1;
    int64_t step = t->stride[dim] * (int64_t)dtype_size(tensor_dtype(t));
    struct window w = window_of(t, dim, summarize);

    strbuf_addch(out, '[');
    for (int64_t i = 0; i < w.n; i++, count++) {
        if (count && count % per_line == 0) {
            strbuf_adds(out, ",\n");
            strbuf_pad(out, ' ', (size_t)indent + 1);
        } else if (count) {
            strbuf_adds(out, ", ");
        }
        if (starts_gap(&w, i)) {
            strbuf_adds(out, " ...");
            i = w.tail - 1;
        } else {
            add_element(style, at + i * step, out);
        }
    }
    strbuf_addch(out, ']');
}

static void add_dims(const struct tensor *t, int dim, const char *at, int indent,
                     const struct style *style, bool summarize, struct strbuf *out)
{
    if (t->ndim == 0) {
        add_element(style, at, out);
        return;
    }
    if (dim == t->ndim - 1) {
        add_row(t, at, indent, style, summarize, out);
        return;
    }

    struct window w = window_of(t, dim, summarize);
    int64_t step = t->stride[dim] * (int64_t)dtype_size(tensor_dtype(t));

    strbuf_addch(out, '[');
    for (int64_t i = 0; i < w.n; i++) {
        if (i > 0) {
            strbuf_addch(out, ',');
            strbuf_pad(out, '\n', (size_t)(t->ndim - 1 - dim));
            strbuf_pad(out, ' ', (size_t)indent + 1);
        }
        if (starts_gap(&w, i)) {
            strbuf_adds(out, "...");
            i = w.tail - 1;
        } else {
            add_dims(t, dim + 1, at + i * step, indent + 1, style, summarize, out);
        }
    }
    strbuf_addch(out, ']');
}

/* ---- suffixes and the whole ---- */

/* The line that the closing bracket will stand on. */
struct tail {
    struct strbuf *out;
    size_t length; /* as PyTorch counts it, which is two too many */
    int indent;
};

static void add_suffix(struct tail *tail, const char *suffix)
{
    size_t length = strlen(suffix);

    if (tail->length + length + 2 > (size_t)print_options.linewidth) {
        strbuf_adds(tail->out, ",\n");
        strbuf_pad(tail->out, ' ', (size_t)tail->indent);
        tail->length = (size_t)tail->indent + length;
    } else {
        strbuf_adds(tail->out, ", ");
        tail->length += length + 2;
    }
    strbuf_adds(tail->out, suffix);
}

static void add_size_suffix(struct tail *tail, const struct tensor *t)
{
    struct strbuf text = STRBUF_INIT;

    strbuf_adds(&text, "size=(");
    for (int i = 0; i < t->ndim; i++)
        strbuf_addf(&text, "%s%lld", i ? ", " : "", (long long)t->shape[i]);
    strbuf_addch(&text, ')');
    add_suffix(tail, text.text);
    strbuf_release(&text);
}

static bool shows_dtype(const struct tensor *t)
{
    if (tensor_dtype(t) == dtype_default())
        return false;
    if (tensor_dtype(t) == dtype_default_complex())
        return t->numel == 0;
    return t->numel == 0 || (t->dtype != DTYPE_i64 && t->dtype != DTYPE_b8);
}

int tensor_print(const struct tensor *t, const char *name, const char *suffix, int indent,
                 struct strbuf *out)
{
    bool summarize = t->numel > print_options.threshold;
    size_t start = out->length;
    struct tail tail = {.out = out, .indent = indent + (int)strlen(name) + 1};

    strbuf_addf(out, "%s(", name);
    if (t->numel == 0) {
        strbuf_adds(out, "[]");
    } else {
        struct style style = choose_style(t, summarize);
        add_dims(t, 0, tensor_data(t), tail.indent, &style, summarize, out);
    }

    const char *newline = strrchr(out->text + start, '\n');

    tail.length = newline ? (size_t)(out->text + out->length - newline) + 1
                          : out->length - start + (size_t)indent + 2;
    if (t->numel == 0 && t->ndim != 1)
        add_size_suffix(&tail, t);
    if (shows_dtype(t)) {
        char text[32];
        snprintf(text, sizeof(text), "dtype=torch.%s", dtype_name(tensor_dtype(t)));
        add_suffix(&tail, text);
    }
    if (suffix)
        add_suffix(&tail, suffix);
    strbuf_addch(out, ')');
    return out->failed ? -1 : 0;
}

/* ---- a Python float ---- */

/* "d.ddde+xx": one more in the last place. */
static void increment_digits(char *text, int count)
{
    for (int i = count == 1 ? 0 : count; i >= 0; i--) {
        if (text[i] == '.' || text[i] == '-')
            continue;
        if (text[i] != '9') {
            text[i]++;
            return;
        }
        text[i] = '0';
    }
}

/* The fewest digits that read back as value (positive), as "d.ddde+xx" in text; their number. The
 * nearest decimal is the first choice. Below a power of two the doubles lie closer than above, so
 * there the next decimal above may read back where the nearest does not. */
static int shortest_digits(double value, char text[32])
{
    int exponent, count = 1;
    bool power_of_two = frexp(value, &exponent) == 0.5;

    for (;; count++) {
        snprintf(text, 32, "%.*e", count - 1, value);
        if (count == 17 || strtod(text, NULL) == value)
            return count;
        if (!power_of_two)
            continue;
        increment_digits(text, count);
        if (strtod(text, NULL) == value)
            return count;
    }
}

void print_double(double value, struct strbuf *out)
{
    char text[32], digits[32];
    int count, exponent, length = 0;

    if (isnan(value)) {
        strbuf_adds(out, "nan");
        return;
    }
    if (signbit(value))
        strbuf_addch(out, '-');
    if (isinf(value) || value == 0) {
        strbuf_adds(out, value == 0 ? "0.0" : "inf");
        return;
    }
    count = shortest_digits(fabs(value), text);
    exponent = atoi(strchr(text, 'e') + 1);
    for (const char *p = text; *p != 'e'; p++)
        if (*p != '.')
            digits[length++] = *p;
    digits[length] = '\0';

    if (exponent < -4 || exponent >= 16) {
        strbuf_addf(out, "%c%s%se%c%02d", digits[0], count > 1 ? "." : "", digits + 1,
                    exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        strbuf_adds(out, "0.");
        strbuf_pad(out, '0', (size_t)(-exponent - 1));
        strbuf_adds(out, digits);
    } else if (count <= exponent + 1) {
        strbuf_adds(out, digits);
        strbuf_pad(out, '0', (size_t)(exponent + 1 - count));
        strbuf_adds(out, ".0");
    } else {
        strbuf_addf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    }
}
