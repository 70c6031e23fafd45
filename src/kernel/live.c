#include "kernel/live.h"

#include "base/error.h"
#include "base/vec.h"
#include "kernel/channel.h"
#include "kernel/clock.h"
#include "kernel/save.h"
#include "kernel/stream.h"
#include "protocol/client.h"
#include "python/display.h"

#include <pthread.h>

enum { PERIOD_MS = 33, PLOTS_LARGEST = 64 };

struct live {
    uint32_t kind;
    int id;
    json_t *waiting; /* the newest one that has not been sent; NULL: none */
    int64_t sent_at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static VEC(struct live) plots; /* one for each id */
static struct live step = {.kind = EVENT_STEP};
static void (*wake_timer)(void);

static bool send_now(struct live *live)
{
    json_t *header = live->waiting;

    live->waiting = NULL;
    live->sent_at = clock_ms();
    if (live->kind == EVENT_PLOT)
        header = json_pack("{so,si}", "plot", header, "id", live->id);
    return channel_send(live->kind, header, NULL, 0);
}

static bool offer(struct live *live, json_t *value)
{
    bool due = !wake_timer || clock_ms() - live->sent_at >= PERIOD_MS;
    bool first = !live->waiting;

    json_decref(live->waiting);
    live->waiting = json_incref(value);
    if (due)
        return send_now(live);
    if (first)
        wake_timer();
    return true;
}

static void finish_locked(void)
{
    for (size_t i = 0; i < plots.count; i++) {
        if (plots.at[i].waiting && !send_now(&plots.at[i]))
            error_clear(); /* out of memory: one picture less */
    }
    if (step.waiting && !send_now(&step))
        error_clear();
}

static struct live *find_plot(int id)
{
    struct live new = {.kind = EVENT_PLOT, .id = id};

    for (size_t i = 0; i < plots.count; i++) {
        if (plots.at[i].id == id)
            return &plots.at[i];
    }
    if (plots.count >= PLOTS_LARGEST) {
        finish_locked();
        plots.count = 0;
    }
    return vec_push(&plots, new) ? &plots.at[plots.count - 1] : NULL;
}

static bool show(json_t *plot, int id)
{
    struct live *live;
    bool sent;

    stream_finish();
    pthread_mutex_lock(&lock);
    live = find_plot(id);
    sent = live && offer(live, plot);
    pthread_mutex_unlock(&lock);
    return sent;
}

static bool show_step(json_t *values)
{
    bool sent;

    pthread_mutex_lock(&lock);
    sent = offer(&step, values);
    pthread_mutex_unlock(&lock);
    return sent;
}

void live_install(void (*wake)(void))
{
    static const struct display_hooks hooks = {show, save_plot, show_step};

    wake_timer = wake;
    display_hooks = &hooks;
}

void live_finish(void)
{
    pthread_mutex_lock(&lock);
    finish_locked();
    pthread_mutex_unlock(&lock);
}

static int live_left(const struct live *live, int64_t now)
{
    int64_t left = live->sent_at + PERIOD_MS - now;

    if (!live->waiting)
        return -1;
    return left > 0 ? (int)left : 0;
}

int live_wait(void)
{
    int64_t now = clock_ms();
    int first;

    pthread_mutex_lock(&lock);
    first = live_left(&step, now);
    for (size_t i = 0; i < plots.count; i++) {
        int left = live_left(&plots.at[i], now);
        if (left >= 0 && (first < 0 || left < first))
            first = left;
    }
    pthread_mutex_unlock(&lock);
    return first;
}

void live_tick(void)
{
    int64_t now = clock_ms();

    pthread_mutex_lock(&lock);
    if (live_left(&step, now) == 0 && !send_now(&step))
        error_clear();
    for (size_t i = 0; i < plots.count; i++) {
        if (live_left(&plots.at[i], now) == 0 && !send_now(&plots.at[i]))
            error_clear();
    }
    pthread_mutex_unlock(&lock);
}
