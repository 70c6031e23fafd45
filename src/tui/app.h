/*
 * app.h: the state of the running program, shared by the files of this directory.
 *
 * One thread, one struct app. The loop in app.c takes keys, kernel events and signals; what changes
 * something that is visible sets `dirty`, and the loop draws.
 */
#ifndef SADDLE_TUI_APP_H
#define SADDLE_TUI_APP_H

#include "notebook/notebook.h"
#include "tui/actions.h"
#include "tui/complete.h"
#include "tui/notebook_pane.h"
#include "tui/palette.h"
#include "tui/panes.h"
#include "tui/prompt.h"
#include "tui/screen.h"
#include "tui/session.h"
#include "tui/start_page.h"
#include "tui/status.h"
#include "tui/term.h"
#include "tui/tui.h"

enum { SCREEN_ROWS_MIN = 16, SCREEN_COLUMNS_MIN = 60 };

struct app {
    const struct tui_options *options;
    struct theme theme;
    bool theme_wanted; /* chosen by the user or the environment: the terminal is not asked */

    struct notebook *nb; /* NULL on the start page */
    enum key_mode mode;
    size_t selected;
    struct editor editor; /* of the selected cell, in edit mode */
    struct strbuf clip;   /* the cell that was cut or copied */
    enum cell_kind clip_kind;
    bool clip_full;

    struct session session;
    struct notebook_pane notebook;
    struct panes panes;
    struct start_page start;
    struct status status;
    struct prompt prompt;
    struct palette palette;
    struct completion completion;
    bool help;
    int help_scroll;

    struct key pending; /* the first key of a chord */
    bool has_pending;
    bool dirty, quit;
    int ending; /* the signal that ends the program */
};

/* Milliseconds of the monotonic clock. */
double now_ms(void);

/* Opens a document in place of what is shown; the kernel is started (anew). */
void app_open(struct app *app, struct notebook *nb);
struct cell *app_cell(struct app *app);
void app_select(struct app *app, size_t index);
/* Text that is being edited goes into the document; edit mode stays. */
void app_commit_edit(struct app *app);
void app_enter_edit(struct app *app, size_t offset);
void app_leave_edit(struct app *app);
bool app_unsaved(const struct app *app);
void app_action(struct app *app, enum action action);
void app_set_theme(struct app *app, bool dark);

#endif
