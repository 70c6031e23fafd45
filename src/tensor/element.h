/*
 * element.h: one element of each type: how it is read and written.
 *
 * element_f32 is the C type that an element is computed in, read_f32(at) and write_f32(at, value)
 * convert from and to what is stored. For most types that is the same; half, bfloat16 and complex32
 * widen to float when they are read and are rounded (to nearest, ties to even) when written.
 */
#ifndef SADDLE_TENSOR_ELEMENT_H
#define SADDLE_TENSOR_ELEMENT_H

#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#undef I /* a short name that others use */

/* The parts of a complex32. */
struct half_pair {
    uint16_t re, im;
};

static inline uint32_t float_bits(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}
static inline float float_from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* IEEE 754 binary16: 5 bits of exponent (bias 15), 10 of fraction. */
static inline float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31;
    uint32_t fraction = half & 0x3ff;

    if (exponent == 0) /* zero or subnormal: fraction * 2^-24 */
        return float_from_bits(float_bits((float)fraction * 0x1p-24f) | sign);
    if (exponent == 31)
        return float_from_bits(sign | 0x7f800000 | fraction << 13);
    return float_from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}
static inline uint16_t half_from_float(float x)
{
    uint32_t bits = float_bits(x), size = bits & 0x7fffffff;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);

    if (size > 0x7f800000)
        return sign | 0x7e00;
    if (size >= 0x477ff000) /* 65520 and above round to infinity */
        return sign | 0x7c00;
    if (size < 0x38800000) /* below 2^-14: adding 1/2 leaves a multiple of 2^-24 in the last bits */
        return (uint16_t)(sign | (float_bits(float_from_bits(size) + 0.5f) - 0x3f000000));
    size += 0xfff + (size >> 13 & 1);
    return (uint16_t)(sign | ((size - ((127 - 15) << 23)) >> 13));
}

/* The upper half of a float. */
static inline float bfloat_to_float(uint16_t bfloat)
{
    return float_from_bits((uint32_t)bfloat << 16);
}
static inline uint16_t bfloat_from_float(float x)
{
    uint32_t bits = float_bits(x);

    if (x != x)
        return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#define DEFINE_ELEMENT(id, T)                                                                      \
    typedef T element_##id;                                                                        \
    static inline T read_##id(const void *at)                                                      \
    {                                                                                              \
        return *(const T *)at;                                                                     \
    }                                                                                              \
    static inline void write_##id(void *at, T value)                                               \
    {                                                                                              \
        *(T *)at = value;                                                                          \
    }
#define DTYPE(id, ctype, name, category, class)               DEFINE_ELEMENT(id, ctype)
#define DTYPE_COMPLEX(id, ctype, name, category, class, part) DEFINE_ELEMENT(id, ctype)
#include "tensor/dtype.def"
#undef DEFINE_ELEMENT

#define DEFINE_STORED(id, from_float, to_float)                                                    \
    typedef float element_##id;                                                                    \
    static inline float read_##id(const void *at)                                                  \
    {                                                                                              \
        return to_float(*(const uint16_t *)at);                                                    \
    }                                                                                              \
    static inline void write_##id(void *at, float value)                                           \
    {                                                                                              \
        *(uint16_t *)at = from_float(value);                                                       \
    }
DEFINE_STORED(f16, half_from_float, half_to_float)
DEFINE_STORED(bf16, bfloat_from_float, bfloat_to_float)
#undef DEFINE_STORED

typedef float _Complex element_c32;
static inline float _Complex read_c32(const void *at)
{
    const struct half_pair *pair = at;

    return __builtin_complex(half_to_float(pair->re), half_to_float(pair->im));
}
static inline void write_c32(void *at, float _Complex value)
{
    struct half_pair *pair = at;

    pair->re = half_from_float(crealf(value));
    pair->im = half_from_float(cimagf(value));
}

#endif
