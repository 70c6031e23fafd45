/*
 * frame.h: messages as bytes on a stream socket.
 *
 * A frame is a fixed prefix (magic, kind, cell, lengths), a JSON object and a blob. Both ends run
 * on one machine and are one binary, so numbers travel in native order. The reader trusts nothing:
 * lengths are bounded before memory is spent, and whatever is not a frame is an error.
 */
#ifndef SADDLE_PROTOCOL_FRAME_H
#define SADDLE_PROTOCOL_FRAME_H

#include "base/strbuf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Requests of messages.def; events are enum event_kind in client.h. The numbers do not overlap. */
enum request_kind {
    REQUEST_FIRST = 127,
#define REQUEST(NAME) REQUEST_##NAME,
#include "protocol/messages.def"
    REQUEST_END
};

/* Header and blob together; a longer frame is an error on either side. */
#define FRAME_LARGEST ((size_t)256 << 20)

struct frame {
    uint32_t kind;
    uint64_t cell;
    json_t *header; /* owned, always an object */
    char *blob;     /* owned, NUL-terminated after blob_length bytes; NULL without a blob */
    size_t blob_length;
};
void frame_release(struct frame *frame);

/* Appends a frame to `out`. `header` may be NULL (an empty object), `blob` NULL when length is 0.
 * On failure (ERROR_VALUE: too long, ERROR_MEMORY) `out` is as before. */
bool frame_write(struct strbuf *out, uint32_t kind, uint64_t cell, const json_t *header,
                 const void *blob, size_t length);

struct frame_reader {
    struct strbuf buffer;
    size_t used; /* bytes of `buffer` that frame_reader_next() has handed out */
    bool broken;
};
void frame_reader_init(struct frame_reader *reader);
void frame_reader_release(struct frame_reader *reader);
/* Adds bytes that have arrived. false with ERROR_MEMORY. */
bool frame_reader_add(struct frame_reader *reader, const void *bytes, size_t length);

enum frame_input { FRAME_INPUT_SOME, FRAME_INPUT_NONE, FRAME_INPUT_END };
/* Reads once from `fd`. NONE: nothing there now (a signal counts); END: closed or failed. */
enum frame_input frame_reader_fill(struct frame_reader *reader, int fd);

/* 1: `frame` is the next one. 0: more bytes are needed. -1: the bytes are no frame (ERROR_VALUE)
 * or there is no memory; a stream cannot be picked up again after that, every later call fails. */
int frame_reader_next(struct frame_reader *reader, struct frame *frame);

#endif
