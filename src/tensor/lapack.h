/*
 * lapack.h: batches of matrices laid out for LAPACK, and its calls.
 *
 * LAPACK takes matrices column by column, so a (..., m, n) tensor is copied into a buffer of shape
 * (..., n, m) and results are the buffer seen with its last two dimensions swapped: as PyTorch does
 * it, which gives the same signs and the same digits.
 */
#ifndef SADDLE_TENSOR_LAPACK_H
#define SADDLE_TENSOR_LAPACK_H

#include "tensor/op.h"

#include <lapacke.h>

/* LAPACKE_sNAME, dNAME, cNAME or zNAME, as the type of the matrices `m` asks; pointers to elements
 * are void *. LAPACK_CALL2 is for a routine that has another name for complex numbers (syevd and
 * heevd), LAPACK_REAL for one that takes other arguments there. */
#define LAPACK_CALL(m, name, ...) LAPACK_CALL2(m, name, name, __VA_ARGS__)
#define LAPACK_CALL2(m, real_name, complex_name, ...)                                              \
    (!(m)->is_complex ? LAPACK_REAL(m, real_name, __VA_ARGS__)                                     \
     : (m)->single    ? LAPACKE_c##complex_name(LAPACK_COL_MAJOR, __VA_ARGS__)                     \
                      : LAPACKE_z##complex_name(LAPACK_COL_MAJOR, __VA_ARGS__))
#define LAPACK_REAL(m, name, ...)                                                                  \
    ((m)->single ? LAPACKE_s##name(LAPACK_COL_MAJOR, __VA_ARGS__)                                  \
                 : LAPACKE_d##name(LAPACK_COL_MAJOR, __VA_ARGS__))

/* What a (..., m, n) tensor is made of. */
struct matrices {
    bool single; /* float32 or complex64, else float64 or complex128 */
    bool is_complex;
    enum dtype part; /* of singular values, norms: that of the elements or of their parts */
    size_t size;     /* of an element */
    int64_t count;
    lapack_int rows, cols;
};

/* Describes t, refusing fewer than two dimensions, integers and what is too large for LAPACK;
 * `name` ("linalg.eigh") begins the message. matrices_square() refuses m != n as well. */
int matrices_of(const char *name, const struct tensor *t, struct matrices *m);
int matrices_square(const char *name, const struct tensor *t, struct matrices *m);

/* A buffer for matrices (rows, cols) behind the batch dimensions of `like`, content undefined. */
struct tensor *columns_new(const struct tensor *like, int64_t rows, int64_t cols);
/* The matrices of t in such a buffer. */
struct tensor *columns_of(const struct tensor *t);
/* Takes a buffer over (NULL stays NULL) and gives it as rows of columns. */
struct tensor *columns_turned(struct tensor *buffer);
/* Makes every matrix of a square buffer the unit matrix. */
void columns_unit(struct tensor *t);
/* A tensor of the batch dimensions of `like` (without its last two) and, unless -1, of `length`. */
struct tensor *batch_new(const struct tensor *like, enum dtype dtype, int64_t length);
/* Where matrix (or line, or number) `i` of `count` in a contiguous tensor begins. */
void *batch_at(const struct tensor *t, int64_t count, int64_t i);

/* Bracket calls of LAPACK; `work` is a count of multiplications: much of it lets others run. */
void *lapack_begin(double work);
void lapack_end(void *token);
/* "(Batch element 1): " into buf for a batch, "" for a single matrix. */
const char *batch_place(const struct tensor *t, int64_t i, char *buf, size_t size);

#endif
