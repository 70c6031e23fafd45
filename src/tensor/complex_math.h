/*
 * complex_math.h: the functions that the expressions of ops_complex.def call, for both complex
 * types.
 *
 * Products and quotients are the plain formulas (as PyTorch's): they do not mend infinities.
 */
#ifndef SADDLE_TENSOR_COMPLEX_MATH_H
#define SADDLE_TENSOR_COMPLEX_MATH_H

#include <complex.h>
#include <math.h>

#undef I

#define COMPLEX_FUNCTION(x, name)                                                                  \
    _Generic((x), float _Complex : name##f, double _Complex : name, default : name)(x)
#define c_exp(x)   COMPLEX_FUNCTION(x, cexp)
#define c_log(x)   COMPLEX_FUNCTION(x, clog)
#define c_sqrt(x)  COMPLEX_FUNCTION(x, csqrt)
#define c_sin(x)   COMPLEX_FUNCTION(x, csin)
#define c_cos(x)   COMPLEX_FUNCTION(x, ccos)
#define c_tan(x)   COMPLEX_FUNCTION(x, ctan)
#define c_asin(x)  COMPLEX_FUNCTION(x, casin)
#define c_acos(x)  COMPLEX_FUNCTION(x, cacos)
#define c_atan(x)  COMPLEX_FUNCTION(x, catan)
#define c_sinh(x)  COMPLEX_FUNCTION(x, csinh)
#define c_cosh(x)  COMPLEX_FUNCTION(x, ccosh)
#define c_tanh(x)  COMPLEX_FUNCTION(x, ctanh)
#define c_asinh(x) COMPLEX_FUNCTION(x, casinh)
#define c_acosh(x) COMPLEX_FUNCTION(x, cacosh)
#define c_atanh(x) COMPLEX_FUNCTION(x, catanh)
#define c_abs(x)   COMPLEX_FUNCTION(x, cabs)
#define c_arg(x)   COMPLEX_FUNCTION(x, carg)
#define c_conj(x)  COMPLEX_FUNCTION(x, conj)
#define c_real(x)  COMPLEX_FUNCTION(x, creal)
#define c_imag(x)  COMPLEX_FUNCTION(x, cimag)

/* Division scaled by the larger part of the divisor, so that its square cannot overflow
 * (R. L. Smith, Algorithm 116, 1962). Powers of 2, 3, 0.5, -1 and -2 are products, quotients and
 * roots, as for real numbers. */
#define DEFINE_COMPLEX(P, mul, div, power, root, absolute, general)                                \
    static inline P _Complex mul(P _Complex x, P _Complex y)                                       \
    {                                                                                              \
        P a = __real__ x, b = __imag__ x, c = __real__ y, d = __imag__ y;                          \
        return __builtin_complex(a * c - b * d, a * d + b * c);                                    \
    }                                                                                              \
    static inline P _Complex div(P _Complex x, P _Complex y)                                       \
    {                                                                                              \
        P a = __real__ x, b = __imag__ x, c = __real__ y, d = __imag__ y, r, s;                    \
        if (absolute(c) >= absolute(d)) {                                                          \
            if (c == 0 && d == 0)                                                                  \
                return __builtin_complex(a / absolute(c), b / absolute(d));                        \
            r = d / c;                                                                             \
            s = 1 / (c + d * r);                                                                   \
            return __builtin_complex((a + b * r) * s, (b - a * r) * s);                            \
        }                                                                                          \
        r = c / d;                                                                                 \
        s = 1 / (d + c * r);                                                                       \
        return __builtin_complex((a * r + b) * s, (b * r - a) * s);                                \
    }                                                                                              \
    static inline P _Complex power(P _Complex x, P _Complex y)                                     \
    {                                                                                              \
        if (y == 2)                                                                                \
            return mul(x, x);                                                                      \
        if (y == 3)                                                                                \
            return mul(mul(x, x), x);                                                              \
        if (y == (P)0.5)                                                                           \
            return root(x);                                                                        \
        if (y == (P)-0.5)                                                                          \
            return div(1, root(x));                                                                \
        if (y == -1)                                                                               \
            return div(1, x);                                                                      \
        if (y == -2)                                                                               \
            return div(1, mul(x, x));                                                              \
        return general(x, y);                                                                      \
    }
DEFINE_COMPLEX(float, c_mul_f32, c_div_f32, c_pow_f32, csqrtf, fabsf, cpowf)
DEFINE_COMPLEX(double, c_mul_f64, c_div_f64, c_pow_f64, csqrt, fabs, cpow)
#undef DEFINE_COMPLEX

#define COMPLEX_BINARY(x, y, name)                                                                 \
    _Generic((x) + (y), float _Complex : name##_f32, default : name##_f64)(x, y)
#define c_mul(x, y) COMPLEX_BINARY(x, y, c_mul)
#define c_div(x, y) COMPLEX_BINARY(x, y, c_div)
#define c_pow(x, y) COMPLEX_BINARY(x, y, c_pow)

#endif
