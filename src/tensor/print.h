/*
 * print.h: a tensor as PyTorch prints it, character for character.
 */
#ifndef SADDLE_TENSOR_PRINT_H
#define SADDLE_TENSOR_PRINT_H

#include "base/strbuf.h"
#include "tensor/tensor.h"

/* As torch.set_printoptions(). */
struct print_options {
    int precision, edgeitems, linewidth;
    int64_t threshold;
    int sci_mode; /* 0 never, 1 always, -1 PyTorch's rule */
};
extern struct print_options print_options;

/* "tensor([[1., 2.],\n        [3., 4.]])" with dtype suffix where PyTorch writes one. `suffix` is
 * appended as a further argument ("requires_grad=True", "grad_fn=<AddBackward0>") or NULL; `name`
 * is what stands before the bracket ("tensor"); `indent` is the column at which the text starts. */
int tensor_print(const struct tensor *t, const char *name, const char *suffix, int indent,
                 struct strbuf *out);

/* A Python float as repr() writes it: the shortest digits that read back the same. */
void print_double(double value, struct strbuf *out);

#endif
