/*
 * mem.h: allocation.
 *
 * mem_alloc() and its relatives are malloc with an error (ERROR_MEMORY) instead of a bare NULL.
 * pool_alloc() serves objects of up to POOL_LARGEST bytes from free lists, one per 64-byte size
 * class, so that the tensors, storages and graph nodes of a training step cost no malloc once the
 * lists are filled. The pool is guarded by whoever owns the engine (the GIL, or the only thread).
 */
#ifndef SADDLE_BASE_MEM_H
#define SADDLE_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

enum { MEM_ALIGN = 64, POOL_LARGEST = 2048 };

/* Call once, before the first large block: the C library then keeps what is freed, up to some 100
 * MB, for the next results. By itself it returns each block of a megabyte to the system, which
 * clears its pages before it lends them again: that costs more than most operations on them. */
void mem_keep_freed(void);

/* size 0 gives a valid pointer. All return NULL with ERROR_MEMORY set when there is no memory. */
void *mem_alloc(size_t size);
void *mem_zero(size_t count, size_t size);
void *mem_array(size_t count, size_t size); /* as mem_zero(), undefined content */
void *mem_realloc(void *old, size_t size);
void mem_free(void *block);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t length);

/* Blocks aligned to MEM_ALIGN, for tensor data; freed with mem_free(). */
void *mem_alloc_aligned(size_t size);

/* Memory from the free lists; its content is undefined. `size` must be the same in both calls. */
void *pool_alloc(size_t size);
void pool_free(void *block, size_t size);
/* Gives the free lists' memory back to the system (for leak checks at exit). */
void pool_trim(void);

/* For tests: the allocation after `count` more ones fails, and every later one; -1 switches off. */
void mem_fail_after(long count);

#endif
