/*
 * A checksum is the remainder of a division of polynomials over GF(2). Processors that multiply
 * such polynomials fold 64 bytes at a time (Gopal et al. 2009, "Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ Instruction"): a block that stands n bits before another counts as
 * its product with x^n mod P added to that one. The last 16 bytes, and everything elsewhere, go
 * through tables, eight bytes at a time.
 */
#include "base/crc32.h"

#include <stdbool.h>
#include <string.h>

enum { SLICES = 8, BLOCK = 64, LANE = 16 };

/* tables[k][b]: what the byte b becomes with k bytes of zeros behind it. */
static uint32_t tables[SLICES][256];

static void fill_tables(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t rest = b;

        for (int bit = 0; bit < 8; bit++)
            rest = rest >> 1 ^ (rest & 1 ? 0xedb88320u : 0);
        tables[0][b] = rest;
    }
    for (int k = 1; k < SLICES; k++)
        for (int b = 0; b < 256; b++)
            tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 255];
}

/* `rest` is the complement of a checksum. */
static uint32_t add_by_tables(uint32_t rest, const unsigned char *at, size_t length)
{
    for (; length >= SLICES; at += SLICES, length -= SLICES) {
        uint64_t next;

        memcpy(&next, at, sizeof(next));
        next ^= rest;
        rest = 0;
        for (int k = 0; k < SLICES; k++)
            rest ^= tables[SLICES - 1 - k][next >> 8 * k & 255];
    }
    for (; length > 0; at++, length--)
        rest = rest >> 8 ^ tables[0][(rest ^ *at) & 255];
    return rest;
}

#if defined(__x86_64__)

#define FOLDING __attribute__((target("pclmul,sse4.1")))
typedef long long lane __attribute__((vector_size(LANE)));

static inline lane load(const unsigned char *at)
{
    lane x;

    memcpy(&x, at, sizeof(x));
    return x;
}

FOLDING static inline lane fold(lane x, lane by, lane onto)
{
    return onto ^ __builtin_ia32_pclmulqdq128(x, by, 0x00) ^
           __builtin_ia32_pclmulqdq128(x, by, 0x11);
}

/* At least one block; stores where it stopped. */
FOLDING static uint32_t add_by_folding(uint32_t rest, const unsigned char *at, size_t length,
                                       size_t *done)
{
    /* x^(512 + 32), x^(512 - 32), and the same of 128: reflected, mod P. */
    const lane by_block = {0x154442bd4, 0x1c6e41596}, by_lane = {0x1751997d0, 0x0ccaa009e};
    unsigned char last[LANE];
    lane x[4];

    for (int i = 0; i < 4; i++)
        x[i] = load(at + i * LANE);
    x[0] ^= (lane){rest, 0};
    for (*done = BLOCK; *done + BLOCK <= length; *done += BLOCK)
        for (int i = 0; i < 4; i++)
            x[i] = fold(x[i], by_block, load(at + *done + i * LANE));
    for (int i = 1; i < 4; i++)
        x[i] = fold(x[i - 1], by_lane, x[i]);
    memcpy(last, &x[3], LANE);
    return add_by_tables(0, last, LANE);
}

static bool can_fold(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

#else

static uint32_t add_by_folding(uint32_t rest, const unsigned char *at, size_t length, size_t *done)
{
    (void)at;
    (void)length;
    *done = 0;
    return rest;
}

static bool can_fold(void)
{
    return false;
}

#endif

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint32_t rest = ~crc;
    size_t done = 0;

    if (!tables[0][1])
        fill_tables();
    if (length >= BLOCK && can_fold())
        rest = add_by_folding(rest, at, length, &done);
    return ~add_by_tables(rest, at + done, length - done);
}
