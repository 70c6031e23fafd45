#include "plot/mosaic.h"

#include "base/error.h"
#include "plot/palette.h"

#include <chafa.h>

static ChafaSymbolTags tags_of(enum plot_symbols symbols)
{
    static const int tags[PLOT_SYMBOLS_COUNT] = {
        [PLOT_SYMBOLS_ASCII] = CHAFA_SYMBOL_TAG_ASCII,
        [PLOT_SYMBOLS_HALF] = CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_HHALF,
        [PLOT_SYMBOLS_QUADRANT] =
            CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_HALF | CHAFA_SYMBOL_TAG_QUAD,
        [PLOT_SYMBOLS_SEXTANT] = CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_HALF |
                                 CHAFA_SYMBOL_TAG_QUAD | CHAFA_SYMBOL_TAG_SEXTANT,
        [PLOT_SYMBOLS_BRAILLE] = CHAFA_SYMBOL_TAG_BRAILLE,
    };
    return (ChafaSymbolTags)(tags[symbols] | CHAFA_SYMBOL_TAG_SPACE);
}

static ChafaCanvas *new_canvas(int columns, int rows, const struct plot_look *look)
{
    const struct plot_theme *theme = plot_theme(look->dark);
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    ChafaSymbolMap *symbols = chafa_symbol_map_new();
    bool mono = look->colors <= 2;
    chafa_symbol_map_add_by_tags(symbols, tags_of(look->symbols));
    chafa_canvas_config_set_symbol_map(config, symbols);
    chafa_canvas_config_set_geometry(config, columns, rows);
    chafa_canvas_config_set_cell_geometry(config, MOSAIC_WIDTH, MOSAIC_HEIGHT);
    chafa_canvas_config_set_canvas_mode(config, mono ? CHAFA_CANVAS_MODE_FGBG
                                                     : CHAFA_CANVAS_MODE_TRUECOLOR);
    chafa_canvas_config_set_fg_only_enabled(config, mono || look->symbols == PLOT_SYMBOLS_BRAILLE);
    chafa_canvas_config_set_preprocessing_enabled(config, FALSE);
    chafa_canvas_config_set_fg_color(config, theme->text);
    chafa_canvas_config_set_bg_color(config, theme->ground);
    chafa_canvas_config_set_work_factor(config, 0.8f);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_symbol_map_unref(symbols);
    chafa_canvas_config_unref(config);
    return canvas;
}

int mosaic_draw(struct cell_canvas *canvas, int left, int top, int columns, int rows,
                const struct picture *picture, const struct plot_look *look)
{
    ChafaCanvas *mosaic = new_canvas(columns, rows, look);
    if (!mosaic)
        return error_set(ERROR_MEMORY, "no memory for a plot of %d x %d cells", columns, rows);
    chafa_canvas_draw_all_pixels(mosaic, CHAFA_PIXEL_RGBA8_UNASSOCIATED, picture->rgba,
                                 picture->width, picture->height, picture->width * 4);
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
            int fg = CELL_DEFAULT, bg = CELL_DEFAULT;
            struct cell *cell = &canvas->cells[(top + y) * canvas->columns + left + x];
            if (look->colors > 2)
                chafa_canvas_get_colors_at(mosaic, x, y, &fg, &bg);
            cell->rune = chafa_canvas_get_char_at(mosaic, x, y);
            cell->fg = color_shown(fg, look->colors);
            cell->bg = color_shown(bg, look->colors);
        }
    }
    chafa_canvas_unref(mosaic);
    return 0;
}
