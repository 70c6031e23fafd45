#include "base/mem.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Large blocks lie in huge pages: long loops then seldom wait for an address to be translated. */
enum { HUGE_PAGE = 2 << 20 };

enum { POOL_STEP = 64, POOL_CLASSES = POOL_LARGEST / POOL_STEP };

/* A block that waits in a free list looks alive to AddressSanitizer, so under it nothing waits. */
#if defined(__SANITIZE_ADDRESS__)
enum { POOL_KEEPS = 0 };
#else
enum { POOL_KEEPS = 1 };
#endif

struct pool_block {
    struct pool_block *next;
};

static struct pool_block *pool_lists[POOL_CLASSES + 1];
static long fail_after = -1;

static void *checked(void *block, size_t size)
{
    if (!block)
        error_set(ERROR_MEMORY, "cannot allocate %zu bytes of memory", size);
    return block;
}

static bool may_allocate(size_t size)
{
    if (__builtin_expect(fail_after < 0, 1))
        return true;
    if (fail_after > 0) {
        fail_after--;
        return true;
    }
    checked(NULL, size);
    return false;
}

void mem_keep_freed(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

void *mem_alloc(size_t size)
{
    return may_allocate(size) ? checked(malloc(size ? size : 1), size) : NULL;
}

/* The bytes of an array; SIZE_MAX, which no allocation gives, where they cannot be counted. */
static size_t array_bytes(size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

void *mem_zero(size_t count, size_t size)
{
    size_t bytes = array_bytes(count, size);

    return may_allocate(bytes) ? checked(calloc(count ? count : 1, size ? size : 1), bytes) : NULL;
}

void *mem_array(size_t count, size_t size)
{
    return mem_alloc(array_bytes(count, size));
}

void *mem_realloc(void *old, size_t size)
{
    return may_allocate(size) ? checked(realloc(old, size ? size : 1), size) : NULL;
}

void mem_free(void *block)
{
    free(block);
}

char *mem_strndup(const char *text, size_t length)
{
    char *copy = mem_alloc(length + 1);

    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

void *mem_alloc_aligned(size_t size)
{
    const bool huge = size >= HUGE_PAGE;
    void *block = NULL;

    if (!may_allocate(size))
        return NULL;
    if (posix_memalign(&block, huge ? HUGE_PAGE : MEM_ALIGN, size ? size : 1) != 0)
        block = NULL;
#ifdef MADV_HUGEPAGE
    if (block && huge) /* asked for only: kernels without huge pages refuse it */
        madvise(block, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return checked(block, size);
}

void *pool_alloc(size_t size)
{
    size_t class = (size + POOL_STEP - 1) / POOL_STEP;
    struct pool_block *block;

    if (size > POOL_LARGEST)
        return mem_alloc_aligned(size);
    block = pool_lists[class];
    if (__builtin_expect(block != NULL && fail_after < 0, 1)) {
        pool_lists[class] = block->next;
        return block;
    }
    return mem_alloc_aligned(class ? class * POOL_STEP : POOL_STEP);
}

void pool_free(void *block, size_t size)
{
    size_t class = (size + POOL_STEP - 1) / POOL_STEP;
    struct pool_block *head = block;

    if (size > POOL_LARGEST || !POOL_KEEPS) {
        mem_free(block);
        return;
    }
    head->next = pool_lists[class];
    pool_lists[class] = head;
}

void pool_trim(void)
{
    for (size_t class = 0; class <= POOL_CLASSES; class ++) {
        while (pool_lists[class]) {
            struct pool_block *block = pool_lists[class];
            pool_lists[class] = block->next;
            mem_free(block);
        }
    }
}

void mem_fail_after(long count)
{
    fail_after = count;
}
