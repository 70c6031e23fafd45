#include "tensor/special_math.h"

#include <float.h>
#include <stddef.h>

/* The part of a sum that no longer counts. */
static const double tiny = DBL_EPSILON / 4;

/* ---- inverse error function, normal distribution ---- */

/* For large x the asymptotic series 1/(x sqrt(pi)) * (1 - 1/(2x^2) + 3/(2x^2)^2 - ...). */
double special_erfcx(double x)
{
    double term = 1, sum = 1;

    if (x < 10)
        return exp(x * x) * erfc(x);
    for (int n = 1; n < 40 && fabs(term) > tiny; n++) {
        term *= -(2 * n - 1) / (2 * x * x);
        sum += term;
    }
    return sum / (x * sqrt(M_PI));
}

/* A start for y with erf(y) = x, from w = log(1 - x^2) (Winitzki 2008): good to 2e-3. */
static double erfinv_start(double w)
{
    const double a = 0.147, t = 2 / (M_PI * a) + w / 2;

    return sqrt(sqrt(t * t - w / a) - t);
}

/* Halley's step for erf(y) - x = error; d2/d1 of erf is -2y. */
static double halley(double y, double error)
{
    double step = error / (M_2_SQRTPI * exp(-y * y));

    return y - step / (1 + y * step);
}

/* The y >= 0 of erfc(y) = q, 0 < q <= 1: exact for small q, where erf(y) is next to 1. */
static double erfc_inverse(double q)
{
    double y = erfinv_start(log(q) + log(2 - q));

    for (int i = 0; i < 3; i++)
        y = halley(y, q - erfc(y));
    return y;
}

static double erfinv_exact(double x)
{
    double size = fabs(x), y;

    if (size > 0.5)
        return copysign(erfc_inverse(1 - size), x);
    if (size < 1e-8)
        return x / M_2_SQRTPI;
    y = erfinv_start(log1p(-size * size));
    for (int i = 0; i < 3; i++)
        y = halley(y, erf(y) - size);
    return copysign(y, x);
}

/* The approximation by quotients of polynomials that MATLAB 2 had (Pavlis 1996), good to nine
 * digits, and two of Newton's steps: PyTorch's way, so that its digits come out. */
#define DEFINE_ERFINV(name, T, f)                                                                  \
    T name(T x)                                                                                    \
    {                                                                                              \
        const T size = fabs##f(x);                                                                 \
        T z, over, under, y;                                                                       \
        if (!(size <= 1))                                                                          \
            return NAN;                                                                            \
        if (size == 1)                                                                             \
            return copysign##f(INFINITY, x);                                                       \
        if (size <= (T)0.7) {                                                                      \
            z = x * x;                                                                             \
            over = fma##f((T)-0.140543331, z, (T)0.914624893);                                     \
            over = fma##f(fma##f(over, z, (T)-1.645349621), z, (T)0.886226899);                    \
            under = fma##f((T)0.012229801, z, (T)-0.329097515);                                    \
            under = fma##f(fma##f(under, z, (T)1.442710462), z, (T)-2.118377725);                  \
            y = x * over / fma##f(under, z, 1);                                                    \
        } else {                                                                                   \
            z = sqrt##f(-log##f((1 - size) / 2));                                                  \
            over = fma##f((T)1.641345311, z, (T)3.429567803);                                      \
            over = fma##f(fma##f(over, z, (T)-1.624906493), z, (T)-1.970840454);                   \
            under = fma##f(fma##f((T)1.637067800, z, (T)3.543889200), z, 1);                       \
            y = copysign##f(over, x) / under;                                                      \
        }                                                                                          \
        for (int i = 0; i < 2; i++)                                                                \
            y -= (erf##f(y) - x) / ((T)2 / (T)sqrt(M_PI) * exp##f(-y * y));                        \
        return y;                                                                                  \
    }
DEFINE_ERFINV(special_erfinvf, float, f)
DEFINE_ERFINV(special_erfinv, double, )

double special_ndtri(double p)
{
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    if (fabs(p - 0.5) < 0.25)
        return M_SQRT2 * erfinv_exact(2 * p - 1);
    return p < 0.5 ? -M_SQRT2 * erfc_inverse(2 * p) : M_SQRT2 * erfc_inverse(2 * (1 - p));
}

double special_log_ndtr(double x)
{
    double t = x * M_SQRT1_2;

    return x < -1 ? log(special_erfcx(-t) / 2) - t * t : log1p(-erfc(t) / 2);
}

/* ---- entropy and logarithms ---- */

double special_entr(double x)
{
    return x > 0 ? -x * log(x) : x == 0 ? 0 : x < 0 ? -INFINITY : x;
}

double special_xlogy(double x, double y)
{
    return x == 0 && !isnan(y) ? 0 : x * log(y);
}

double special_xlog1py(double x, double y)
{
    return x == 0 && !isnan(y) ? 0 : x * log1p(y);
}

double special_logaddexp2(double x, double y)
{
    double high = fmax(x, y), low = fmin(x, y);

    if (isnan(x) || isnan(y))
        return NAN;
    if (isinf(x) && x == y)
        return x;
    return high + log1p(exp2(low - high)) / M_LN2;
}

/* ---- gamma and zeta ---- */

/* B_2k / (2k)!, k = 1.. */
static const double bernoulli[] = {1.0 / 12,
                                   -1.0 / 720,
                                   1.0 / 30240,
                                   -1.0 / 1209600,
                                   1.0 / 47900160,
                                   -691.0 / 1307674368000,
                                   1.0 / 74724249600,
                                   -3617.0 / 10670622842880000,
                                   43867.0 / 5109094217170944000,
                                   -174611.0 / 802857662698291200000.0};

/* Euler and Maclaurin: the first terms, the integral of the others, and corrections. */
static double hurwitz(double x, double q)
{
    enum { FIRST = 12 };
    double sum = 0, at = q, power, factor;

    for (int n = 0; n < FIRST || at <= 9; n++, at += 1)
        sum += pow(at, -x);
    power = pow(at, -x);
    sum += power * at / (x - 1) + power / 2;
    factor = x * power / at;
    for (size_t k = 0; k < sizeof(bernoulli) / sizeof(*bernoulli); k++) {
        sum += bernoulli[k] * factor;
        factor *= (x + 2 * (double)k + 1) * (x + 2 * (double)k + 2) / (at * at);
    }
    return sum;
}

double special_zeta(double x, double q)
{
    if (x == 1)
        return INFINITY;
    if (!(x > 1) || isinf(x) || isnan(q))
        return NAN;
    if (q <= 0) {
        if (q == floor(q))
            return INFINITY;
        if (x != floor(x) || q < -1e9)
            return NAN;
    }
    return isinf(q) ? 0 : hurwitz(x, q);
}

double special_polygamma(double n, double x)
{
    double value;

    if (isinf(x))
        return x > 0 && n > 0 ? NAN : x > 0 ? x : fmod(n, 2) == 0 ? -INFINITY : INFINITY;
    value = tgamma(n + 1) * special_zeta(n + 1, x);
    return fmod(n, 2) == 0 ? -value : value;
}

/* x^a e^-x / gamma(a + 1), the factor before both expansions. */
static double gamma_factor(double a, double x)
{
    return exp(a * log(x) - x - lgamma(a + 1));
}

/* P(a, x) = factor * (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...), for x < a + 1. */
static double gamma_series(double a, double x)
{
    double term = 1, sum = 1;

    for (int n = 1; n < 100000 && term > tiny * sum; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return sum * gamma_factor(a, x);
}

/* Q(a, x) by its continued fraction, evaluated after Lentz, for x >= a + 1. */
static double gamma_fraction(double a, double x)
{
    const double least = DBL_MIN / DBL_EPSILON;
    double b = x + 1 - a, c = 1 / least, d = 1 / b, value = d;

    for (int n = 1; n < 100000; n++) {
        double numerator = -n * (n - a), change;

        b += 2;
        d = numerator * d + b;
        c = b + numerator / c;
        d = 1 / (fabs(d) < least ? least : d);
        c = fabs(c) < least ? least : c;
        change = d * c;
        value *= change;
        if (fabs(change - 1) < DBL_EPSILON)
            break;
    }
    return value * gamma_factor(a, x) * a;
}

/* The values at the ends, or -1: an ordinary pair. Those of Q are 1 minus these. */
static double gamma_ends(double a, double x)
{
    if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (isinf(a) && isinf(x)))
        return NAN;
    if (a == 0 || isinf(x))
        return 1;
    return x == 0 || isinf(a) ? 0 : -1;
}

double special_gamma_p(double a, double x)
{
    double end = gamma_ends(a, x);

    if (end != -1)
        return end;
    return x < a + 1 ? gamma_series(a, x) : 1 - gamma_fraction(a, x);
}

double special_gamma_q(double a, double x)
{
    double end = gamma_ends(a, x);

    if (end != -1)
        return 1 - end;
    return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

/* ---- Bessel functions ---- */

/* sqrt(pi/(2x)) or 1/sqrt(2 pi x) apart, the asymptotic series of I (sign -1) and K (sign 1) of
 * order v (Abramowitz and Stegun 9.7.1, 9.7.2), for large x. */
static double bessel_asymptotic(double v, double x, double sign)
{
    double term = 1, sum = 1;

    for (int k = 1; k < 60 && fabs(term) > tiny; k++) {
        term *= sign * (4 * v * v - (2 * k - 1) * (2 * k - 1)) / (8 * x * k);
        sum += term;
    }
    return sum;
}

/* Sum of (x^2/4)^k / (k! (k + v)!), v 0 or 1: all terms are positive. */
static double bessel_series(int v, double x)
{
    double term = 1, sum = 1, y = x * x / 4;

    for (int k = 1; k < 200 && term > tiny * sum; k++) {
        term *= y / ((double)k * (k + v));
        sum += term;
    }
    return sum;
}

enum { ASYMPTOTIC_FROM = 25 };

double special_i0e(double x)
{
    x = fabs(x);
    return x < ASYMPTOTIC_FROM ? bessel_series(0, x) * exp(-x)
                               : bessel_asymptotic(0, x, -1) / sqrt(2 * M_PI * x);
}

double special_i1e(double x)
{
    double size = fabs(x), value;

    if (size < ASYMPTOTIC_FROM)
        value = size / 2 * bessel_series(1, size) * exp(-size);
    else
        value = bessel_asymptotic(1, size, -1) / sqrt(2 * M_PI * size);
    return copysign(value, x);
}

/* K_v(x) e^x is the integral of exp(-x (cosh t - 1)) cosh(v t) over t >= 0; the trapezoid rule
 * converges exponentially for it. */
static double bessel_integral(int v, double x)
{
    const double h = 1.0 / 32;
    double sum = 0.5;

    for (int i = 1; i < 40000; i++) {
        double t = i * h, s = sinh(t / 2), term = exp(-2 * x * s * s) * (v ? cosh(t) : 1);

        sum += term;
        if (term < tiny * sum)
            break;
    }
    return sum * h;
}

static double bessel_k(int v, double x)
{
    if (!(x >= 0))
        return NAN;
    if (x == 0 || isinf(x))
        return x == 0 ? INFINITY : 0;
    return x < ASYMPTOTIC_FROM ? bessel_integral(v, x)
                               : bessel_asymptotic(v, x, 1) * sqrt(M_PI / (2 * x));
}

double special_k0e(double x)
{
    return bessel_k(0, x);
}

double special_k1e(double x)
{
    return bessel_k(1, x);
}

double special_j0(double x)
{
    return isinf(x) ? NAN : j0(x);
}

double special_j1(double x)
{
    return isinf(x) ? NAN : j1(x);
}

double special_y0(double x)
{
    return x < 0 || isinf(x) ? NAN : x == 0 ? -INFINITY : y0(x);
}

double special_y1(double x)
{
    return x < 0 || isinf(x) ? NAN : x == 0 ? -INFINITY : y1(x);
}

/* Ai(x) = Ai(0) f(x) + Ai'(0) g(x) by their Taylor series near 0; beyond, the asymptotic series
 * (Abramowitz and Stegun 10.4.2, 10.4.59, 10.4.60). */
static double airy_series(double x)
{
    const double at0 = 0.35502805388781723926, slope0 = -0.25881940379280679841;
    double f = 1, g = x, sum_f = 1, sum_g = x, cube = x * x * x;

    for (int k = 1; k < 100; k++) {
        f *= cube / ((3.0 * k - 1) * (3.0 * k));
        g *= cube / ((3.0 * k) * (3.0 * k + 1));
        sum_f += f;
        sum_g += g;
    }
    return at0 * sum_f + slope0 * sum_g;
}

static double airy_asymptotic(double x)
{
    double size = fabs(x), zeta = 2.0 / 3 * size * sqrt(size), term = 1, sums[2] = {0, 0}, angle;

    for (int k = 0; k < 20; k++) {
        double sign = x > 0 ? (k % 2 ? -1 : 1) : (k / 2 % 2 ? -1 : 1);

        sums[x > 0 ? 0 : k % 2] += sign * term;
        term *= (6.0 * k + 5) * (6.0 * k + 1) / (72 * (k + 1) * zeta);
    }
    if (x > 0)
        return exp(-zeta) / (2 * sqrt(M_PI) * sqrt(sqrt(size))) * sums[0];
    angle = zeta + M_PI / 4;
    return (sin(angle) * sums[0] - cos(angle) * sums[1]) / (sqrt(M_PI) * sqrt(sqrt(size)));
}

double special_airy_ai(double x)
{
    if (isinf(x))
        return NAN;
    return x > -7 && x < 4 ? airy_series(x) : airy_asymptotic(x);
}

/* ---- orthogonal polynomials ---- */

/* P_n from P_0 = 1, P_1 = first and next(), which gives P_{k+1} from P_k and P_{k-1}. */
typedef double recurrence_fn(double x, double k, double now, double before);

static double recur(double x, double n, double first, recurrence_fn *next)
{
    double before = 1, now = first;

    if (!(n >= 0))
        return 0;
    if (isnan(x))
        return n < 1 ? 1 : x;
    for (double k = 1; k + 1 <= n; k++) {
        double after = next(x, k, now, before);

        before = now;
        now = after;
    }
    return n < 1 ? 1 : now;
}

static double chebyshev_step(double x, double k, double now, double before)
{
    (void)k;
    return 2 * x * now - before;
}

static double hermite_h_step(double x, double k, double now, double before)
{
    return 2 * x * now - 2 * k * before;
}

static double hermite_he_step(double x, double k, double now, double before)
{
    return x * now - k * before;
}

static double laguerre_step(double x, double k, double now, double before)
{
    return ((2 * k + 1 - x) * now - k * before) / (k + 1);
}

static double legendre_step(double x, double k, double now, double before)
{
    return ((2 * k + 1) * x * now - k * before) / (k + 1);
}

double special_chebyshev_t(double x, double n)
{
    return recur(x, n, x, chebyshev_step);
}

double special_chebyshev_u(double x, double n)
{
    return recur(x, n, 2 * x, chebyshev_step);
}

double special_chebyshev_v(double x, double n)
{
    return recur(x, n, 2 * x - 1, chebyshev_step);
}

double special_chebyshev_w(double x, double n)
{
    return recur(x, n, 2 * x + 1, chebyshev_step);
}

double special_hermite_h(double x, double n)
{
    return recur(x, n, 2 * x, hermite_h_step);
}

double special_hermite_he(double x, double n)
{
    return recur(x, n, x, hermite_he_step);
}

double special_laguerre_l(double x, double n)
{
    return recur(x, n, 1 - x, laguerre_step);
}

double special_legendre_p(double x, double n)
{
    return recur(x, n, x, legendre_step);
}

/* ---- whole numbers ---- */

int64_t special_gcd(int64_t x, int64_t y)
{
    uint64_t a = x < 0 ? 0 - (uint64_t)x : (uint64_t)x, b = y < 0 ? 0 - (uint64_t)y : (uint64_t)y;

    while (b) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return (int64_t)a;
}

int64_t special_lcm(int64_t x, int64_t y)
{
    int64_t common = special_gcd(x, y);
    int64_t product;

    if (common == 0)
        return 0;
    product = (int64_t)((uint64_t)(x / common) * (uint64_t)y);
    return product < 0 ? (int64_t)(0 - (uint64_t)product) : product;
}
