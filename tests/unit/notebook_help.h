/*
 * notebook_help.h: what the tests of the document share.
 */
#ifndef SADDLE_TESTS_UNIT_NOTEBOOK_HELP_H
#define SADDLE_TESTS_UNIT_NOTEBOOK_HELP_H

#include "base/error.h"
#include "base/mem.h"
#include "notebook/notebook.h"

#include <criterion/criterion.h>
#include <string.h>

static inline struct notebook *parse(const char *text)
{
    struct notebook *nb = notebook_parse(text, strlen(text));
    cr_assert_not_null(nb);
    return nb;
}

/* The file that the document would be saved as; valid until the next call. */
static inline const char *written(const struct notebook *nb)
{
    static struct strbuf out = STRBUF_INIT;
    strbuf_release(&out);
    notebook_write(nb, &out);
    cr_assert_not(out.failed);
    return out.text;
}

static inline void set(struct notebook *nb, size_t index, const char *text)
{
    notebook_set_source(nb, index, text, strlen(text));
}

static inline const char *source(const struct notebook *nb, size_t index)
{
    cr_assert_lt(index, nb->cells.count);
    return nb->cells.at[index]->source.text;
}

/* Kinds and sources in one string: "M:text|C:code". */
static inline const char *cells(const struct notebook *nb)
{
    static struct strbuf out = STRBUF_INIT;
    strbuf_release(&out);
    for (size_t i = 0; i < nb->cells.count; i++) {
        strbuf_adds(&out, i > 0 ? "|" : "");
        strbuf_adds(&out, nb->cells.at[i]->kind == CELL_CODE ? "C:" : "M:");
        strbuf_adds(&out, source(nb, i));
    }
    return out.text;
}

#endif
