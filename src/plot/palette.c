#include "plot/palette.h"

#include <math.h>

const struct plot_theme *plot_theme(bool dark)
{
    static const struct plot_theme themes[2] = {
        {.ground = 0xffffff,
         .text = 0x24292f,
         .frame = 0x6e7781,
         .grid = 0xd8dde3,
         .shade_low = 0xffffff,
         .shade_high = 0xc3cfdc,
         .band_high = 0x9db2c8,
         .level = 0x8496aa},
        {.ground = 0x16191f,
         .text = 0xe3e7ec,
         .frame = 0x8b95a1,
         .grid = 0x343b45,
         .shade_low = 0x16191f,
         .shade_high = 0x3c4a5c,
         .band_high = 0x5b728c,
         .level = 0x66788e},
    };
    return &themes[dark];
}

enum { PALETTE_COUNT = 8 };
/* Yellow and sky blue need a dark ground, deep blue a light one: each ground has its own. */
static const uint32_t palettes[2][PALETTE_COUNT] = {
    {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x5b4a9e, 0x333333},
    {0x56b4e9, 0xff8c42, 0x2fd0a0, 0xe79ac6, 0xf0e442, 0x4f86f7, 0xb7a4ff, 0xf2f2f2},
};

uint32_t series_color(const struct plot *plot, size_t index, bool dark)
{
    int next = 0;
    for (size_t i = 0; i < index; i++) {
        const struct plot_series *s = &plot->series.at[i];
        next += s->color < 0 && !plot_kind_has_grid(s->kind);
    }
    int own = plot->series.at[index].color;
    return palettes[dark][(unsigned)(own >= 0 ? own : next) % PALETTE_COUNT];
}

uint32_t heat_stop(int index)
{
    /* Nine evenly spaced points of the viridis map. */
    static const uint32_t stops[HEAT_STOPS] = {0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c,
                                               0x28ae80, 0x5ec962, 0xaddc30, 0xfde725};
    return stops[index];
}

uint32_t heat_color(double t)
{
    double place = fmin(fmax(t, 0), 1) * (HEAT_STOPS - 1);
    int low = (int)place < HEAT_STOPS - 1 ? (int)place : HEAT_STOPS - 2;
    double part = place - low;
    uint32_t color = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        int a = heat_stop(low) >> shift & 0xff, b = heat_stop(low + 1) >> shift & 0xff;
        color |= (uint32_t)lround(a + (b - a) * part) << shift;
    }
    return color;
}

static int32_t distance(int32_t a, int32_t b)
{
    int32_t red = (a >> 16) - (b >> 16), green = (a >> 8 & 0xff) - (b >> 8 & 0xff),
            blue = (a & 0xff) - (b & 0xff);
    return 3 * red * red + 4 * green * green + 2 * blue * blue;
}

/* The nearest of the steps 0, 95, 135, ... 255 of the 6 x 6 x 6 cube. */
static int cube_step(int value)
{
    return value < 48 ? 0 : value < 115 ? 95 : 95 + (value - 95 + 20) / 40 * 40;
}

static int32_t nearest_of_256(int32_t color)
{
    int red = color >> 16 & 0xff, green = color >> 8 & 0xff, blue = color & 0xff;
    int32_t cube = cube_step(red) << 16 | cube_step(green) << 8 | cube_step(blue);
    int step = ((red + green + blue) / 3 - 8 + 5) / 10;
    int gray = 8 + 10 * (step < 0 ? 0 : step > 23 ? 23 : step);
    int32_t ramp = gray << 16 | gray << 8 | gray;
    return distance(color, cube) <= distance(color, ramp) ? cube : ramp;
}

/* The palettes' colours, which must stay apart, and then the nearest one. */
static int32_t one_of_16(int32_t color)
{
    static const int32_t apart[2][PALETTE_COUNT] = {
        {0x0000ee, 0xcd0000, 0x00cd00, 0xcd00cd, 0xcdcd00, 0x00cdcd, 0x5c5cff, 0x000000},
        {0x00ffff, 0xff0000, 0x00ff00, 0xff00ff, 0xffff00, 0x5c5cff, 0xcd00cd, 0xffffff},
    };
    static const int32_t colors[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
                                       0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
                                       0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
    for (int i = 0; i < 2 * PALETTE_COUNT; i++) {
        if (palettes[i / PALETTE_COUNT][i % PALETTE_COUNT] == (uint32_t)color)
            return apart[i / PALETTE_COUNT][i % PALETTE_COUNT];
    }
    int best = 0;
    for (int i = 1; i < 16; i++) {
        if (distance(color, colors[i]) < distance(color, colors[best]))
            best = i;
    }
    return colors[best];
}

int32_t color_shown(int32_t color, int colors)
{
    if (color < 0 || colors <= 2)
        return -1;
    if (colors > 256)
        return color;
    return colors > 16 ? nearest_of_256(color) : one_of_16(color);
}
