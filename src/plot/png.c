#include "plot/png.h"

#include "base/error.h"
#include "base/mem.h"

#include <png.h>
#include <string.h>

void picture_release(struct picture *picture)
{
    mem_free(picture->rgba);
    *picture = (struct picture){0};
}

void picture_cut(struct picture *picture, int width, int height)
{
    size_t from = (size_t)picture->width * 4, to = (size_t)width * 4;
    for (int y = 0; y < height; y++)
        memmove(picture->rgba + (size_t)y * to, picture->rgba + (size_t)y * from, to);
    picture->width = width;
    picture->height = height;
}

/* libpng's simplified interface: it reads every kind of PNG as RGBA, and its errors are states, not
 * jumps. */
int picture_from_png(const void *bytes, size_t length, struct picture *out)
{
    png_image image;
    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    *out = (struct picture){0};
    if (!png_image_begin_read_from_memory(&image, bytes, length))
        goto fail;
    if (image.width > PICTURE_SIDE_MAX || image.height > PICTURE_SIDE_MAX ||
        (size_t)image.width * image.height > PICTURE_PIXELS_MAX) {
        error_set(ERROR_VALUE, "PNG: %u x %u pixels are too many", image.width, image.height);
        goto fail;
    }
    image.format = PNG_FORMAT_RGBA;
    out->width = (int)image.width;
    out->height = (int)image.height;
    out->rgba = mem_alloc(PNG_IMAGE_SIZE(image));
    if (!out->rgba || !png_image_finish_read(&image, NULL, out->rgba, 0, NULL))
        goto fail;
    return 0;
fail:
    error_set(ERROR_VALUE, "PNG: %s", image.message);
    png_image_free(&image);
    picture_release(out);
    return -1;
}
