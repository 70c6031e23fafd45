/* L-BFGS: vectors, the direction from the history, one iteration. */
#include "python/optim_lbfgs.h"

#include "python/errors.h"

/* ---- vectors ---- */

static struct tensor *run(enum op_id id, struct tensor *a, struct tensor *b)
{
    struct value args[OP_MAX_ARGS] = {{.given = true, .tensor = a}, {.given = true, .tensor = b}};
    struct tensor *out = NULL;

    op_defaults(&ops[id], args, b ? 2 : 1);
    if (op_call(&ops[id], args, &out) < 0)
        python_error();
    return out;
}

static struct tensor *scaled(struct tensor *a, struct number factor)
{
    struct tensor *number = tensor_wrap_number(scalar_float(factor.value));
    struct tensor *out = number ? run(OP_mul, a, number) : python_error();

    tensor_unref(number);
    return out;
}

/* a += factor * b */
static int add_scaled(struct tensor *a, struct tensor *b, struct number factor)
{
    struct value args[OP_MAX_ARGS] = {{.given = true, .tensor = a},
                                      {.given = true, .tensor = b},
                                      {.given = true, .scalar = scalar_float(factor.value)}};

    if (op_call_inplace(&ops_inplace[OP_add], args) < 0)
        return python_error(), -1;
    return 0;
}

/* A one-element result, taken over. */
static int take_number(struct lbfgs *l, struct tensor *t, struct number *out)
{
    struct scalar s;
    int status = t ? tensor_item(t, &s) : -1;

    if (status == 0)
        *out = (struct number){s.d, l->kind};
    else
        python_error();
    tensor_unref(t);
    return status;
}

int lbfgs_dot(struct lbfgs *l, struct tensor *a, struct tensor *b, struct number *out)
{
    return take_number(l, run(OP_dot, a, b), out);
}

double lbfgs_largest(const struct tensor *t)
{
    double largest = 0;

    for (int64_t i = 0; i < t->numel; i++) {
        size_t at = (size_t)i * dtype_size(tensor_dtype(t));
        double x = fabs(dtype_load(tensor_dtype(t), tensor_data(t) + at).d);
        if (isnan(x))
            return x;
        largest = fmax(largest, x);
    }
    return largest;
}

/* The part of a flat vector that belongs to a parameter, in its shape. */
static struct tensor *part_of(struct tensor *flat, const struct tensor *param, int64_t offset)
{
    int64_t stride[TENSOR_MAX_DIMS];

    shape_strides(param->ndim, param->shape, stride);
    return tensor_view(flat, param->ndim, param->shape, stride, flat->offset + offset);
}

static int64_t total_size(struct lbfgs *l)
{
    int64_t size = 0;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(l->params); i++)
        size += tensor_of(PyList_GET_ITEM(l->params, i))->numel;
    return size;
}

int lbfgs_move(struct lbfgs *l, struct number t, struct tensor *direction)
{
    int64_t offset = 0;

    /* A closure may do anything. */
    if (direction->numel != total_size(l)) {
        PyErr_SetString(PyExc_RuntimeError, "a parameter of LBFGS has changed its size");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(l->params); i++) {
        struct tensor *param = tensor_of(PyList_GET_ITEM(l->params, i));
        struct tensor *part = part_of(direction, param, offset);
        int status = part ? add_scaled(param, part, t) : (python_error(), -1);

        tensor_unref(part);
        if (status < 0)
            return -1;
        offset += param->numel;
    }
    return 0;
}

/* The gradients end to end; a parameter without one counts as 0. */
static struct tensor *gather(struct lbfgs *l)
{
    enum dtype dtype = l->kind == NUMBER_F32 ? DTYPE_f32 : DTYPE_f64;
    struct tensor *flat = tensor_zeros(dtype, 1, (int64_t[]){total_size(l)});
    int64_t offset = 0;

    for (Py_ssize_t i = 0; flat && i < PyList_GET_SIZE(l->params); i++) {
        struct tensor *param = tensor_of(PyList_GET_ITEM(l->params, i));
        struct tensor *grad = tensor_grad(param), *part = part_of(flat, param, offset);

        offset += param->numel;
        if (!part || (grad && tensor_copy(part, grad) < 0)) {
            tensor_unref(flat);
            flat = NULL;
        }
        tensor_unref(part);
    }
    return flat ? flat : python_error();
}

static int loss_value(PyObject *loss, double *out)
{
    PyObject *number = PyNumber_Float(loss);

    if (!number)
        return -1;
    *out = PyFloat_AS_DOUBLE(number);
    Py_DECREF(number);
    return 0;
}

int lbfgs_evaluate(struct lbfgs *l, double *loss, struct tensor **grad)
{
    PyObject *object = closure_call(l->closure);
    int status = object ? loss_value(object, loss) : -1;

    Py_XDECREF(object);
    if (status < 0)
        return -1;
    tensor_unref(*grad);
    *grad = gather(l);
    return *grad ? 0 : -1;
}

int lbfgs_first_loss(struct lbfgs *l, PyObject *loss)
{
    if (loss_value(loss, &l->loss) < 0)
        return -1;
    l->grad = gather(l);
    return l->grad ? 0 : -1;
}

/* ---- direction ---- */

static struct tensor *item(PyObject *list, Py_ssize_t i)
{
    PyObject *object = PyList_GET_ITEM(list, i);

    if (tensor_check(object))
        return tensor_of(object);
    PyErr_Format(PyExc_TypeError, "the history of LBFGS must hold Tensors, not %s",
                 Py_TYPE(object)->tp_name);
    return NULL;
}

PyObject *lbfgs_number_object(struct number a)
{
    if (a.kind == NUMBER_INT)
        return PyLong_FromDouble(a.value);
    if (a.kind == NUMBER_FLOAT)
        return PyFloat_FromDouble(a.value);
    return tensor_wrap(
        tensor_from_scalar(scalar_float(a.value), a.kind == NUMBER_F32 ? DTYPE_f32 : DTYPE_f64));
}

static int append(PyObject *list, PyObject *object)
{
    int status = object ? PyList_Append(list, object) : -1;

    Py_XDECREF(object);
    return status;
}

/* Remembers the last move: its step s and what it did to the gradient, y. */
static int remember(struct lbfgs *l)
{
    struct tensor *y = run(OP_sub, l->grad, l->prev_grad), *s = NULL;
    struct number ys, yy;
    int status = -1;

    if (y)
        s = scaled(l->direction, l->t);
    if (!s || lbfgs_dot(l, y, s, &ys) < 0)
        goto done;
    status = 0;
    if (!number_less(number_float(1e-10), ys))
        goto done;
    status = -1;
    if (PyList_GET_SIZE(l->dirs) >= l->history_size && PyList_GET_SIZE(l->dirs) > 0 &&
        (PyList_SetSlice(l->dirs, 0, 1, NULL) < 0 || PyList_SetSlice(l->steps, 0, 1, NULL) < 0 ||
         PyList_SetSlice(l->ro, 0, 1, NULL) < 0))
        goto done;
    if (append(l->dirs, tensor_object(y)) < 0 || append(l->steps, tensor_object(s)) < 0 ||
        append(l->ro, lbfgs_number_object(number_div(number_float(1), ys))) < 0 ||
        lbfgs_dot(l, y, y, &yy) < 0)
        goto done;
    l->scale = number_div(ys, yy);
    status = 0;
done:
    tensor_unref(y);
    tensor_unref(s);
    return status;
}

/* ro[i] * (list[i] . q) */
static int share(struct lbfgs *l, PyObject *list, Py_ssize_t i, struct tensor *q,
                 struct number *out)
{
    struct tensor *vector = item(list, i), *ro = item(l->ro, i);
    struct number product, factor;

    if (!vector || !ro || lbfgs_dot(l, vector, q, &product) < 0 ||
        take_number(l, tensor_ref(ro), &factor) < 0)
        return -1;
    *out = number_mul(product, factor);
    return 0;
}

/* l->al with room for the whole history. */
static int make_room(struct lbfgs *l)
{
    Py_ssize_t count = PyList_GET_SIZE(l->dirs);
    int status = 0;

    if (count < l->history_size)
        count = l->history_size;
    if (!l->al)
        l->al = PyList_New(0);
    while (l->al && status == 0 && PyList_GET_SIZE(l->al) < count)
        status = PyList_Append(l->al, Py_None);
    return l->al ? status : -1;
}

/* The two loops: the approximate inverse Hessian times -gradient. */
static struct tensor *recursion(struct lbfgs *l, struct tensor *q)
{
    Py_ssize_t count = PyList_GET_SIZE(l->dirs);
    struct number a, b;
    struct tensor *r;

    for (Py_ssize_t i = count - 1; i >= 0; i--) {
        PyObject *kept;
        struct tensor *dir = item(l->dirs, i);
        if (!dir || share(l, l->steps, i, q, &a) < 0 || add_scaled(q, dir, number_neg(a)) < 0)
            return NULL;
        kept = lbfgs_number_object(a);
        if (!kept || PyList_SetItem(l->al, i, kept) < 0)
            return NULL;
    }
    r = scaled(q, l->scale);
    for (Py_ssize_t i = 0; r && i < count; i++) {
        struct tensor *step = item(l->steps, i);
        if (!step || share(l, l->dirs, i, r, &b) < 0 ||
            take_number(l, tensor_ref(item(l->al, i)), &a) < 0 ||
            add_scaled(r, step, number_sub(a, b)) < 0) {
            tensor_unref(r);
            r = NULL;
        }
    }
    return r;
}

static int first_direction(struct lbfgs *l)
{
    Py_XSETREF(l->dirs, PyList_New(0));
    Py_XSETREF(l->steps, PyList_New(0));
    Py_XSETREF(l->ro, PyList_New(0));
    l->scale = (struct number){1, NUMBER_INT};
    tensor_unref(l->direction);
    l->direction = run(OP_neg, l->grad, NULL);
    return l->dirs && l->steps && l->ro && l->direction ? 0 : -1;
}

static int next_direction(struct lbfgs *l)
{
    struct tensor *q, *direction;

    if (remember(l) < 0 || make_room(l) < 0)
        return -1;
    q = run(OP_neg, l->grad, NULL);
    direction = q ? recursion(l, q) : NULL;
    tensor_unref(q);
    if (!direction)
        return -1;
    tensor_unref(l->direction);
    l->direction = direction;
    return 0;
}

/* ---- one step ---- */

bool lbfgs_is_optimal(const struct lbfgs *l)
{
    return number_at_most(number_of(lbfgs_largest(l->grad), l->kind),
                          number_float(l->tolerance_grad));
}

/* The first guess of how far to go. */
static int guess_length(struct lbfgs *l)
{
    struct tensor *sizes;
    struct number sum;

    l->t = l->lr;
    if (l->n_iter != 1)
        return 0;
    sizes = run(OP_abs, l->grad, NULL);
    if (!sizes || take_number(l, run(OP_sum, sizes, NULL), &sum) < 0) {
        tensor_unref(sizes);
        return -1;
    }
    tensor_unref(sizes);
    sum = number_min(number_float(1), number_div(number_float(1), sum));
    l->t = number_mul(sum, l->lr);
    return 0;
}

/* Goes along the direction. `last`: nothing looks at the gradient there any more. */
static int advance(struct lbfgs *l, struct number gtd, bool last, long *evals)
{
    *evals = 0;
    if (l->searches)
        return lbfgs_search(l, gtd, evals) < 0 ? -1 : lbfgs_move(l, l->t, l->direction);
    if (lbfgs_move(l, l->t, l->direction) < 0)
        return -1;
    if (last)
        return 0;
    *evals = 1;
    return lbfgs_evaluate(l, &l->loss, &l->grad);
}

/* 1 when the last move changed next to nothing. */
static int has_stalled(struct lbfgs *l)
{
    struct tensor *move = scaled(l->direction, l->t);
    struct number largest;

    if (!move)
        return -1;
    largest = number_of(lbfgs_largest(move), l->kind);
    tensor_unref(move);
    return number_at_most(largest, number_float(l->tolerance_change)) ||
           fabs(l->loss - l->prev_loss) < l->tolerance_change;
}

int lbfgs_iterate(struct lbfgs *l, bool last, long *evals_left)
{
    struct number gtd;
    long evals;

    l->n_iter++;
    if ((l->n_iter == 1 ? first_direction(l) : next_direction(l)) < 0)
        return -1;
    tensor_unref(l->prev_grad);
    l->prev_grad = tensor_ref(l->grad);
    l->prev_loss = l->loss;
    if (guess_length(l) < 0 || lbfgs_dot(l, l->grad, l->direction, &gtd) < 0)
        return -1;
    if (number_less(number_float(-l->tolerance_change), gtd))
        return 1;
    if (advance(l, gtd, last, &evals) < 0)
        return -1;
    l->evals += evals;
    *evals_left -= evals;
    if (last || *evals_left <= 0 || lbfgs_is_optimal(l))
        return 1;
    return has_stalled(l);
}
