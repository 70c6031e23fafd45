/*
 * dtype.h: element types, Python numbers, and PyTorch's promotion rules.
 */
#ifndef SADDLE_TENSOR_DTYPE_H
#define SADDLE_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
#define DTYPE(id, ctype, name, category, class)                  DTYPE_##id,
#define DTYPE_STORED(id, ctype, name, category, class, computed) DTYPE_##id,
#define DTYPE_COMPLEX(id, ctype, name, category, class, part)    DTYPE_##id,
#include "tensor/dtype.def"
    DTYPE_COUNT,
    DTYPE_NONE = DTYPE_COUNT /* "not given" */
};

/* Categories in the order of promotion. */
enum dtype_category { CATEGORY_BOOL, CATEGORY_INT, CATEGORY_FLOAT, CATEGORY_COMPLEX };

struct dtype_info {
    const char *name;       /* "float32", as in torch.float32 */
    const char *class_name; /* "FloatTensor" */
    enum dtype_category category;
    size_t size;         /* bytes of one element */
    enum dtype computed; /* the type that operations compute in: itself but for stored types */
    enum dtype part;     /* of a complex type, that of its real and imaginary parts; else itself */
};
extern const struct dtype_info dtype_infos[DTYPE_COUNT];

static inline size_t dtype_size(enum dtype d)
{
    return dtype_infos[d].size;
}
static inline const char *dtype_name(enum dtype d)
{
    return dtype_infos[d].name;
}
static inline bool dtype_is_float(enum dtype d)
{
    return dtype_infos[d].category == CATEGORY_FLOAT;
}
static inline bool dtype_is_complex(enum dtype d)
{
    return dtype_infos[d].category == CATEGORY_COMPLEX;
}
/* Whether tensors of this type can have gradients. */
static inline bool dtype_is_differentiable(enum dtype d)
{
    return dtype_infos[d].category >= CATEGORY_FLOAT;
}
/* Half, bfloat16 and complex32 are stored; this says in what they are computed. */
static inline enum dtype dtype_computed(enum dtype d)
{
    return dtype_infos[d].computed;
}
static inline bool dtype_is_stored(enum dtype d)
{
    return dtype_infos[d].computed != d;
}
/* PyTorch's spelling in error messages: "Float", "Long", "Bool". */
const char *dtype_short_name(enum dtype d);
/* The name of the C++ type, which some of its errors use: "float", "long int". */
const char *dtype_c_name(enum dtype d);
/* What PyTorch says where its kernel of this name does not know the type. -1. */
int dtype_refuse(const char *kernel, enum dtype d);

/* The dtype of float literals and of true division: float32 unless changed. */
enum dtype dtype_default(void);
void dtype_set_default(enum dtype d);

/* The complex type of that default: complex64 beside float32. */
enum dtype dtype_default_complex(void);
/* The complex type whose parts are of this float type, as torch.complex() makes it. */
enum dtype dtype_to_complex(enum dtype d);

/* The smallest dtype that both convert to, as torch.promote_types(). */
enum dtype dtype_promote(enum dtype a, enum dtype b);

/* A Python number. `i` is valid for SCALAR_BOOL and SCALAR_INT, `d` always (the real part of a
 * complex number), `im` for SCALAR_COMPLEX. */
enum scalar_kind { SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_COMPLEX };
struct scalar {
    enum scalar_kind kind;
    int64_t i;
    double d, im;
};

static inline struct scalar scalar_int(int64_t i)
{
    return (struct scalar){SCALAR_INT, i, (double)i, 0};
}
static inline struct scalar scalar_bool(bool b)
{
    return (struct scalar){SCALAR_BOOL, b, b, 0};
}
static inline struct scalar scalar_float(double d)
{
    return (struct scalar){SCALAR_FLOAT, 0, d, 0};
}
static inline struct scalar scalar_complex(double re, double im)
{
    return (struct scalar){SCALAR_COMPLEX, 0, re, im};
}
/* int64, bool, the default float dtype or its complex type. */
enum dtype scalar_dtype(struct scalar s);

/* Whether a number is too large for a type, has an imaginary part that a real one cannot keep, or
 * is no number where there are only whole ones; scalar_check(): -1 with PyTorch's error. */
bool scalar_overflows(struct scalar s, enum dtype d);
int scalar_check(struct scalar s, enum dtype d);

/* Reads or writes one element at `at`; writing converts as C does (a float to an int is cut,
 * a complex number loses its imaginary part). */
struct scalar dtype_load(enum dtype d, const void *at);
void dtype_store(enum dtype d, void *at, struct scalar s);

#endif
