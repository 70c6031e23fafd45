#include "tui/prompt.h"

#include "tui/app.h"
#include "tui/text.h"

#include <string.h>

static void open_prompt(struct app *app, const char *question, prompt_done done)
{
    app->prompt.active = true;
    app->prompt.question = question;
    app->prompt.done = done;
    app->dirty = true;
}

void prompt_text(struct app *app, const char *question, const char *initial, prompt_done done)
{
    open_prompt(app, question, done);
    app->prompt.choices = NULL;
    editor_set(&app->prompt.text, initial, strlen(initial));
    editor_move(&app->prompt.text, EDITOR_TEXT_END, false);
}

void prompt_choice(struct app *app, const char *question, const char *choices, prompt_done done)
{
    open_prompt(app, question, done);
    app->prompt.choices = choices;
}

bool prompt_edit_key(struct editor *editor, const struct input *input)
{
    struct key key = input->key;
    struct strbuf rune = STRBUF_INIT;

    if (input->kind == INPUT_PASTE) {
        size_t length = strcspn(input->text, "\r\n");

        editor_insert(editor, input->text, length);
        return true;
    }
    switch (key.code) {
    case KEYPAD_LEFT:
        editor_move(editor, EDITOR_LEFT, false);
        return true;
    case KEYPAD_RIGHT:
        editor_move(editor, EDITOR_RIGHT, false);
        return true;
    case KEYPAD_HOME:
        editor_move(editor, EDITOR_TEXT_START, false);
        return true;
    case KEYPAD_END:
        editor_move(editor, EDITOR_TEXT_END, false);
        return true;
    case KEYPAD_BACKSPACE:
        editor_backspace(editor);
        return true;
    case KEYPAD_DELETE:
        editor_delete(editor);
        return true;
    default:
        break;
    }
    if (key.code == 'u' && key.mods == MOD_CTRL) {
        editor_set(editor, "", 0);
        return true;
    }
    if (key.mods || key.code >= KEYPAD_ENTER)
        return false;
    text_add_rune(&rune, key.code);
    editor_insert(editor, rune.text, rune.length);
    strbuf_release(&rune);
    return true;
}

void prompt_input(struct app *app, const struct input *input)
{
    struct prompt *prompt = &app->prompt;
    char answer[2] = "";

    app->dirty = true;
    if (input->kind == INPUT_KEY && (input->key.code == KEYPAD_ESCAPE ||
                                     (input->key.code == 'c' && input->key.mods == MOD_CTRL))) {
        prompt->active = false;
        return;
    }
    if (prompt->choices) {
        if (input->kind != INPUT_KEY || input->key.code >= 128 ||
            !strchr(prompt->choices, (int)input->key.code))
            return;
        answer[0] = (char)input->key.code;
        prompt->active = false;
        prompt->done(app, answer);
    } else if (input->kind == INPUT_KEY && input->key.code == KEYPAD_ENTER) {
        char *text = strdup(prompt->text.text.text);

        prompt->active = false;
        if (text && *text)
            prompt->done(app, text);
        free(text);
    } else {
        prompt_edit_key(&prompt->text, input);
    }
}

void prompt_draw(struct app *app, int row, int columns)
{
    struct prompt *prompt = &app->prompt;
    const struct strbuf *text = &prompt->text.text;
    int at = 1, room, width;
    size_t skip = 0;

    at += screen_puts(row, at, columns - at, STYLE_STATUS_BUSY, STYLE_STATUS, prompt->question) + 1;
    if (prompt->choices)
        return;
    room = columns - at - 2;
    width = text_width(text->text, prompt->text.cursor);
    if (width > room)
        skip = text_fit(text->text, text->length, width - room);
    screen_text(row, at, room + 1, STYLE_STATUS_KEY, STYLE_STATUS, text->text + skip,
                text->length - skip);
    screen_cursor(row, at + text_width(text->text + skip, prompt->text.cursor - skip));
}
