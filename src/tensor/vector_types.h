/*
 * vector_types.h: the vectors of this instruction set.
 *
 * Included by the kernel files alone, which are compiled once per instruction set with KERNEL_ISA.
 */
#ifndef SADDLE_TENSOR_VECTOR_TYPES_H
#define SADDLE_TENSOR_VECTOR_TYPES_H

#include <sleef.h>
#include <stdint.h>

#define ISA_baseline     1
#define ISA_avx2         2
#define ISA_avx512       3
#define ISA_PASTE_(a, b) a##b
#define ISA_PASTE(a, b)  ISA_PASTE_(a, b)
#define ISA_LEVEL        ISA_PASTE(ISA_, KERNEL_ISA)

#if ISA_LEVEL == ISA_avx512
enum { VECTOR_BYTES = 64 };
typedef __m512 vector_f32;
typedef __m512d vector_f64;
#elif ISA_LEVEL == ISA_avx2
enum { VECTOR_BYTES = 32 };
typedef __m256 vector_f32;
typedef __m256d vector_f64;
#elif defined(__x86_64__)
enum { VECTOR_BYTES = 16 };
typedef __m128 vector_f32;
typedef __m128d vector_f64;
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16 };
typedef float32x4_t vector_f32;
typedef float64x2_t vector_f64;
#else
#error "no vector form of the kernels for this processor"
#endif

#endif
