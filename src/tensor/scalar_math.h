/*
 * scalar_math.h: the functions that the expressions of ops.def call, for every element type.
 *
 * m_exp(x) and its like take float or double and, inside kernels_elementwise.c, vectors of them,
 * which go to SLEEF. The others are inline functions or macros that keep to the type of x.
 */
#ifndef SADDLE_TENSOR_SCALAR_MATH_H
#define SADDLE_TENSOR_SCALAR_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* SLEEF has these for one float, one double and, by instruction set, for vectors: VECTOR_MATH(name,
 * error bound of the float form, error bound of the double form). The bounds are those PyTorch
 * uses. */
#define VECTOR_MATH_UNARY(X)                                                                       \
    X(exp, u10, u10)                                                                               \
    X(expm1, u10, u10)                                                                             \
    X(log, u10, u10)                                                                               \
    X(log2, u10, u10)                                                                              \
    X(log10, u10, u10)                                                                             \
    X(log1p, u10, u10)                                                                             \
    X(sin, u10, u10)                                                                               \
    X(cos, u10, u10)                                                                               \
    X(tan, u10, u10)                                                                               \
    X(asin, u10, u10)                                                                              \
    X(acos, u10, u10)                                                                              \
    X(atan, u10, u10)                                                                              \
    X(sinh, u10, u10)                                                                              \
    X(cosh, u10, u10)                                                                              \
    X(tanh, u10, u10)                                                                              \
    X(erf, u10, u10)                                                                               \
    X(erfc, u15, u15)                                                                              \
    X(lgamma, u10, u10)
#define VECTOR_MATH_BINARY(X)                                                                      \
    X(atan2, u10, u10)                                                                             \
    X(hypot, u05, u05)

/* Numbers of one type go through _Generic: whole numbers are left to the integer forms. */
#define BY_TYPE(x, f32, f64, integer) _Generic((x), float : f32, double : f64, default : integer)

static inline int64_t m_same(int64_t x)
{
    return x;
}

static inline int64_t abs_int(int64_t x)
{
    return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}
static inline bool signbit_int(int64_t x)
{
    return x < 0;
}
static inline bool signbit_float(float x)
{
    return __builtin_signbit(x);
}
static inline bool signbit_double(double x)
{
    return __builtin_signbit(x);
}

#define m_signbit(x) BY_TYPE(x, signbit_float, signbit_double, signbit_int)(x)
#define m_floor(x)   BY_TYPE(x, floorf, floor, m_same)(x)
#define m_ceil(x)    BY_TYPE(x, ceilf, ceil, m_same)(x)
#define m_trunc(x)   BY_TYPE(x, truncf, trunc, m_same)(x)
#define m_round(x)   BY_TYPE(x, rintf, rint, m_same)(x)
#define m_abs(x)     BY_TYPE(x, fabsf, fabs, abs_int)(x)
#define m_sqrt(x)    BY_TYPE(x, sqrtf, sqrt, sqrt)(x)
/* PyTorch leaves these to the C library, one by one. */
#define m_exp2(x)  BY_TYPE(x, exp2f, exp2, exp2)(x)
#define m_asinh(x) BY_TYPE(x, asinhf, asinh, asinh)(x)
#define m_acosh(x) BY_TYPE(x, acoshf, acosh, acosh)(x)
#define m_atanh(x) BY_TYPE(x, atanhf, atanh, atanh)(x)

/* x + p * y, rounded once where the machine has such an instruction, as PyTorch's kernels do. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
static inline int64_t add_product_int(int64_t p, int64_t y, int64_t x)
{
    return x + p * y;
}
#define m_add_product(x, p, y) BY_TYPE(x, fmaf, fma, add_product_int)(p, y, x)
#else
#define m_add_product(x, p, y) ((x) + (p) * (y))
#endif

static inline bool m_isinf(double x)
{
    return __builtin_isinf(x);
}
static inline bool m_isfinite(double x)
{
    return __builtin_isfinite(x);
}

/* Whole numbers. A divisor of 0 gives 0: the caller has already refused it with an error. */
static inline int64_t floor_divide_int(int64_t x, int64_t y)
{
    if (y == 0)
        return 0;
    if (y == -1)
        return (int64_t)(0 - (uint64_t)x); /* the smallest number has no opposite: it wraps */
    return x / y - ((x % y != 0) && ((x % y < 0) != (y < 0)));
}
static inline int64_t div_trunc_int(int64_t x, int64_t y)
{
    if (y == 0)
        return 0;
    return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
}
static inline int64_t remainder_int(int64_t x, int64_t y)
{
    int64_t r;

    if (y == 0 || y == -1)
        return 0;
    r = x % y;
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline int64_t fmod_int(int64_t x, int64_t y)
{
    return y == 0 || y == -1 ? 0 : x % y;
}
static inline int64_t pow_int(int64_t x, int64_t y)
{
    uint64_t result = 1, base = (uint64_t)x;

    if (y < 0)
        return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
    for (; y; y >>= 1, base *= base) {
        if (y & 1)
            result *= base;
    }
    return (int64_t)result;
}

/* Floating point, as Python and PyTorch define // and %: exact, with the sign of the divisor. */
static inline double remainder_float(double x, double y)
{
    double r = fmod(x, y);

    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline float remainder_floatf(float x, float y)
{
    float r = fmodf(x, y);

    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline double floor_divide_float(double x, double y)
{
    double r, q, f;

    if (y == 0)
        return x / y;
    r = fmod(x, y);
    q = (x - r) / y;
    if (r != 0 && (y < 0) != (r < 0))
        q -= 1;
    if (q == 0)
        return copysign(0, x / y);
    f = floor(q);
    return q - f > 0.5 ? f + 1 : f;
}
static inline float floor_divide_floatf(float x, float y)
{
    float r, q, f;

    if (y == 0)
        return x / y;
    r = fmodf(x, y);
    q = (x - r) / y;
    if (r != 0 && (y < 0) != (r < 0))
        q -= 1;
    if (q == 0)
        return copysignf(0, x / y);
    f = floorf(q);
    return q - f > 0.5f ? f + 1 : f;
}
static inline double div_trunc_float(double x, double y)
{
    return trunc(x / y);
}
static inline float div_trunc_floatf(float x, float y)
{
    return truncf(x / y);
}
/* PyTorch computes small powers by products and roots; so do we, for the same digits. */
#define POW_FLOAT(name, T, root, power)                                                            \
    static inline T name(T x, T y)                                                                 \
    {                                                                                              \
        if (y == 2)                                                                                \
            return x * x;                                                                          \
        if (y == 3)                                                                                \
            return x * x * x;                                                                      \
        if (y == 1)                                                                                \
            return x;                                                                              \
        if (y == (T)0.5)                                                                           \
            return root(x);                                                                        \
        if (y == -1)                                                                               \
            return 1 / x;                                                                          \
        if (y == -2)                                                                               \
            return 1 / (x * x);                                                                    \
        if (y == (T)-0.5)                                                                          \
            return 1 / root(x);                                                                    \
        return power(x, y);                                                                        \
    }
POW_FLOAT(pow_float, double, sqrt, pow)
POW_FLOAT(pow_floatf, float, sqrtf, powf)

#define m_floor_divide(x, y)                                                                       \
    BY_TYPE(x, floor_divide_floatf, floor_divide_float, floor_divide_int)(x, y)
#define m_div_trunc(x, y) BY_TYPE(x, div_trunc_floatf, div_trunc_float, div_trunc_int)(x, y)
#define m_remainder(x, y) BY_TYPE(x, remainder_floatf, remainder_float, remainder_int)(x, y)
#define m_fmod(x, y)      BY_TYPE(x, fmodf, fmod, fmod_int)(x, y)
#define m_pow(x, y)       BY_TYPE(x, pow_floatf, pow_float, pow_int)(x, y)
#define m_copysign(x, y)  BY_TYPE(x, copysignf, copysign, copysign)(x, y)

#define m_maximum(x, y) ((x) != (x) || (x) > (y) ? (x) : (y))
#define m_minimum(x, y) ((x) != (x) || (x) < (y) ? (x) : (y))
#define m_fmax(x, y)    ((y) != (y) || (x) > (y) ? (x) : (y))
#define m_fmin(x, y)    ((y) != (y) || (x) < (y) ? (x) : (y))

/* The two forms keep the result exact at weight 0 and at weight 1. */
#define m_lerp(x, y, z)                                                                            \
    ((z) < 0.5f ? m_add_product(x, z, (y) - (x)) : m_add_product(y, (x) - (y), 1 - (z)))

#define m_bitwise_not(x) _Generic((x), bool : (x) == 0, default : ~(x)) /* ~true is -2 in C */
#define m_shift_left(x, y)                                                                         \
    ((y) < 0 || (y) >= 8 * (int64_t)sizeof(x) ? 0 : (int64_t)((uint64_t)(x) << (y)))
#define m_shift_right(x, y)                                                                        \
    ((x) >> ((y) < 0 || (y) >= 8 * (int64_t)sizeof(x) ? 8 * sizeof(x) - 1 : (size_t)(y)))

static inline double logaddexp_float(double x, double y)
{
    double high = x > y ? x : y, low = x > y ? y : x;

    if (isinf(x) && x == y)
        return x;
    return high + log1p(exp(low - high));
}
static inline float logaddexp_floatf(float x, float y)
{
    if (isinf(x) && x == y)
        return x;
    return (x > y ? x : y) + log1pf(expf(-fabsf(x - y)));
}
#define m_logaddexp(x, y) BY_TYPE(x, logaddexp_floatf, logaddexp_float, logaddexp_float)(x, y)

/* Losses of one element; d is the difference of input and target. */
#define m_size(x) ((x) < 0 ? -(x) : (x))
#define m_huber(d, delta)                                                                          \
    (m_size(d) <= (delta) ? 0.5f * (d) * (d) : (delta) * (m_size(d) - 0.5f * (delta)))
#define m_smooth_l1(d, beta)                                                                       \
    (m_size(d) < (beta) ? 0.5f * (d) * (d) / (beta) : m_size(d) - 0.5f * (beta))
/* A probability of 0 counts as exp(-100). NaN stays NaN. */
#define m_cut_log(x) ((x) < -100 ? -100 : (x))
#define m_bce(x, y)  (((y)-1) * m_cut_log(m_log1p(-(x))) - (y)*m_cut_log(m_log(x)))
/* log(1 + exp(-x)) is m_fold(x) + m_log_fold(x), which does not overflow. */
#define m_fold(x)     ((x) < 0 ? -(x) : 0)
#define m_log_fold(x) m_log(1 + m_exp(-m_size(x)))

/* Asymptotic series after shifting x above 6 (Abramowitz and Stegun 6.3.5, 6.3.18, 6.4.12). */
static inline double m_digamma(double x)
{
    double sum = 0, f;

    if (x == 0)
        return copysign(INFINITY, -x);
    if (x < 0) {
        if (x == floor(x))
            return NAN;
        return m_digamma(1 - x) - M_PI / tan(M_PI * x);
    }
    for (; x < 10; x += 1)
        sum -= 1 / x;
    f = 1 / (x * x);
    return sum + log(x) - 0.5 / x -
           f * (1.0 / 12 - f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f / 132))));
}
static inline double m_trigamma(double x)
{
    double sum = 0, f, s;

    if (x < 0.5) {
        s = sin(M_PI * x);
        return M_PI * M_PI / (s * s) - m_trigamma(1 - x);
    }
    for (; x < 10; x += 1)
        sum += 1 / (x * x);
    f = 1 / (x * x);
    return sum + 1 / x + f / 2 +
           f / x * (1.0 / 6 - f * (1.0 / 30 - f * (1.0 / 42 - f * (1.0 / 30 - f * 5 / 66))));
}

#endif
