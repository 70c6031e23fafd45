#include "base/vec.h"

#include "base/mem.h"

bool vec_grow(void **at, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity ? 2 * *capacity : 8;
    void *grown;

    if (count < *capacity)
        return true;
    grown = mem_realloc(*at, wanted * size);
    if (!grown)
        return false;
    *at = grown;
    *capacity = wanted;
    return true;
}

void vec_free(void **at, size_t *count, size_t *capacity)
{
    mem_free(*at);
    *at = NULL;
    *count = *capacity = 0;
}
