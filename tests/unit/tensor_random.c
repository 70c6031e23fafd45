/* The expected numbers are PyTorch 1.13.1's, drawn one after the other from one stream. */
#include "base/error.h"
#include "tensor/random.h"

#include <criterion/criterion.h>
#include <string.h>

static struct generator g;

static struct tensor *vector(enum dtype dtype, int64_t n)
{
    struct tensor *t = tensor_new(dtype, 1, &n);

    cr_assert_not_null(t);
    return t;
}

/* Takes t; compares exactly but for floats, whose libm may differ in the last digit elsewhere. */
static void expect(struct tensor *t, const double *want, int64_t count)
{
    enum dtype dtype = tensor_dtype(t);
    double tolerance = dtype == DTYPE_f32 ? 2e-7 : 1e-15;

    cr_assert_eq(t->numel, count);
    for (int64_t i = 0; i < count; i++) {
        double got = dtype_load(dtype, tensor_data(t) + i * (int64_t)dtype_size(dtype)).d;
        cr_expect_float_eq(got, want[i], dtype_is_float(dtype) ? tolerance * 4 : 0,
                           "element %d: %.17g instead of %.17g", (int)i, got, want[i]);
    }
    tensor_unref(t);
}
#define EXPECT(t, ...)                                                                             \
    expect(t, (double[])__VA_ARGS__, sizeof((double[])__VA_ARGS__) / sizeof(double))

static void draw_floats(void)
{
    struct tensor *t;

    random_uniform(t = vector(DTYPE_f32, 4), 0, 1, &g);
    EXPECT(t, {0.882269263f, 0.915003955f, 0.38286376f, 0.959305644f});
    random_uniform(t = vector(DTYPE_f64, 3), 0, 1, &g);
    EXPECT(t, {0.12358607277440903, 0.052580164361077042, 0.52617189685476184});
    random_uniform(t = vector(DTYPE_f32, 3), -2, 5, &g);
    EXPECT(t, {4.54218674f, 2.15505743f, 4.08583117f});
    random_normal(t = vector(DTYPE_f32, 3), 0, 1, &g);
    EXPECT(t, {-1.0324477f, -0.27703321f, -0.167134255f});
    random_normal(t = vector(DTYPE_f32, 17), 0, 1, &g);
    EXPECT(t, {1.07831764f, 0.305720925f, -0.774592519f, 0.0349123441f, 0.321103007f, 1.57360017f,
               -0.845467448f, 1.3123076f, 0.687159598f, -1.23465312f, -0.487913877f, -1.41805995f,
               0.896268308f, 0.0499053858f, 2.26671791f, 1.17895091f, -0.434454411f});
    random_normal(t = vector(DTYPE_f64, 16), 0, 1, &g);
    EXPECT(t, {-0.46946014308389283, 0.45729973935936413, 0.51771549065334277, -0.27706352681701968,
               -0.66414291580614604, 0.65511430527310477, 0.62848355239981446, -1.2405276437359183,
               -0.33113931395169954, -0.63778422722221473, 0.10719882715742213, 0.70961491796546916,
               0.30085844543180795, -0.28692658848988356, 0.6076122224111371, 0.60584120777866968});
    random_normal(t = vector(DTYPE_f32, 16), 3, 0.5, &g);
    EXPECT(t, {3.57060075f, 3.02582169f, 3.36405468f, 2.64467907f, 2.69896579f, 3.48022437f,
               3.20240712f, 2.32282853f, 3.66735148f, 3.24176955f, 2.90121913f, 3.63415575f,
               3.61213136f, 3.04905868f, 3.87112641f, 2.32366323f});
}

static void draw_integers(void)
{
    struct tensor *t;

    random_integers(t = vector(DTYPE_i64, 6), -3, 10, &g);
    EXPECT(t, {4, 3, -2, -1, 8, 4});
    random_integers(t = vector(DTYPE_i64, 3), -(INT64_C(1) << 62), INT64_C(1) << 62, &g);
    EXPECT(t, {-2805750205475029154.0, 3170520047283612942.0, -2979287526519824947.0});
    random_permutation(t = vector(DTYPE_i64, 8), &g);
    EXPECT(t, {6, 3, 4, 7, 1, 5, 2, 0});
}

static void draw_choices(void)
{
    struct tensor *t, *p = vector(DTYPE_f32, 6), *weights;
    const float chances[] = {.1f, .9f, .5f, .5f, .5f, .5f};
    const float rows[] = {.1f, .2f, .3f, .4f, 4, 3, 2, 1};

    random_bernoulli_scalar(t = vector(DTYPE_f32, 8), 0.3, &g);
    EXPECT(t, {0, 1, 0, 0, 1, 1, 0, 0});
    memcpy(tensor_data(p), chances, sizeof(chances));
    random_bernoulli(t = vector(DTYPE_f32, 6), p, &g);
    EXPECT(t, {1, 1, 1, 0, 1, 0});
    tensor_unref(p);
    random_exponential(t = vector(DTYPE_f32, 3), 2, &g);
    EXPECT(t, {0.0329551063f, 0.902359068f, 0.130190223f});

    p = vector(DTYPE_f32, 4);
    memcpy(tensor_data(p), rows, 4 * sizeof(float));
    EXPECT(random_multinomial(p, 4, false, &g), {2, 3, 1, 0});
    tensor_unref(p);
    weights = tensor_new(DTYPE_f32, 2, (int64_t[]){2, 4});
    memcpy(tensor_data(weights), rows, sizeof(rows));
    EXPECT(random_multinomial(weights, 5, true, &g), {2, 3, 3, 2, 2, 1, 2, 2, 3, 1});
    tensor_unref(weights);
}

Test(tensor_random, one_stream_gives_pytorchs_digits)
{
    struct tensor *t, *turned;

    generator_seed(&g, 42);
    draw_floats();
    draw_integers();
    draw_choices();

    /* A transposed view is filled along memory. */
    t = vector(DTYPE_f32, 6);
    turned = tensor_view(t, 2, (int64_t[]){2, 3}, (int64_t[]){1, 2}, 0);
    random_uniform(turned, 0, 1, &g);
    tensor_unref(turned);
    EXPECT(t,
           {0.678316236f, 0.887020111f, 0.0292798281f, 0.616125345f, 0.758295894f, 0.590664685f});
    cr_assert_eq(generator_u32(&g), 3646057090u);
}

Test(tensor_random, a_seed_counts_by_its_low_half_and_forgets_the_spare_normal)
{
    struct generator other;
    struct tensor *t = vector(DTYPE_f32, 1);

    generator_seed(&g, 7);
    random_normal(t, 0, 1, &g);
    cr_assert(g.has_next_double);
    generator_seed(&g, 7);
    cr_assert_not(g.has_next_double);
    generator_seed(&other, 7 + (UINT64_C(1) << 32));
    cr_assert_neq(g.seed, other.seed);
    for (int i = 0; i < 2000; i++)
        cr_assert_eq(generator_u32(&g), generator_u32(&other));
    tensor_unref(t);
}

Test(tensor_random, floats_in_bulk_are_the_floats_one_by_one)
{
    struct generator bulk;
    float many[1500];

    generator_seed(&g, 3);
    generator_seed(&bulk, 3);
    generator_floats(&bulk, many, 700);
    generator_floats(&bulk, many + 700, 800);
    for (int i = 0; i < 1500; i++)
        cr_assert_eq(many[i], generator_float(&g));
    cr_assert_eq(generator_u32(&bulk), generator_u32(&g));
}

static void expect_error(int status, const char *message)
{
    cr_expect_eq(status, -1);
    cr_expect_str_eq(error_message(), message);
    error_clear();
}

Test(tensor_random, errors_are_pytorchs)
{
    struct tensor *f = vector(DTYPE_f32, 3), *l = vector(DTYPE_i64, 3), *b = vector(DTYPE_b8, 3);

    expect_error(random_uniform(l, 0, 1, &g),
                 "\"check_uniform_bounds\" not implemented for 'Long'");
    expect_error(random_uniform(f, 2, 1, &g),
                 "uniform_ expects to return a [from, to) range, but found from=2 > to=1");
    expect_error(random_uniform(f, 0, 1e39, &g), "to is out of bounds for float");
    expect_error(random_normal(f, 0, -1, &g), "normal expects std >= 0.0, but found std -1");
    expect_error(random_normal(l, 0, 1, &g), "\"normal_kernel_cpu\" not implemented for 'Long'");
    expect_error(random_integers(l, 5, 2, &g),
                 "random_ expects 'from' to be less than 'to', but got from=5 >= to=2");
    expect_error(random_integers(b, 0, 3, &g), "to - 1 is out of bounds for bool");
    expect_error(random_bernoulli_scalar(f, 1.5, &g),
                 "bernoulli_ expects p to be in [0, 1], but got p=1.5");
    expect_error(random_bernoulli(f, l, &g),
                 "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'");
    expect_error(random_exponential(f, -1, &g),
                 "exponential_ expects lambda >= 0.0, but found lambda=-1");
    expect_error(random_permutation(b, &g), "\"randperm\" not implemented for 'Bool'");
    tensor_fill(f, scalar_float(0));
    cr_expect_null(random_multinomial(f, 2, false, &g));
    expect_error(-1, "invalid multinomial distribution (sum of probabilities <= 0)");
    cr_expect_null(random_multinomial(f, 4, false, &g));
    expect_error(-1, "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
    tensor_unref(f);
    tensor_unref(l);
    tensor_unref(b);
}
