/*
 * safetensors.h: the file format safetensors. Private to src/python.
 *
 *     8 bytes     the length of the header, little-endian
 *     header      JSON: {"__metadata__": {text: text}, NAME: {"dtype": "F32", "shape": [2, 3],
 *                 "data_offsets": [begin, end]}, ...}, filled up with spaces to a multiple of 8
 *     data        the tensors one after the other, contiguous, little-endian
 *
 * The parts lie back to back: every byte of the data belongs to one tensor.
 * Source: https://github.com/huggingface/safetensors, "Format".
 *
 * Functions that return int say 0, or -1 with a Python exception: SafetensorError for a file that
 * is not as above.
 */
#ifndef SADDLE_PYTHON_SAFETENSORS_H
#define SADDLE_PYTHON_SAFETENSORS_H

#include "base/vec.h"
#include "python/tensor_type.h"

#include <jansson.h>

/* A file in memory, and what its header says of each tensor, in the order of the data. */
struct safe_entry {
    const char *name; /* in the header */
    enum dtype dtype;
    int ndim;
    int64_t shape[TENSOR_MAX_DIMS];
    uint64_t begin, end; /* from the start of the data */
};
struct safe_file {
    PyObject *bytes;
    json_t *header;
    const char *data;
    VEC(struct safe_entry) entries;
};
/* `bytes` is kept until safe_release(), which also belongs after a failure. */
int safe_parse(struct safe_file *f, PyObject *bytes);
void safe_release(struct safe_file *f);
/* {text: text} of the header as a dict, or None. */
PyObject *safe_metadata(const struct safe_file *f);
/* A new tensor with the entry's values. */
PyObject *safe_tensor(const struct safe_file *f, const struct safe_entry *entry);

/* A dict of tensors and metadata (None or a dict of text) as the bytes of a file. */
PyObject *safe_bytes(PyObject *tensors, PyObject *metadata);

/* save_model(model, filename, metadata=None) and load_model(model, filename, strict=True),
 * functions of the module safetensors.torch. */
PyObject *safe_save_model(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *safe_load_model(PyObject *module, PyObject *args, PyObject *keywords);

extern PyObject *safetensor_error; /* SafetensorError */

#endif
