#include "tui/editor.h"

#include "tui/text.h"

#include <ctype.h>
#include <string.h>

void editor_init(struct editor *editor)
{
    *editor = (struct editor){.text = STRBUF_INIT, .goal = -1};
}

static void change_release(struct editor_change *change)
{
    strbuf_release(&change->removed);
    strbuf_release(&change->added);
}

static void forget_changes(struct editor *editor, size_t from)
{
    while (editor->changes.count > from)
        change_release(&editor->changes.at[--editor->changes.count]);
}

void editor_release(struct editor *editor)
{
    forget_changes(editor, 0);
    vec_release(&editor->changes);
    strbuf_release(&editor->text);
    editor_init(editor);
}

void editor_set(struct editor *editor, const char *text, size_t length)
{
    forget_changes(editor, 0);
    strbuf_clear(&editor->text);
    strbuf_add(&editor->text, text, length);
    editor->cursor = editor->anchor = editor->done = 0;
    editor->goal = -1;
    editor->typing = false;
}

bool editor_changed(const struct editor *editor)
{
    return editor->done > 0;
}

void editor_selection(const struct editor *editor, size_t *start, size_t *end)
{
    bool forward = editor->anchor < editor->cursor;

    *start = forward ? editor->anchor : editor->cursor;
    *end = forward ? editor->cursor : editor->anchor;
}

/* Where the line that holds `at` starts and ends (its line feed left out). */
static size_t line_start(const struct editor *editor, size_t at)
{
    while (at > 0 && editor->text.text[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const struct editor *editor, size_t at)
{
    while (at < editor->text.length && editor->text.text[at] != '\n')
        at++;
    return at;
}

static size_t blanks(const struct editor *editor, size_t start)
{
    size_t at = start;

    while (at < editor->text.length && editor->text.text[at] == ' ')
        at++;
    return at - start;
}

bool editor_in_indentation(const struct editor *editor)
{
    size_t start = line_start(editor, editor->cursor);

    return start + blanks(editor, start) >= editor->cursor;
}

/* --- Changes ------------------------------------------------------------------------------- */

/* One character typed right after the last one: one step of undo. */
static bool extends_last(const struct editor *editor, size_t at, size_t count, const char *added,
                         size_t length)
{
    const struct editor_change *last;

    if (!editor->typing || count || length == 0 || length > 4 || added[0] == '\n' ||
        editor->done == 0)
        return false;
    last = &editor->changes.at[editor->done - 1];
    return last->at + last->added.length == at &&
           !(added[0] == ' ' && last->added.length > 0 &&
             last->added.text[last->added.length - 1] != ' ');
}

static void splice(struct editor *editor, size_t at, size_t count, const char *added, size_t length)
{
    struct editor_change change = {at, editor->cursor, STRBUF_INIT, STRBUF_INIT, false};
    bool extends = extends_last(editor, at, count, added, length);

    if (count == 0 && length == 0)
        return;
    forget_changes(editor, editor->done);
    if (extends) {
        strbuf_add(&editor->changes.at[editor->done - 1].added, added, length);
    } else {
        strbuf_add(&change.removed, editor->text.text + at, count);
        strbuf_add(&change.added, added, length);
        if (vec_push(&editor->changes, change))
            editor->done = editor->changes.count;
        else
            change_release(&change);
    }
    strbuf_splice(&editor->text, at, count, added, length);
    editor->cursor = editor->anchor = at + length;
    editor->goal = -1;
    editor->typing = false;
}

/* The last change is undone together with the one before it. */
static void join_last(struct editor *editor, size_t first)
{
    for (; first + 1 < editor->done; first++)
        editor->changes.at[first + 1].joined = true;
}

static bool delete_selection(struct editor *editor)
{
    size_t start, end;

    editor_selection(editor, &start, &end);
    splice(editor, start, end - start, "", 0);
    return end > start;
}

bool editor_undo(struct editor *editor)
{
    struct editor_change *change;

    if (editor->done == 0)
        return false;
    do {
        change = &editor->changes.at[--editor->done];
        strbuf_splice(&editor->text, change->at, change->added.length, change->removed.text,
                      change->removed.length);
        editor->cursor = editor->anchor = change->cursor_before;
    } while (change->joined && editor->done > 0);
    editor->goal = -1;
    editor->typing = false;
    return true;
}

bool editor_redo(struct editor *editor)
{
    struct editor_change *change;

    if (editor->done == editor->changes.count)
        return false;
    do {
        change = &editor->changes.at[editor->done++];
        strbuf_splice(&editor->text, change->at, change->removed.length, change->added.text,
                      change->added.length);
        editor->cursor = editor->anchor = change->at + change->added.length;
    } while (editor->done < editor->changes.count && editor->changes.at[editor->done].joined);
    editor->goal = -1;
    editor->typing = false;
    return true;
}

void editor_replace(struct editor *editor, size_t start, size_t end, const char *text,
                    size_t length)
{
    if (start <= end && end <= editor->text.length)
        splice(editor, start, end - start, text, length);
}

void editor_insert(struct editor *editor, const char *text, size_t length)
{
    struct strbuf plain = STRBUF_INIT;
    bool typed = length <= 4, was_typing = editor->typing;
    size_t start, end, i, first = editor->done;

    for (i = 0; i < length; i++) {
        if (text[i] == '\r') {
            if (i + 1 == length || text[i + 1] != '\n')
                strbuf_addch(&plain, '\n');
        } else if ((unsigned char)text[i] >= ' ' || text[i] == '\n' || text[i] == '\t') {
            strbuf_addch(&plain, text[i]);
        }
    }
    editor_selection(editor, &start, &end);
    editor->typing = was_typing && start == end;
    splice(editor, start, end - start, plain.text, plain.length);
    if (end > start)
        join_last(editor, first);
    editor->typing = typed;
    strbuf_release(&plain);
}

/* --- Moving -------------------------------------------------------------------------------- */

static size_t next_grapheme(const struct editor *editor, size_t at)
{
    if (at >= editor->text.length)
        return at;
    return at + text_grapheme(editor->text.text + at, editor->text.length - at).length;
}

static bool is_word(const struct editor *editor, size_t at)
{
    unsigned char c = (unsigned char)editor->text.text[at];

    return isalnum(c) || c == '_' || c >= 0x80;
}

static size_t word_left(const struct editor *editor, size_t at)
{
    while (at > 0 && !is_word(editor, at - 1))
        at--;
    while (at > 0 && is_word(editor, at - 1))
        at--;
    return at;
}

static size_t word_right(const struct editor *editor, size_t at)
{
    while (at < editor->text.length && !is_word(editor, at))
        at++;
    while (at < editor->text.length && is_word(editor, at))
        at++;
    return at;
}

/* The same column on the line above or below; false on the first or last line. */
static bool move_line(struct editor *editor, bool up)
{
    size_t start = line_start(editor, editor->cursor), end = line_end(editor, editor->cursor);
    int goal = editor->goal >= 0 ? editor->goal
                                 : text_width(editor->text.text + start, editor->cursor - start);

    if (up ? start == 0 : end == editor->text.length)
        return false;
    start = up ? line_start(editor, start - 1) : end + 1;
    end = line_end(editor, start);
    editor->cursor = start + text_at_column(editor->text.text + start, end - start, goal, NULL);
    editor->goal = goal;
    return true;
}

static size_t move_target(const struct editor *editor, enum editor_move move)
{
    size_t at = editor->cursor, start = line_start(editor, at), text;

    switch (move) {
    case EDITOR_LEFT:
        return at - text_grapheme_before(editor->text.text, at);
    case EDITOR_RIGHT:
        return next_grapheme(editor, at);
    case EDITOR_WORD_LEFT:
        return word_left(editor, at);
    case EDITOR_WORD_RIGHT:
        return word_right(editor, at);
    case EDITOR_LINE_START:
        text = start + blanks(editor, start);
        return at == text ? start : text;
    case EDITOR_LINE_END:
        return line_end(editor, at);
    case EDITOR_TEXT_START:
        return 0;
    default:
        return editor->text.length;
    }
}

bool editor_move(struct editor *editor, enum editor_move move, bool select)
{
    size_t start, end;
    bool moved = true;

    editor->typing = false;
    editor_selection(editor, &start, &end);
    if (move == EDITOR_UP || move == EDITOR_DOWN) {
        moved = move_line(editor, move == EDITOR_UP);
    } else {
        size_t target = move_target(editor, move);

        if (!select && start < end && (move == EDITOR_LEFT || move == EDITOR_RIGHT))
            target = move == EDITOR_LEFT ? start : end;
        moved = target != editor->cursor;
        editor->cursor = target;
        editor->goal = -1;
    }
    if (!select)
        editor->anchor = editor->cursor;
    return moved;
}

void editor_place(struct editor *editor, size_t offset, bool select)
{
    editor->cursor = offset < editor->text.length ? offset : editor->text.length;
    if (!select)
        editor->anchor = editor->cursor;
    editor->goal = -1;
    editor->typing = false;
}

void editor_select_all(struct editor *editor)
{
    editor->anchor = 0;
    editor_place(editor, editor->text.length, true);
}

/* --- Editing ------------------------------------------------------------------------------- */

static bool starts_with_word(const char *text, size_t length, const char *word)
{
    size_t n = strlen(word);

    return length >= n && !memcmp(text, word, n) &&
           (length == n || !(isalnum((unsigned char)text[n]) || text[n] == '_'));
}

/* The indentation of the line after the one that ends at `end`. */
static size_t next_indentation(const struct editor *editor, size_t start, size_t end)
{
    static const char *const leaving[] = {"return", "pass", "break", "continue", "raise"};
    size_t indent = blanks(editor, start), i;
    const char *text;

    if (start + indent > end)
        return end - start;
    text = editor->text.text + start + indent;
    while (end > start && editor->text.text[end - 1] == ' ')
        end--;
    if (end > start && editor->text.text[end - 1] == ':')
        return indent + EDITOR_INDENT;
    for (i = 0; i < sizeof(leaving) / sizeof(leaving[0]); i++)
        if (end > start + indent && starts_with_word(text, end - start - indent, leaving[i]) &&
            indent >= EDITOR_INDENT)
            return indent - EDITOR_INDENT;
    return indent;
}

void editor_newline(struct editor *editor, bool python)
{
    struct strbuf text = STRBUF_INIT;
    size_t first = editor->done, start, end, before, indent;
    bool selected;

    editor_selection(editor, &before, &end);
    selected = end > before;
    delete_selection(editor);
    start = line_start(editor, editor->cursor);
    indent = python ? next_indentation(editor, start, editor->cursor) : blanks(editor, start);
    if (indent > editor->cursor - start && !python)
        indent = editor->cursor - start;
    strbuf_addch(&text, '\n');
    strbuf_pad(&text, ' ', indent);
    splice(editor, editor->cursor, 0, text.text, text.length);
    if (selected)
        join_last(editor, first);
    strbuf_release(&text);
}

void editor_backspace(struct editor *editor)
{
    size_t start = line_start(editor, editor->cursor), count;

    if (delete_selection(editor) || editor->cursor == 0)
        return;
    count = text_grapheme_before(editor->text.text, editor->cursor);
    if (editor->cursor > start && editor_in_indentation(editor)) {
        count = (editor->cursor - start) % EDITOR_INDENT;
        count = count ? count : EDITOR_INDENT;
    }
    splice(editor, editor->cursor - count, count, "", 0);
}

void editor_delete(struct editor *editor)
{
    if (delete_selection(editor))
        return;
    splice(editor, editor->cursor, next_grapheme(editor, editor->cursor) - editor->cursor, "", 0);
}

void editor_delete_word(struct editor *editor)
{
    size_t start;

    if (delete_selection(editor))
        return;
    start = word_left(editor, editor->cursor);
    splice(editor, start, editor->cursor - start, "", 0);
}

void editor_delete_line_end(struct editor *editor)
{
    size_t end = line_end(editor, editor->cursor);

    if (delete_selection(editor))
        return;
    if (end == editor->cursor && end < editor->text.length)
        end++;
    splice(editor, editor->cursor, end - editor->cursor, "", 0);
}

/* Runs `change` on each selected line (or the cursor's), from the last to the first, as one step of
 * undo; the cursor and the selection stay on the text that they were on. */
static void each_line(struct editor *editor, void (*change)(struct editor *, size_t, bool),
                      bool argument)
{
    size_t first = editor->done, start, end, length = editor->text.length, at;
    size_t cursor = editor->cursor, anchor = editor->anchor;
    bool forward = anchor <= cursor;

    editor_selection(editor, &start, &end);
    if (end > start && editor->text.text[end - 1] == '\n')
        end--;
    at = line_start(editor, end);
    start = line_start(editor, start);
    for (;;) {
        change(editor, at, argument);
        if (at <= start)
            break;
        at = line_start(editor, at - 1);
    }
    join_last(editor, first);
    if (anchor == cursor) {
        size_t moved = cursor + editor->text.length;

        editor_place(editor, moved > length + start ? moved - length : start, false);
        return;
    }
    end = line_end(editor, end + editor->text.length - length);
    editor->anchor = forward ? start : end;
    editor->cursor = forward ? end : start;
}

static void add_indent(struct editor *editor, size_t at, bool unused)
{
    (void)unused;
    splice(editor, at, 0, "    ", EDITOR_INDENT);
}

static void take_indent(struct editor *editor, size_t at, bool unused)
{
    size_t count = blanks(editor, at);

    (void)unused;
    splice(editor, at, count < EDITOR_INDENT ? count : EDITOR_INDENT, "", 0);
}

static void set_comment(struct editor *editor, size_t at, bool on)
{
    size_t text = at + blanks(editor, at);

    if (on)
        splice(editor, text, 0, "# ", 2);
    else if (text < editor->text.length && editor->text.text[text] == '#')
        splice(editor, text, editor->text.text[text + 1] == ' ' ? 2 : 1, "", 0);
}

void editor_indent(struct editor *editor)
{
    size_t start, end, column;

    editor_selection(editor, &start, &end);
    if (memchr(editor->text.text + start, '\n', end - start)) {
        each_line(editor, add_indent, false);
        return;
    }
    column = editor->cursor - line_start(editor, editor->cursor);
    editor_insert(editor, "    ", EDITOR_INDENT - column % EDITOR_INDENT);
}

void editor_unindent(struct editor *editor)
{
    each_line(editor, take_indent, false);
}

void editor_toggle_comment(struct editor *editor)
{
    size_t start, end, text;

    editor_selection(editor, &start, &end);
    start = line_start(editor, start);
    text = start + blanks(editor, start);
    each_line(editor, set_comment, text >= editor->text.length || editor->text.text[text] != '#');
}
