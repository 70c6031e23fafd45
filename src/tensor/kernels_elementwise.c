/*
 * The elementwise kernels: every UNARY, BINARY and TERNARY row of ops.def for every type its rule
 * allows. Compiled once per instruction set; the wider sets hold the floating-point types alone,
 * dispatch.c takes the rest from the baseline.
 */
#include "tensor/gelu_math.h"
#include "tensor/kernels.h"
#include "tensor/special_math.h"
#include "tensor/vector_math.h"

#include <string.h>

/* One expression serves bool, unsigned and signed types: some comparisons are then always true. */
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wbool-compare"
#pragma GCC diagnostic ignored "-Wbool-operation"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#pragma GCC diagnostic ignored "-Wtautological-compare"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wbitwise-instead-of-logical"

#define PARAM(T, k) (params[k].kind >= SCALAR_FLOAT ? (T)params[k].d : (T)params[k].i)
#define p(k)        p##k

#define AT(T, k, step) (*(const T *)(at##k + i * (step)))

/* The loops: R is the type of the result, T that of the computation. Contiguous operands and a
 * scalar second operand (stride 0) have loops that the compiler turns into vector code. It does so
 * only when the addresses stand in variables: a store through them could change ptr itself. */
#define KERNEL_BEGIN(name, id, T)                                                                  \
    static void name##_##id(int64_t n, char *const *ptr, const int64_t *stride,                    \
                            const struct scalar *params)                                           \
    {                                                                                              \
        const T p0 = PARAM(T, 0), p1 = PARAM(T, 1);                                                \
        const int64_t s0 = stride[0], s1 = stride[1];                                              \
        char *const at0 = ptr[0], *const at1 = ptr[1];

#define SPAN(R, expr, begin, end, to, ...)                                                         \
    _Pragma("GCC ivdep") for (int64_t i = (begin); i < (end); i++)                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
        *(R *)(to) = (R)(expr);                                                                    \
    }

#define LOOP(R, expr, step0, ...) SPAN(R, expr, 0, n, at0 + i * (step0), __VA_ARGS__)

/* The same for contiguous results that no cache holds, written past it: a processor reads each line
 * of memory that it is to write a part of, a third of what an addition waits for. */
#ifdef __SSE2__
#define PAST_LOOP(R, expr, step0, ...)                                                             \
    {                                                                                              \
        enum { SIZE = sizeof(R), LINE = 64, PIECE = 4 * LINE / SIZE };                             \
        const int64_t ahead = (int64_t)(-(uintptr_t)at0 % LINE / SIZE);                            \
        int64_t at = ahead < n ? ahead : n;                                                        \
        SPAN(R, expr, 0, at, at0 + i * SIZE, __VA_ARGS__)                                          \
        for (; at + PIECE <= n; at += PIECE) {                                                     \
            R piece[PIECE] __attribute__((aligned(LINE)));                                         \
            SPAN(R, expr, at, at + PIECE, piece + (i - at), __VA_ARGS__)                           \
            send_past_cache(at0 + at * SIZE, (const char *)piece, sizeof(piece));                  \
        }                                                                                          \
        SPAN(R, expr, at, n, at0 + i * SIZE, __VA_ARGS__)                                          \
        _mm_sfence();                                                                              \
    }

static inline void send_past_cache(char *to, const char *piece, size_t size)
{
    for (size_t i = 0; i < size; i += sizeof(__m128i))
        _mm_stream_si128((__m128i *)(to + i), *(const __m128i *)(piece + i));
}
#endif

#define UNARY_LOOPS(R, T, expr)                                                                    \
    if (s0 == sizeof(R) && s1 == sizeof(T))                                                        \
        LOOP(R, expr, (int64_t)sizeof(R), const T x = AT(T, 1, (int64_t)sizeof(T));)               \
    else                                                                                           \
        LOOP(R, expr, s0, const T x = AT(T, 1, s1);)

#define BINARY_LOOPS(LOOP, R, T, expr)                                                             \
    const char *const at2 = ptr[2];                                                                \
    const int64_t s2 = stride[2];                                                                  \
    if (s0 == sizeof(R) && s1 == sizeof(T) && s2 == sizeof(T))                                     \
        LOOP(R, expr, (int64_t)sizeof(R), const T x = AT(T, 1, (int64_t)sizeof(T));                \
             const T y = AT(T, 2, (int64_t)sizeof(T));)                                            \
    else if (s0 == sizeof(R) && s1 == sizeof(T) && s2 == 0) {                                      \
        const T y = *(const T *)at2;                                                               \
        LOOP(R, expr, (int64_t)sizeof(R), const T x = AT(T, 1, (int64_t)sizeof(T));)               \
    } else if (s0 == sizeof(R) && s1 == 2 * sizeof(T) && s2 == 2 * sizeof(T))                      \
        LOOP(R, expr, (int64_t)sizeof(R), const T x = AT(T, 1, 2 * (int64_t)sizeof(T));            \
             const T y = AT(T, 2, 2 * (int64_t)sizeof(T));)                                        \
    else                                                                                           \
        LOOP(R, expr, s0, const T x = AT(T, 1, s1); const T y = AT(T, 2, s2);)

#define TERNARY_LOOPS(R, T, expr)                                                                  \
    const int64_t s2 = stride[2], s3 = stride[3];                                                  \
    const char *const at2 = ptr[2], *const at3 = ptr[3];                                           \
    if (s0 == sizeof(R) && s1 == sizeof(T) && s2 == sizeof(T) && s3 == sizeof(T))                  \
        LOOP(R, expr, (int64_t)sizeof(R), const T x = AT(T, 1, (int64_t)sizeof(T));                \
             const T y = AT(T, 2, (int64_t)sizeof(T)); const T z = AT(T, 3, (int64_t)sizeof(T));)  \
    else                                                                                           \
        LOOP(R, expr, s0, const T x = AT(T, 1, s1); const T y = AT(T, 2, s2);                      \
             const T z = AT(T, 3, s3);)

/* Vector by vector, the last one a part: the same digits whatever the length. */
#define VECTOR_UNARY(id, T, expr)                                                                  \
    if (s0 == sizeof(T) && s1 == sizeof(T)) {                                                      \
        for (int64_t i = 0; i < n; i += VECTOR_BYTES / (int64_t)sizeof(T)) {                       \
            const vector_##id x = vector_load_##id((const T *)at1 + i, n - i);                     \
            vector_store_##id((T *)at0 + i, (expr), n - i);                                        \
        }                                                                                          \
        return;                                                                                    \
    }
#define VECTOR_BINARY(id, T, expr)                                                                 \
    const char *const at2 = ptr[2];                                                                \
    if (s0 == sizeof(T) && s1 == sizeof(T) && stride[2] == sizeof(T)) {                            \
        for (int64_t i = 0; i < n; i += VECTOR_BYTES / (int64_t)sizeof(T)) {                       \
            const vector_##id x = vector_load_##id((const T *)at1 + i, n - i);                     \
            const vector_##id y = vector_load_##id((const T *)at2 + i, n - i);                     \
            vector_store_##id((T *)at0 + i, (expr), n - i);                                        \
        }                                                                                          \
        return;                                                                                    \
    }

/* Which types a rule computes in, by instruction set. */
#define FLOATS(K, ...) K(f32, float, __VA_ARGS__) K(f64, double, __VA_ARGS__)
#if ISA_LEVEL == ISA_baseline
#define INTS(K, ...)                                                                               \
    K(u8, uint8_t, __VA_ARGS__)                                                                    \
    K(i8, int8_t, __VA_ARGS__)                                                                     \
    K(i16, int16_t, __VA_ARGS__) K(i32, int32_t, __VA_ARGS__) K(i64, int64_t, __VA_ARGS__)
#define BOOLS(K, ...) K(b8, bool, __VA_ARGS__)
#else
#define INTS(K, ...)
#define BOOLS(K, ...)
#endif
#define TYPES_FLOAT(K, ...)      FLOATS(K, __VA_ARGS__)
#define TYPES_ONLY_FLOAT(K, ...) FLOATS(K, __VA_ARGS__)
#define TYPES_NUMBER(K, ...)     FLOATS(K, __VA_ARGS__) INTS(K, __VA_ARGS__)
#define TYPES_ANY(K, ...)        FLOATS(K, __VA_ARGS__) INTS(K, __VA_ARGS__) BOOLS(K, __VA_ARGS__)
#define TYPES_INTEGER(K, ...)    INTS(K, __VA_ARGS__) BOOLS(K, __VA_ARGS__)
#define TYPES_COMPARE(K, ...)    TYPES_ANY(K, __VA_ARGS__)

#define RESULT_FLOAT(T)      T
#define RESULT_ONLY_FLOAT(T) T
#define RESULT_NUMBER(T)     T
#define RESULT_ANY(T)        T
#define RESULT_INTEGER(T)    T
#define RESULT_COMPARE(T)    bool

/* A row's flags hold OP_MATH or not; only then may its expression meet a vector. The choice is made
 * by pasting, since the expression of another row would not compile for vectors. */
#define UNARY_KERNEL(id, T, name, rule, expr)                                                      \
    KERNEL_BEGIN(name, id, T)                                                                      \
    UNARY_LOOPS(RESULT_##rule(T), T, expr)                                                         \
    }
#define UNARY_MATH_KERNEL(id, T, name, rule, expr)                                                 \
    KERNEL_BEGIN(name, id, T)                                                                      \
    VECTOR_UNARY(id, T, expr)                                                                      \
    LOOP(T, expr, s0, const T x = AT(T, 1, s1);)                                                   \
    }
#define BINARY_KERNEL(id, T, name, rule, expr)                                                     \
    KERNEL_BEGIN(name, id, T)                                                                      \
    BINARY_LOOPS(LOOP, RESULT_##rule(T), T, expr)                                                  \
    }
#define BINARY_PAST_KERNEL(id, T, name, rule, expr)                                                \
    KERNEL_BEGIN(name##_past, id, T)                                                               \
    BINARY_LOOPS(PAST_LOOP, RESULT_##rule(T), T, expr)                                             \
    }
#define BINARY_MATH_KERNEL(id, T, name, rule, expr)                                                \
    KERNEL_BEGIN(name, id, T)                                                                      \
    VECTOR_BINARY(id, T, expr)                                                                     \
    LOOP(T, expr, s0, const T x = AT(T, 1, s1); const T y = AT(T, 2, stride[2]);)                  \
    }
#define TERNARY_KERNEL(id, T, name, rule, expr)                                                    \
    KERNEL_BEGIN(name, id, T)                                                                      \
    TERNARY_LOOPS(RESULT_##rule(T), T, expr)                                                       \
    }

#define UNARY(name, params, rule, expr, saves, dself, flags, help)                                 \
    TYPES_##rule(UNARY_KERNEL, name, rule, expr)
#define UNARY_MATH(name, params, rule, expr, saves, dself, flags, help)                            \
    TYPES_##rule(UNARY_MATH_KERNEL, name, rule, expr)
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)                        \
    TYPES_##rule(BINARY_KERNEL, name, rule, expr)
#define BINARY_MATH(name, params, rule, expr, saves, dself, dother, flags, help)                   \
    TYPES_##rule(BINARY_MATH_KERNEL, name, rule, expr)
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help)                          \
    TYPES_##rule(TERNARY_KERNEL, name, rule, expr)
#include "tensor/ops.def"

#ifdef __SSE2__
#define BINARY_LIGHT(name, params, rule, expr, saves, dself, dother, flags, help)                  \
    FLOATS(BINARY_PAST_KERNEL, name, rule, expr)
#include "tensor/ops.def"
#endif

#define ENTRY(id, T, name, ...)                                         [OP_##name][DTYPE_##id] = name##_##id,
#define UNARY(name, params, rule, expr, saves, dself, flags, help)      TYPES_##rule(ENTRY, name)
#define UNARY_MATH(name, params, rule, expr, saves, dself, flags, help) TYPES_##rule(ENTRY, name)
#define BINARY(name, params, rule, expr, saves, dself, dother, flags, help)                        \
    TYPES_##rule(ENTRY, name)
#define BINARY_MATH(name, params, rule, expr, saves, dself, dother, flags, help)                   \
    TYPES_##rule(ENTRY, name)
#define TERNARY(name, params, rule, expr, saves, d0, d1, d2, flags, help) TYPES_##rule(ENTRY, name)

#define TABLE ISA_PASTE(elementwise_, KERNEL_ISA)
const elementwise_table TABLE = {
#include "tensor/ops.def"
};

#define PAST_LIST ISA_PASTE(past_cache_, KERNEL_ISA)
const struct past_kernel PAST_LIST[] = {
#ifdef __SSE2__
#define PAST_ENTRY(id, T, name, ...) {OP_##name, DTYPE_##id, name##_past_##id},
#define BINARY_LIGHT(name, params, rule, expr, saves, dself, dother, flags, help)                  \
    FLOATS(PAST_ENTRY, name)
#include "tensor/ops.def"
#endif
    {OP_COUNT, DTYPE_NONE, NULL},
};
