/*
 * unpickle_parts.h: what the files of the machine for pickles (unpickle.h) share.
 *
 * Functions that return bool or a pointer say false or NULL with a Python exception.
 */
#ifndef SADDLE_PYTHON_UNPICKLE_PARTS_H
#define SADDLE_PYTHON_UNPICKLE_PARTS_H

#include "python/unpickle.h"

struct opcode {
    bool (*run)(struct unpickler *u, int which); /* NULL: there is no such opcode */
    int which;
};
extern const struct opcode unpickle_data_opcodes[256];

/* ---- bytes behind the opcode ---- */

const unsigned char *unpickle_take(struct unpickler *u, uint64_t count);
bool unpickle_number(struct unpickler *u, int width, uint64_t *out);
/* A block of bytes behind its own length, a number of `width` bytes. */
const char *unpickle_block(struct unpickler *u, int width, Py_ssize_t *length);
/* A line without its end. */
const char *unpickle_line(struct unpickler *u, Py_ssize_t *length);

/* ---- the stack ---- */

/* Takes the object over; NULL passes its exception on. */
bool unpickle_push(struct unpickler *u, PyObject *object);
/* Where the objects since the last mark begin. */
size_t unpickle_floor(const struct unpickler *u);
/* Whether that many stand there. */
bool unpickle_need(struct unpickler *u, size_t count);
/* The last one, with its reference; borrowed. Only after unpickle_need(). */
PyObject *unpickle_pop(struct unpickler *u);
PyObject *unpickle_top(struct unpickler *u);
void unpickle_drop(struct unpickler *u, size_t down_to);
/* Forgets the last mark and says where it was. */
bool unpickle_pop_mark(struct unpickler *u, size_t *from);
/* The objects from `from` on, off the stack and in a tuple or a list. */
PyObject *unpickle_pop_tuple(struct unpickler *u, size_t from);
PyObject *unpickle_pop_list(struct unpickler *u, size_t from);

#endif
