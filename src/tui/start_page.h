/*
 * start_page.h: the first screen without a file: the lessons, and a new notebook.
 */
#ifndef SADDLE_TUI_START_PAGE_H
#define SADDLE_TUI_START_PAGE_H

#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

struct app;

struct lesson {
    char *path, *title;
};

struct start_page {
    VEC(struct lesson) lessons; /* by file name */
    size_t selected;            /* lessons.count: the new notebook */
    int first_row;              /* of the list, on the screen */
};

void start_page_load(struct start_page *page);
void start_page_release(struct start_page *page);
void start_page_draw(struct app *app, int rows, int columns);
void start_page_move(struct app *app, int step);
void start_page_open(struct app *app);
void start_page_click(struct app *app, int row);

#endif
