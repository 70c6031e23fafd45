/*
 * theme.h: names for looks, and what each is on this terminal.
 *
 * Styled text names a style; only theme_look() knows colours. The table is style.def.
 */
#ifndef SADDLE_TUI_THEME_H
#define SADDLE_TUI_THEME_H

#include <stdbool.h>
#include <stdint.h>

enum style {
#define STYLE(name, ...) STYLE_##name,
#include "tui/style.def"
#undef STYLE
    STYLE_COUNT
};

enum { LOOK_BOLD = 1, LOOK_DIM = 2, LOOK_ITALIC = 4, LOOK_UNDERLINE = 8, LOOK_REVERSE = 16 };

struct look {
    short fg, bg; /* indexes of the terminal's colours, -1: its own */
    unsigned attributes;
};

struct theme {
    bool dark;
    int colors; /* 256, 16, 8, or 0: attributes alone */
};

/* Dark or light as far as the environment tells: SADDLE_THEME, then COLORFGBG. False: it does not,
 * *dark is true. */
bool theme_from_environment(bool *dark);
/* From the terminal's answer to OSC 11 ("rgb:1e1e/1e1e/1e1e"); false when it is none. */
bool theme_from_answer(const char *answer, bool *dark);
/* `style` drawn upon `ground` (what lies below shows through where the style has no ground). */
struct look theme_look(const struct theme *theme, enum style style, enum style ground);
/* The nearest of the terminal's colours; 0xRRGGBB or a negative number for its own. */
short theme_color(const struct theme *theme, int32_t rgb);

#endif
