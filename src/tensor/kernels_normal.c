/* Box and Muller's formula for blocks of floats, compiled once per instruction set. */
#include "tensor/random_block.h"

#include <math.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

enum { HALF = NORMAL_BLOCK / 2 };

union bits {
    float value;
    uint32_t word;
};

/*
 * Logarithm, sine and cosine in single precision after the Cephes library (Moshier, logf.c and
 * sinf.c), with the fused multiply-adds at the places where PyTorch's AVX2 build has them: libm's
 * own logf() would differ in the last digit. Written without branches, so that a whole half block
 * goes through vector registers.
 */
static inline float block_log(float x) /* 0 < x <= 1 */
{
    const union bits whole = {.value = x};
    const union bits mantissa = {.word = (whole.word & 0x007fffffu) | 0x3f000000u};
    float exponent = (float)((int32_t)(whole.word >> 23) - 0x7f) + 1.0f, y, z;
    const bool small = mantissa.value < 0.707106781186547524f;

    exponent -= small ? 1.0f : 0.0f;
    x = mantissa.value - 1.0f;
    x += small ? mantissa.value : 0.0f;
    y = fmaf(7.0376836292E-2f, x, -1.1514610310E-1f);
    y = fmaf(y, x, 1.1676998740E-1f);
    y = fmaf(y, x, -1.2420140846E-1f);
    y = fmaf(y, x, 1.4249322787E-1f);
    y = fmaf(y, x, -1.6668057665E-1f);
    y = fmaf(y, x, 2.0000714765E-1f);
    y = fmaf(y, x, -2.4999993993E-1f);
    y = fmaf(y, x, 3.3333331174E-1f);
    z = x * x;
    y = fmaf(y * x, z, exponent * -2.12194440e-4f);
    y = fmaf(z, -0.5f, y);
    return fmaf(exponent, 0.693359375f, x + y);
}

static inline void block_sincos(float x, float *sine, float *cosine) /* 0 <= x < 2 pi */
{
    const int32_t octant = ((int32_t)(x * 1.27323954473516f) + 1) & ~1;
    const float n = (float)octant;
    const bool swap = (octant & 2) != 0;
    float z, c, s;

    x = fmaf(n, -0.78515625f, x);
    x = fmaf(n, -2.4187564849853515625e-4f, x);
    x = fmaf(n, -3.77489497744594108e-8f, x);
    z = x * x;
    c = fmaf(2.443315711809948E-005f, z, -1.388731625493765E-003f);
    c = fmaf(c, z, 4.166664568298827E-002f) * z;
    c = fmaf(c, z, z * -0.5f) + 1.0f;
    s = fmaf(-1.9515295891E-4f, z, 8.3321608736E-3f);
    s = fmaf(fmaf(s, z, -1.6666654611E-1f) * z, x, x);
    *sine = (swap ? c : s) * ((octant & 4) ? -1.0f : 1.0f);
    *cosine = (swap ? s : c) * (((octant - 2) & 4) ? 1.0f : -1.0f);
}

void PASTE(normal_turn_, KERNEL_ISA)(float *data, int64_t blocks, float mean, float std)
{
    for (; blocks > 0; blocks--, data += NORMAL_BLOCK) {
        float first[HALF], second[HALF];
        for (int i = 0; i < HALF; i++) {
            float radius = sqrtf(-2.0f * block_log(1.0f - data[i])), sine, cosine;
            block_sincos((float)(2.0 * M_PI) * data[i + HALF], &sine, &cosine);
            first[i] = fmaf(radius * cosine, std, mean);
            second[i] = fmaf(radius * sine, std, mean);
        }
        for (int i = 0; i < HALF; i++) {
            data[i] = first[i];
            data[i + HALF] = second[i];
        }
    }
}
