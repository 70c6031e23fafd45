/*
 * special_math.h: special functions of one or two numbers, for the expressions of ops_special.def.
 *
 * All compute in double, by series that converge where they are used, so that the results are good
 * to about 1e-14; a float result is rounded once.
 */
#ifndef SADDLE_TENSOR_SPECIAL_MATH_H
#define SADDLE_TENSOR_SPECIAL_MATH_H

#include <math.h>
#include <stdint.h>

/* ---- inverse error function, normal distribution ---- */

double special_erfcx(double x);  /* exp(x^2) * erfc(x) */
double special_erfinv(double x); /* the y of erf(y) = x, with PyTorch's digits */
float special_erfinvf(float x);
double special_ndtri(double p); /* the x below which a normal number lies with probability p */
double
special_log_ndtr(double x); /* logarithm of the probability that a normal number is below x */

/* ---- entropy and logarithms ---- */

double special_entr(double x);                 /* -x * log(x) */
double special_xlogy(double x, double y);      /* x * log(y), 0 where x is 0 */
double special_xlog1py(double x, double y);    /* x * log(1 + y), 0 where x is 0 */
double special_logaddexp2(double x, double y); /* log2(2^x + 2^y) */

/* ---- gamma and zeta ---- */

double special_zeta(double x, double q);      /* Hurwitz: sum over n >= 0 of (q + n)^-x */
double special_polygamma(double n, double x); /* the n-th derivative of digamma */
double special_gamma_p(double a, double x);   /* regularized incomplete gamma, lower and upper */
double special_gamma_q(double a, double x);
double special_gamma_slope(double a, double x); /* dx/da of a gamma number x of shape a */

/* ---- Bessel functions: the modified ones, also scaled by exp(-|x|) or exp(x) ---- */

double special_i0e(double x);
double special_i1e(double x);
double special_k0e(double x);
double special_k1e(double x);
double special_j0(double x); /* J_0; NaN at infinity, as PyTorch */
double special_j1(double x);
double special_y0(double x);
double special_y1(double x);
double special_airy_ai(double x);

/* ---- orthogonal polynomials of degree n, by their recurrences ---- */

double special_chebyshev_t(double x, double n);
double special_chebyshev_u(double x, double n);
double special_chebyshev_v(double x, double n);
double special_chebyshev_w(double x, double n);
double special_hermite_h(double x, double n);
double special_hermite_he(double x, double n);
double special_laguerre_l(double x, double n);
double special_legendre_p(double x, double n);

/* ---- whole numbers ---- */

int64_t special_gcd(int64_t x, int64_t y);
int64_t special_lcm(int64_t x, int64_t y);

/* sin(pi x) / (pi x), 1 at 0. */
static inline double special_sinc(double x)
{
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}
static inline float special_sincf(float x)
{
    return x == 0 ? 1 : sinf((float)M_PI * x) / ((float)M_PI * x);
}
/* log(x / (1 - x)) of x cut to [eps, 1 - eps]. */
static inline double special_logit_cut(double x, double eps)
{
    x = x < eps ? eps : x > 1 - eps ? 1 - eps : x;
    return log(x / (1 - x));
}
/* A constant in the type of x. */
#define m_number(x, value) _Generic((x), float : (float)(value), default : (double)(value))
#define m_erfinv(x)        _Generic((x), float : special_erfinvf, default : special_erfinv)(x)
#define m_sinc(x)          _Generic((x), float : special_sincf, default : special_sinc)(x)
#define m_nextafter(x, y)  _Generic((x), float : nextafterf, default : nextafter)(x, y)

#endif
