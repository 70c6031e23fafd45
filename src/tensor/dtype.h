/*
 * dtype.h: element types, Python numbers, and PyTorch's promotion rules.
 */
#ifndef SADDLE_TENSOR_DTYPE_H
#define SADDLE_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
#define DTYPE(id, ctype, name, category, class) DTYPE_##id,
#include "tensor/dtype.def"
#undef DTYPE
    DTYPE_COUNT,
    DTYPE_NONE = DTYPE_COUNT /* "not given" */
};

/* Categories in the order of promotion. */
enum dtype_category { CATEGORY_BOOL, CATEGORY_INT, CATEGORY_FLOAT };

struct dtype_info {
    const char *name;       /* "float32", as in torch.float32 */
    const char *class_name; /* "FloatTensor" */
    enum dtype_category category;
    size_t size; /* bytes of one element */
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
/* PyTorch's spelling in error messages: "Float", "Long", "Bool". */
const char *dtype_short_name(enum dtype d);

/* The dtype of float literals and of true division: float32 unless changed. */
enum dtype dtype_default(void);
void dtype_set_default(enum dtype d);

/* The smallest dtype that both convert to, as torch.promote_types(). */
enum dtype dtype_promote(enum dtype a, enum dtype b);

/* A Python number. `i` is valid for SCALAR_BOOL and SCALAR_INT, `d` always. */
enum scalar_kind { SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT };
struct scalar {
    enum scalar_kind kind;
    int64_t i;
    double d;
};

static inline struct scalar scalar_int(int64_t i)
{
    return (struct scalar){SCALAR_INT, i, (double)i};
}
static inline struct scalar scalar_bool(bool b)
{
    return (struct scalar){SCALAR_BOOL, b, b};
}
static inline struct scalar scalar_float(double d)
{
    return (struct scalar){SCALAR_FLOAT, 0, d};
}
/* int64, bool or the default float dtype. */
enum dtype scalar_dtype(struct scalar s);

/* Reads or writes one element at `at`; writing converts as C does (a float to an int is cut). */
struct scalar dtype_load(enum dtype d, const void *at);
void dtype_store(enum dtype d, void *at, struct scalar s);

#endif
