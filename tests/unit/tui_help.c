#include "tui_help.h"

#include <string.h>

const char *plain(const struct lines *lines)
{
    static char text[1 << 16];
    struct strbuf all = STRBUF_INIT;

    for (size_t i = 0; i < lines->at.count; i++) {
        lines_plain(lines, i, &all);
        strbuf_addch(&all, '\n');
    }
    strncpy(text, all.text, sizeof(text) - 1);
    strbuf_release(&all);
    return text;
}

enum style style_of(const struct lines *lines, const char *text)
{
    const char *at = strstr(lines->text.text, text);

    for (size_t i = 0; at && i < lines->spans.count; i++) {
        size_t offset = (size_t)(at - lines->text.text);
        const struct span *span = &lines->spans.at[i];

        if (offset >= span->start && offset < span->start + span->length)
            return span->style;
    }
    return STYLE_COUNT;
}
