/*
 * autograd_samples.h: arguments to call every row of the table of operations with.
 *
 * A sample is a line of words, one for each argument from the first on; the rest take their
 * defaults:
 *
 *   f23        tensor of float64, shape (2, 3), elements spread over -1..1, no two equal
 *   p23        the same within 0.1..0.9; u23: within 1.5..2.5
 *   q23 c23    as p23 and u23, without a gradient
 *   s33        a matrix; the argument is its sum with its transpose, which is positive-definite
 *   l33        a matrix; the argument is its lower triangle
 *   z23        complex128, shape (2, 3), a function of its parts, a float64 tensor (2, 3, 2)
 *   h33        the same plus its transposed conjugate: Hermitian, positive-definite
 *   b23        bool
 *   i23:0,1,1,0,2,1   int64; j3:1,2,3   int32
 *   {f23,f3}   list of tensors, - in it for none
 *   [0,1]      int[], float[];   2 0.5  number;   T F  bool;   'text';   -  None;   @f64  dtype
 */
#ifndef SADDLE_TESTS_AUTOGRAD_SAMPLES_H
#define SADDLE_TESTS_AUTOGRAD_SAMPLES_H

#include "autograd/autograd.h"

struct sample {
    enum op_id id;
    const char *text;
};
extern const struct sample samples[];
extern const int sample_count;

enum { CALL_TENSORS = 48 };
struct call {
    const struct op *op;
    struct value args[OP_MAX_ARGS];
    struct tensor *inputs[CALL_TENSORS]; /* the float64 ones, with requires_grad */
    int input_count;
    uint32_t symmetric; /* bit i: argument i is to be symmetric */
    uint32_t lower;     /* bit i: argument i is to be lower triangular */
    uint32_t complex;   /* bit i: argument i holds the parts of complex numbers */
    struct tensor *owned[CALL_TENSORS];
    int owned_count;
    struct tensor *lists[4][8];
    int64_t ints[4][8];
    double floats[8];
    char texts[2][32];
    int list_count, ints_count, text_count;
};

/* `turned`: tensors of two dimensions and more lie transposed in memory. False: out of memory. */
bool call_init(struct call *call, const struct sample *sample, bool turned);
/* The arguments of the call, made from its inputs, in the pool. False: an error. */
bool call_arguments(const struct call *call, struct value *args);
/* Runs the row, also one that gives a list. The results are new references for results_release(),
 * NULL where an operation gives none. -1 on error, and then there is no result. */
int call_run(const struct op *op, const struct value *args, struct tensor_list *results);
void results_release(struct tensor_list *results);
void call_release(struct call *call);

#endif
