#include "protocol/frame.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { FRAME_MAGIC = 0x53444C31, READ_SIZE = 64 << 10 };

struct prefix {
    uint32_t magic, kind;
    uint64_t cell;
    uint64_t header_length, blob_length;
};

void frame_release(struct frame *frame)
{
    json_decref(frame->header);
    mem_free(frame->blob);
    *frame = (struct frame){0};
}

static int append(const char *bytes, size_t length, void *out)
{
    strbuf_add(out, bytes, length);
    return ((struct strbuf *)out)->failed ? -1 : 0;
}

bool frame_write(struct strbuf *out, uint32_t kind, uint64_t cell, const json_t *header,
                 const void *blob, size_t length)
{
    struct prefix prefix = {FRAME_MAGIC, kind, cell, 0, length};
    size_t start = out->length, total;

    strbuf_add(out, &prefix, sizeof(prefix));
    if (header && json_dump_callback(header, append, out, JSON_COMPACT) != 0 && !out->failed) {
        error_set(ERROR_VALUE, "a message header that is no JSON");
        goto fail;
    }
    if (out->failed)
        goto fail;
    prefix.header_length = out->length - start - sizeof(prefix);
    total = prefix.header_length + length;
    if (length > FRAME_LARGEST || total > FRAME_LARGEST) {
        error_set(ERROR_VALUE, "a message of %zu bytes is too long (the limit is %zu)", total,
                  FRAME_LARGEST);
        goto fail;
    }
    strbuf_add(out, blob, length);
    if (out->failed)
        goto fail;
    memcpy(out->text + start, &prefix, sizeof(prefix));
    return true;

fail:
    strbuf_splice(out, start, out->length - start, "", 0);
    out->failed = false;
    return false;
}

void frame_reader_init(struct frame_reader *reader)
{
    *reader = (struct frame_reader){.buffer = STRBUF_INIT};
}

void frame_reader_release(struct frame_reader *reader)
{
    strbuf_release(&reader->buffer);
    frame_reader_init(reader);
}

bool frame_reader_add(struct frame_reader *reader, const void *bytes, size_t length)
{
    struct strbuf *b = &reader->buffer;

    if (reader->used) {
        strbuf_splice(b, 0, reader->used, "", 0);
        reader->used = 0;
    }
    strbuf_add(b, bytes, length);
    if (b->failed)
        reader->broken = true;
    return !b->failed;
}

enum frame_input frame_reader_fill(struct frame_reader *reader, int fd)
{
    char bytes[READ_SIZE];
    ssize_t length = read(fd, bytes, sizeof(bytes));

    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return FRAME_INPUT_NONE;
    if (length <= 0)
        return FRAME_INPUT_END;
    return frame_reader_add(reader, bytes, (size_t)length) ? FRAME_INPUT_SOME : FRAME_INPUT_END;
}

static bool prefix_check(const struct prefix *prefix)
{
    if (prefix->magic != FRAME_MAGIC) {
        error_set(ERROR_VALUE, "a message does not begin as one");
        return false;
    }
    if (prefix->header_length > FRAME_LARGEST || prefix->blob_length > FRAME_LARGEST ||
        prefix->header_length + prefix->blob_length > FRAME_LARGEST) {
        error_set(ERROR_VALUE, "a message is too long");
        return false;
    }
    return true;
}

static json_t *header_parse(const char *text, size_t length)
{
    json_error_t error;
    json_t *header = length ? json_loadb(text, length, JSON_ALLOW_NUL, &error) : json_object();

    if (header && json_is_object(header))
        return header;
    json_decref(header);
    return error_null(ERROR_VALUE, "a message whose header is no JSON object");
}

static bool frame_parse(struct frame *frame, const struct prefix *prefix, const char *body)
{
    *frame = (struct frame){.kind = prefix->kind, .cell = prefix->cell};
    frame->header = header_parse(body, prefix->header_length);
    if (!frame->header)
        return false;
    if (prefix->blob_length) {
        frame->blob = mem_strndup(body + prefix->header_length, prefix->blob_length);
        frame->blob_length = prefix->blob_length;
        if (!frame->blob)
            frame_release(frame);
    }
    return frame->header != NULL;
}

int frame_reader_next(struct frame_reader *reader, struct frame *frame)
{
    const char *start = reader->buffer.text + reader->used;
    size_t available = reader->buffer.length - reader->used, body;
    struct prefix prefix;

    if (reader->broken)
        return error_set(ERROR_VALUE, "the stream of messages is broken");
    if (available < sizeof(prefix))
        return 0;
    memcpy(&prefix, start, sizeof(prefix));
    if (!prefix_check(&prefix))
        goto fail;
    body = prefix.header_length + prefix.blob_length;
    if (available - sizeof(prefix) < body)
        return 0;
    if (!frame_parse(frame, &prefix, start + sizeof(prefix)))
        goto fail;
    reader->used += sizeof(prefix) + body;
    if (reader->used == reader->buffer.length) {
        strbuf_clear(&reader->buffer);
        reader->used = 0;
    }
    return 1;

fail:
    reader->broken = true;
    return -1;
}
