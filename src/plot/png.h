/*
 * png.h: PNG bytes to pixels.
 */
#ifndef SADDLE_PLOT_PNG_H
#define SADDLE_PLOT_PNG_H

#include <stddef.h>
#include <stdint.h>

enum { PICTURE_SIDE_MAX = 16384, PICTURE_PIXELS_MAX = 64 << 20 };

struct picture {
    int width, height;
    uint8_t *rgba; /* 4 bytes a pixel, row by row from the top, no padding */
};

/* -1 with ERROR_VALUE for bytes that are no whole PNG or one larger than the limits above (they are
 * checked before memory is taken). `out` is empty then. */
int picture_from_png(const void *bytes, size_t length, struct picture *out);
/* Keeps the upper left width x height pixels, which must be there. */
void picture_cut(struct picture *picture, int width, int height);
void picture_release(struct picture *picture);

#endif
