#include "kernel/stream.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "kernel/channel.h"
#include "kernel/clock.h"
#include "protocol/client.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum {
    GATHER_MS = 30,
    FLUSH_MS = 5,
    THIN_MS = 500, /* between two looks at a cell that prints too much */
    LARGEST = 64 << 10,
    TAIL = 16 << 10,
    CREDIT_FULL = 1 << 20,
    CREDIT_PER_MS = 32,
    MESSAGE_COST = 64,
    QUEUE_LIMIT = 1 << 20 /* more unsent bytes than that: the front end is slow, drop text */
};

struct stream {
    const char *name;
    struct strbuf text;
    size_t omitted; /* lines dropped before `text` */
    bool thin;      /* something was dropped since the last message */
    bool in_line;   /* what was sent last did not end a line */
    int64_t due;    /* 0: nothing to send */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stream streams[STREAM_COUNT];
static int64_t credit, credit_at, sent_at;
static void (*wake_timer)(void);
static bool forked;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void forked_child(void)
{
    forked = true; /* no thread keeps time there: its text goes through the real descriptors */
    pthread_mutex_unlock(&lock);
}

void stream_open(void (*wake)(void))
{
    streams[STREAM_STDOUT] = (struct stream){.name = "stdout", .text = STRBUF_INIT};
    streams[STREAM_STDERR] = (struct stream){.name = "stderr", .text = STRBUF_INIT};
    credit = CREDIT_FULL;
    wake_timer = wake;
    pthread_atfork(before_fork, after_fork, forked_child);
}

static void credit_update(int64_t now)
{
    credit += (now - credit_at) * CREDIT_PER_MS;
    if (credit > CREDIT_FULL)
        credit = CREDIT_FULL;
    credit_at = now;
}

static bool affordable(const struct stream *stream)
{
    return !stream->thin && credit >= (int64_t)stream->text.length + MESSAGE_COST &&
           channel_queued() < QUEUE_LIMIT;
}

/* Keeps the last lines only. */
static void thin_out(struct stream *stream)
{
    const char *text = stream->text.text, *line;
    size_t cut;

    if (stream->text.length <= TAIL)
        return;
    cut = stream->text.length - TAIL;
    line = memchr(text + cut, '\n', TAIL / 2);
    if (line)
        cut = (size_t)(line - text) + 1;
    while (!line && cut < stream->text.length && (text[cut] & 0xC0) == 0x80)
        cut++; /* one endless line: at least no half character */
    for (const char *at = text; (at = memchr(at, '\n', (size_t)(text + cut - at))) != NULL; at++)
        stream->omitted++;
    stream->thin = true;
    strbuf_splice(&stream->text, 0, cut, "", 0);
}

static void add_notice(struct stream *stream)
{
    struct strbuf notice = STRBUF_INIT;

    strbuf_adds(&notice, stream->in_line ? "\n" : "");
    if (stream->omitted)
        strbuf_addf(&notice, "[... %zu line%s left out ...]\n", stream->omitted,
                    stream->omitted == 1 ? "" : "s");
    else
        strbuf_adds(&notice, "[... a part of the line left out ...]\n");
    strbuf_splice(&stream->text, 0, 0, notice.text, notice.length);
    strbuf_release(&notice);
}

static void send_now(struct stream *stream)
{
    json_t *header = json_pack("{ss}", "name", stream->name);
    size_t length;

    if (stream->thin) {
        add_notice(stream);
        json_object_set_new(header, "omitted", json_integer((json_int_t)stream->omitted));
    }
    length = stream->text.length;
    if (!channel_send(EVENT_STREAM, header, stream->text.text, length))
        error_clear(); /* out of memory: the text is lost, the cell goes on */
    stream->in_line = length && stream->text.text[length - 1] != '\n';
    credit -= (int64_t)length + MESSAGE_COST;
    if (credit < 0)
        credit = 0;
    sent_at = clock_ms();
    stream->omitted = 0;
    stream->thin = false;
    stream->due = 0;
    strbuf_clear(&stream->text);
}

static void schedule(struct stream *stream, int64_t due)
{
    if (stream->due && stream->due <= due)
        return;
    stream->due = due;
    if (wake_timer)
        wake_timer();
}

static void write_raw(enum stream_id id, const char *bytes, size_t length)
{
    while (length) {
        ssize_t count = write(id == STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO, bytes, length);
        if (count <= 0)
            return;
        bytes += count;
        length -= (size_t)count;
    }
}

void stream_begin_cell(void)
{
    pthread_mutex_lock(&lock);
    credit = CREDIT_FULL;
    for (int id = 0; id < STREAM_COUNT; id++)
        streams[id].in_line = false;
    pthread_mutex_unlock(&lock);
}

void stream_write(enum stream_id id, const char *bytes, size_t length)
{
    struct stream *stream = &streams[id], *other = &streams[!id];

    if (forked) {
        write_raw(id, bytes, length);
        return;
    }
    if (!length)
        return;
    pthread_mutex_lock(&lock);
    if (other->due && affordable(other))
        send_now(other); /* keeps the order between the two */
    while (length) {
        size_t part = length < LARGEST ? length : LARGEST;
        strbuf_add(&stream->text, bytes, part);
        bytes += part;
        length -= part;
        if (stream->text.length < LARGEST)
            continue;
        credit_update(clock_ms());
        if (affordable(stream))
            send_now(stream);
        else
            thin_out(stream);
    }
    if (stream->text.failed)
        error_clear();
    stream->text.failed = false;
    if (!stream->due && (stream->text.length || stream->thin))
        schedule(stream, clock_ms() + GATHER_MS);
    pthread_mutex_unlock(&lock);
}

void stream_flush(enum stream_id id)
{
    struct stream *stream = &streams[id];
    int64_t now;

    if (forked)
        return;
    pthread_mutex_lock(&lock);
    if (stream->due) {
        now = clock_ms();
        credit_update(now);
        if (affordable(stream) && now - sent_at >= FLUSH_MS)
            send_now(stream);
    }
    pthread_mutex_unlock(&lock);
}

void stream_finish(void)
{
    if (forked)
        return;
    pthread_mutex_lock(&lock);
    credit_update(clock_ms());
    for (int id = 0; id < STREAM_COUNT; id++) {
        if (!streams[id].due)
            continue;
        if (!affordable(&streams[id]))
            thin_out(&streams[id]);
        send_now(&streams[id]);
    }
    pthread_mutex_unlock(&lock);
}

int stream_wait(void)
{
    int64_t first = 0, now = clock_ms();

    pthread_mutex_lock(&lock);
    for (int id = 0; id < STREAM_COUNT; id++) {
        if (streams[id].due && (!first || streams[id].due < first))
            first = streams[id].due;
    }
    pthread_mutex_unlock(&lock);
    if (!first)
        return -1;
    return first > now ? (int)(first - now) : 0;
}

void stream_tick(void)
{
    int64_t now = clock_ms();

    pthread_mutex_lock(&lock);
    credit_update(now);
    for (int id = 0; id < STREAM_COUNT; id++) {
        struct stream *stream = &streams[id];
        if (!stream->due || stream->due > now)
            continue;
        if (affordable(stream)) {
            send_now(stream);
        } else if (now - sent_at >= THIN_MS && channel_queued() < QUEUE_LIMIT) {
            thin_out(stream);
            send_now(stream);
        } else {
            stream->due = now - sent_at >= THIN_MS ? now + GATHER_MS : sent_at + THIN_MS;
        }
    }
    pthread_mutex_unlock(&lock);
}
