/*
 * tanh_math.h: tanh of a vector of floats, with the digits of SLEEF's, in fewer steps.
 *
 * SLEEF computes (e^x - e^-x) / (e^x + e^-x) in pairs of floats, a value and what was rounded off
 * it. For |x| of at most 8.67, which is all that matters, some of its steps cannot change a digit:
 * the first part of the reduction is exact, sums need no test which summand is larger, and one
 * factor 2^n does for two. All 2^32 floats have been compared. Needs fused multiplication; included
 * by vector_math.h alone.
 */
#ifndef SADDLE_TENSOR_TANH_MATH_H
#define SADDLE_TENSOR_TANH_MATH_H

#include "tensor/vector_types.h"

#if ISA_LEVEL != ISA_baseline
#if ISA_LEVEL == ISA_avx512
typedef int32_t vector_i32 __attribute__((vector_size(64)));
#define TANH_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define TANH_ROUND(x)     ((vector_i32)_mm512_cvtps_epi32(x))
#define TANH_FLOAT(n)     _mm512_cvtepi32_ps((__m512i)(n))
#else
typedef int32_t vector_i32 __attribute__((vector_size(32)));
#define TANH_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define TANH_ROUND(x)     ((vector_i32)_mm256_cvtps_epi32(x))
#define TANH_FLOAT(n)     _mm256_cvtepi32_ps((__m256i)(n))
#endif

/* A value and its rest: the sum is meant. */
struct float_pair {
    vector_f32 x, rest;
};

/* In both sums the first is not the smaller one. */
static inline struct float_pair pair_add(struct float_pair a, struct float_pair b)
{
    const vector_f32 sum = a.x + b.x;

    return (struct float_pair){sum, ((b.x - (sum - a.x)) + a.rest) + b.rest};
}
static inline struct float_pair pair_add_to(float a, struct float_pair b)
{
    const vector_f32 sum = a + b.x;

    return (struct float_pair){sum, (b.x - (sum - a)) + b.rest};
}

static inline struct float_pair pair_mul(struct float_pair a, struct float_pair b)
{
    const vector_f32 x = a.x * b.x;

    return (struct float_pair){
        x, TANH_FMA(a.x, b.rest, TANH_FMA(a.rest, b.x, TANH_FMA(b.x, a.x, -x)))};
}

/* e^y, y >= 0, until 2^n is too large: by a polynomial of what n log(2) leaves of y. */
static inline struct float_pair pair_exp(vector_f32 y)
{
    const vector_f32 zero = {0};
    const vector_i32 n = TANH_ROUND(y * 0x1.715476p+0f);
    const vector_f32 steps = TANH_FLOAT(n), power = (vector_f32)((n << 23) + 0x3f800000);
    const vector_f32 first = TANH_FMA(steps, zero - 0x1.62e4p-1f, y);
    const vector_f32 second = steps * -0x1.7f7d1cp-20f;
    struct float_pair s = {first + second, zero}, square, t;
    vector_f32 u = zero + 0x1.9f6ffep-13f;

    s.rest = second - (s.x - first);
    square.x = s.x * s.x;
    square.rest = TANH_FMA(s.rest, s.x + s.x, TANH_FMA(s.x, s.x, -square.x));
    u = TANH_FMA(u, s.x, zero + 0x1.6d7ef8p-10f);
    u = TANH_FMA(u, s.x, zero + 0x1.11121ap-7f);
    u = TANH_FMA(u, s.x, zero + 0x1.5554b8p-5f);
    t.x = s.x * u;
    t.rest = TANH_FMA(s.rest, u, TANH_FMA(u, s.x, -t.x));
    t = pair_add_to(0x1.555554p-3f, t);
    t = pair_add_to(0.5f, pair_mul(s, t));
    t = pair_add_to(1, pair_add(s, pair_mul(square, t)));
    t.x *= power;
    t.rest *= power;
    return t;
}

static inline vector_f32 v32_quick_tanh(vector_f32 x)
{
    const vector_i32 bits = (vector_i32)x, sign = bits & INT32_MIN;
    const vector_f32 y = (vector_f32)(bits & INT32_MAX), one = (vector_f32){0} + 1;
    const struct float_pair up = pair_exp(y);
    struct float_pair down, above, below;
    vector_f32 inverse, result, left, rest;
    vector_i32 ends, nan;

    down.x = one / up.x; /* e^-y, as minus the pair */
    down.rest = -(down.x * TANH_FMA(-up.rest, down.x, TANH_FMA(-up.x, down.x, one)));
    down.x = -down.x;
    above = pair_add(up, down);
    below = pair_add(up, (struct float_pair){-down.x, -down.rest});
    inverse = one / below.x;
    result = inverse * above.x;
    left = TANH_FMA(-inverse, below.rest, TANH_FMA(-inverse, below.x, one));
    rest = TANH_FMA(inverse, above.rest, TANH_FMA(inverse, above.x, -result));
    result += TANH_FMA(result, left, rest);
    ends = (vector_i32)(y > 0x1.154246p+3f); /* from here on the result is 1 */
    nan = (vector_i32)(x != x);
    return (vector_f32)((ends & (vector_i32)one) | (~ends & (vector_i32)result) | sign | nan);
}

#endif
#endif
