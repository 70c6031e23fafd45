/*
 * vector_math.h: m_exp(x) and its like for float, double and this instruction set's vectors of
 * them.
 *
 * Included by the kernel files alone, which are compiled once per instruction set with KERNEL_ISA.
 */
#ifndef SADDLE_TENSOR_VECTOR_MATH_H
#define SADDLE_TENSOR_VECTOR_MATH_H

#include "tensor/scalar_math.h"
#include "tensor/tanh_math.h"
#include "tensor/vector_types.h"

#include <string.h>

#if ISA_LEVEL == ISA_avx512
#define SLEEF_F32(name, bound) Sleef_##name##f16_##bound##avx512f
#define SLEEF_F64(name, bound) Sleef_##name##d8_##bound##avx512f
#elif ISA_LEVEL == ISA_avx2
#define SLEEF_F32(name, bound) Sleef_##name##f8_##bound##avx2
#define SLEEF_F64(name, bound) Sleef_##name##d4_##bound##avx2
#elif defined(__x86_64__)
#define SLEEF_F32(name, bound) Sleef_##name##f4_##bound##sse2
#define SLEEF_F64(name, bound) Sleef_##name##d2_##bound##sse2
#else
#define SLEEF_F32(name, bound) Sleef_##name##f4_##bound##advsimd
#define SLEEF_F64(name, bound) Sleef_##name##d2_##bound##advsimd
#endif

/* The elements of two vectors with these numbers; `type` is that of the numbers, as wide. */
#ifdef __clang__
#define VECTOR_PICK(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define VECTOR_PICK(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

#define DEFINE_UNARY(name, bound32, bound64)                                                       \
    static inline vector_f32 v32_##name(vector_f32 x)                                              \
    {                                                                                              \
        return SLEEF_F32(name, bound32)(x);                                                        \
    }                                                                                              \
    static inline vector_f64 v64_##name(vector_f64 x)                                              \
    {                                                                                              \
        return SLEEF_F64(name, bound64)(x);                                                        \
    }
#define DEFINE_BINARY(name, bound32, bound64)                                                      \
    static inline vector_f32 v32_##name(vector_f32 x, vector_f32 y)                                \
    {                                                                                              \
        return SLEEF_F32(name, bound32)(x, y);                                                     \
    }                                                                                              \
    static inline vector_f64 v64_##name(vector_f64 x, vector_f64 y)                                \
    {                                                                                              \
        return SLEEF_F64(name, bound64)(x, y);                                                     \
    }
VECTOR_MATH_UNARY(DEFINE_UNARY)
VECTOR_MATH_BINARY(DEFINE_BINARY)
#undef DEFINE_UNARY
#undef DEFINE_BINARY

/* The first n elements of a vector, fewer than all, the others 0; and their way back. Without a
 * mask in hardware they pass through memory, which waits for what was just written. */
#if ISA_LEVEL == ISA_avx512
static inline vector_f32 part_load_f32(const float *from, int64_t n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), from);
}
static inline vector_f64 part_load_f64(const double *from, int64_t n)
{
    return _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), from);
}
static inline void part_store_f32(float *to, vector_f32 x, int64_t n)
{
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << n) - 1), x);
}
static inline void part_store_f64(double *to, vector_f64 x, int64_t n)
{
    _mm512_mask_storeu_pd(to, (__mmask8)((1u << n) - 1), x);
}
#elif ISA_LEVEL == ISA_avx2
/* Ones for the first n bytes of a vector: a view into 32 of them with as many zeros behind. */
static inline __m256i part_mask(int64_t n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

    return _mm256_loadu_si256((const __m256i *)((const char *)ones + VECTOR_BYTES - n));
}
static inline vector_f32 part_load_f32(const float *from, int64_t n)
{
    return _mm256_maskload_ps(from, part_mask(n * (int64_t)sizeof(float)));
}
static inline vector_f64 part_load_f64(const double *from, int64_t n)
{
    return _mm256_maskload_pd(from, part_mask(n * (int64_t)sizeof(double)));
}
static inline void part_store_f32(float *to, vector_f32 x, int64_t n)
{
    _mm256_maskstore_ps(to, part_mask(n * (int64_t)sizeof(float)), x);
}
static inline void part_store_f64(double *to, vector_f64 x, int64_t n)
{
    _mm256_maskstore_pd(to, part_mask(n * (int64_t)sizeof(double)), x);
}
#else
#define DEFINE_PART(id, T)                                                                         \
    static inline vector_##id part_load_##id(const T *from, int64_t n)                             \
    {                                                                                              \
        vector_##id x = {0};                                                                       \
        memcpy(&x, from, (size_t)n * sizeof(T));                                                   \
        return x;                                                                                  \
    }                                                                                              \
    static inline void part_store_##id(T *to, vector_##id x, int64_t n)                            \
    {                                                                                              \
        memcpy(to, &x, (size_t)n * sizeof(T));                                                     \
    }
DEFINE_PART(f32, float)
DEFINE_PART(f64, double)
#undef DEFINE_PART
#endif

/* The same of n elements or, where n is larger, of a whole vector. */
#define DEFINE_VECTOR(id, T)                                                                       \
    static inline vector_##id vector_load_##id(const T *from, int64_t n)                           \
    {                                                                                              \
        vector_##id x;                                                                             \
        if (n < VECTOR_BYTES / (int64_t)sizeof(T))                                                 \
            return part_load_##id(from, n);                                                        \
        memcpy(&x, from, VECTOR_BYTES);                                                            \
        return x;                                                                                  \
    }                                                                                              \
    static inline void vector_store_##id(T *to, vector_##id x, int64_t n)                          \
    {                                                                                              \
        if (n < VECTOR_BYTES / (int64_t)sizeof(T))                                                 \
            part_store_##id(to, x, n);                                                             \
        else                                                                                       \
            memcpy(to, &x, VECTOR_BYTES);                                                          \
    }
DEFINE_VECTOR(f32, float)
DEFINE_VECTOR(f64, double)
#undef DEFINE_VECTOR

#if ISA_LEVEL == ISA_baseline
#define v32_quick_tanh v32_tanh
#endif

/* x * y + z, rounded once. */
#if ISA_LEVEL == ISA_avx512
#define v32_fma _mm512_fmadd_ps
#define v64_fma _mm512_fmadd_pd
#elif ISA_LEVEL == ISA_avx2
#define v32_fma _mm256_fmadd_ps
#define v64_fma _mm256_fmadd_pd
#else
#define DEFINE_FMA(name, V, one)                                                                   \
    static inline V name(V x, V y, V z)                                                            \
    {                                                                                              \
        for (size_t k = 0; k < sizeof(V) / sizeof(x[0]); k++)                                      \
            z[k] = one(x[k], y[k], z[k]);                                                          \
        return z;                                                                                  \
    }
DEFINE_FMA(v32_fma, vector_f32, fmaf)
DEFINE_FMA(v64_fma, vector_f64, fma)
#undef DEFINE_FMA
#endif

#define VECTOR_GENERIC(x, name)                                                                    \
    _Generic((x), float : name##f, double : name, vector_f32 : v32_##name, vector_f64 : v64_##name)

#define m_fma(x, y, z)                                                                             \
    _Generic((x) + (y), float                                                                      \
             : fmaf, double                                                                        \
             : fma, vector_f32                                                                     \
             : v32_fma, vector_f64                                                                 \
             : v64_fma)((x), (y), (z))
#define m_exp(x)   VECTOR_GENERIC(x, exp)(x)
#define m_expm1(x) VECTOR_GENERIC(x, expm1)(x)
#define m_log(x)   VECTOR_GENERIC(x, log)(x)
#define m_log2(x)  VECTOR_GENERIC(x, log2)(x)
#define m_log10(x) VECTOR_GENERIC(x, log10)(x)
#define m_log1p(x) VECTOR_GENERIC(x, log1p)(x)
#define m_sin(x)   VECTOR_GENERIC(x, sin)(x)
#define m_cos(x)   VECTOR_GENERIC(x, cos)(x)
#define m_tan(x)   VECTOR_GENERIC(x, tan)(x)
#define m_asin(x)  VECTOR_GENERIC(x, asin)(x)
#define m_acos(x)  VECTOR_GENERIC(x, acos)(x)
#define m_atan(x)  VECTOR_GENERIC(x, atan)(x)
#define m_sinh(x)  VECTOR_GENERIC(x, sinh)(x)
#define m_cosh(x)  VECTOR_GENERIC(x, cosh)(x)
#define m_tanh(x)                                                                                  \
    _Generic((x), float                                                                            \
             : tanhf, double                                                                       \
             : tanh, vector_f32                                                                    \
             : v32_quick_tanh, vector_f64                                                          \
             : v64_tanh)(x)
#define m_erf(x)      VECTOR_GENERIC(x, erf)(x)
#define m_erfc(x)     VECTOR_GENERIC(x, erfc)(x)
#define m_lgamma(x)   VECTOR_GENERIC(x, lgamma)(x)
#define m_atan2(x, y) VECTOR_GENERIC(x, atan2)(x, y)
#define m_hypot(x, y) VECTOR_GENERIC(x, hypot)(x, y)

#endif
