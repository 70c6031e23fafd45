#include "plot/mosaic.h"

#include "base/error.h"
#include "base/mem.h"
#include "plot/palette.h"

#include <chafa.h>
#include <string.h>

enum { SIDE = 8, OPAQUE = 128 }; /* libchafa looks at SIDE x SIDE pixels of each cell */

static const struct {
    int tags, across, down;
} kinds[PLOT_SYMBOLS_COUNT] = {
    [PLOT_SYMBOLS_ASCII] = {CHAFA_SYMBOL_TAG_ASCII, 2, 4},
    [PLOT_SYMBOLS_HALF] = {CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_HALF, 1, 2},
    [PLOT_SYMBOLS_QUADRANT] = {CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_HALF |
                                   CHAFA_SYMBOL_TAG_QUAD,
                               2, 2},
    [PLOT_SYMBOLS_SEXTANT] = {CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_HALF |
                                  CHAFA_SYMBOL_TAG_SEXTANT,
                              2, 3},
    [PLOT_SYMBOLS_BRAILLE] = {CHAFA_SYMBOL_TAG_BRAILLE, 2, 4},
};

void mosaic_dots(enum plot_symbols symbols, int *across, int *down)
{
    *across = kinds[symbols].across;
    *down = kinds[symbols].down;
}

void mosaic_lay(struct picture *above, const struct picture *below)
{
    size_t count = (size_t)above->width * (size_t)above->height;
    for (size_t i = 0; i < count; i++) {
        if (above->rgba[i * 4 + 3] < OPAQUE)
            memcpy(&above->rgba[i * 4], &below->rgba[i * 4], 4);
    }
}

int32_t mosaic_ground(const struct picture *dots, enum plot_symbols symbols, int x, int y)
{
    int column = x * kinds[symbols].across + kinds[symbols].across / 2;
    int row = y * kinds[symbols].down + kinds[symbols].down / 2;
    if (column >= dots->width || row >= dots->height)
        return -1;
    const uint8_t *dot = &dots->rgba[((size_t)row * (size_t)dots->width + (size_t)column) * 4];
    return dot[3] < OPAQUE ? -1 : dot[0] << 16 | dot[1] << 8 | dot[2];
}

/* Without colours a dot is there or not: the more of them, the further a colour is from the ground.
 * Dots in the colour of text, which is that of lines, are always there. */
static bool stippled(const uint8_t *dot, size_t x, size_t y, const struct plot_theme *theme)
{
    static const int order[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    uint32_t color = (uint32_t)(dot[0] << 16 | dot[1] << 8 | dot[2]);
    int light = (3 * dot[0] + 6 * dot[1] + dot[2]) / 10;
    bool dark = (theme->ground & 0xff) < 0x80;
    return color == theme->text || (dark ? light : 255 - light) > order[y % 4][x % 4] * 16 + 24;
}

/* The dots as the pixels that libchafa samples, so that it finds each cell exactly in a symbol. */
static uint8_t *enlarge(const struct picture *dots, int columns, int rows, int across, int down,
                        const struct plot_look *look)
{
    const struct plot_theme *theme = plot_theme(look->dark);
    size_t width = (size_t)columns * SIDE, height = (size_t)rows * SIDE;
    uint8_t *pixels = mem_alloc(width * height * 4);
    for (size_t y = 0; pixels && y < height; y++) {
        size_t from_y = y / SIDE * (size_t)down + (2 * (y % SIDE) + 1) * (size_t)down / (2 * SIDE);
        for (size_t x = 0; x < width; x++) {
            size_t from_x = x * (size_t)across / SIDE;
            const uint8_t *from = &dots->rgba[(from_y * (size_t)dots->width + from_x) * 4];
            uint8_t *to = &pixels[(y * width + x) * 4];
            bool shown =
                from[3] >= OPAQUE && (look->colors > 2 || stippled(from, from_x, from_y, theme));
            memcpy(to, from, 3);
            if (shown && look->colors <= 2)
                memset(to, look->dark ? 255 : 0, 3);
            to[3] = shown ? 255 : 0;
        }
    }
    return pixels;
}

static ChafaCanvas *new_canvas(int columns, int rows, const struct plot_look *look)
{
    const struct plot_theme *theme = plot_theme(look->dark);
    bool mono = look->colors <= 2,
         blocks = look->symbols != PLOT_SYMBOLS_BRAILLE && look->symbols != PLOT_SYMBOLS_ASCII;
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    ChafaSymbolMap *symbols = chafa_symbol_map_new();
    chafa_symbol_map_add_by_tags(
        symbols, (ChafaSymbolTags)(kinds[look->symbols].tags | CHAFA_SYMBOL_TAG_SPACE));
    /* Its tag for these two alone, HHALF, selects neither. */
    if (look->symbols == PLOT_SYMBOLS_HALF)
        chafa_symbol_map_remove_by_range(symbols, 0x258c, 0x2590);
    chafa_canvas_config_set_symbol_map(config, symbols);
    chafa_canvas_config_set_geometry(config, columns, rows);
    chafa_canvas_config_set_canvas_mode(config, mono ? CHAFA_CANVAS_MODE_FGBG
                                                     : CHAFA_CANVAS_MODE_TRUECOLOR);
    chafa_canvas_config_set_color_extractor(config, CHAFA_COLOR_EXTRACTOR_MEDIAN);
    chafa_canvas_config_set_fg_only_enabled(config, mono || !blocks);
    chafa_canvas_config_set_preprocessing_enabled(config, FALSE);
    chafa_canvas_config_set_fg_color(config, theme->text);
    chafa_canvas_config_set_bg_color(config, theme->ground);
    chafa_canvas_config_set_work_factor(config, 1.0f);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_symbol_map_unref(symbols);
    chafa_canvas_config_unref(config);
    return canvas;
}

/* The symbol that is dark where `rune` is light. */
static uint32_t inverted(uint32_t rune)
{
    static const uint32_t pairs[][2] = {{' ', 0x2588},    {0x2580, 0x2584}, {0x258c, 0x2590},
                                        {0x2596, 0x259c}, {0x2597, 0x259b}, {0x2598, 0x259f},
                                        {0x259d, 0x2599}, {0x259a, 0x259e}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        if (rune == pairs[i][0])
            return pairs[i][1];
        if (rune == pairs[i][1])
            return pairs[i][0];
    }
    /* The sextants are numbered by their dots, leaving out none, both halves and all of them. */
    if (rune >= 0x1fb00 && rune <= 0x1fb3b)
        return 0x1fb3b - (rune - 0x1fb00);
    return rune;
}

static void take_cell(ChafaCanvas *mosaic, int x, int y, const struct plot_look *look,
                      struct plot_cell *cell)
{
    int fg = CELL_DEFAULT, bg = CELL_DEFAULT;
    uint32_t rune = chafa_canvas_get_char_at(mosaic, x, y);
    if (look->colors > 2)
        chafa_canvas_get_colors_at(mosaic, x, y, &fg, &bg);
    /* A symbol cannot be drawn in "no colour": its surroundings are drawn instead. */
    if (fg < 0 && bg >= 0) {
        rune = inverted(rune);
        fg = bg;
        bg = CELL_DEFAULT;
    }
    cell->rune = rune;
    cell->fg = color_shown(fg, look->colors);
    cell->bg = color_shown(bg, look->colors);
}

int mosaic_draw(struct cell_canvas *canvas, int left, int top, int columns, int rows,
                const struct picture *dots, const struct plot_look *look)
{
    int across, down;
    mosaic_dots(look->symbols, &across, &down);
    if (dots->width != columns * across || dots->height != rows * down)
        return error_set(ERROR_VALUE, "a picture of %d x %d dots does not fit %d x %d cells",
                         dots->width, dots->height, columns, rows);
    uint8_t *pixels = enlarge(dots, columns, rows, across, down, look);
    if (!pixels)
        return -1;
    ChafaCanvas *mosaic = new_canvas(columns, rows, look);
    chafa_canvas_draw_all_pixels(mosaic, CHAFA_PIXEL_RGBA8_UNASSOCIATED, pixels, columns * SIDE,
                                 rows * SIDE, columns * SIDE * 4);
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++)
            take_cell(mosaic, x, y, look, &canvas->cells[(top + y) * canvas->columns + left + x]);
    }
    chafa_canvas_unref(mosaic);
    mem_free(pixels);
    return 0;
}
