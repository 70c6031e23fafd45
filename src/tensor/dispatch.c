/* Chooses the kernels for the processor that this runs on. */
#include "tensor/kernels.h"

#include <stdlib.h>
#include <string.h>

struct kernel_table kernels;
static const char *chosen = NULL;

/* Lays a table over what is there: where a wider instruction set has no kernel, the narrower
 * serves. */
static void overlay(kernel_fn **to, kernel_fn *const *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (from[i])
            to[i] = from[i];
    }
}

static void use(const char *name, const elementwise_table elementwise, const reduce_table reduce,
                const reduce_table fold, const softmax_table softmax)
{
    overlay(&kernels.elementwise[0][0], &elementwise[0][0], (size_t)OP_COUNT * DTYPE_COUNT);
    overlay(&kernels.reduce[0][0], &reduce[0][0], (size_t)REDUCE_COUNT * DTYPE_COUNT);
    overlay(&kernels.fold[0][0], &fold[0][0], (size_t)REDUCE_COUNT * DTYPE_COUNT);
    overlay(&kernels.softmax[0][0], &softmax[0][0], (size_t)SOFTMAX_COUNT * DTYPE_COUNT);
    chosen = name;
}

#define USE(isa) use(#isa, elementwise_##isa, reduce_##isa, fold_##isa, softmax_##isa)

void kernels_choose(void)
{
    const char *wish = getenv("SADDLE_ISA");

    if (chosen)
        return;
    USE(baseline);
    if (wish && strcmp(wish, "baseline") == 0)
        return;
#ifdef KERNELS_HAVE_AVX2
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return;
    USE(avx2);
    if (wish && strcmp(wish, "avx2") == 0)
        return;
#endif
#ifdef KERNELS_HAVE_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        USE(avx512);
#endif
}

const char *kernels_name(void)
{
    return chosen ? chosen : "none";
}
