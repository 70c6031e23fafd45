#include "tensor/dtype.h"

#include "base/error.h"
#include "tensor/element.h"

const struct dtype_info dtype_infos[DTYPE_COUNT] = {
#define DTYPE(id, ctype, name, category, class)                                                    \
    [DTYPE_##id] = {name, class, CATEGORY_##category, sizeof(ctype), DTYPE_##id, DTYPE_##id},
#define DTYPE_STORED(id, ctype, name, category, class, computed)                                   \
    [DTYPE_##id] = {                                                                               \
        name,                                                                                      \
        class,                                                                                     \
        CATEGORY_##category,                                                                       \
        sizeof(ctype),                                                                             \
        DTYPE_##computed,                                                                          \
        CATEGORY_##category == CATEGORY_COMPLEX ? DTYPE_f16 : DTYPE_##id,                          \
    },
#define DTYPE_COMPLEX(id, ctype, name, category, class, part)                                      \
    [DTYPE_##id] = {name, class, CATEGORY_##category, sizeof(ctype), DTYPE_##id, DTYPE_##part},
#include "tensor/dtype.def"
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

const char *dtype_c_name(enum dtype d)
{
    static const char *const names[DTYPE_COUNT] = {
        [DTYPE_b8] = "bool",
        [DTYPE_u8] = "unsigned char",
        [DTYPE_i8] = "signed char",
        [DTYPE_i16] = "short int",
        [DTYPE_i32] = "int",
        [DTYPE_i64] = "long int",
        [DTYPE_f16] = "c10::Half",
        [DTYPE_bf16] = "c10::BFloat16",
        [DTYPE_f32] = "float",
        [DTYPE_f64] = "double",
        [DTYPE_c32] = "c10::complex<c10::Half>",
        [DTYPE_c64] = "c10::complex<float>",
        [DTYPE_c128] = "c10::complex<double>",
    };

    return names[d];
}

int dtype_refuse(const char *kernel, enum dtype d)
{
    return error_set(ERROR_RUNTIME, "\"%s\" not implemented for '%s'", kernel, dtype_short_name(d));
}

enum dtype dtype_to_complex(enum dtype d)
{
    if (dtype_is_complex(d))
        return d;
    return d == DTYPE_f16 ? DTYPE_c32 : d == DTYPE_f64 ? DTYPE_c128 : DTYPE_c64;
}

enum dtype dtype_default_complex(void)
{
    return dtype_to_complex(default_dtype);
}

enum dtype dtype_promote(enum dtype a, enum dtype b)
{
    enum dtype high = a > b ? a : b, low = a > b ? b : a;

    /* The row order does, but for types of which neither holds the other. */
    if (low == DTYPE_u8 && high == DTYPE_i8)
        return DTYPE_i16;
    if (low == DTYPE_f16 && high == DTYPE_bf16)
        return DTYPE_f32;
    if (dtype_is_complex(high) && dtype_is_differentiable(low) && low != high)
        return dtype_to_complex(dtype_promote(dtype_infos[high].part, dtype_infos[low].part));
    return high;
}

enum dtype scalar_dtype(struct scalar s)
{
    switch (s.kind) {
    case SCALAR_BOOL:
        return DTYPE_b8;
    case SCALAR_INT:
        return DTYPE_i64;
    case SCALAR_COMPLEX:
        return dtype_default_complex();
    default:
        return default_dtype;
    }
}

/* One loader and one storer per row. */
#define LOAD_REAL(category, value)                                                                 \
    CATEGORY_##category == CATEGORY_FLOAT  ? scalar_float((double)(value))                         \
    : CATEGORY_##category == CATEGORY_BOOL ? scalar_bool((value) != 0)                             \
                                           : scalar_int((int64_t)(value))
#define LOAD_COMPLEX(category, value) scalar_complex((double)(value), cimag(value))
#define STORE_REAL(T, s)              ((s).kind >= SCALAR_FLOAT ? (T)(s).d : (T)(s).i)
#define STORE_COMPLEX(T, s)                                                                        \
    ((s).kind == SCALAR_COMPLEX ? (T)__builtin_complex((s).d, (s).im) : (T)STORE_REAL(double, s))
#define ACCESS(id, category, kind)                                                                 \
    static struct scalar load_##id(const void *at)                                                 \
    {                                                                                              \
        const element_##id value = read_##id(at);                                                  \
        return LOAD_##kind(category, value);                                                       \
    }                                                                                              \
    static void store_##id(void *at, struct scalar s)                                              \
    {                                                                                              \
        write_##id(at, STORE_##kind(element_##id, s));                                             \
    }
#define DTYPE(id, ctype, name, category, class)               ACCESS(id, category, REAL)
#define DTYPE_COMPLEX(id, ctype, name, category, class, part) ACCESS(id, category, COMPLEX)
#include "tensor/dtype.def"
ACCESS(f16, FLOAT, REAL)
ACCESS(bf16, FLOAT, REAL)
ACCESS(c32, COMPLEX, COMPLEX)

static const struct {
    struct scalar (*load)(const void *at);
    void (*store)(void *at, struct scalar s);
} access_functions[DTYPE_COUNT] = {
#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = {load_##id, store_##id},
#define DTYPE_STORED(id, ctype, name, category, class, computed)                                   \
    [DTYPE_##id] = {load_##id, store_##id},
#define DTYPE_COMPLEX(id, ctype, name, category, class, part)                                      \
    [DTYPE_##id] = {load_##id, store_##id},
#include "tensor/dtype.def"
};

struct scalar dtype_load(enum dtype d, const void *at)
{
    return access_functions[d].load(at);
}

void dtype_store(enum dtype d, void *at, struct scalar s)
{
    access_functions[d].store(at, s);
}
