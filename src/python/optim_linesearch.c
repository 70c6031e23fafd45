/* The line search of L-BFGS: brackets a point that meets the strong Wolfe conditions, then zooms.
 */
#include "python/errors.h"
#include "python/optim_lbfgs.h"

static const double sufficient = 1e-4, curvature = 0.9; /* c1, c2 of the conditions */
static const double narrowest = 1e-9;
enum { EVALUATIONS_MAX = 25 };

/* A place on the line; the gradient is owned. */
struct place {
    struct number t, gtd;
    double f;
    struct tensor *grad;
};

struct search {
    struct lbfgs *l;
    struct tensor **start; /* the parameters before the search */
    Py_ssize_t count;
    double f;
    struct number gtd;
    struct place now, low, high;
    bool low_first; /* low was put into the bracket's first end: it wins when both are equal */
    long evals;
    bool done;
};

static void place_release(struct place *p)
{
    tensor_unref(p->grad);
    p->grad = NULL;
}

static void place_set(struct place *p, const struct place *from)
{
    struct tensor *grad = from->grad ? tensor_ref(from->grad) : NULL;

    place_release(p);
    *p = *from;
    p->grad = grad;
}

static int put_back(struct search *s)
{
    for (Py_ssize_t i = 0; i < s->count; i++) {
        struct tensor *param = tensor_of(PyList_GET_ITEM(s->l->params, i));

        if (tensor_copy(param, s->start[i]) < 0)
            return python_error(), -1;
        tensor_bump(param);
    }
    return 0;
}

static int visit(struct search *s, struct number t)
{
    struct lbfgs *l = s->l;

    place_release(&s->now);
    s->now.t = t;
    s->evals++;
    if (lbfgs_move(l, t, l->direction) < 0 || lbfgs_evaluate(l, &s->now.f, &s->now.grad) < 0 ||
        put_back(s) < 0)
        return -1;
    return lbfgs_dot(l, s->now.grad, l->direction, &s->now.gtd);
}

/* The minimum of the cubic through two places, kept within bounds. */
static struct number interpolate(const struct place *a, const struct place *b, struct number least,
                                 struct number most)
{
    struct number width = number_sub(a->t, b->t);
    struct number slope = number_div(number_float(3 * (a->f - b->f)), width);
    struct number d1 = number_sub(number_add(a->gtd, b->gtd), slope);
    struct number square = number_sub(number_mul(d1, d1), number_mul(a->gtd, b->gtd));
    const struct place *to = b, *from = a;
    struct number d2, share, at;

    if (!(square.value >= 0))
        return number_div(number_add(least, most), number_float(2));
    d2 = number_sqrt(square);
    if (!number_at_most(a->t, b->t)) {
        to = a;
        from = b;
    }
    share = number_div(number_sub(number_add(to->gtd, d2), d1),
                       number_add(number_sub(to->gtd, from->gtd), number_scale(2, d2)));
    at = number_sub(to->t, number_mul(number_sub(to->t, from->t), share));
    return number_min(number_max(at, least), most);
}

/* f(now) > f(0) + c1 t gtd(0) */
static bool falls_short(const struct search *s)
{
    struct number slope = number_mul(number_scale(sufficient, s->now.t), s->gtd);

    return number_less(number_add(number_float(s->f), slope), number_float(s->now.f));
}

static bool is_flat(const struct search *s)
{
    return number_at_most(number_abs(s->now.gtd), number_scale(-curvature, s->gtd));
}

static void order_bracket(struct search *s, const struct place *first, const struct place *second)
{
    s->low_first = first->f <= second->f;
    place_set(&s->low, s->low_first ? first : second);
    place_set(&s->high, s->low_first ? second : first);
}

/* Steps outwards until a minimum must lie behind. */
static int bracket(struct search *s)
{
    struct place origin = {number_float(0), s->gtd, s->f, tensor_ref(s->l->grad)};
    struct place prev = {0};
    int status = visit(s, s->l->t), turns = 0;

    place_set(&prev, &origin);
    while (status == 0 && turns < EVALUATIONS_MAX) {
        bool rises = falls_short(s) || (turns > 1 && s->now.f >= prev.f);
        struct number least, most, next;

        if (!rises && is_flat(s)) {
            place_set(&s->low, &s->now);
            s->done = true;
            break;
        }
        if (rises || s->now.gtd.value >= 0) {
            order_bracket(s, &prev, &s->now);
            break;
        }
        least = number_add(s->now.t, number_scale(0.01, number_sub(s->now.t, prev.t)));
        most = number_mul(s->now.t, number_float(10));
        next = interpolate(&prev, &s->now, least, most);
        place_set(&prev, &s->now);
        status = visit(s, next);
        turns++;
    }
    if (status == 0 && turns == EVALUATIONS_MAX)
        order_bracket(s, &origin, &s->now);
    place_release(&prev);
    place_release(&origin);
    return status;
}

/* A trial too close to an end of the bracket moves away from it, at once when it lies on the end,
 * else the second time. */
static struct number keep_off_ends(struct number t, struct number least, struct number most,
                                   bool *was_close)
{
    struct number margin = number_scale(0.1, number_sub(most, least));
    struct number below = number_sub(t, least), above = number_sub(most, t);
    bool close = number_less(number_min(above, below), margin);
    bool outside = number_at_most(most, t) || number_at_most(t, least);

    if (!close || !(*was_close || outside)) {
        *was_close = close;
        return t;
    }
    *was_close = false;
    if (number_less(number_abs(number_sub(t, most)), number_abs(number_sub(t, least))))
        return number_sub(most, margin);
    return number_add(least, margin);
}

/* Puts the trial into the bracket; low stays the lower end. */
static void narrow(struct search *s)
{
    struct number side = number_sub(s->high.t, s->low.t);

    if (falls_short(s) || s->now.f >= s->low.f) {
        struct place low = s->low;

        place_set(&s->high, &s->now);
        if (s->low_first ? !(low.f <= s->high.f) : s->high.f <= low.f) {
            s->low = s->high;
            s->high = low;
            s->low_first = !s->low_first;
        }
        return;
    }
    if (is_flat(s))
        s->done = true;
    else if (number_mul(s->now.gtd, side).value >= 0)
        place_set(&s->high, &s->low);
    place_set(&s->low, &s->now);
}

static int zoom(struct search *s)
{
    struct number norm = number_of(lbfgs_largest(s->l->direction), s->l->kind);
    bool was_close = false;

    while (!s->done && s->evals <= EVALUATIONS_MAX) {
        struct number least = number_min(s->low.t, s->high.t);
        struct number most = number_max(s->low.t, s->high.t);
        struct number width = number_mul(number_sub(most, least), norm), t;

        if (number_less(width, number_float(narrowest)))
            break;
        t = interpolate(&s->low, &s->high, least, most);
        t = keep_off_ends(t, least, most, &was_close);
        if (visit(s, t) < 0)
            return -1;
        narrow(s);
    }
    return 0;
}

static int save_start(struct search *s)
{
    s->count = PyList_GET_SIZE(s->l->params);
    s->start = PyMem_Calloc((size_t)s->count + 1, sizeof(*s->start));
    if (!s->start)
        return PyErr_NoMemory(), -1;
    for (Py_ssize_t i = 0; i < s->count; i++) {
        s->start[i] = tensor_clone(tensor_of(PyList_GET_ITEM(s->l->params, i)));
        if (!s->start[i])
            return python_error(), -1;
    }
    return 0;
}

int lbfgs_search(struct lbfgs *l, struct number gtd, long *evals)
{
    struct search s = {.l = l, .f = l->loss, .gtd = gtd};
    int status = -1;

    if (save_start(&s) < 0 || bracket(&s) < 0 || zoom(&s) < 0)
        goto done;
    l->t = s.low.t;
    l->loss = s.low.f;
    tensor_unref(l->grad);
    l->grad = tensor_ref(s.low.grad);
    *evals = s.evals;
    status = 0;
done:
    for (Py_ssize_t i = 0; s.start && i < s.count; i++)
        tensor_unref(s.start[i]);
    PyMem_Free(s.start);
    place_release(&s.now);
    place_release(&s.low);
    place_release(&s.high);
    return status;
}
