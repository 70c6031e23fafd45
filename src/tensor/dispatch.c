/* Chooses the kernels for the processor that this runs on. */
#include "tensor/kernels.h"

#include <stdlib.h>
#include <string.h>

struct kernel_table kernels;
static const char *chosen = NULL;
static int level;

typedef void any_fn(void);

/* Lays a table over what is there: where a wider instruction set has no kernel, the narrower
 * serves. */
static void overlay(any_fn **to, any_fn *const *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (from[i])
            to[i] = from[i];
    }
}

#define OVERLAY(table)                                                                             \
    overlay((any_fn **)kernels.table, (any_fn *const *)table,                                      \
            sizeof(kernels.table) / sizeof(any_fn *))

static void use_complex(const elementwise_table elementwise, const reduce_table reduce)
{
    OVERLAY(elementwise);
    OVERLAY(reduce);
}

static void use(const char *name, int isa_level, const elementwise_table elementwise,
                const reduce_table reduce, const place_table place, const softmax_table softmax,
                const softmax_columns_table softmax_columns, const recurrent_table recurrent)
{
    OVERLAY(elementwise);
    OVERLAY(reduce);
    OVERLAY(place);
    OVERLAY(softmax);
    OVERLAY(softmax_columns);
    OVERLAY(recurrent);
    chosen = name;
    level = isa_level;
}

#define USE(isa, level)                                                                            \
    use(#isa, level, elementwise_##isa, reduce_##isa, place_##isa, softmax_##isa,                  \
        softmax_columns_##isa, recurrent_##isa)

void kernels_choose(void)
{
    const char *wish = getenv("SADDLE_ISA");

    if (chosen)
        return;
    use_complex(elementwise_complex, reduce_complex);
    USE(baseline, 0);
    if (wish && strcmp(wish, "baseline") == 0)
        return;
#ifdef KERNELS_HAVE_AVX2
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return;
    USE(avx2, 1);
    if (wish && strcmp(wish, "avx2") == 0)
        return;
#endif
#ifdef KERNELS_HAVE_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        USE(avx512, 2);
#endif
}

const char *kernels_name(void)
{
    return chosen ? chosen : "none";
}

int kernels_level(void)
{
    return level;
}
