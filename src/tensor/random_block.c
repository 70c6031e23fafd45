#include "tensor/random_block.h"

#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

enum { HALF = NORMAL_BLOCK / 2 };

static void turn_floats(float *data, int64_t blocks, float mean, float std)
{
#ifdef KERNELS_HAVE_AVX512
    if (strcmp(kernels_name(), "avx512") == 0) {
        normal_turn_avx512(data, blocks, mean, std);
        return;
    }
#endif
#ifdef KERNELS_HAVE_AVX2
    if (strcmp(kernels_name(), "avx2") == 0) {
        normal_turn_avx2(data, blocks, mean, std);
        return;
    }
#endif
    normal_turn_baseline(data, blocks, mean, std);
}

static void turn_doubles(double *data, int64_t blocks, double mean, double std)
{
    for (; blocks > 0; blocks--, data += NORMAL_BLOCK) {
        for (int i = 0; i < HALF; i++) {
            double radius = sqrt(-2.0 * log(1.0 - data[i])), theta = 2.0 * M_PI * data[i + HALF];
            data[i] = fma(radius * cos(theta), std, mean);
            data[i + HALF] = fma(radius * sin(theta), std, mean);
        }
    }
}

void normal_blocks_float(float *data, int64_t count, float mean, float std, struct generator *g)
{
    generator_floats(g, data, count);
    turn_floats(data, count / NORMAL_BLOCK, mean, std);
    if (count % NORMAL_BLOCK == 0)
        return;
    data += count - NORMAL_BLOCK;
    generator_floats(g, data, NORMAL_BLOCK);
    turn_floats(data, 1, mean, std);
}

void normal_blocks_double(double *data, int64_t count, double mean, double std, struct generator *g)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = generator_double(g);
    turn_doubles(data, count / NORMAL_BLOCK, mean, std);
    if (count % NORMAL_BLOCK == 0)
        return;
    data += count - NORMAL_BLOCK;
    for (int i = 0; i < NORMAL_BLOCK; i++)
        data[i] = generator_double(g);
    turn_doubles(data, 1, mean, std);
}
