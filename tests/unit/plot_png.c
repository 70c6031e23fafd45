#include "base/error.h"
#include "base/strbuf.h"
#include "plot/png.h"

#include <criterion/criterion.h>
#include <png.h>
#include <string.h>

static void make_png(struct strbuf *out, int width, int height)
{
    png_image image;
    unsigned char pixels[64 * 64 * 4];
    png_alloc_size_t size = 0;
    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    image.format = PNG_FORMAT_RGBA;
    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (unsigned char)(i * 37);
    cr_assert(png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL));
    cr_assert(strbuf_reserve(out, size));
    cr_assert(png_image_write_to_memory(&image, out->text, &size, 0, pixels, 0, NULL));
    out->length = size;
}

Test(plot_png, pixels_come_back)
{
    struct strbuf bytes = STRBUF_INIT;
    struct picture picture;
    make_png(&bytes, 20, 10);
    cr_assert_eq(picture_from_png(bytes.text, bytes.length, &picture), 0);
    cr_expect(picture.width == 20 && picture.height == 10);
    for (int i = 0; i < 20 * 10 * 4; i++)
        cr_assert_eq(picture.rgba[i], (unsigned char)(i * 37));
    picture_cut(&picture, 19, 9);
    cr_expect(picture.width == 19 && picture.height == 9);
    cr_expect_eq(picture.rgba[(8 * 19 + 18) * 4], (unsigned char)((8 * 20 + 18) * 4 * 37));
    picture_release(&picture);
    strbuf_release(&bytes);
}

static void refused(const void *bytes, size_t length)
{
    struct picture picture;
    cr_expect_eq(picture_from_png(bytes, length, &picture), -1);
    cr_expect_eq(error_kind(), ERROR_VALUE);
    cr_expect_null(picture.rgba);
    error_clear();
}

Test(plot_png, every_truncation_is_refused)
{
    struct strbuf bytes = STRBUF_INIT;
    make_png(&bytes, 20, 10);
    /* The last chunk only says that the file ends. */
    for (size_t length = 0; length < bytes.length - 12; length++)
        refused(bytes.text, length);
    strbuf_release(&bytes);
}

Test(plot_png, damage_is_refused_or_harmless)
{
    struct strbuf bytes = STRBUF_INIT;
    make_png(&bytes, 20, 10);
    for (size_t i = 0; i < bytes.length; i++) {
        struct picture picture;
        bytes.text[i] = (char)~bytes.text[i];
        if (picture_from_png(bytes.text, bytes.length, &picture) == 0)
            picture_release(&picture);
        error_clear();
        bytes.text[i] = (char)~bytes.text[i];
    }
    refused("GIF89a", 6);
    refused("", 0);
    strbuf_release(&bytes);
}

Test(plot_png, giants_are_refused_before_memory_is_taken)
{
    /* 2^31 - 1 by 2^31 - 1 pixels; the check sum is right. */
    static const unsigned char giant[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x06\x00\x00\x00"
        "\x00\x00\x00\x00\x00\x00\x00\x01IDATx";
    unsigned char bytes[sizeof(giant)];
    memcpy(bytes, giant, sizeof(giant));
    unsigned long sum = 0xffffffffUL;
    for (int i = 12; i < 29; i++) {
        sum ^= bytes[i];
        for (int k = 0; k < 8; k++)
            sum = sum & 1 ? sum >> 1 ^ 0xedb88320UL : sum >> 1;
    }
    sum ^= 0xffffffffUL;
    for (int i = 0; i < 4; i++)
        bytes[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
    struct picture picture;
    cr_expect_eq(picture_from_png(bytes, sizeof(bytes), &picture), -1);
    cr_expect_not_null(strstr(error_message(), "65536 x 65536"), "%s", error_message());
}
