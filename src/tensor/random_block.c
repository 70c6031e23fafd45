#include "tensor/random_block.h"

#include <math.h>

enum { HALF = NORMAL_BLOCK / 2 };

static inline float float_from_bits(uint32_t bits)
{
    union {
        uint32_t bits;
        float value;
    } u = {.bits = bits};

    return u.value;
}

static inline uint32_t bits_from_float(float value)
{
    union {
        float value;
        uint32_t bits;
    } u = {.value = value};

    return u.bits;
}

/*
 * Logarithm, sine and cosine in single precision after the Cephes library (Moshier, logf.c and
 * sinf.c), with the fused multiply-adds at the places where PyTorch's AVX2 build has them: libm's
 * own logf() would differ in the last digit.
 */
static inline __attribute__((always_inline)) float block_log(float x) /* 0 < x <= 1 */
{
    static const float poly[] = {-1.1514610310E-1f, 1.1676998740E-1f,  -1.2420140846E-1f,
                                 1.4249322787E-1f,  -1.6668057665E-1f, 2.0000714765E-1f,
                                 -2.4999993993E-1f, 3.3333331174E-1f};
    uint32_t bits = bits_from_float(x);
    float exponent = (float)((int)(bits >> 23) - 0x7f) + 1.0f;
    float y = 7.0376836292E-2f;

    x = float_from_bits((bits & 0x007fffffu) | 0x3f000000u); /* the mantissa in [0.5, 1) */
    if (x < 0.707106781186547524f) {
        exponent -= 1.0f;
        x = x - 1.0f + x;
    } else {
        x = x - 1.0f;
    }
    for (size_t i = 0; i < sizeof(poly) / sizeof(poly[0]); i++)
        y = fmaf(y, x, poly[i]);
    y *= x;

    float z = x * x;

    y = fmaf(y, z, exponent * -2.12194440e-4f);
    y = fmaf(z, -0.5f, y);
    return fmaf(exponent, 0.693359375f, x + y);
}

static inline __attribute__((always_inline)) void block_sincos(float x, float *sine,
                                                               float *cosine) /* 0 <= x < 2 pi */
{
    int octant = ((int)(x * 1.27323954473516f) + 1) & ~1;
    float n = (float)octant;

    x = fmaf(n, -0.78515625f, x);
    x = fmaf(n, -2.4187564849853515625e-4f, x);
    x = fmaf(n, -3.77489497744594108e-8f, x);

    float z = x * x;
    float c = fmaf(2.443315711809948E-005f, z, -1.388731625493765E-003f);
    float s = fmaf(-1.9515295891E-4f, z, 8.3321608736E-3f);

    c = fmaf(c, z, 4.166664568298827E-002f) * z;
    c = fmaf(c, z, z * -0.5f) + 1.0f;
    s = fmaf(fmaf(s, z, -1.6666654611E-1f) * z, x, x);
    *sine = octant & 2 ? c : s;
    *cosine = octant & 2 ? s : c;
    if (octant & 4)
        *sine = -*sine;
    if (!((octant - 2) & 4))
        *cosine = -*cosine;
}

static inline __attribute__((always_inline)) void turn_float_body(float *data, float mean,
                                                                  float std)
{
    for (int i = 0; i < HALF; i++) {
        float radius = sqrtf(-2.0f * block_log(1.0f - data[i])), sine, cosine;
        block_sincos((float)(2.0 * M_PI) * data[i + HALF], &sine, &cosine);
        data[i] = fmaf(radius * cosine, std, mean);
        data[i + HALF] = fmaf(radius * sine, std, mean);
    }
}

static void turn_float_any(float *data, float mean, float std)
{
    turn_float_body(data, mean, std);
}

#ifdef __x86_64__
/* With the machine's own fused multiply-add, and vectors, several times faster; same digits. */
__attribute__((target("avx2,fma"))) static void turn_float_avx2(float *data, float mean, float std)
{
    turn_float_body(data, mean, std);
}
#endif

static void turn_float(float *data, float mean, float std)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        turn_float_avx2(data, mean, std);
        return;
    }
#endif
    turn_float_any(data, mean, std);
}

static void turn_double(double *data, double mean, double std)
{
    for (int i = 0; i < HALF; i++) {
        double radius = sqrt(-2.0 * log(1.0 - data[i])), theta = 2.0 * M_PI * data[i + HALF];
        data[i] = fma(radius * cos(theta), std, mean);
        data[i + HALF] = fma(radius * sin(theta), std, mean);
    }
}

#define NORMAL_BLOCKS(type)                                                                        \
    void normal_blocks_##type(type *data, int64_t count, type mean, type std, struct generator *g) \
    {                                                                                              \
        for (int64_t i = 0; i < count; i++)                                                        \
            data[i] = generator_##type(g);                                                         \
        for (int64_t i = 0; i + NORMAL_BLOCK <= count; i += NORMAL_BLOCK)                          \
            turn_##type(data + i, mean, std);                                                      \
        if (count % NORMAL_BLOCK == 0)                                                             \
            return;                                                                                \
        data += count - NORMAL_BLOCK;                                                              \
        for (int i = 0; i < NORMAL_BLOCK; i++)                                                     \
            data[i] = generator_##type(g);                                                         \
        turn_##type(data, mean, std);                                                              \
    }

NORMAL_BLOCKS(float)
NORMAL_BLOCKS(double)
