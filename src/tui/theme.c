#include "tui/theme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct style_row {
    short dark[2], light[2], basic[2]; /* text, ground */
    unsigned attributes;
};

static const struct style_row rows[STYLE_COUNT] = {
#define STYLE(name, dfg, dbg, lfg, lbg, bfg, bbg, attributes)                                      \
    [STYLE_##name] = {{dfg, dbg}, {lfg, lbg}, {bfg, bbg}, attributes},
#include "tui/style.def"
#undef STYLE
};

bool theme_from_environment(bool *dark)
{
    const char *wish = getenv("SADDLE_THEME");
    const char *pair = getenv("COLORFGBG");
    const char *last;
    int ground;

    *dark = true;
    if (wish && (!strcasecmp(wish, "light") || !strcasecmp(wish, "dark"))) {
        *dark = !strcasecmp(wish, "dark");
        return true;
    }
    last = pair ? strrchr(pair, ';') : NULL;
    if (!last || sscanf(last + 1, "%d", &ground) != 1)
        return false;
    *dark = ground < 7 || ground == 8;
    return true;
}

bool theme_from_answer(const char *answer, bool *dark)
{
    const char *at = strstr(answer, "rgb:");
    unsigned value[3], first[3];
    char part[3][5];
    int i;

    if (!at ||
        sscanf(at, "rgb:%4[0-9a-fA-F]/%4[0-9a-fA-F]/%4[0-9a-fA-F]", part[0], part[1], part[2]) != 3)
        return false;
    for (i = 0; i < 3; i++) {
        value[i] = (unsigned)strtoul(part[i], NULL, 16);
        first[i] = value[i] << (16 - 4 * strlen(part[i])); /* as 16 bits */
    }
    *dark = 299u * first[0] + 587u * first[1] + 114u * first[2] < 1000u * 0x8000u;
    return true;
}

struct look theme_look(const struct theme *theme, enum style style, enum style ground)
{
    const struct style_row *row = &rows[style], *below = &rows[ground];
    const short *own, *under;
    struct look look = {-1, -1, row->attributes};

    if (theme->colors < 8) {
        look.attributes |= below->attributes & LOOK_REVERSE;
        return look;
    }
    own = theme->colors < 256 ? row->basic : theme->dark ? row->dark : row->light;
    under = theme->colors < 256 ? below->basic : theme->dark ? below->dark : below->light;
    look.fg = own[0] >= 0 ? own[0] : under[0];
    look.bg = own[1] >= 0 ? own[1] : under[1];
    if (theme->colors >= 256) {
        /* The colours say it: dimming or reversing them as well would spoil them. */
        look.attributes &= ~(unsigned)(LOOK_DIM | LOOK_REVERSE);
        return look;
    }
    look.attributes |= below->attributes & LOOK_REVERSE;
    if (look.bg >= 0)
        look.attributes &= ~(unsigned)LOOK_REVERSE;
    if (look.fg == 0) /* many terminals show bold black as grey */
        look.attributes &= ~(unsigned)LOOK_BOLD;
    if (theme->colors < 16 && look.fg >= 8)
        look.fg = -1;
    else if (look.fg >= 8)
        look.attributes &= ~(unsigned)LOOK_DIM;
    return look;
}

static int cube_step(int value)
{
    return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40;
}

static int distance(const int a[3], const int b[3])
{
    int d[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};

    return d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
}

static short nearest_256(const int rgb[3])
{
    static const int level[6] = {0, 95, 135, 175, 215, 255};
    int step[3], cube[3], gray[3], shade, i;

    for (i = 0; i < 3; i++) {
        step[i] = cube_step(rgb[i]);
        cube[i] = level[step[i]];
    }
    shade = ((rgb[0] + rgb[1] + rgb[2]) / 3 - 3) / 10;
    shade = shade < 0 ? 0 : shade > 23 ? 23 : shade;
    gray[0] = gray[1] = gray[2] = 8 + 10 * shade;
    if (distance(rgb, gray) < distance(rgb, cube))
        return (short)(232 + shade);
    return (short)(16 + 36 * step[0] + 6 * step[1] + step[2]);
}

static short nearest_basic(const int rgb[3], int count)
{
    short best = 0;
    int color, i, least = 1 << 30;

    for (color = 0; color < count; color++) {
        int high = color >= 8 ? 255 : 205, entry[3];

        for (i = 0; i < 3; i++)
            entry[i] = color & (1 << i) ? high : color == 8 ? 127 : 0;
        if (distance(rgb, entry) < least) {
            least = distance(rgb, entry);
            best = (short)color;
        }
    }
    return best;
}

short theme_color(const struct theme *theme, int32_t rgb)
{
    int parts[3] = {rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255};

    if (rgb < 0 || theme->colors < 8)
        return -1;
    return theme->colors >= 256 ? nearest_256(parts) : nearest_basic(parts, theme->colors);
}
