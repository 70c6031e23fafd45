#include "protocol/client.h"
#include "protocol/frame.h"

#include "base/error.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The prefix as it travels, written down here a second time on purpose. */
struct wire {
    uint32_t magic, kind;
    uint64_t cell, header_length, blob_length;
};
enum { MAGIC = 0x53444C31 };

static void add_wire(struct strbuf *out, struct wire wire, const char *body, size_t length)
{
    strbuf_add(out, &wire, sizeof(wire));
    strbuf_add(out, body, length);
}

static struct strbuf sample(void)
{
    struct strbuf bytes = STRBUF_INIT;
    json_t *header = json_pack("{ss,si}", "name", "\xc3\xa9", "line", 3);

    cr_assert(frame_write(&bytes, EVENT_ERROR, 77, header, "a\0b", 3));
    cr_assert(frame_write(&bytes, EVENT_IDLE, 78, NULL, NULL, 0));
    json_decref(header);
    return bytes;
}

static void check_first(const struct frame *frame)
{
    cr_expect_eq(frame->kind, EVENT_ERROR);
    cr_expect_eq(frame->cell, 77);
    cr_expect_str_eq(json_string_value(json_object_get(frame->header, "name")), "\xc3\xa9");
    cr_expect_eq(json_integer_value(json_object_get(frame->header, "line")), 3);
    cr_expect_eq(frame->blob_length, 3);
    cr_expect_eq(memcmp(frame->blob, "a\0b", 4), 0);
}

Test(protocol_frame, requests_and_events_do_not_share_numbers)
{
    cr_expect_lt((int)EVENT_KIND_COUNT, (int)REQUEST_FIRST);
    cr_expect_eq((int)EVENT_READY, 0);
}

/* However the bytes are cut, the same two frames come out. */
Test(protocol_frame, round_trip_in_pieces)
{
    struct strbuf bytes = sample();

    for (size_t piece = 1; piece <= bytes.length; piece++) {
        struct frame_reader reader;
        struct frame frames[3];
        int count = 0, got = 0;
        frame_reader_init(&reader);
        for (size_t at = 0; at < bytes.length; at += piece) {
            size_t length = bytes.length - at < piece ? bytes.length - at : piece;
            cr_assert(frame_reader_add(&reader, bytes.text + at, length));
            while (count < 3 && (got = frame_reader_next(&reader, &frames[count])) > 0)
                count++;
            cr_assert_eq(got, 0);
        }
        cr_assert_eq(count, 2);
        check_first(&frames[0]);
        cr_expect_eq(frames[1].kind, EVENT_IDLE);
        cr_expect_null(frames[1].blob);
        cr_expect(json_is_object(frames[1].header));
        frame_release(&frames[0]);
        frame_release(&frames[1]);
        frame_reader_release(&reader);
    }
    strbuf_release(&bytes);
}

Test(protocol_frame, truncated_frames_only_wait)
{
    struct strbuf bytes = sample();

    for (size_t length = 0; length < bytes.length; length++) {
        struct frame_reader reader;
        struct frame frame;
        int got;
        frame_reader_init(&reader);
        frame_reader_add(&reader, bytes.text, length);
        while ((got = frame_reader_next(&reader, &frame)) > 0)
            frame_release(&frame);
        cr_expect_eq(got, 0);
        cr_expect(!error_pending());
        frame_reader_release(&reader);
    }
    strbuf_release(&bytes);
}

static void expect_broken(struct strbuf *bytes)
{
    struct frame_reader reader;
    struct frame frame;

    frame_reader_init(&reader);
    frame_reader_add(&reader, bytes->text, bytes->length);
    cr_expect_eq(frame_reader_next(&reader, &frame), -1);
    cr_expect_eq(error_kind(), ERROR_VALUE, "%s", error_message());
    error_clear();
    cr_expect_eq(frame_reader_next(&reader, &frame), -1, "a broken stream stays broken");
    error_clear();
    frame_reader_release(&reader);
    strbuf_clear(bytes);
}

Test(protocol_frame, malformed_frames_are_errors)
{
    static const char *const headers[] = {"[1]", "3", "{\"a\":", "{\"a\":\"\xff\"}", "\0\0", "{}x"};
    struct strbuf bytes = STRBUF_INIT;

    strbuf_adds(&bytes, "GET / HTTP/1.1\r\nHost: example\r\n\r\n");
    expect_broken(&bytes);
    add_wire(&bytes, (struct wire){MAGIC + 1, 0, 0, 0, 0}, "", 0);
    expect_broken(&bytes);
    add_wire(&bytes, (struct wire){MAGIC, 0, 0, FRAME_LARGEST + 1, 0}, "", 0);
    expect_broken(&bytes);
    add_wire(&bytes, (struct wire){MAGIC, 0, 0, 0, FRAME_LARGEST + 1}, "", 0);
    expect_broken(&bytes);
    add_wire(&bytes, (struct wire){MAGIC, 0, 0, FRAME_LARGEST, FRAME_LARGEST}, "", 0);
    expect_broken(&bytes);
    add_wire(&bytes, (struct wire){MAGIC, 0, 0, UINT64_MAX, 2}, "", 0); /* a sum that wraps */
    expect_broken(&bytes);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        size_t length = headers[i][0] ? strlen(headers[i]) : 2;
        add_wire(&bytes, (struct wire){MAGIC, 0, 0, length, 0}, headers[i], length);
        expect_broken(&bytes);
    }
    strbuf_pad(&bytes, '[', 100000); /* deeper than any honest header */
    strbuf_splice(&bytes, 0, 0, &(struct wire){MAGIC, 0, 0, 100000, 0}, sizeof(struct wire));
    expect_broken(&bytes);
    strbuf_release(&bytes);
}

/* Random bytes, and a good frame with one byte changed: never a crash. */
Test(protocol_frame, noise)
{
    struct strbuf good = sample();
    uint32_t state = 1;

    for (int round = 0; round < 20000; round++) {
        struct frame_reader reader;
        struct frame frame;
        char bytes[256];
        size_t length = good.length;
        memcpy(bytes, good.text, length);
        for (int change = 0; change <= round % 3; change++) {
            state = state * 1664525 + 1013904223;
            bytes[(state >> 8) % length] = (char)(state >> 24);
        }
        frame_reader_init(&reader);
        frame_reader_add(&reader, bytes, length);
        while (frame_reader_next(&reader, &frame) > 0)
            frame_release(&frame);
        error_clear();
        frame_reader_release(&reader);
    }
    strbuf_release(&good);
}

Test(protocol_frame, a_frame_that_is_too_long_is_not_written)
{
    struct strbuf out = STRBUF_INIT;
    char *huge = mem_alloc(1);

    strbuf_adds(&out, "kept");
    cr_expect(!frame_write(&out, 0, 0, NULL, huge, FRAME_LARGEST + 1));
    cr_expect_eq(error_kind(), ERROR_VALUE);
    cr_expect_str_eq(out.text, "kept");
    error_clear();
    mem_free(huge);
    strbuf_release(&out);
}

Test(protocol_frame, without_memory_nothing_is_lost)
{
    struct strbuf bytes = sample(), out = STRBUF_INIT;
    struct frame_reader reader;
    struct frame frame;

    mem_fail_after(0);
    cr_expect(!frame_write(&out, 0, 0, NULL, NULL, 0));
    cr_expect_eq(error_kind(), ERROR_MEMORY);
    error_clear();
    frame_reader_init(&reader);
    cr_expect(!frame_reader_add(&reader, bytes.text, bytes.length));
    error_clear();
    frame_reader_release(&reader);
    mem_fail_after(-1);
    cr_expect(frame_reader_add(&reader, bytes.text, bytes.length));
    mem_fail_after(0);
    cr_expect_eq(frame_reader_next(&reader, &frame), -1); /* no room for the blob */
    mem_fail_after(-1);
    error_clear();
    frame_reader_release(&reader);
    strbuf_release(&bytes);
}

Test(protocol_frame, fill_reads_a_socket)
{
    struct strbuf bytes = sample();
    struct frame_reader reader;
    struct frame frame;
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    frame_reader_init(&reader);
    cr_expect_eq(frame_reader_fill(&reader, ends[0]), FRAME_INPUT_NONE);
    cr_assert_eq(write(ends[1], bytes.text, bytes.length), (ssize_t)bytes.length);
    close(ends[1]);
    cr_expect_eq(frame_reader_fill(&reader, ends[0]), FRAME_INPUT_SOME);
    cr_expect_eq(frame_reader_next(&reader, &frame), 1);
    check_first(&frame);
    frame_release(&frame);
    cr_expect_eq(frame_reader_fill(&reader, ends[0]), FRAME_INPUT_END);
    close(ends[0]);
    frame_reader_release(&reader);
    strbuf_release(&bytes);
}
