/*
 * How a gamma number x moves with its shape a when its quantile stays: -(dP(a, x)/da) / density.
 * (M. Jankowiak, F. Obermeyer, "Pathwise derivatives beyond the reparameterization trick", 2018,
 * with the regions and coefficients of PyTorch's approximation, which is good to about 5e-4.)
 */
#include "tensor/scalar_math.h"
#include "tensor/special_math.h"

/* The first terms of the series of P around 0. */
static double near_zero(double a, double x)
{
    double numerator = 1, denominator = a, first = 1 / a, second = 1 / (a * a);
    double power = pow(x, a), density = pow(x, a - 1) * exp(-x), slope;

    for (int i = 1; i <= 5; i++) {
        numerator *= -x / i;
        denominator += 1;
        first += numerator / denominator;
        second += numerator / (denominator * denominator);
    }
    slope = -((log(x) - m_digamma(a)) * (power * first) - power * second) / density;
    return isnan(slope) ? 0 : slope;
}

/* Large shapes: a saddle point expansion, and its limit where x is close to a. */
static double saddle_point(double a, double x)
{
    double root = sqrt(8 * a), near, far, sum, stirling;

    if (0.9 * a <= x && x <= 1.1 * a)
        return (1 + 24 * a * (1 + 12 * a)) *
               (1440 * (a * a) + 6 * x * (53 - 120 * x) - 65 * x * x / a + a * (107 + 3600 * x)) /
               (1244160 * (a * a) * (a * a));
    near = root / (a - x);
    far = pow(x - a - a * log(x / a), -1.5);
    sum = log(x / a) * (x < a ? near - far : near + far) -
          sqrt(2 / a) * (a + x) / ((a - x) * (a - x));
    stirling = 1 + 1 / (12 * a) * (1 + 1 / (24 * a));
    return -stirling * (x * sum) / root;
}

/* Between: a quotient of polynomials in log(x / a) and log(a). */
static double quotient(double a, double x)
{
    static const double terms[3][8] = {
        {0.16009398, -0.094634809, 0.025146376, -0.0030648343, 1, 0.32668115, 0.10406089,
         0.0014179084},
        {0.53487893, 0.1298071, 0.065735949, -0.0015649758, 0.16639465, 0.020070113, -0.0035938915,
         -0.00058392623},
        {0.040121004, -0.0065914022, -0.0026286047, -0.0013441777, 0.017050642, -0.0021309326,
         0.00085092367, -1.5247877e-07},
    };
    double u = log(x / a), v = log(a), c[8];

    for (int i = 0; i < 8; i++)
        c[i] = terms[0][i] + u * (terms[1][i] + u * terms[2][i]);
    return exp((c[0] + v * (c[1] + v * (c[2] + v * c[3]))) /
               (c[4] + v * (c[5] + v * (c[6] + v * c[7]))));
}

double special_gamma_slope(double a, double x)
{
    if (x < 0.8)
        return near_zero(a, x);
    return a > 8 ? saddle_point(a, x) : quotient(a, x);
}
