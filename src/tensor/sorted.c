#include "tensor/sorted.h"

#include <string.h>

/* ---- keys ---- */

/* 0.0 and -0.0 are equal, NaNs as well. Of a negative number all bits are turned, of another one
 * the sign. */
#define FLOAT_KEY(id, T, size)                                                                     \
    static inline uint##size##_t key_##id(T x)                                                     \
    {                                                                                              \
        uint##size##_t bits;                                                                       \
                                                                                                   \
        if (x != x)                                                                                \
            return UINT##size##_MAX;                                                               \
        x += (T)0;                                                                                 \
        memcpy(&bits, &x, sizeof(bits));                                                           \
        return bits >> (size - 1) ? ~bits : bits | UINT##size##_C(1) << (size - 1);                \
    }
FLOAT_KEY(f32, float, 32)
FLOAT_KEY(f64, double, 64)
#define WHOLE_KEY(id, T, K, sign)                                                                  \
    static inline K key_##id(T x)                                                                  \
    {                                                                                              \
        return (K)x ^ (sign);                                                                      \
    }
WHOLE_KEY(b8, bool, uint32_t, 0)
WHOLE_KEY(u8, uint8_t, uint32_t, 0)
WHOLE_KEY(i8, int8_t, uint32_t, UINT32_C(1) << 31)
WHOLE_KEY(i16, int16_t, uint32_t, UINT32_C(1) << 31)
WHOLE_KEY(i32, int32_t, uint32_t, UINT32_C(1) << 31)
WHOLE_KEY(i64, int64_t, uint64_t, UINT64_C(1) << 63)

#define LOAD(id, T, bits, P)                                                                       \
    static void load_##id(const char *line, int64_t step, int64_t count, bool descending,          \
                          void *keys)                                                              \
    {                                                                                              \
        const uint##bits##_t turn = descending ? UINT##bits##_MAX : 0;                             \
        struct key##bits *to = keys;                                                               \
        for (int64_t i = 0; i < count; i++)                                                        \
            to[i] = (struct key##bits){key_##id(*(const T *)(line + i * step)) ^ turn, (P)i};      \
    }
LOAD(b8, bool, 32, uint32_t)
LOAD(u8, uint8_t, 32, uint32_t)
LOAD(i8, int8_t, 32, uint32_t)
LOAD(i16, int16_t, 32, uint32_t)
LOAD(i32, int32_t, 32, uint32_t)
LOAD(i64, int64_t, 64, int64_t)
LOAD(f32, float, 32, uint32_t)
LOAD(f64, double, 64, int64_t)

const struct keys keys_of[DTYPE_COUNT] = {
    [DTYPE_b8] = {1, false, load_b8},   [DTYPE_u8] = {1, false, load_u8},
    [DTYPE_i8] = {1, false, load_i8},   [DTYPE_i16] = {2, false, load_i16},
    [DTYPE_i32] = {4, false, load_i32}, [DTYPE_i64] = {8, true, load_i64},
    [DTYPE_f32] = {4, false, load_f32}, [DTYPE_f64] = {8, true, load_f64},
};

/* ---- sorting and selecting ---- */

enum { INSERTED = 24, MERGED = 160, DIGITS = 256 };

#define DIGIT(k, at) ((k).key >> (at) & (DIGITS - 1))

#define SORT(bits)                                                                                 \
    void keys_insert##bits(struct key##bits *k, int64_t count)                                     \
    {                                                                                              \
        for (int64_t i = 1; i < count; i++) {                                                      \
            const struct key##bits x = k[i];                                                       \
            int64_t at = i;                                                                        \
            for (; at > 0 && x.key < k[at - 1].key; at--)                                          \
                k[at] = k[at - 1];                                                                 \
            k[at] = x;                                                                             \
        }                                                                                          \
    }                                                                                              \
    static void merge_##bits(struct key##bits *k, struct key##bits *spare, int64_t count)          \
    {                                                                                              \
        const int64_t half = count / 2;                                                            \
        int64_t i = 0, j = half, to = 0;                                                           \
        if (count <= INSERTED) {                                                                   \
            keys_insert##bits(k, count);                                                           \
            return;                                                                                \
        }                                                                                          \
        merge_##bits(k, spare, half);                                                              \
        merge_##bits(k + half, spare, count - half);                                               \
        memcpy(spare, k, (size_t)half * sizeof(*k));                                               \
        while (i < half && j < count)                                                              \
            k[to++] = k[j].key < spare[i].key ? k[j++] : spare[i++];                               \
        memcpy(k + to, spare + i, (size_t)(half - i) * sizeof(*k));                                \
    }                                                                                              \
    /* By one digit after the other, the lowest first; digits in which all agree are skipped. */   \
    struct key##bits *keys_sort##bits(struct key##bits *k, struct key##bits *spare, int64_t count) \
    {                                                                                              \
        int64_t found[bits / 8][DIGITS];                                                           \
        uint##bits##_t least = UINT##bits##_MAX;                                                   \
        if (count <= MERGED) {                                                                     \
            merge_##bits(k, spare, count);                                                         \
            return k;                                                                              \
        }                                                                                          \
        memset(found, 0, sizeof(found)); /* not before: few are sorted sooner than this */         \
        for (int64_t i = 0; i < count; i++)                                                        \
            least = k[i].key < least ? k[i].key : least;                                           \
        for (int64_t i = 0; i < count; i++) {                                                      \
            k[i].key -= least; /* high digits become 0 where numbers are near one another */       \
            _Pragma("GCC unroll 8") for (int d = 0; d < bits / 8; d++)                             \
                found[d][DIGIT(k[i], 8 * d)]++;                                                    \
        }                                                                                          \
        for (int d = 0; d < bits / 8; d++) {                                                       \
            struct key##bits *swap = k;                                                            \
            int64_t start = 0;                                                                     \
            if (found[d][DIGIT(k[0], 8 * d)] == count)                                             \
                continue;                                                                          \
            for (int digit = 0; digit < DIGITS; digit++) {                                         \
                const int64_t size = found[d][digit];                                              \
                found[d][digit] = start;                                                           \
                start += size;                                                                     \
            }                                                                                      \
            for (int64_t i = 0; i < count; i++)                                                    \
                spare[found[d][DIGIT(k[i], 8 * d)]++] = k[i];                                      \
            k = spare;                                                                             \
            spare = swap;                                                                          \
        }                                                                                          \
        return k;                                                                                  \
    }                                                                                              \
    /* By one digit after the other, the highest first: those with the digit in question stay. */  \
    struct key##bits keys_select##bits(struct key##bits *k, struct key##bits *spare,               \
                                       int64_t count, int64_t at, bool *alone)                     \
    {                                                                                              \
        for (int shift = bits - 8; shift >= 0 && count > INSERTED; shift -= 8) {                   \
            int64_t found[DIGITS] = {0}, left = 0;                                                 \
            struct key##bits *swap = k;                                                            \
            uint##bits##_t digit = 0;                                                              \
            for (int64_t i = 0; i < count; i++)                                                    \
                found[DIGIT(k[i], shift)]++;                                                       \
            while (at >= found[digit])                                                             \
                at -= found[digit++];                                                              \
            if (found[digit] == count)                                                             \
                continue;                                                                          \
            for (int64_t i = 0; i < count; i++) {                                                  \
                spare[left] = k[i];                                                                \
                left += DIGIT(k[i], shift) == digit;                                               \
            }                                                                                      \
            count = left;                                                                          \
            k = spare;                                                                             \
            spare = swap;                                                                          \
        }                                                                                          \
        if (count <= INSERTED)                                                                     \
            keys_insert##bits(k, count);                                                           \
        *alone = (at == 0 || k[at - 1].key != k[at].key) &&                                        \
                 (at == count - 1 || k[at + 1].key != k[at].key);                                  \
        return k[at];                                                                              \
    }                                                                                              \
    /* The first ones in a sorted list, through which the others pass. */                          \
    bool keys_few##bits(struct key##bits *k, int64_t count, int64_t taken)                         \
    {                                                                                              \
        struct key##bits *last = k + taken - 1;                                                    \
        bool alone = true;                                                                         \
        keys_insert##bits(k, taken);                                                               \
        for (int64_t i = taken; taken > 0 && i < count; i++) {                                     \
            const struct key##bits x = k[i], left = *last;                                         \
            struct key##bits *to = last;                                                           \
            if (x.key >= last->key) {                                                              \
                alone &= x.key != last->key;                                                       \
                continue;                                                                          \
            }                                                                                      \
            for (; to > k && x.key < to[-1].key; to--)                                             \
                *to = to[-1];                                                                      \
            *to = x;                                                                               \
            alone = left.key != last->key;                                                         \
        }                                                                                          \
        return alone;                                                                              \
    }                                                                                              \
    bool keys_differ##bits(const struct key##bits *k, int64_t count)                               \
    {                                                                                              \
        bool differ = true;                                                                        \
        for (int64_t i = 1; i < count; i++)                                                        \
            differ &= k[i].key != k[i - 1].key;                                                    \
        return differ;                                                                             \
    }                                                                                              \
    int64_t keys_until##bits(struct key##bits *k, int64_t count, struct key##bits last)            \
    {                                                                                              \
        int64_t left = 0;                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const struct key##bits x = k[i];                                                       \
            k[left] = x;                                                                           \
            left += x.key < last.key || (x.key == last.key && x.place <= last.place);              \
        }                                                                                          \
        return left;                                                                               \
    }

SORT(32)
SORT(64)
