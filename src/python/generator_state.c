/*
 * A generator's state as a tensor of bytes, in the form of PyTorch's CPU generator, so that a state
 * saved by either is taken by the other: what its class kept when it was written in C, and behind
 * it the second number of a pair of normal floats.
 */
#include "python/tensor_type.h"
#include "python/types.h"

#include <string.h>

struct state {
    uint64_t seed;
    int32_t left, seeded;
    uint64_t next;
    uint64_t state[MT_N]; /* 32 bits of each are used */
    double unused_x, next_double, unused_rho;
    int32_t has_next_double, padding;
    float next_float;
    uint32_t has_next_float; /* one byte in PyTorch, whose other three are nothing */
};
_Static_assert(sizeof(struct state) == 5056, "PyTorch's size");

PyObject *generator_state(const struct generator *g)
{
    struct state s = {.seed = g->seed,
                      .left = g->left,
                      .seeded = 1,
                      .next = (uint64_t)g->next,
                      .next_double = g->next_double,
                      .has_next_double = g->has_next_double,
                      .next_float = g->next_float,
                      .has_next_float = g->has_next_float};
    int64_t size = sizeof(s);
    struct tensor *t = tensor_new(DTYPE_u8, 1, &size);

    for (int i = 0; i < MT_N; i++)
        s.state[i] = g->state[i];
    if (t)
        memcpy(tensor_data(t), &s, sizeof(s));
    return tensor_wrap(t);
}

int generator_set_state(struct generator *g, PyObject *bytes)
{
    struct state s;

    if (!tensor_check(bytes) || tensor_of(bytes)->dtype != DTYPE_u8) {
        PyErr_SetString(PyExc_TypeError, "RNG state must be a torch.ByteTensor");
        return -1;
    }
    if (tensor_of(bytes)->numel != (int64_t)sizeof(s) || !tensor_is_contiguous(tensor_of(bytes))) {
        PyErr_SetString(PyExc_RuntimeError, "RNG state is wrong size");
        return -1;
    }
    memcpy(&s, tensor_data(tensor_of(bytes)), sizeof(s));
    if (s.left < 0 || s.left > MT_N || s.next > MT_N) {
        PyErr_SetString(PyExc_RuntimeError, "Invalid mt19937 state");
        return -1;
    }
    g->seed = s.seed;
    g->left = s.left;
    g->next = (int)s.next;
    for (int i = 0; i < MT_N; i++)
        g->state[i] = (uint32_t)s.state[i];
    g->has_next_double = s.has_next_double != 0;
    g->next_double = s.next_double;
    g->has_next_float = (s.has_next_float & 0xff) != 0;
    g->next_float = s.next_float;
    return 0;
}
