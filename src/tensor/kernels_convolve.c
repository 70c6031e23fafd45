/* The inner loops of convolutions for both types, compiled once per instruction set. */
#include "tensor/convolve_kernels.h"
#include "tensor/vector_math.h"

/* A product and its sum round once. */
#ifdef __clang__
#pragma clang fp contract(fast)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#pragma GCC optimize("fp-contract=fast")
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define INLINE static inline __attribute__((always_inline))

/* Sums that fit into the registers (32, else 16), beside what they are made of. */
#if ISA_LEVEL == ISA_avx512
enum { MAP_ROWS = 8, MAP_COLUMNS = 3, WEIGHT_ROWS = 4, WEIGHT_COLUMNS = 6 };
#else
enum { MAP_ROWS = 4, MAP_COLUMNS = 3, WEIGHT_ROWS = 4, WEIGHT_COLUMNS = 3 };
#endif

#define REAL    float
#define RULE(x) x##_f32
#include "tensor/convolve_tiles.inc"
#undef REAL
#undef RULE

#define REAL    double
#define RULE(x) x##_f64
#include "tensor/convolve_tiles.inc"

#define KERNELS(T, id)                                                                             \
    {                                                                                              \
        VECTOR_BYTES / sizeof(T), MAP_ROWS, run_map_##id, run_weight_##id                          \
    }
const struct convolve_kernels ISA_PASTE(convolve_kernels_, KERNEL_ISA)[2] = {KERNELS(float, f32),
                                                                             KERNELS(double, f64)};
