#include "tensor/unstable.h"

/* Ranges this short are sorted by insertion: those that a selection is left with, those of a sort.
 */
enum { SELECTED = 3, INSERTED = 16 };

/* PyTorch takes a heap where at most one of so many elements is wanted. */
enum { HEAP_SHARE = 64 };

/* Partitions that are allowed before a heap takes over: twice the binary logarithm. */
static int depth_allowed(int64_t count)
{
    return 2 * (63 - __builtin_clzll((uint64_t)count));
}

#define SWAP(bits, a, b)                                                                           \
    do {                                                                                           \
        const struct key##bits swapped = a;                                                        \
        a = b;                                                                                     \
        b = swapped;                                                                               \
    } while (0)

/* A heap whose root is the last of its keys. */
#define HEAP(bits)                                                                                 \
    /* Fills the hole: the later child rises down to a leaf, from where x climbs to its place. */  \
    static void heap_settle##bits(struct key##bits *k, int64_t count, int64_t hole,                \
                                  struct key##bits x)                                              \
    {                                                                                              \
        const int64_t top = hole;                                                                  \
        while (2 * hole + 1 < count) {                                                             \
            int64_t child = 2 * hole + 2;                                                          \
            if (child == count || k[child].key < k[child - 1].key)                                 \
                child--;                                                                           \
            k[hole] = k[child];                                                                    \
            hole = child;                                                                          \
        }                                                                                          \
        for (int64_t parent; hole > top; hole = parent) {                                          \
            parent = (hole - 1) / 2;                                                               \
            if (k[parent].key >= x.key)                                                            \
                break;                                                                             \
            k[hole] = k[parent];                                                                   \
        }                                                                                          \
        k[hole] = x;                                                                               \
    }                                                                                              \
    /* The first `taken` to the front, as a heap. */                                               \
    static void heap_select##bits(struct key##bits *k, int64_t count, int64_t taken)               \
    {                                                                                              \
        for (int64_t i = taken / 2 - 1; i >= 0; i--)                                               \
            heap_settle##bits(k, taken, i, k[i]);                                                  \
        for (int64_t i = taken; i < count; i++) {                                                  \
            const struct key##bits x = k[i];                                                       \
            if (x.key >= k[0].key)                                                                 \
                continue;                                                                          \
            k[i] = k[0];                                                                           \
            heap_settle##bits(k, taken, 0, x);                                                     \
        }                                                                                          \
    }                                                                                              \
    static void heap_sort##bits(struct key##bits *k, int64_t count)                                \
    {                                                                                              \
        while (--count > 0) {                                                                      \
            const struct key##bits x = k[count];                                                   \
            k[count] = k[0];                                                                       \
            heap_settle##bits(k, count, 0, x);                                                     \
        }                                                                                          \
    }

#define INTROSPECTIVE(bits)                                                                        \
    /* The median of the second, the middle and the last key changes places with the first. */     \
    static void median_first##bits(struct key##bits *k, int64_t count)                             \
    {                                                                                              \
        struct key##bits *a = k + 1, *b = k + count / 2, *c = k + count - 1, *median;              \
        if (a->key < b->key)                                                                       \
            median = b->key < c->key ? b : a->key < c->key ? c : a;                                \
        else                                                                                       \
            median = a->key < c->key ? a : b->key < c->key ? c : b;                                \
        SWAP(bits, *k, *median);                                                                   \
    }                                                                                              \
    /* Where the second part begins; keys that equal the median stop both sides. */                \
    static int64_t partition##bits(struct key##bits *k, int64_t count)                             \
    {                                                                                              \
        int64_t low = 1, high = count;                                                             \
        median_first##bits(k, count);                                                              \
        for (;; low++) {                                                                           \
            while (k[low].key < k[0].key)                                                          \
                low++;                                                                             \
            do                                                                                     \
                high--;                                                                            \
            while (k[0].key < k[high].key);                                                        \
            if (low >= high)                                                                       \
                return low;                                                                        \
            SWAP(bits, k[low], k[high]);                                                           \
        }                                                                                          \
    }                                                                                              \
    /* The key of place `at` to its place, none behind it that sorts before it. */                 \
    static void select##bits(struct key##bits *k, int64_t count, int64_t at)                       \
    {                                                                                              \
        for (int depth = depth_allowed(count); count > SELECTED; depth--) {                        \
            int64_t cut;                                                                           \
            if (depth == 0) {                                                                      \
                heap_select##bits(k, count, at + 1);                                               \
                SWAP(bits, k[0], k[at]);                                                           \
                return;                                                                            \
            }                                                                                      \
            cut = partition##bits(k, count);                                                       \
            if (cut <= at) {                                                                       \
                k += cut;                                                                          \
                at -= cut;                                                                         \
                count -= cut;                                                                      \
            } else {                                                                               \
                count = cut;                                                                       \
            }                                                                                      \
        }                                                                                          \
        keys_insert##bits(k, count);                                                               \
    }                                                                                              \
    static void sort_roughly##bits(struct key##bits *k, int64_t count, int depth)                  \
    {                                                                                              \
        for (; count > INSERTED; depth--) {                                                        \
            int64_t cut;                                                                           \
            if (depth == 0) {                                                                      \
                heap_select##bits(k, count, count);                                                \
                heap_sort##bits(k, count);                                                         \
                return;                                                                            \
            }                                                                                      \
            cut = partition##bits(k, count);                                                       \
            sort_roughly##bits(k + cut, count - cut, depth - 1);                                   \
            count = cut;                                                                           \
        }                                                                                          \
    }                                                                                              \
    void unstable_sort##bits(struct key##bits *k, int64_t count)                                   \
    {                                                                                              \
        if (count > INSERTED)                                                                      \
            sort_roughly##bits(k, count, depth_allowed(count));                                    \
        keys_insert##bits(k, count);                                                               \
    }                                                                                              \
    void unstable_top##bits(struct key##bits *k, int64_t count, int64_t taken, bool sorted)        \
    {                                                                                              \
        if (taken == 0)                                                                            \
            return;                                                                                \
        if (taken <= count / HEAP_SHARE) {                                                         \
            heap_select##bits(k, count, taken);                                                    \
            heap_sort##bits(k, taken);                                                             \
            return;                                                                                \
        }                                                                                          \
        select##bits(k, count, taken - 1);                                                         \
        if (sorted)                                                                                \
            unstable_sort##bits(k, taken - 1);                                                     \
    }

/* Quickselect with the median of the first, the middle and the last key as pivot. */
#define QUICKSELECT(bits)                                                                          \
    static void order##bits(struct key##bits *a, struct key##bits *b)                              \
    {                                                                                              \
        if (a->key > b->key)                                                                       \
            SWAP(bits, *a, *b);                                                                    \
    }                                                                                              \
    struct key##bits unstable_kth##bits(struct key##bits *k, int64_t count, int64_t at)            \
    {                                                                                              \
        int64_t first = 0, last = count - 1;                                                       \
        while (last > first + 1) {                                                                 \
            int64_t low = first + 1, high = last;                                                  \
            SWAP(bits, k[first + (last - first) / 2], k[first + 1]);                               \
            order##bits(&k[first + 1], &k[last]);                                                  \
            order##bits(&k[first], &k[last]);                                                      \
            order##bits(&k[first + 1], &k[first]);                                                 \
            for (;;) {                                                                             \
                do                                                                                 \
                    low++;                                                                         \
                while (k[low].key < k[first].key);                                                 \
                do                                                                                 \
                    high--;                                                                        \
                while (k[high].key > k[first].key);                                                \
                if (high < low)                                                                    \
                    break;                                                                         \
                SWAP(bits, k[low], k[high]);                                                       \
            }                                                                                      \
            SWAP(bits, k[first], k[high]);                                                         \
            if (high <= at)                                                                        \
                first = low;                                                                       \
            if (high >= at)                                                                        \
                last = high - 1;                                                                   \
        }                                                                                          \
        if (last == first + 1)                                                                     \
            order##bits(&k[first], &k[last]);                                                      \
        return k[at];                                                                              \
    }

HEAP(32)
HEAP(64)
INTROSPECTIVE(32)
INTROSPECTIVE(64)
QUICKSELECT(32)
QUICKSELECT(64)
