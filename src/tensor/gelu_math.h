/*
 * gelu_math.h: gelu and its slope for single floats, with the digits of PyTorch.
 *
 * PyTorch gives float tensors to oneDNN, whose gelu_erf (src/cpu/x64/injectors of oneDNN 2.x) takes
 * erf from Abramowitz and Stegun 7.1.26,
 *
 *     erf(u) = 1 - (a1 t + a2 t^2 + ... + a5 t^5) exp(-u^2),  t = 1 / (1 + 0.3275911 u),  u >= 0,
 *
 * good to 1.5e-7, and exp from a polynomial of degree 5 around a power of two. The order of the
 * steps and their rounding are part of the digits, so they are kept here.
 */
#ifndef SADDLE_TENSOR_GELU_MATH_H
#define SADDLE_TENSOR_GELU_MATH_H

#include "tensor/scalar_math.h"

#include <string.h>

/* exp(x) for x <= 0: 2^n times a polynomial of the rest, |rest| <= log(2) / 2. */
static inline float gelu_expf(float x)
{
    const float lowest = -87.33654474f;
    float clipped = x < lowest ? lowest : x;
    float n = floorf(m_add_product(0.5f, clipped, 1.44269502f));
    float rest = m_add_product(clipped, -n, 0.693147182f), sum = 0.00828929059f, power;
    int32_t bits = ((int32_t)n + 126) << 23; /* 2^(n - 1), which is never out of range */

    sum = m_add_product(0.0418978221f, sum, rest);
    sum = m_add_product(0.166676521f, sum, rest);
    sum = m_add_product(0.499991506f, sum, rest);
    sum = m_add_product(0.999999701f, sum, rest);
    sum = m_add_product(1.0f, sum, rest);
    memcpy(&power, &bits, sizeof(power));
    return x < lowest ? 0 : sum * power * 2;
}

/* erf(u), with exp(-u^2) given. */
static inline float gelu_erff(float u, float exponential)
{
    float size = fabsf(u), t = 1 / m_add_product(1.0f, size, 0.3275911f), sum = 1.061405429f, erf;

    sum = m_add_product(-1.453152027f, sum, t);
    sum = m_add_product(1.421413741f, sum, t);
    sum = m_add_product(-0.284496736f, sum, t);
    sum = m_add_product(0.254829592f, sum, t);
    erf = m_add_product(1.0f, -exponential * t, sum);
    return copysignf(1, u) * erf;
}

static inline float gelu_float(float x)
{
    float u = x * 0.707106769f, half = x * 0.5f;

    return m_add_product(half, half, gelu_erff(u, gelu_expf(-(u * u))));
}

/* The derivative at x: (1 + erf(u)) / 2 + u exp(-u^2) / sqrt(pi), u = x / sqrt(2). */
static inline float gelu_slope_float(float x)
{
    float u = x * 0.707106769f, exponential = gelu_expf(-(u * u));
    float tail = u * 0x1.20dd74p-1f * exponential; /* 1 / sqrt(pi), one unit too small as there */

    return m_add_product(tail + 0.5f, gelu_erff(u, exponential), 0.5f);
}

/* Other types take these rows nowhere; they are here because every row exists for every type. */
static inline double gelu_double(double x)
{
    return x * 0.5 * (1 + erf(x * M_SQRT1_2));
}
static inline double gelu_slope_double(double x)
{
    return 0.5 * (1 + erf(x * M_SQRT1_2)) + x * exp(-0.5 * x * x) * M_2_SQRTPI * M_SQRT1_2 * 0.5;
}

#define m_gelu(x)       BY_TYPE(x, gelu_float, gelu_double, gelu_double)(x)
#define m_gelu_slope(x) BY_TYPE(x, gelu_slope_float, gelu_slope_double, gelu_slope_double)(x)

#endif
