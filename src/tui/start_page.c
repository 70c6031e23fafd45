#include "tui/start_page.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/paths.h"
#include "tui/app.h"
#include "tui/text.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64 };

static bool is_lesson(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > 3 && !strcmp(name + length - 3, ".md");
}

static void add_lesson(struct start_page *page, const char *folder, const char *name)
{
    struct strbuf path = STRBUF_INIT;
    struct lesson lesson = {0};
    struct notebook *nb;

    strbuf_addf(&path, "%s/%s", folder, name);
    nb = notebook_load(path.text);
    lesson.title = nb ? notebook_title(nb) : NULL;
    if (nb && !lesson.title)
        lesson.title = mem_strdup(name);
    lesson.path = strbuf_detach(&path);
    notebook_free(nb);
    error_clear();
    if (!lesson.title || !vec_push(&page->lessons, lesson)) {
        mem_free(lesson.title);
        mem_free(lesson.path);
    }
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct lesson *)a)->path, ((const struct lesson *)b)->path);
}

void start_page_load(struct start_page *page)
{
    struct strbuf folder = STRBUF_INIT;
    DIR *directory = paths_find("lessons", &folder) ? opendir(folder.text) : NULL;
    struct dirent *entry;

    while (directory && (entry = readdir(directory)))
        if (is_lesson(entry->d_name))
            add_lesson(page, folder.text, entry->d_name);
    if (directory)
        closedir(directory);
    error_clear();
    strbuf_release(&folder);
    if (page->lessons.count > 1)
        qsort(page->lessons.at, page->lessons.count, sizeof(page->lessons.at[0]), by_path);
}

void start_page_release(struct start_page *page)
{
    size_t i;

    for (i = 0; i < page->lessons.count; i++) {
        mem_free(page->lessons.at[i].path);
        mem_free(page->lessons.at[i].title);
    }
    vec_release(&page->lessons);
}

static void draw_choice(const struct app *app, struct rect row, size_t index, const char *title,
                        const char *right)
{
    bool selected = index == app->start.selected;
    enum style ground = selected ? STYLE_CURSOR_ROW : STYLE_TEXT;
    int width = text_width(right, strlen(right));

    if (selected)
        screen_fill(row, STYLE_TEXT, STYLE_CURSOR_ROW);
    screen_puts(row.row, row.column, 1, STYLE_SELECTED, ground, selected ? "▌" : " ");
    screen_puts(row.row, row.column + 3, row.columns - width - 6,
                selected ? STYLE_CURSOR_ROW : STYLE_TEXT, ground, title);
    screen_puts(row.row, row.column + row.columns - width - 2, width, STYLE_DIM, ground, right);
}

void start_page_draw(struct app *app, int rows, int columns)
{
    struct start_page *page = &app->start;
    int width = columns - 8 < WIDTH ? columns - 8 : WIDTH, left = (columns - width) / 2, row;
    int room = rows - 12, first = 0, i;

    row = rows > 30 ? rows / 6 : 2;
    screen_puts(row, left, width, STYLE_HEADING2, STYLE_TEXT, "Saddle");
    screen_puts(row + 1, left, width, STYLE_DIM, STYLE_TEXT,
                "Deep learning by doing: PyTorch on a small engine.");
    screen_puts(row + 4, left, width, STYLE_TITLE, STYLE_TEXT,
                page->lessons.count ? "Lessons" : "No lessons were found");
    row += 6;
    if ((int)page->selected >= room && page->selected < page->lessons.count)
        first = (int)page->selected - room + 1;
    page->first_row = row - first;
    for (i = first; i < (int)page->lessons.count && i < first + room; i++) {
        const char *name = strrchr(page->lessons.at[i].path, '/');

        draw_choice(app, (struct rect){row++, left, 1, width}, (size_t)i, page->lessons.at[i].title,
                    name ? name + 1 : "");
    }
    draw_choice(app, (struct rect){row + 1, left, 1, width}, page->lessons.count, "New notebook",
                "n");
}

void start_page_move(struct app *app, int step)
{
    struct start_page *page = &app->start;
    size_t count = page->lessons.count + 1;

    page->selected = (page->selected + count + (size_t)(step + (int)count)) % count;
    app->dirty = true;
}

void start_page_open(struct app *app)
{
    struct start_page *page = &app->start;
    struct notebook *nb;

    if (page->selected >= page->lessons.count)
        nb = notebook_new();
    else
        nb = notebook_load(page->lessons.at[page->selected].path);
    if (!nb) {
        status_error(app, "%s", error_message());
        error_clear();
        return;
    }
    app_open(app, nb);
}

void start_page_click(struct app *app, int row)
{
    struct start_page *page = &app->start;
    long index = row - page->first_row;

    if (index == (long)page->lessons.count + 1)
        index--;
    else if (index >= (long)page->lessons.count)
        return;
    if (index < 0)
        return;
    if ((size_t)index == page->selected)
        start_page_open(app);
    else
        page->selected = (size_t)index;
    app->dirty = true;
}
