#include "tensor/random.h"

#include "base/error.h"
#include "tensor/random_block.h"
#include "tensor/random_fill.h"

#include <math.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { MT_M = 397 };

/* ---- the generator ---- */

struct generator *generator_default(void)
{
    static struct generator generator;
    static bool seeded;

    if (!seeded) {
        seeded = true;
        generator_seed_random(&generator);
    }
    return &generator;
}

void generator_seed(struct generator *g, uint64_t seed)
{
    *g = (struct generator){.seed = seed, .left = 1};
    g->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < MT_N; i++) {
        uint32_t before = g->state[i - 1];
        g->state[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
}

uint64_t generator_seed_random(struct generator *g)
{
    uint64_t seed;

    if (getentropy(&seed, sizeof(seed)) < 0)
        seed = (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    generator_seed(g, seed);
    return seed;
}

static uint32_t twist(uint32_t high, uint32_t low, uint32_t far)
{
    uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);

    return far ^ (y >> 1) ^ (low & 1 ? 0x9908b0dfu : 0);
}

static void refill(struct generator *g)
{
    uint32_t *s = g->state;
    int i = 0;

    for (; i < MT_N - MT_M; i++)
        s[i] = twist(s[i], s[i + 1], s[i + MT_M]);
    for (; i < MT_N - 1; i++)
        s[i] = twist(s[i], s[i + 1], s[i + MT_M - MT_N]);
    s[MT_N - 1] = twist(s[MT_N - 1], s[0], s[MT_M - 1]);
    g->left = MT_N + 1;
    g->next = 0;
}

static inline uint32_t temper(uint32_t y)
{
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* `left` is one more than the words that are still to be had (PyTorch keeps it so). */
static inline uint32_t next_word(struct generator *g)
{
    if (__builtin_expect(g->left == 1, 0))
        refill(g);
    g->left--;
    return temper(g->state[g->next++]);
}

uint32_t generator_u32(struct generator *g)
{
    return next_word(g);
}

uint64_t generator_u64(struct generator *g)
{
    uint64_t high = next_word(g);

    return high << 32 | next_word(g);
}

static inline float to_float(uint32_t bits)
{
    return (float)(int32_t)(bits & ((1u << 24) - 1)) * 0x1p-24f;
}

float generator_float(struct generator *g)
{
    return to_float(generator_u32(g));
}

double generator_double(struct generator *g)
{
    return (double)(generator_u64(g) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

/* Whole runs of the state at a time: loops that the compiler can vectorize. */
void generator_floats(struct generator *g, float *out, int64_t count)
{
    while (count > 0) {
        if (g->left == 1)
            refill(g);

        int run = count < g->left - 1 ? (int)count : g->left - 1;
        const uint32_t *words = g->state + g->next;

        for (int i = 0; i < run; i++)
            out[i] = to_float(temper(words[i]));
        g->left -= run;
        g->next += run;
        out += run;
        count -= run;
    }
}

/* ---- from one number to a tensor of them ---- */

/* -1 or 1: dimension a stays inside b, or must go outside; 0: the strides do not say. */
static int compare_dims(const struct tensor *t, int a, int b)
{
    if (t->stride[a] == 0 || t->stride[b] == 0)
        return 0;
    if (t->stride[a] != t->stride[b])
        return t->stride[a] < t->stride[b] ? -1 : 1;
    return t->shape[a] > t->shape[b];
}

void random_walk_init(struct random_walk *w, const struct tensor *t, const int64_t *companion)
{
    int order[TENSOR_MAX_DIMS];

    *w = (struct random_walk){.ndim = t->ndim};
    for (int i = 0; i < t->ndim; i++)
        order[i] = t->ndim - 1 - i;
    for (int i = 1; i < t->ndim; i++) {
        int moved = i;
        for (int inner = i - 1; inner >= 0; inner--) {
            int sign = compare_dims(t, order[inner], order[moved]);
            if (sign < 0)
                break;
            if (sign > 0) {
                int swap = order[inner];
                order[inner] = order[moved];
                order[moved] = swap;
                moved = inner;
            }
        }
    }
    for (int i = 0; i < t->ndim; i++) {
        w->shape[i] = t->shape[order[i]];
        w->stride[0][i] = t->stride[order[i]];
        w->stride[1][i] = companion ? companion[order[i]] : 0;
    }
}

void random_walk_next(struct random_walk *w)
{
    for (int i = 0; i < w->ndim; i++) {
        w->at[0] += w->stride[0][i];
        w->at[1] += w->stride[1][i];
        if (++w->index[i] < w->shape[i])
            return;
        w->index[i] = 0;
        w->at[0] -= w->stride[0][i] * w->shape[i];
        w->at[1] -= w->stride[1][i] * w->shape[i];
    }
}

int random_fill(struct tensor *t, random_draw_fn *draw, const struct random_law *law,
                struct generator *g)
{
    enum dtype dtype = tensor_dtype(t);
    int64_t size = (int64_t)dtype_size(dtype);
    char *data = tensor_data(t);
    struct random_walk w;

    if (tensor_check_expanded(t) < 0)
        return -1;
    if (!g)
        g = generator_default();
    if (tensor_is_contiguous(t)) {
        for (int64_t i = 0; i < t->numel; i++)
            dtype_store(dtype, data + i * size, draw(g, law));
        return 0;
    }
    random_walk_init(&w, t, NULL);
    for (int64_t i = 0; i < t->numel; i++, random_walk_next(&w))
        dtype_store(dtype, data + w.at[0] * size, draw(g, law));
    return 0;
}

int random_check_float(const struct tensor *t, const char *kernel)
{
    enum dtype dtype = tensor_dtype(t);

    return dtype_is_float(dtype) ? 0 : dtype_refuse(kernel, dtype);
}

/* ---- uniform ---- */

static struct scalar draw_uniform_float(struct generator *g, const struct random_law *law)
{
    float from = (float)law->a, to = (float)law->b;

    return scalar_float(fmaf(generator_float(g), to - from, from)); /* rounded once, as PyTorch */
}

static void uniform_contiguous(float *data, int64_t count, float from, float to,
                               struct generator *g)
{
    generator_floats(g, data, count);
    if (from == 0 && to == 1)
        return;
    for (int64_t i = 0; i < count; i++)
        data[i] = fmaf(data[i], to - from, from);
}

static struct scalar draw_uniform_double(struct generator *g, const struct random_law *law)
{
    return scalar_float(fma(generator_double(g), law->b - law->a, law->a));
}

static int check_uniform(enum dtype dtype, double from, double to)
{
    bool is_float = dtype == DTYPE_f32;
    double limit = is_float ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
    const char *name = is_float ? "float" : "double";

    if (!(from >= -limit && from <= limit))
        return error_set(ERROR_RUNTIME, "from is out of bounds for %s", name);
    if (!(to >= -limit && to <= limit))
        return error_set(ERROR_RUNTIME, "to is out of bounds for %s", name);
    if (from > to)
        return error_set(ERROR_RUNTIME,
                         "uniform_ expects to return a [from, to) range, but found from=%g > "
                         "to=%g",
                         from, to);
    if (to - from > limit)
        return error_set(ERROR_RUNTIME,
                         "uniform_ expects to-from <= std::numeric_limits<%s>::max(), but found "
                         "to=%g and from=%g which result in to-from to exceed the limit",
                         dtype_short_name(dtype), to, from);
    return 0;
}

/* The value as the dtype holds it. */
static float rounded(enum dtype dtype, double value)
{
    char element[sizeof(float)];

    dtype_store(dtype, element, scalar_float(value));
    return (float)dtype_load(dtype, element).d;
}

/* Between a and a + b, with as many random bits as the significand has. */
static struct scalar draw_uniform_stored(struct generator *g, const struct random_law *law)
{
    float x = (float)(generator_u32(g) & (law->range - 1)) / (float)law->range;

    return scalar_float(fmaf(x, (float)law->b, (float)law->a));
}

static int uniform_stored(struct tensor *t, double from, double to, struct generator *g)
{
    enum dtype dtype = tensor_dtype(t);
    float low = rounded(dtype, from);
    struct random_law law = {.a = low,
                             .b = rounded(dtype, rounded(dtype, to) - low),
                             .range = UINT64_C(1) << random_digits(dtype)};

    return random_fill(t, draw_uniform_stored, &law, g);
}

int random_uniform(struct tensor *t, double from, double to, struct generator *g)
{
    struct random_law law = {.a = from, .b = to};

    if (dtype_is_complex(tensor_dtype(t))) {
        struct tensor *parts = tensor_parts(t);
        int status = parts ? random_uniform(parts, from, to, g) : -1;

        tensor_unref(parts);
        return status;
    }

    if (random_check_float(t, "check_uniform_bounds") < 0 ||
        check_uniform(tensor_dtype(t), from, to) < 0)
        return -1;
    if (dtype_is_stored(tensor_dtype(t)))
        return uniform_stored(t, from, to, g);
    if (t->dtype == DTYPE_f64)
        return random_fill(t, draw_uniform_double, &law, g);
    if (!tensor_is_contiguous(t))
        return random_fill(t, draw_uniform_float, &law, g);
    uniform_contiguous((float *)tensor_data(t), t->numel, (float)from, (float)to,
                       g ? g : generator_default());
    return 0;
}

/* ---- normal ---- */

static double draw_normal(struct generator *g, double mean, double std)
{
    if (g->has_next_double) {
        g->has_next_double = false;
        return fma(g->next_double, std, mean);
    }

    double u1 = generator_double(g), u2 = generator_double(g);
    double radius = sqrt(-2.0 * log(1.0 - u2)), theta = 2.0 * M_PI * u1;

    g->has_next_double = true;
    g->next_double = radius * sin(theta);
    return fma(radius * cos(theta), std, mean);
}

struct scalar random_draw_normal(struct generator *g, const struct random_law *law)
{
    return scalar_float(draw_normal(g, law->a, law->b));
}

/* Fewer floats than a block, contiguous. */
static void normal_few(float *data, int64_t count, double mean, double std, struct generator *g)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)draw_normal(g, mean, std);
}

/* PyTorch has logarithm, root and cosine of bfloat16, rounded; those of half are floats. */
static float step(enum dtype dtype, double value)
{
    return dtype == DTYPE_bf16 ? rounded(dtype, value) : (float)value;
}

/* 16 uniform numbers become normal ones in place (G. E. P. Box, M. E. Muller, 1958), rounded where
 * PyTorch does. */
static void normal_block_stored(enum dtype dtype, char *data, float mean, float std)
{
    const int64_t size = (int64_t)dtype_size(dtype);

    for (int64_t i = 0; i < NORMAL_BLOCK / 2; i++) {
        char *first = data + i * size, *second = first + NORMAL_BLOCK / 2 * size;
        float u1 = rounded(dtype, 1 - dtype_load(dtype, first).d);
        float u2 = (float)dtype_load(dtype, second).d;
        float radius = rounded(dtype, sqrtf(step(dtype, -2 * step(dtype, logf(u1)))));
        float theta = rounded(dtype, 2.0 * M_PI * u2);
        float x = step(dtype, radius * step(dtype, cosf(theta)));
        float y = step(dtype, radius * step(dtype, sinf(theta)));

        dtype_store(dtype, first, scalar_float(step(dtype, x * std) + mean));
        dtype_store(dtype, second, scalar_float(step(dtype, y * std) + mean));
    }
}

static int normal_stored(struct tensor *t, double mean, double std, struct generator *g)
{
    enum dtype dtype = tensor_dtype(t);
    const int64_t size = (int64_t)dtype_size(dtype);
    struct random_law law = {.b = 1, .range = UINT64_C(1) << random_digits(dtype)};
    char *data = tensor_data(t);
    int64_t rest = t->numel % NORMAL_BLOCK;

    random_fill(t, draw_uniform_stored, &law, g);
    for (int64_t i = 0; i + NORMAL_BLOCK <= t->numel; i += NORMAL_BLOCK)
        normal_block_stored(dtype, data + i * size, rounded(dtype, mean), rounded(dtype, std));
    if (rest) { /* the last block anew, over what overlaps */
        data += (t->numel - NORMAL_BLOCK) * size;
        for (int64_t i = 0; i < NORMAL_BLOCK; i++)
            dtype_store(dtype, data + i * size, draw_uniform_stored(g, &law));
        normal_block_stored(dtype, data, rounded(dtype, mean), rounded(dtype, std));
    }
    return 0;
}

int random_normal(struct tensor *t, double mean, double std, struct generator *g)
{
    struct random_law law = {.a = mean, .b = std};

    if (!(std >= 0))
        return error_set(ERROR_RUNTIME, "normal expects std >= 0.0, but found std %g", std);
    if (dtype_is_complex(tensor_dtype(t))) { /* half of the variance for each part */
        struct tensor *parts = tensor_parts(t);
        int status = parts ? random_normal(parts, mean, std * M_SQRT1_2, g) : -1;

        tensor_unref(parts);
        return status;
    }
    if (random_check_float(t, "normal_kernel_cpu") < 0)
        return -1;
    if (!g)
        g = generator_default();
    if (t->numel < NORMAL_BLOCK && t->dtype == DTYPE_f32 && tensor_is_contiguous(t)) {
        normal_few((float *)tensor_data(t), t->numel, mean, std, g);
        return 0;
    }
    if (t->numel < NORMAL_BLOCK || !tensor_is_contiguous(t))
        return random_fill(t, random_draw_normal, &law, g);
    if (dtype_is_stored(tensor_dtype(t)))
        return normal_stored(t, mean, std, g);
    if (t->dtype == DTYPE_f32)
        normal_blocks_float((float *)tensor_data(t), t->numel, (float)mean, (float)std, g);
    else
        normal_blocks_double((double *)tensor_data(t), t->numel, mean, std, g);
    return 0;
}
