/*
 * attention.h: multi-head attention (Vaswani et al. 2017) in recorded operations.
 *
 * The projected queries, keys and values are split into heads; in each, a query's output is the
 * mean of the values, weighed by softmax(query @ key / sqrt(size) + mask) over the keys. The heads'
 * outputs side by side pass a last linear map.
 */
#ifndef SADDLE_AUTOGRAD_ATTENTION_H
#define SADDLE_AUTOGRAD_ATTENTION_H

#include "autograd/formula.h"

/* L queries and S keys of N sequences, of embedding size E; D is E / heads. What is optional may be
 * NULL. */
struct attention {
    struct tensor *query, *key, *value; /* (L, N, E), (S, N, Ek), (S, N, Ev) */
    struct tensor *in_weight;       /* (3 E, E) of queries, keys, values; NULL: the next three */
    struct tensor *weights[3];      /* (E, E), (E, Ek), (E, Ev) */
    struct tensor *in_bias;         /* (3 E), optional */
    struct tensor *bias_k, *bias_v; /* (1, 1, E), one more key and value; optional, both */
    struct tensor *out_weight, *out_bias; /* (E, E), (E) optional */
    struct tensor *static_k, *static_v;   /* (N heads, S, D) instead of what key and value give */
    struct tensor *padding;               /* (N, S): true where a key is none; optional */
    struct tensor *mask; /* (L, S) or (N heads, L, S): bool, true where no key may be seen, or what
                            is added before the softmax; optional */
    int64_t size, heads; /* E and how many parts it has */
    bool add_zero;       /* one more key and value of zeros */
    double dropout;
    bool average; /* give the weights' mean over the heads */
};

/* The output (L, N, E), in the pool; the weights (N, L, S), or (N, heads, L, S), in *weights unless
 * it is NULL. NULL on error. The shapes have been checked. */
struct tensor *d_attention(const struct attention *a, struct tensor **weights);

#endif
