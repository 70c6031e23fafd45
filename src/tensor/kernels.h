/*
 * kernels.h: the inner loops, one table per instruction set, one table chosen at start.
 *
 * A kernel works on `n` elements of each operand: ptr[0] is the output, ptr[1..] the inputs, stride
 * their steps in bytes. `params` are the numbers that an operation takes beside its tensors.
 * Kernels never fail, allocate or look at tensors.
 */
#ifndef SADDLE_TENSOR_KERNELS_H
#define SADDLE_TENSOR_KERNELS_H

#include "tensor/dtype.h"
#include "tensor/op.h"
#include "tensor/recurrent.h"

enum softmax { SOFTMAX_PLAIN, SOFTMAX_LOG, SOFTMAX_COUNT };
enum reduction { REDUCE_SUM, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN, REDUCE_COUNT };

typedef void kernel_fn(int64_t n, char *const *ptr, const int64_t *stride,
                       const struct scalar *params);

typedef kernel_fn *elementwise_table[OP_COUNT][DTYPE_COUNT];

/* Kernels of BINARY_LIGHT rows for results that iter_is_past_cache() tells of; OP_COUNT ends their
 * list. */
struct past_kernel {
    enum op_id op;
    enum dtype dtype;
    kernel_fn *kernel;
};

/* `results` results, each of `count` elements. Steps are bytes: `in_step` between the elements of a
 * result, `next_step` between those of neighbouring results, `out_step` between the results. */
struct reduce_loop {
    int64_t count, results, in_step, next_step, out_step;
    bool shared; /* there is one long line: threads may share it */
};
/* Joins what it finds to the results that are at `out`. Elements and results have one type. */
typedef void reduce_fn(const struct reduce_loop *loop, char *out, const char *in);
typedef reduce_fn *reduce_table[REDUCE_COUNT][DTYPE_COUNT];
/* Extremes with their places: at `out` what is there is not joined but overwritten, at `places` are
 * as many elements, as far apart. Only for REDUCE_MAX and REDUCE_MIN, and lines that are not empty.
 */
typedef void place_fn(const struct reduce_loop *loop, char *out, int64_t *places, const char *in);
typedef place_fn *place_table[REDUCE_COUNT][DTYPE_COUNT];
typedef kernel_fn *softmax_table[SOFTMAX_COUNT][DTYPE_COUNT];
/* Forward and back. */
typedef kernel_fn *recurrent_table[2][CELL_COUNT][DTYPE_COUNT];

/* At most SOFTMAX_COLUMNS columns that are neighbours, of `rows` elements each; steps in bytes. */
enum { SOFTMAX_COLUMNS = 512 };
struct softmax_columns {
    int64_t columns, rows, row_step, out_step;
};
typedef void softmax_columns_fn(const struct softmax_columns *c, char *out, const char *in);
typedef softmax_columns_fn *softmax_columns_table[SOFTMAX_COUNT][DTYPE_COUNT];
/* Their gradients, from that of the result and from the result. Of a row: ptr[1] and ptr[2]. Of
 * columns: the steps of all three are row_step. */
typedef void softmax_columns_back_fn(const struct softmax_columns *c, char *out, const char *grad,
                                     const char *result);
struct softmax_back {
    softmax_table row;
    softmax_columns_back_fn *columns[SOFTMAX_COUNT][DTYPE_COUNT];
};
extern const struct softmax_back softmax_back_baseline, softmax_back_avx2, softmax_back_avx512;

struct kernel_table {
    elementwise_table elementwise;
    reduce_table reduce;
    place_table place;
    /* One contiguous row of n >= 1 elements; ptr[0] and ptr[1] are not the same. */
    softmax_table softmax;
    softmax_columns_table softmax_columns;
    /*
     * One contiguous row of a recurrent cell (recurrent.h) of hidden size n.
     * Forward: ptr[0] the row of the reserve, whose gates hold what the input gave; ptr[1] what the
     * state gave; ptr[2] the sum of both biases (GRU: all four parts, that of W_hn last); ptr[3] h
     * and ptr[4] c, which change.
     * Back: ptr[0] the row of the reserve; ptr[1] the gradient of the sum, to be filled, and
     * ptr[2], of GRU, that of the state's part of it; ptr[3] the gradient of h from later steps
     * (GRU leaves there what goes to the h before directly) and ptr[4] from the output; ptr[5] c
     * before (GRU: h before); ptr[6] the gradient of c, which changes.
     */
    recurrent_table recurrent;
};

/* The kernels for this processor; kernels_choose() fills the table once. SADDLE_ISA=baseline or
 * avx2 in the environment keeps to a lower instruction set (for tests). */
extern struct kernel_table kernels;
void kernels_choose(void);
/* "baseline", "avx2" or "avx512". */
const char *kernels_name(void);
/* The same as a number, from 0 on. */
int kernels_level(void);

/* Of NAME_baseline, NAME_avx2 and NAME_avx512, things that files compiled once per instruction set
 * define apart from the table above, the one that goes with it. */
#ifdef KERNELS_HAVE_AVX512
#define KERNELS_PICK(name)                                                                         \
    (kernels_level() == 2 ? &name##_avx512 : kernels_level() == 1 ? &name##_avx2 : &name##_baseline)
#elif defined(KERNELS_HAVE_AVX2)
#define KERNELS_PICK(name) (kernels_level() == 1 ? &name##_avx2 : &name##_baseline)
#else
#define KERNELS_PICK(name) (&name##_baseline)
#endif

/* What the files compiled once per instruction set define. */
#define KERNEL_TABLES(isa)                                                                         \
    extern const elementwise_table elementwise_##isa;                                              \
    extern const struct past_kernel past_cache_##isa[];                                            \
    extern const reduce_table reduce_##isa;                                                        \
    extern const place_table place_##isa;                                                          \
    extern const softmax_table softmax_##isa;                                                      \
    extern const softmax_columns_table softmax_columns_##isa;                                      \
    extern const recurrent_table recurrent_##isa;
KERNEL_TABLES(baseline)
KERNEL_TABLES(avx2)
KERNEL_TABLES(avx512)
/* The kernels of complex.c, which need no wider instructions. */
extern const elementwise_table elementwise_complex;
extern const reduce_table reduce_complex;

#endif
