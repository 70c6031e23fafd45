/* The checksum of zip files. */
#include "base/crc32.h"

#include <criterion/criterion.h>

/* Bit by bit, as it is defined. */
static uint32_t by_bits(const unsigned char *at, size_t length)
{
    uint32_t rest = 0xffffffff;

    for (size_t i = 0; i < length; i++) {
        rest ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            rest = rest >> 1 ^ (rest & 1 ? 0xedb88320u : 0);
    }
    return ~rest;
}

Test(crc32, known_values)
{
    cr_assert_eq(crc32_add(0, "", 0), 0);
    cr_assert_eq(crc32_add(0, "123456789", 9), 0xcbf43926);
}

Test(crc32, all_lengths_and_places)
{
    unsigned char bytes[700];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * i * 31 + i / 7);
    for (size_t start = 0; start < 20; start++)
        for (size_t length = 0; start + length <= sizeof(bytes); length++)
            cr_assert_eq(crc32_add(0, bytes + start, length), by_bits(bytes + start, length),
                         "%zu bytes from %zu on", length, start);
}

Test(crc32, in_pieces)
{
    unsigned char bytes[500];
    uint32_t whole;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 89);
    whole = crc32_add(0, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut++)
        cr_assert_eq(crc32_add(crc32_add(0, bytes, cut), bytes + cut, sizeof(bytes) - cut), whole);
}
