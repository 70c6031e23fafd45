#define _GNU_SOURCE /* memmem */

#include "notebook/block.h"

#include <string.h>

enum { INDENT_MAX = 3, FENCE_MIN = 3 };

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

size_t block_line_end(const char *text, size_t length, size_t at)
{
    const char *newline = memchr(text + at, '\n', length - at);

    return newline ? (size_t)(newline - text) + 1 : length;
}

size_t block_trim(const char *line, size_t length)
{
    if (length > 0 && line[length - 1] == '\n') {
        length--;
        if (length > 0 && line[length - 1] == '\r')
            length--;
    }
    return length;
}

static bool is_blank(const char *line, size_t length)
{
    while (length > 0 && is_space(line[length - 1]))
        length--;
    return length == 0;
}

/* Spaces at the start of a line; more than INDENT_MAX make it something else than a block. */
static size_t indent_of(const char *line, size_t length)
{
    size_t indent = 0;

    while (indent < length && line[indent] == ' ')
        indent++;
    return indent;
}

static size_t run_of(const char *line, size_t length, char c)
{
    size_t run = 0;

    while (run < length && line[run] == c)
        run++;
    return run;
}

static bool starts_with(const char *line, size_t length, const char *prefix)
{
    size_t prefix_length = strlen(prefix);

    return length >= prefix_length && memcmp(line, prefix, prefix_length) == 0;
}

bool block_meta(const char *line, size_t length, const char **meta, size_t *meta_length)
{
    const char *end, *p;

    length = block_trim(line, length);
    p = line + indent_of(line, length);
    if (p - line > INDENT_MAX || !starts_with(p, length - (size_t)(p - line), "<!--"))
        return false;
    end = memmem(p, length - (size_t)(p - line), "-->", 3);
    if (!end || !is_blank(end + 3, (size_t)(line + length - end - 3)))
        return false;
    for (p += 4; p < end && is_space(*p); p++)
        ;
    if (p >= end || !starts_with(p, (size_t)(end - p), "saddle:"))
        return false;
    p += strlen("saddle:");
    while (p < end && is_space(*p))
        p++;
    while (end > p && is_space(end[-1]))
        end--;
    *meta = p;
    *meta_length = (size_t)(end - p);
    return true;
}

/* The first word is `cell`. */
static bool meta_begins_cell(const char *meta, size_t length)
{
    return starts_with(meta, length, "cell") && (length == 4 || is_space(meta[4]));
}

static enum block_line open_comment(struct block *block, const char *line, size_t length)
{
    const char *meta;
    size_t meta_length;

    if (block_meta(line, length, &meta, &meta_length))
        return meta_begins_cell(meta, meta_length) ? BLOCK_CELL : BLOCK_META;
    if (memmem(line, length, "-->", 3))
        return BLOCK_TEXT;
    block->comment = true;
    return BLOCK_OPEN;
}

static enum block_line open_fence(struct block *block, const char *line, size_t length,
                                  size_t indent)
{
    const char *info = line + indent, *end = line + length;
    char fence = *info;
    size_t run = run_of(info, length - indent, fence);

    info += run;
    if (run < FENCE_MIN || (fence == '`' && memchr(info, '`', (size_t)(end - info))))
        return BLOCK_TEXT;
    *block = (struct block){.fence = fence, .fence_length = run, .indent = indent};
    while (info < end && is_space(*info))
        info++;
    if (starts_with(info, (size_t)(end - info), "python") && (info + 6 == end || is_space(info[6])))
        return BLOCK_CODE;
    return BLOCK_OPEN;
}

static enum block_line inside_fence(struct block *block, const char *line, size_t length)
{
    size_t indent = indent_of(line, length);
    size_t run = run_of(line + indent, length - indent, block->fence);

    if (indent > INDENT_MAX || run < block->fence_length ||
        !is_blank(line + indent + run, length - indent - run))
        return BLOCK_INSIDE;
    *block = (struct block){0};
    return BLOCK_CLOSE;
}

enum block_line block_next(struct block *block, const char *line, size_t length)
{
    size_t indent;

    length = block_trim(line, length);
    if (block->fence)
        return inside_fence(block, line, length);
    if (block->comment) {
        block->comment = !memmem(line, length, "-->", 3);
        return block->comment ? BLOCK_INSIDE : BLOCK_CLOSE;
    }
    if (is_blank(line, length))
        return BLOCK_BLANK;
    indent = indent_of(line, length);
    if (indent > INDENT_MAX)
        return BLOCK_TEXT;
    if (starts_with(line + indent, length - indent, "<!--"))
        return open_comment(block, line, length);
    if (line[indent] == '`' || line[indent] == '~')
        return open_fence(block, line, length, indent);
    return BLOCK_TEXT;
}

struct block block_after(const char *text, size_t length)
{
    struct block block = {0};

    for (size_t at = 0, end; at < length; at = end) {
        end = block_line_end(text, length, at);
        block_next(&block, text + at, end - at);
    }
    return block;
}

void block_close(const struct block *block, struct strbuf *out, const char *eol)
{
    if (!block->fence && !block->comment)
        return;
    if (out->length > 0 && out->text[out->length - 1] != '\n')
        strbuf_adds(out, eol);
    if (block->comment) {
        strbuf_adds(out, "-->");
    } else {
        strbuf_pad(out, ' ', block->indent);
        strbuf_pad(out, block->fence, block->fence_length);
    }
    strbuf_adds(out, eol);
}
