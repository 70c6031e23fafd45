/*
 * Convolution by sliding: no columns are made.
 *
 * The image is copied into planes with the padding around it. With a stride, positions that lie a
 * stride apart become neighbours: there is a plane for each phase of the stride. Then every channel
 * and tap of the kernel reads its elements for positions 0, 1, 2... one behind the other, across
 * the ends of rows too: what comes out between the rows of the map is left out when the rows are
 * copied to their place. So one pair of inner loops (convolve_kernels.h) serves one to three
 * dimensions, strides, padding and dilation.
 *
 * The gradient of an image, for stride 1, is the same with the kernel turned round, over the
 * gradient of the map.
 */
#include "tensor/convolve.h"

#include "base/mem.h"
#include "tensor/convolve_kernels.h"
#include "tensor/kernels.h"
#include "tensor/tensor.h"
#include "tensor/threads.h"

#include <string.h>

/* As many images are summed up at a time as fit into the caches with their maps, but of small maps
 * so many that the sums are long: to add up a vector at their end takes time too. */
enum { CHUNK_BYTES = 1 << 18, CHUNK_POSITIONS = 1 << 11 };

static const struct convolve_kernels *kernels_of(enum dtype dtype)
{
    return *KERNELS_PICK(convolve_kernels) + (dtype == DTYPE_f64);
}

static int64_t round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

int64_t convolve_work(const struct convolution *c)
{
    return c->batch * c->groups * c->map_channels * c->image_channels *
           window_volume(c->window.kernel) * window_volume(c->window.map);
}

bool convolve_is_pointwise(const struct convolution *c)
{
    const struct window *w = &c->window;

    return window_volume(w->kernel) == 1 && memcmp(w->image, w->map, sizeof(w->image)) == 0 &&
           window_volume(w->stride) == 1 && !w->padding[0] && !w->padding[1] && !w->padding[2];
}

/* ---- the planes ---- */

struct planes {
    const struct window *window;
    int64_t size[WINDOW_DIMS], phases[WINDOW_DIMS];
    int64_t plane, channel; /* elements of one plane; of the planes of one channel */
    int64_t count;          /* positions, those between the rows among them */
};

static void planes_init(struct planes *p, const struct window *w)
{
    p->window = w;
    for (int d = 0; d < WINDOW_DIMS; d++) {
        int64_t reach = (w->kernel[d] - 1) * w->dilation[d];

        p->size[d] = w->map[d] + reach / w->stride[d];
        p->phases[d] = reach < w->stride[d] ? reach + 1 : w->stride[d];
    }
    p->plane = window_volume(p->size);
    p->channel = p->plane * window_volume(p->phases);
    p->count = ((w->map[0] - 1) * p->size[1] + w->map[1] - 1) * p->size[2] + w->map[2];
}

/* Where channel and tap k read position 0. */
static void planes_offsets(const struct planes *p, int64_t channels, int64_t *offset)
{
    const struct window *w = p->window;
    const int64_t taps = window_volume(w->kernel);

    for (int64_t k = 0; k < channels * taps; k++) {
        int64_t rest = k % taps, phase = 0, place = 0;
        int64_t tap[WINDOW_DIMS] = {rest / (w->kernel[1] * w->kernel[2]),
                                    rest / w->kernel[2] % w->kernel[1], rest % w->kernel[2]};

        for (int d = 0; d < WINDOW_DIMS; d++) {
            int64_t at = tap[d] * w->dilation[d];

            phase = phase * p->phases[d] + at % w->stride[d];
            place = place * p->size[d] + at / w->stride[d];
        }
        offset[k] = k / taps * p->channel + phase * p->plane + place;
    }
}

/* Copies one channel's planes; the padding, which is 0 already, is not touched. */
#define FILL(T, id)                                                                                \
    static void fill_plane_##id(const struct planes *p, const int64_t *phase, const T *image,      \
                                T *plane)                                                          \
    {                                                                                              \
        const struct window *w = p->window;                                                        \
        const int64_t step = w->stride[2], shift = phase[2] - w->padding[2];                       \
        const int64_t low = shift < 0 ? (step - 1 - shift) / step : 0;                             \
        int64_t high = (w->image[2] - shift + step - 1) / step;                                    \
                                                                                                   \
        high = high < p->size[2] ? high : p->size[2];                                              \
        for (int64_t z = 0; z < p->size[0]; z++) {                                                 \
            for (int64_t y = 0; y < p->size[1]; y++, plane += p->size[2]) {                        \
                int64_t from_z = z * w->stride[0] + phase[0] - w->padding[0];                      \
                int64_t from_y = y * w->stride[1] + phase[1] - w->padding[1];                      \
                const T *row = image + (from_z * w->image[1] + from_y) * w->image[2] + shift;      \
                                                                                                   \
                if (from_z < 0 || from_z >= w->image[0] || from_y < 0 || from_y >= w->image[1])    \
                    continue;                                                                      \
                if (step == 1 && low < high)                                                       \
                    memcpy(plane + low, row + low, (size_t)(high - low) * sizeof(T));              \
                else                                                                               \
                    for (int64_t x = low; x < high; x++)                                           \
                        plane[x] = row[x * step];                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void fill_##id(const struct planes *p, int64_t channels, const T *image, T *to)         \
    {                                                                                              \
        const int64_t *phases = p->phases, count = window_volume(phases);                          \
        const int64_t size = window_volume(p->window->image);                                      \
                                                                                                   \
        for (int64_t i = 0; i < channels * count; i++, to += p->plane) {                           \
            int64_t at = i % count;                                                                \
            int64_t phase[WINDOW_DIMS] = {at / (phases[1] * phases[2]),                            \
                                          at / phases[2] % phases[1], at % phases[2]};             \
                                                                                                   \
            fill_plane_##id(p, phase, image + i / count * size, to);                               \
        }                                                                                          \
    }
FILL(float, f32)
FILL(double, f64)

static void planes_fill(const struct planes *p, enum dtype dtype, int64_t channels,
                        const char *image, char *to)
{
    if (dtype == DTYPE_f32)
        fill_f32(p, channels, (const float *)image, (float *)to);
    else
        fill_f64(p, channels, (const double *)image, (double *)to);
}

/* Copies rows of maps between their place in a tensor and flat ones, `pitch` elements apart. */
static void copy_rows(const struct planes *p, int64_t size, int64_t rows, char *map, char *flat,
                      int64_t pitch, bool to_map)
{
    const int64_t *count = p->window->map;
    const size_t bytes = (size_t)(count[2] * size);

    for (int64_t r = 0; r < rows; r++) {
        for (int64_t z = 0; z < count[0]; z++) {
            char *row = flat + (r * pitch + z * p->size[1] * p->size[2]) * size;

            for (int64_t y = 0; y < count[1]; y++, map += bytes, row += p->size[2] * size)
                memcpy(to_map ? map : row, to_map ? row : map, bytes);
        }
    }
}

/* ---- threads ---- */

/* The batch is shared out among teams; where there are fewer images than threads, the threads of a
 * team share out the blocks of an image. */
struct teams {
    int64_t count, members;
};

static struct teams teams_of(const struct convolution *c, int64_t images)
{
    int64_t threads = convolve_work(c) >= CONVOLVE_PARALLEL ? tensor_threads() : 1;
    struct teams t = {images < threads ? images : threads, 1};

    if (threads > t.count)
        t.members = threads / t.count;
    return t;
}

/* ---- map from image and weight, and image from map ---- */

/* What slides, seen from one side: `from` is read, `to` is computed. */
struct slide {
    struct planes planes;
    struct window window;
    const struct convolve_kernels *kernels;
    int64_t size;                       /* of an element */
    int64_t from_channels, to_channels; /* of one group */
    int64_t depth;                      /* from_channels * taps */
    const char *from;
    char *to;
    char *packed;    /* weights in the order that the kernels want, group by group */
    int64_t *offset; /* of depth */
    int64_t pitch, planes_bytes, rows_bytes; /* scratch: planes, then rows of the result */
};

static int block_rows(const struct slide *s, int64_t left)
{
    int rows = s->kernels->rows;

    while (rows > left)
        rows /= 2;
    return rows;
}

/* Weight (to, from, tap) lies at to * to_step + from * from_step + tap. */
#define PACK(T, id)                                                                                \
    static void pack_##id(const struct slide *s, const T *weight, int64_t taps, int64_t to_step,   \
                          int64_t from_step, bool turned, T *packed)                               \
    {                                                                                              \
        int rows;                                                                                  \
                                                                                                   \
        for (int64_t to = 0; to < s->to_channels; to += rows) {                                    \
            rows = block_rows(s, s->to_channels - to);                                             \
            for (int64_t k = 0; k < s->depth; k++) {                                               \
                int64_t tap = turned ? taps - 1 - k % taps : k % taps;                             \
                const T *from = weight + to * to_step + k / taps * from_step + tap;                \
                                                                                                   \
                for (int r = 0; r < rows; r++)                                                     \
                    *packed++ = from[r * to_step];                                                 \
            }                                                                                      \
        }                                                                                          \
    }
PACK(float, f32)
PACK(double, f64)

static void pack(const struct slide *s, const struct convolution *c, bool turned)
{
    const int64_t taps = window_volume(c->window.kernel);
    const int64_t group = s->to_channels * s->depth * s->size;
    const int64_t outer = c->image_channels * taps;

    for (int64_t g = 0; g < c->groups; g++) {
        const char *weight = c->weight + g * group;
        char *to = s->packed + g * group;

        if (c->dtype == DTYPE_f32)
            pack_f32(s, (const float *)weight, taps, turned ? taps : outer, turned ? outer : taps,
                     turned, (float *)to);
        else
            pack_f64(s, (const double *)weight, taps, turned ? taps : outer, turned ? outer : taps,
                     turned, (double *)to);
    }
}

/* The blocks of group g of an image that are this member's. */
static void slide_blocks(const struct slide *s, const struct convolution *c, int64_t g, char *to,
                         const struct teams *teams, int64_t member, char *scratch)
{
    const int64_t plane = window_volume(s->window.map) * s->size;
    struct map_block b = {.depth = s->depth,
                          .count = s->planes.count,
                          .image = scratch,
                          .offset = s->offset,
                          .map = scratch + s->planes_bytes,
                          .pitch = s->pitch};
    int64_t index = 0;

    for (int64_t r = 0; r < s->to_channels; r += b.rows, index++) {
        int64_t channel = g * s->to_channels + r;

        b.rows = block_rows(s, s->to_channels - r);
        if (index % teams->members != member)
            continue;
        b.weight = s->packed + channel * s->depth * s->size;
        b.bias = c->bias ? c->bias + channel * s->size : NULL;
        s->kernels->map(&b);
        copy_rows(&s->planes, s->size, b.rows, to + r * plane, b.map, b.pitch, true);
    }
}

static void slide_thread(const struct slide *s, const struct convolution *c,
                         const struct teams *teams, int64_t thread, char *scratch)
{
    const int64_t team = thread / teams->members, items = c->batch * c->groups;
    const int64_t from = s->from_channels * window_volume(s->window.image) * s->size;
    const int64_t to = s->to_channels * window_volume(s->window.map) * s->size;

    memset(scratch, 0, (size_t)s->planes_bytes);
    for (int64_t i = items * team / teams->count; i < items * (team + 1) / teams->count; i++) {
        planes_fill(&s->planes, c->dtype, s->from_channels, s->from + i * from, scratch);
        slide_blocks(s, c, i % c->groups, s->to + i * to, teams, thread % teams->members, scratch);
    }
}

static void slide_init(struct slide *s, const struct convolution *c, bool image)
{
    const struct window *w = &c->window;

    *s = (struct slide){.window = *w,
                        .kernels = kernels_of(c->dtype),
                        .size = (int64_t)dtype_size(c->dtype),
                        .from_channels = image ? c->map_channels : c->image_channels,
                        .to_channels = image ? c->image_channels : c->map_channels,
                        .from = image ? c->map : c->image,
                        .to = image ? c->image : c->map};
    for (int d = 0; d < WINDOW_DIMS && image; d++) {
        s->window.image[d] = w->map[d];
        s->window.map[d] = w->image[d];
        s->window.padding[d] = (w->kernel[d] - 1) * w->dilation[d] - w->padding[d];
    }
    planes_init(&s->planes, &s->window);
    s->depth = s->from_channels * window_volume(w->kernel);
    s->pitch = round_up(s->planes.count, s->kernels->lanes);
    s->planes_bytes =
        round_up((s->from_channels * s->planes.channel + s->kernels->lanes) * s->size, MEM_ALIGN);
    s->rows_bytes = round_up(s->kernels->rows * s->pitch * s->size, MEM_ALIGN);
}

static int slide(const struct convolution *c, bool image)
{
    struct teams teams = teams_of(c, c->batch * c->groups);
    const int64_t threads = teams.count * teams.members;
    int64_t weights, offsets, each, bytes;
    char *scratch;
    struct slide s;
    void *token = NULL;

    slide_init(&s, c, image);
    weights = round_up(c->groups * s.to_channels * s.depth * s.size, MEM_ALIGN);
    offsets = round_up(s.depth * (int64_t)sizeof(*s.offset), MEM_ALIGN);
    each = s.planes_bytes + s.rows_bytes;
    bytes = weights + offsets + threads * each;
    scratch = pool_alloc((size_t)bytes);
    if (!scratch)
        return -1;
    s.packed = scratch;
    s.offset = (int64_t *)(scratch + weights);
    pack(&s, c, image);
    planes_offsets(&s.planes, s.from_channels, s.offset);
    if (threads > 1 && tensor_long_begin)
        token = tensor_long_begin();
#pragma omp parallel for num_threads((int)threads) schedule(static, 1) if (threads > 1)
    for (int64_t t = 0; t < threads; t++)
        slide_thread(&s, c, &teams, t, scratch + weights + offsets + t * each);
    if (token)
        tensor_long_end(token);
    pool_free(scratch, (size_t)bytes);
    return 0;
}

/* ---- weight from image and map ---- */

struct gather {
    struct planes planes;
    const struct convolve_kernels *kernels;
    int64_t size, depth;
    int64_t *offset;
    int64_t pitch, planes_size, maps_size, chunk; /* elements of an image's planes and map rows */
    int64_t weight_bytes, thread_bytes;
};

static void gather_init(struct gather *g, const struct convolution *c)
{
    *g = (struct gather){.kernels = kernels_of(c->dtype),
                         .size = (int64_t)dtype_size(c->dtype),
                         .depth = c->image_channels * window_volume(c->window.kernel)};
    planes_init(&g->planes, &c->window);
    g->pitch = round_up(g->planes.count, g->kernels->lanes);
    g->planes_size = round_up(c->image_channels * g->planes.channel + g->kernels->lanes, MEM_ALIGN);
    g->maps_size = round_up(c->map_channels * g->pitch, MEM_ALIGN);
    g->chunk = CHUNK_BYTES / ((g->planes_size + g->maps_size) * g->size);
    if (g->chunk < CHUNK_POSITIONS / g->pitch + 1)
        g->chunk = CHUNK_POSITIONS / g->pitch + 1;
    g->chunk = g->chunk > c->batch ? c->batch : g->chunk;
    g->weight_bytes = round_up(c->groups * c->map_channels * g->depth * g->size, MEM_ALIGN);
    g->thread_bytes = g->weight_bytes + g->chunk * (g->planes_size + g->maps_size) * g->size;
}

/* Adds what `images` from n on give the weights of a group, those rows that are this member's. */
static void gather_images(const struct gather *g, const struct convolution *c, int64_t n,
                          int64_t images, int64_t group, const struct teams *teams, int64_t member,
                          char *sum)
{
    const int64_t image_bytes = c->image_channels * window_volume(c->window.image) * g->size;
    const int64_t plane = window_volume(c->window.map) * g->size;
    char *image = sum + g->weight_bytes, *map = image + g->chunk * g->planes_size * g->size;
    struct weight_block b = {.depth = g->depth,
                             .images = images,
                             .image_step = g->planes_size,
                             .map_step = g->maps_size,
                             .count = g->pitch,
                             .image = image,
                             .offset = g->offset,
                             .pitch = g->pitch};

    for (int64_t i = 0; i < images; i++) {
        int64_t at = (n + i) * c->groups + group;

        planes_fill(&g->planes, c->dtype, c->image_channels, c->image + at * image_bytes,
                    image + i * g->planes_size * g->size);
        copy_rows(&g->planes, g->size, c->map_channels, c->map + at * c->map_channels * plane,
                  map + i * g->maps_size * g->size, g->pitch, false);
    }
    for (int64_t r = 0, index = 0; r < c->map_channels; r += b.rows, index++) {
        b.rows = c->map_channels - r >= 4 ? 4 : 1;
        b.map = map + r * g->pitch * g->size;
        b.sum = sum + (group * c->map_channels + r) * g->depth * g->size;
        if (index % teams->members == member)
            g->kernels->weight(&b);
    }
}

static void gather_thread(const struct gather *g, const struct convolution *c,
                          const struct teams *teams, int64_t thread, char *space)
{
    const int64_t team = thread / teams->members;
    const int64_t end = c->batch * (team + 1) / teams->count;

    memset(space, 0, (size_t)g->thread_bytes);
    for (int64_t n = c->batch * team / teams->count; n < end; n += g->chunk)
        for (int64_t group = 0; group < c->groups; group++)
            gather_images(g, c, n, n + g->chunk < end ? g->chunk : end - n, group, teams,
                          thread % teams->members, space);
}

static int gather(const struct convolution *c)
{
    struct teams teams = teams_of(c, c->batch);
    const int64_t threads = teams.count * teams.members;
    int64_t offsets, bytes;
    char *scratch, *spaces;
    struct gather g;
    void *token = NULL;

    gather_init(&g, c);
    offsets = round_up(g.depth * (int64_t)sizeof(*g.offset), MEM_ALIGN);
    bytes = offsets + threads * g.thread_bytes;
    scratch = pool_alloc((size_t)bytes);
    if (!scratch)
        return -1;
    g.offset = (int64_t *)scratch;
    spaces = scratch + offsets;
    planes_offsets(&g.planes, c->image_channels, g.offset);
    if (threads > 1 && tensor_long_begin)
        token = tensor_long_begin();
#pragma omp parallel for num_threads((int)threads) schedule(static, 1) if (threads > 1)
    for (int64_t t = 0; t < threads; t++)
        gather_thread(&g, c, &teams, t, spaces + t * g.thread_bytes);
    convolve_join(c, spaces, threads, g.thread_bytes);
    if (token)
        tensor_long_end(token);
    pool_free(scratch, (size_t)bytes);
    return 0;
}

void convolve_join(const struct convolution *c, const char *sums, int64_t count, int64_t step)
{
    const int64_t n =
        c->groups * c->map_channels * c->image_channels * window_volume(c->window.kernel);

    memcpy(c->weight, sums, (size_t)n * dtype_size(c->dtype));
    for (int64_t t = 1; t < count; t++) {
        const void *from = sums + t * step;

        for (int64_t i = 0; i < n; i++) {
            if (c->dtype == DTYPE_f32)
                ((float *)c->weight)[i] += ((const float *)from)[i];
            else
                ((double *)c->weight)[i] += ((const double *)from)[i];
        }
    }
}

/* ---- the choice ---- */

int convolve(const struct convolution *c, enum convolve_result result)
{
    bool strided = window_volume(c->window.stride) > 1;
    bool empty = convolve_work(c) == 0;

    if (empty || convolve_is_pointwise(c) || (strided && result == CONVOLVE_IMAGE))
        return convolve_by_products(c, result);
    return result == CONVOLVE_WEIGHT ? gather(c) : slide(c, result == CONVOLVE_IMAGE);
}
