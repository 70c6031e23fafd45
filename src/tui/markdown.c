#include "tui/markdown.h"

#include "tui/highlight.h"
#include "tui/markdown_table.h"
#include "tui/text.h"

#include <md4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEST_MAX = 16, SPAN_MAX = 16, WIDTH_MIN = 8 };

/* What each row within a list item or a quote begins with. */
struct prefix {
    char first[24], rest[24]; /* for the item's first row, and for the others */
    enum style style;
    bool fresh; /* the first row is still to come */
};

struct list {
    bool ordered;
    unsigned number;
};

struct renderer {
    struct lines *lines;
    int width;
    struct prefix prefixes[NEST_MAX];
    struct list lists[NEST_MAX];
    int prefix_count, list_count;
    MD_SPANTYPE spans[SPAN_MAX];
    int span_count;
    enum style block;        /* the style of text in this block */
    struct inline_text text; /* of the block that is open */
    bool code, python;
    bool any; /* rows since the last blank one */
    struct table table;
};

/* --- Entities ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint32_t rune;
} entities[] = {
    {"&amp;", '&'},       {"&lt;", '<'},       {"&gt;", '>'},       {"&quot;", '"'},
    {"&apos;", '\''},     {"&nbsp;", 0xA0},    {"&ndash;", 0x2013}, {"&mdash;", 0x2014},
    {"&hellip;", 0x2026}, {"&rarr;", 0x2192},  {"&larr;", 0x2190},  {"&times;", 0xD7},
    {"&alpha;", 0x3B1},   {"&beta;", 0x3B2},   {"&gamma;", 0x3B3},  {"&eta;", 0x3B7},
    {"&theta;", 0x3B8},   {"&lambda;", 0x3BB}, {"&mu;", 0x3BC},     {"&sigma;", 0x3C3},
    {"&part;", 0x2202},   {"&nabla;", 0x2207}, {"&asymp;", 0x2248}, {"&le;", 0x2264},
    {"&ge;", 0x2265},     {"&copy;", 0xA9},    {"&deg;", 0xB0},     {"&infin;", 0x221E},
};

static void add_entity(struct strbuf *out, const char *text, size_t length)
{
    unsigned long code = 0;
    size_t i;

    if (length > 3 && text[1] == '#')
        code = text[2] == 'x' || text[2] == 'X' ? strtoul(text + 3, NULL, 16)
                                                : strtoul(text + 2, NULL, 10);
    for (i = 0; !code && i < sizeof(entities) / sizeof(entities[0]); i++)
        if (strlen(entities[i].name) == length && !memcmp(entities[i].name, text, length))
            code = entities[i].rune;
    if (code && code < 0x110000)
        text_add_rune(out, (uint32_t)code);
    else
        strbuf_add(out, text, length);
}

/* --- Rows ---------------------------------------------------------------------------------- */

/* What the lists and quotes around put before a row; returns its width. */
static int add_prefixes(struct renderer *r)
{
    int i;

    for (i = 0; i < r->prefix_count; i++) {
        struct prefix *prefix = &r->prefixes[i];

        lines_adds(r->lines, prefix->style, prefix->fresh ? prefix->first : prefix->rest);
        prefix->fresh = false;
    }
    return lines_column(r->lines);
}

static int prefix_width(const struct renderer *r)
{
    int i, width = 0;

    for (i = 0; i < r->prefix_count; i++)
        width += text_width(r->prefixes[i].rest, strlen(r->prefixes[i].rest));
    return width;
}

static int text_columns(const struct renderer *r)
{
    int width = r->width - prefix_width(r);

    return width < WIDTH_MIN ? WIDTH_MIN : width;
}

/* The blank row between two blocks; the marks of quotes go on through it. */
static void add_gap(struct renderer *r)
{
    int i;

    if (!r->any)
        return;
    r->any = false;
    for (i = 0; i < r->prefix_count && !r->prefixes[i].fresh; i++)
        lines_adds(r->lines, r->prefixes[i].style, r->prefixes[i].rest);
    lines_end(r->lines);
}

static void add_wrapped(struct renderer *r)
{
    const struct inline_text *text = &r->text;
    int width = text_columns(r);
    size_t at = 0, end, take;

    while (at < text->text.length) {
        const char *feed = memchr(text->text.text + at, '\n', text->text.length - at);

        end = feed ? (size_t)(feed - text->text.text) : text->text.length;
        do {
            take = text_wrap(text->text.text + at, end - at, width, true);
            add_prefixes(r);
            inline_text_lay(text, at, at + take, r->lines);
            lines_end(r->lines);
            at += take;
        } while (at < end);
        at = end + (feed != NULL);
    }
    r->any = true;
}

/* The paragraph, heading or item text that was gathered. */
static void flush_text(struct renderer *r)
{
    if (r->text.text.length > 0)
        add_wrapped(r);
    inline_text_clear(&r->text);
}

static void flush_code(struct renderer *r)
{
    struct tokens tokens = {0};
    const char *text = r->text.text.text;
    size_t length = r->text.text.length, at = 0, i;
    int width = text_columns(r);

    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (r->python)
        highlight_python(text, length, &tokens);
    r->text.spans.count = 0;
    for (i = 0; i < tokens.at.count; i++)
        inline_text_mark(&r->text, tokens.at.at[i].start, tokens.at.at[i].length,
                         tokens.at.at[i].style);
    while (at <= length) {
        const char *feed = at < length ? memchr(text + at, '\n', length - at) : NULL;
        size_t end = feed ? (size_t)(feed - text) : length;
        int indent = add_prefixes(r);
        struct line *line;

        lines_adds(r->lines, STYLE_CODE, " ");
        inline_text_lay(&r->text, at, at + text_fit(text + at, end - at, width - 2), r->lines);
        line = lines_end(r->lines);
        if (line) {
            line->ground = STYLE_CODE_GROUND;
            line->indent = indent;
        }
        at = end + 1;
    }
    r->any = true;
    tokens_release(&tokens);
    inline_text_clear(&r->text);
}

static void add_rule(struct renderer *r)
{
    int i, width = text_columns(r);

    add_prefixes(r);
    for (i = 0; i < width; i++)
        lines_adds(r->lines, STYLE_BORDER, "─");
    lines_end(r->lines);
    r->any = true;
}

static void flush_table(struct renderer *r)
{
    struct lines rows = LINES_INIT;
    size_t row, i;

    table_layout(&r->table, text_columns(r), &rows);
    for (row = 0; row < rows.at.count; row++) {
        const struct line *line = &rows.at.at[row];

        add_prefixes(r);
        for (i = line->first; i < line->first + line->count; i++)
            lines_add(r->lines, rows.spans.at[i].style, rows.text.text + rows.spans.at[i].start,
                      rows.spans.at[i].length);
        lines_end(r->lines);
    }
    r->any = true;
    lines_release(&rows);
    table_release(&r->table);
}

/* --- md4c's calls -------------------------------------------------------------------------- */

static void push_prefix(struct renderer *r, const char *first, const char *rest, enum style style)
{
    struct prefix *prefix;

    if (r->prefix_count == NEST_MAX)
        return;
    prefix = &r->prefixes[r->prefix_count++];
    *prefix = (struct prefix){.style = style, .fresh = true};
    snprintf(prefix->first, sizeof(prefix->first), "%s", first);
    snprintf(prefix->rest, sizeof(prefix->rest), "%s", rest);
}

static void push_list(struct renderer *r, bool ordered, unsigned start)
{
    if (r->list_count == 0)
        add_gap(r);
    if (r->list_count < NEST_MAX)
        r->lists[r->list_count++] = (struct list){ordered, start};
}

static void push_item(struct renderer *r, const MD_BLOCK_LI_DETAIL *item)
{
    static const char *const bullets[] = {"• ", "◦ ", "▪ "};
    struct list *list = r->list_count ? &r->lists[r->list_count - 1] : NULL;
    char first[24], rest[24];
    int width;

    if (item->is_task) {
        snprintf(first, sizeof(first), "%s", item->task_mark == ' ' ? "☐ " : "☑ ");
    } else if (list && list->ordered) {
        snprintf(first, sizeof(first), "%u. ", list->number++);
    } else {
        snprintf(first, sizeof(first), "%s", bullets[(r->list_count + 2) % 3]);
    }
    width = text_width(first, strlen(first));
    memset(rest, ' ', (size_t)width);
    rest[width] = '\0';
    push_prefix(r, first, rest, STYLE_BULLET);
}

static bool is_python(const MD_ATTRIBUTE *lang)
{
    return (lang->size >= 6 && !strncmp(lang->text, "python", 6)) ||
           (lang->size == 2 && !strncmp(lang->text, "py", 2));
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *userdata)
{
    struct renderer *r = userdata;
    static const enum style headings[] = {STYLE_HEADING1, STYLE_HEADING2, STYLE_HEADING3};
    unsigned level;

    flush_text(r); /* of a list item in which this block begins */
    switch (type) {
    case MD_BLOCK_QUOTE:
        add_gap(r);
        push_prefix(r, "▎ ", "▎ ", STYLE_DIM);
        r->block = STYLE_QUOTE;
        break;
    case MD_BLOCK_UL:
        push_list(r, false, 0);
        break;
    case MD_BLOCK_OL:
        push_list(r, true, ((MD_BLOCK_OL_DETAIL *)detail)->start);
        break;
    case MD_BLOCK_LI:
        push_item(r, detail);
        break;
    case MD_BLOCK_HR:
        add_gap(r);
        add_rule(r);
        break;
    case MD_BLOCK_H:
        level = ((MD_BLOCK_H_DETAIL *)detail)->level;
        add_gap(r);
        r->block = headings[level > 3 ? 2 : level - 1];
        break;
    case MD_BLOCK_CODE:
        add_gap(r);
        r->code = true;
        r->python = is_python(&((MD_BLOCK_CODE_DETAIL *)detail)->lang);
        break;
    case MD_BLOCK_P:
    case MD_BLOCK_TABLE:
        add_gap(r);
        break;
    case MD_BLOCK_TR:
        table_row(&r->table);
        break;
    case MD_BLOCK_TH:
        r->block = STYLE_BOLD;
        break;
    default:
        break;
    }
    return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *userdata)
{
    struct renderer *r = userdata;

    switch (type) {
    case MD_BLOCK_QUOTE:
        r->block = STYLE_TEXT;
        r->prefix_count -= r->prefix_count > 0;
        break;
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        r->list_count -= r->list_count > 0;
        break;
    case MD_BLOCK_LI:
        flush_text(r);
        if (r->prefix_count && r->prefixes[r->prefix_count - 1].fresh) {
            add_prefixes(r); /* an empty item still shows its mark */
            lines_end(r->lines);
        }
        r->prefix_count -= r->prefix_count > 0;
        break;
    case MD_BLOCK_H:
        flush_text(r);
        r->block = STYLE_TEXT;
        break;
    case MD_BLOCK_CODE:
        flush_code(r);
        r->code = false;
        break;
    case MD_BLOCK_P:
        flush_text(r);
        break;
    case MD_BLOCK_TABLE:
        flush_table(r);
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        table_cell(&r->table, &r->text, (int)((MD_BLOCK_TD_DETAIL *)detail)->align);
        r->block = STYLE_TEXT;
        break;
    default:
        break;
    }
    return 0;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *userdata)
{
    struct renderer *r = userdata;

    (void)detail;
    if (type == MD_SPAN_IMG)
        inline_text_add(&r->text, STYLE_DIM, "[image: ", 8);
    if (r->span_count < SPAN_MAX)
        r->spans[r->span_count++] = type;
    return 0;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *userdata)
{
    struct renderer *r = userdata;

    (void)detail;
    r->span_count -= r->span_count > 0;
    if (type == MD_SPAN_IMG)
        inline_text_add(&r->text, STYLE_DIM, "]", 1);
    return 0;
}

static enum style span_style(const struct renderer *r)
{
    bool bold = r->block == STYLE_BOLD, italic = false;
    int i;

    for (i = 0; i < r->span_count; i++) {
        switch (r->spans[i]) {
        case MD_SPAN_CODE:
            return STYLE_INLINE_CODE;
        case MD_SPAN_A:
            return STYLE_LINK;
        case MD_SPAN_DEL:
            return STYLE_STRIKE;
        case MD_SPAN_LATEXMATH:
        case MD_SPAN_LATEXMATH_DISPLAY:
            return STYLE_MATH;
        case MD_SPAN_STRONG:
            bold = true;
            break;
        case MD_SPAN_EM:
            italic = true;
            break;
        default:
            break;
        }
    }
    if (r->block != STYLE_TEXT && r->block != STYLE_BOLD && r->block != STYLE_QUOTE)
        return r->block;
    return bold && italic ? STYLE_BOLD_ITALIC
           : bold         ? STYLE_BOLD
           : italic       ? STYLE_ITALIC
                          : r->block;
}

static int add_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *userdata)
{
    struct renderer *r = userdata;
    struct strbuf rune = STRBUF_INIT;

    switch (type) {
    case MD_TEXT_SOFTBR:
        inline_text_add(&r->text, r->block, " ", 1);
        break;
    case MD_TEXT_BR:
        inline_text_add(&r->text, r->block, "\n", 1);
        break;
    case MD_TEXT_NULLCHAR:
        inline_text_add(&r->text, r->block, "\xEF\xBF\xBD", 3);
        break;
    case MD_TEXT_HTML: /* comments and tags have no look of their own */
        if (size >= 3 && !strncmp(text, "<br", 3))
            inline_text_add(&r->text, r->block, "\n", 1);
        break;
    case MD_TEXT_ENTITY:
        add_entity(&rune, text, size);
        inline_text_add(&r->text, span_style(r), rune.text, rune.length);
        strbuf_release(&rune);
        break;
    default:
        inline_text_add(&r->text, r->code ? STYLE_CODE : span_style(r), text, size);
        break;
    }
    return 0;
}

bool markdown_layout(const char *text, size_t length, int width, struct lines *lines)
{
    struct renderer r = {.lines = lines,
                         .width = width < WIDTH_MIN ? WIDTH_MIN : width,
                         .block = STYLE_TEXT,
                         .text = INLINE_TEXT_INIT};
    MD_PARSER parser = {.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS |
                                 MD_FLAG_LATEXMATHSPANS | MD_FLAG_PERMISSIVEURLAUTOLINKS,
                        .enter_block = enter_block,
                        .leave_block = leave_block,
                        .enter_span = enter_span,
                        .leave_span = leave_span,
                        .text = add_text};
    int status = md_parse(text, (MD_SIZE)length, &parser, &r);

    inline_text_release(&r.text);
    table_release(&r.table);
    return status == 0 && !lines->text.failed;
}
