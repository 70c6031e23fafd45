#include "tensor/dtype.h"

#include <string.h>

const struct dtype_info dtype_infos[DTYPE_COUNT] = {
#define DTYPE(id, ctype, name, category, class)                                                    \
    [DTYPE_##id] = {name, class, CATEGORY_##category, sizeof(ctype)},
#include "tensor/dtype.def"
#undef DTYPE
};

static enum dtype default_dtype = DTYPE_f32;

enum dtype dtype_default(void)
{
    return default_dtype;
}

void dtype_set_default(enum dtype d)
{
    default_dtype = d;
}

const char *dtype_short_name(enum dtype d)
{
    static char names[DTYPE_COUNT][16];
    const char *class_name = dtype_infos[d].class_name;

    if (!names[d][0])
        memcpy(names[d], class_name, strlen(class_name) - strlen("Tensor"));
    return names[d];
}

enum dtype dtype_promote(enum dtype a, enum dtype b)
{
    enum dtype high = a > b ? a : b, low = a > b ? b : a;

    /* uint8 beside a signed type: the row order does, but for int8, which cannot hold 255. */
    if (low == DTYPE_u8 && high == DTYPE_i8)
        return DTYPE_i16;
    return high;
}

enum dtype scalar_dtype(struct scalar s)
{
    switch (s.kind) {
    case SCALAR_BOOL:
        return DTYPE_b8;
    case SCALAR_INT:
        return DTYPE_i64;
    default:
        return default_dtype;
    }
}

/* One loader and one storer per row. */
#define DTYPE(id, ctype, name, category, class)                                                    \
    static struct scalar load_##id(const void *at)                                                 \
    {                                                                                              \
        ctype value = *(const ctype *)at;                                                          \
        if (CATEGORY_##category == CATEGORY_FLOAT)                                                 \
            return scalar_float((double)value);                                                    \
        return CATEGORY_##category == CATEGORY_BOOL ? scalar_bool(value != 0)                      \
                                                    : scalar_int((int64_t)value);                  \
    }                                                                                              \
    static void store_##id(void *at, struct scalar s)                                              \
    {                                                                                              \
        *(ctype *)at = s.kind == SCALAR_FLOAT ? (ctype)s.d : (ctype)s.i;                           \
    }
#include "tensor/dtype.def"
#undef DTYPE

struct scalar dtype_load(enum dtype d, const void *at)
{
    static struct scalar (*const loaders[DTYPE_COUNT])(const void *) = {
#define DTYPE(id, ctype, name, category, class) load_##id,
#include "tensor/dtype.def"
#undef DTYPE
    };
    return loaders[d](at);
}

void dtype_store(enum dtype d, void *at, struct scalar s)
{
    static void (*const storers[DTYPE_COUNT])(void *, struct scalar) = {
#define DTYPE(id, ctype, name, category, class) store_##id,
#include "tensor/dtype.def"
#undef DTYPE
    };
    storers[d](at, s);
}
