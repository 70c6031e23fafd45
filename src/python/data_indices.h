/*
 * data_indices.h: the whole numbers that a sampler yields, in C: one by one for Python, many at a
 * time for the DataLoader. Private to torch.utils.data.
 */
#ifndef SADDLE_PYTHON_DATA_INDICES_H
#define SADDLE_PYTHON_DATA_INDICES_H

#include "python/data_parts.h"

/* How a RandomSampler draws: `whole` times `chunk` numbers, then the first `rest` of another draw,
 * each from 0..population-1. As in PyTorch the last draw takes place even when it gives nothing. */
struct index_plan {
    int64_t population, chunk, whole, rest;
    bool replace;
};
enum { REPLACEMENT_CHUNK = 32 };

/* Each gives a new iterator. Those of samplers read self.generator, and draw at the first step. */
PyObject *index_iterator_range(int64_t end); /* 0 to end - 1 */
PyObject *index_iterator_random(PyObject *sampler,
                                int (*start)(PyObject *sampler, struct index_plan *plan));
PyObject *index_iterator_subset(PyObject *sampler);
PyObject *index_iterator_weighted(PyObject *sampler);

/* Whether an object is one of these and yields whole numbers alone (a subset's may be anything). */
bool index_iterator_check(PyObject *iterator);
/* The next numbers, at most `most`: how many there were, or -1. */
int64_t index_iterator_take(PyObject *iterator, int64_t *out, int64_t most);

int index_iterator_init(void);

#endif
