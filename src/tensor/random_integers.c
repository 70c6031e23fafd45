/* Random whole numbers, and permutations. */
#include "base/error.h"
#include "base/warn.h"
#include "tensor/random_fill.h"

static struct scalar draw_integer(struct generator *g, const struct random_law *law)
{
    uint64_t bits = law->wide ? generator_u64(g) : generator_u32(g);

    return scalar_int((int64_t)(bits % law->range + (uint64_t)law->base));
}

/* What a dtype can hold: `c_name` is how PyTorch's errors call it, `digits` are the bits of a
 * floating significand. */
static const struct integer_limits {
    const char *c_name;
    int64_t low, high;
    int digits;
} integer_limits[DTYPE_COUNT] = {
    [DTYPE_b8] = {"bool", 0, 1, 0},
    [DTYPE_u8] = {"unsigned char", 0, UINT8_MAX, 0},
    [DTYPE_i8] = {"signed char", INT8_MIN, INT8_MAX, 0},
    [DTYPE_i16] = {"short", INT16_MIN, INT16_MAX, 0},
    [DTYPE_i32] = {"int", INT32_MIN, INT32_MAX, 0},
    [DTYPE_i64] = {"long", INT64_MIN, INT64_MAX, 0},
    [DTYPE_f16] = {"c10::Half", -65504, 65504, 11},
    [DTYPE_bf16] = {"c10::BFloat16", INT64_MIN, INT64_MAX, 8},
    [DTYPE_f32] = {"float", INT64_MIN, INT64_MAX, 24},
    [DTYPE_f64] = {"double", INT64_MIN, INT64_MAX, 53},
};

int random_digits(enum dtype dtype)
{
    return integer_limits[dtype].digits;
}

static int64_t held(enum dtype dtype, int64_t value)
{
    char element[sizeof(double)];

    dtype_store(dtype, element, scalar_int(value));
    return (int64_t)dtype_load(dtype, element).d;
}

/* The distance of the numbers that a floating dtype holds about `value`, or twice that. */
static int64_t spacing(enum dtype dtype, int64_t value)
{
    int exponent = 0;

    for (uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value; rest >>= 1;)
        exponent++;
    return INT64_C(1) << (exponent - random_digits(dtype) + 1);
}

static int warn_beyond_digits(const char *name, int64_t bound, enum dtype dtype)
{
    int digits = random_digits(dtype);

    if (bound >= -(INT64_C(1) << digits) && bound <= INT64_C(1) << digits)
        return 0;
    return warn_user("%s is out of bounds [-(2^%d), 2^%d]. Due to precision limitations %s can "
                     "support discrete uniform distribution only within this range. This warning "
                     "will become an error in version 1.7 release, please fix the code in advance",
                     name, digits, digits, integer_limits[dtype].c_name);
}

/* Bounds that the first and last numbers, rounded to a floating dtype, would leave are moved
 * inwards, as in PyTorch. -1 with an error, or from a warning made an error. */
static int hold_bounds(enum dtype dtype, int64_t *low, int64_t *high)
{
    int64_t first = held(dtype, *low + 1), last = held(dtype, *high - 1);

    if (first < *low)
        *low = first + spacing(dtype, *low + 1);
    if (last >= *high)
        *high = last - spacing(dtype, *high - 1);
    if (*low >= *high)
        return error_set(ERROR_RUNTIME,
                         "random_ expects 'from' casted to dtype to be less than 'to' casted to "
                         "dtype, but got from=%lld >= to=%lld",
                         (long long)*low, (long long)*high);
    return warn_beyond_digits("from", *low, dtype) < 0
               ? -1
               : warn_beyond_digits("to - 1", *high - 1, dtype);
}

int random_integers(struct tensor *t, int64_t low, int64_t high, struct generator *g)
{
    enum dtype dtype = tensor_dtype(t);
    const struct integer_limits *limits = &integer_limits[dtype];
    struct random_law law = {0};

    if (low >= high)
        return error_set(ERROR_RUNTIME,
                         "random_ expects 'from' to be less than 'to', but got from=%lld >= "
                         "to=%lld",
                         (long long)low, (long long)high);
    if (dtype_is_complex(dtype))
        return error_set(ERROR_RUNTIME, "check_random_bounds handles only integral, "
                                        "floating-point and boolean types");
    if (low < limits->low || low > limits->high)
        return error_set(ERROR_RUNTIME, "from is out of bounds for %s", limits->c_name);
    if (high - 1 > limits->high)
        return error_set(ERROR_RUNTIME, "to - 1 is out of bounds for %s", limits->c_name);
    if (limits->digits && hold_bounds(dtype, &low, &high) < 0)
        return -1;
    law.base = low;
    law.range = (uint64_t)high - (uint64_t)low;
    law.wide = law.range > UINT32_MAX && (limits->digits || dtype == DTYPE_i64);
    return random_fill(t, draw_integer, &law, g);
}

int random_integers_all(struct tensor *t, struct generator *g)
{
    enum dtype dtype = tensor_dtype(t);
    const struct integer_limits *limits = &integer_limits[dtype];
    struct random_law law;

    if (dtype_is_complex(dtype))
        return dtype_refuse("random_kernel_cpu", dtype);
    law = (struct random_law){
        .range = limits->digits ? (UINT64_C(1) << limits->digits) + 1 : (uint64_t)limits->high + 1,
    };
    law.wide = dtype == DTYPE_i64 || dtype == DTYPE_f64;
    return random_fill(t, draw_integer, &law, g);
}

int random_permutation(struct tensor *t, struct generator *g)
{
    enum dtype dtype = tensor_dtype(t);
    const struct integer_limits *limits = &integer_limits[dtype];
    int64_t n = t->numel, step = t->stride[0] * (int64_t)dtype_size(dtype);
    char *data = tensor_data(t);

    if (t->ndim != 1)
        return error_set(ERROR_RUNTIME, "randperm fills a 1-D tensor, but got %d dimensions",
                         t->ndim);
    if (dtype == DTYPE_b8)
        return dtype_refuse("randperm", dtype);
    if (n > limits->high)
        return error_set(ERROR_RUNTIME, "value cannot be converted to type %s_t without overflow",
                         dtype_name(dtype));
    if (limits->digits && n > (INT64_C(1) << limits->digits) + 1)
        return error_set(ERROR_RUNTIME, "n cannot be greater than 2^%d+1 for %s type.",
                         limits->digits, dtype_short_name(dtype));
    if (!g)
        g = generator_default();
    for (int64_t i = 0; i < n; i++)
        dtype_store(dtype, data + i * step, scalar_int(i));
    for (int64_t i = 0; i < n - 1; i++) {
        uint64_t bits = n < UINT32_MAX / 20 ? generator_u32(g) : generator_u64(g);
        int64_t j = i + (int64_t)(bits % (uint64_t)(n - i));
        struct scalar here = dtype_load(dtype, data + i * step);
        dtype_store(dtype, data + i * step, dtype_load(dtype, data + j * step));
        dtype_store(dtype, data + j * step, here);
    }
    return 0;
}
