#include "base/error.h"
#include "base/mem.h"
#include "tensor/tensor.h"

#include <assert.h>

bool storage_inference;

static_assert(sizeof(struct storage) + STORAGE_INLINE <= POOL_LARGEST, "a block of the pool");

static struct storage *storage_header(size_t nbytes, size_t room)
{
    struct storage *s = pool_alloc(sizeof(*s) + room);

    if (!s)
        return NULL;
    s->refs = 1;
    s->version = 0;
    s->inference = storage_inference;
    s->room = (uint16_t)room;
    s->nbytes = nbytes;
    s->release = NULL;
    s->owner = NULL;
    return s;
}

struct storage *storage_new(size_t nbytes)
{
    const bool is_small = nbytes <= STORAGE_INLINE;
    struct storage *s = storage_header(nbytes, is_small ? nbytes : 0);

    if (!s)
        return NULL;
    if (is_small) {
        s->data = s->inline_data;
        return s;
    }
    s->data = pool_alloc(nbytes);
    if (!s->data) {
        error_clear();
        error_set(
            ERROR_RUNTIME,
            "[enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate %zu bytes. Error code 12 (Cannot allocate memory)",
            nbytes);
        pool_free(s, sizeof(*s));
        return NULL;
    }
    return s;
}

struct storage *storage_wrap(void *data, size_t nbytes, void (*release)(void *), void *owner)
{
    struct storage *s = storage_header(nbytes, 0);

    if (!s)
        return NULL;
    s->data = data;
    s->release = release;
    s->owner = owner;
    return s;
}

void storage_ref(struct storage *s)
{
    s->refs++;
}

void storage_unref(struct storage *s)
{
    if (!s || --s->refs > 0)
        return;
    if (s->release)
        s->release(s->owner);
    else if (s->data != s->inline_data)
        pool_free(s->data, s->nbytes);
    pool_free(s, sizeof(*s) + s->room);
}
