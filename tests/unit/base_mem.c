#include "base/error.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static void expect_memory_error(const void *block)
{
    cr_assert_null(block);
    cr_assert_eq(error_kind(), ERROR_MEMORY);
    error_clear();
}

Test(base_mem, a_size_of_zero_is_a_valid_block)
{
    void *blocks[] = {mem_alloc(0), mem_zero(0, 8), mem_zero(8, 0), mem_alloc_aligned(0)};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
        cr_assert_not_null(blocks[i], "block %zu", i);
        mem_free(blocks[i]);
    }
    void *pooled = pool_alloc(0);
    cr_assert_not_null(pooled);
    pool_free(pooled, 0);
    pool_trim();
}

Test(base_mem, zero_is_zero)
{
    unsigned char *bytes = mem_zero(100, 3);
    for (size_t i = 0; i < 300; i++)
        cr_assert_eq(bytes[i], 0);
    mem_free(bytes);
}

Test(base_mem, realloc_keeps_the_content)
{
    char *block = mem_alloc(4);
    memcpy(block, "abc", 4);
    block = mem_realloc(block, 100000);
    cr_assert_str_eq(block, "abc");
    mem_free(block);
    mem_free(NULL);
}

Test(base_mem, aligned_is_aligned)
{
    for (size_t size = 1; size < 5000; size += 97) {
        void *block = mem_alloc_aligned(size);
        cr_assert_eq((uintptr_t)block % MEM_ALIGN, 0, "size %zu", size);
        memset(block, 1, size);
        mem_free(block);
    }
}

Test(base_mem, string_copies)
{
    char *whole = mem_strdup("saddle"), *part = mem_strndup("saddle", 3);
    cr_assert_str_eq(whole, "saddle");
    cr_assert_str_eq(part, "sad");
    mem_free(whole);
    mem_free(part);
}

Test(base_mem, what_cannot_be_had_is_an_error)
{
    /* Sizes hidden from the compiler, which would rightly warn about them. */
    volatile size_t huge = SIZE_MAX / 4, half = SIZE_MAX / 2;
    mem_fail_after(0);
    expect_memory_error(mem_alloc(huge));
    mem_fail_after(-1);
#if !defined(__SANITIZE_ADDRESS__)
    expect_memory_error(mem_alloc(huge));
    expect_memory_error(mem_alloc_aligned(huge));
    expect_memory_error(mem_zero(half, 3));
#else
    (void)half; /* the sanitizer would report the request itself */
#endif
}

Test(base_mem, injected_failures_count_down_and_last)
{
    mem_fail_after(2);
    void *first = mem_alloc(8), *second = pool_alloc(8);
    cr_assert_not_null(first);
    cr_assert_not_null(second);
    expect_memory_error(mem_alloc(8));
    expect_memory_error(mem_zero(1, 8));
    expect_memory_error(mem_alloc_aligned(8));
    expect_memory_error(mem_strdup("x"));
    expect_memory_error(pool_alloc(8));
    expect_memory_error(pool_alloc(POOL_LARGEST + 1));
    expect_memory_error(mem_realloc(NULL, 8));
    mem_fail_after(-1);
    void *third = mem_alloc(8);
    cr_assert_not_null(third);
    mem_free(first);
    pool_free(second, 8);
    mem_free(third);
    pool_trim();
}

Test(base_mem, a_failed_realloc_leaves_the_old_block)
{
    char *block = mem_strdup("still here");
    mem_fail_after(0);
    expect_memory_error(mem_realloc(block, 1000));
    mem_fail_after(-1);
    cr_assert_str_eq(block, "still here");
    mem_free(block);
}

Test(base_mem, the_pool_survives_failure_injection_with_filled_lists)
{
    pool_free(pool_alloc(100), 100);
    mem_fail_after(0);
    expect_memory_error(pool_alloc(100));
    mem_fail_after(-1);
    pool_trim();
}

Test(base_mem, pool_blocks_do_not_overlap)
{
    enum { BLOCKS = 200 };
    unsigned char *blocks[BLOCKS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            size_t size = (size_t)(i * 13) % (POOL_LARGEST + 300);
            blocks[i] = pool_alloc(size);
            cr_assert_eq((uintptr_t)blocks[i] % MEM_ALIGN, 0);
            memset(blocks[i], i, size);
        }
        for (int i = 0; i < BLOCKS; i++) {
            size_t size = (size_t)(i * 13) % (POOL_LARGEST + 300);
            for (size_t k = 0; k < size; k++)
                cr_assert_eq(blocks[i][k], (unsigned char)i, "block %d byte %zu", i, k);
            pool_free(blocks[i], size);
        }
    }
    pool_trim();
}
