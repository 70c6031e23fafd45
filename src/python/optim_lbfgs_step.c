/* torch.optim.LBFGS: what is kept between steps, step(), construction. */
#include "python/optim_lbfgs.h"

#include "python/errors.h"

/* ---- the state dict ---- */

static PyObject *entry_item(struct lbfgs *l, PyObject *key)
{
    PyObject *object = PyDict_GetItemWithError(l->entry, key);

    return object == Py_None ? NULL : object;
}

static struct tensor *entry_tensor(struct lbfgs *l, PyObject *key)
{
    PyObject *object = entry_item(l, key);

    return object && tensor_check(object) ? tensor_ref(tensor_of(object)) : NULL;
}

static PyObject *entry_list(struct lbfgs *l, PyObject *key)
{
    PyObject *object = entry_item(l, key);

    return object && PyList_Check(object) ? Py_NewRef(object) : NULL;
}

static int read_number(struct lbfgs *l, PyObject *object, const char *name, struct number *out)
{
    out->kind = tensor_check(object) ? l->kind : PyLong_Check(object) ? NUMBER_INT : NUMBER_FLOAT;
    return number_from_python(object, name, &out->value);
}

static int entry_number(struct lbfgs *l, PyObject *key, struct number *out)
{
    PyObject *object = entry_item(l, key);

    return object ? read_number(l, object, PyUnicode_AsUTF8(key), out) : 0;
}

static int load(struct lbfgs *l)
{
    const struct optim_names *n = &optim_names;
    struct number n_iter = {0}, evals = {0}, prev_loss = {0};

    if (entry_number(l, n->n_iter, &n_iter) < 0 || entry_number(l, n->func_evals, &evals) < 0 ||
        entry_number(l, n->prev_loss, &prev_loss) < 0 || entry_number(l, n->t, &l->t) < 0 ||
        entry_number(l, n->H_diag, &l->scale) < 0)
        return -1;
    l->n_iter = (long)n_iter.value;
    l->evals = (long)evals.value;
    l->prev_loss = prev_loss.value;
    l->direction = entry_tensor(l, n->d);
    l->prev_grad = entry_tensor(l, n->prev_flat_grad);
    l->dirs = entry_list(l, n->old_dirs);
    l->steps = entry_list(l, n->old_stps);
    l->ro = entry_list(l, n->ro);
    l->al = entry_list(l, n->al);
    if (l->n_iter == 0)
        return 0;
    if (l->direction && l->prev_grad && l->dirs && l->steps && l->ro &&
        PyList_GET_SIZE(l->dirs) == PyList_GET_SIZE(l->steps) &&
        PyList_GET_SIZE(l->dirs) == PyList_GET_SIZE(l->ro))
        return 0;
    l->n_iter = 0; /* without its history it starts anew */
    return 0;
}

static int put(struct lbfgs *l, PyObject *key, PyObject *object)
{
    int status = object ? PyDict_SetItem(l->entry, key, object) : -1;

    Py_XDECREF(object);
    return status;
}

static int save_counts(struct lbfgs *l)
{
    return put(l, optim_names.func_evals, PyLong_FromLong(l->evals)) < 0 ||
                   put(l, optim_names.n_iter, PyLong_FromLong(l->n_iter)) < 0
               ? -1
               : 0;
}

static int save(struct lbfgs *l)
{
    const struct optim_names *n = &optim_names;

    if (save_counts(l) < 0 || (l->al && put(l, n->al, Py_NewRef(l->al)) < 0))
        return -1;
    if (l->n_iter == 0)
        return 0;
    return put(l, n->d, tensor_object(l->direction)) < 0 ||
                   put(l, n->t, lbfgs_number_object(l->t)) < 0 ||
                   put(l, n->old_dirs, Py_NewRef(l->dirs)) < 0 ||
                   put(l, n->old_stps, Py_NewRef(l->steps)) < 0 ||
                   put(l, n->ro, Py_NewRef(l->ro)) < 0 ||
                   put(l, n->H_diag, lbfgs_number_object(l->scale)) < 0 ||
                   put(l, n->prev_flat_grad, tensor_object(l->prev_grad)) < 0 ||
                   put(l, n->prev_loss, PyFloat_FromDouble(l->prev_loss)) < 0
               ? -1
               : 0;
}

static void lbfgs_release(struct lbfgs *l)
{
    tensor_unref(l->grad);
    tensor_unref(l->prev_grad);
    tensor_unref(l->direction);
    Py_XDECREF(l->dirs);
    Py_XDECREF(l->steps);
    Py_XDECREF(l->ro);
    Py_XDECREF(l->al);
    Py_XDECREF(l->params);
    Py_XDECREF(l->entry);
}

/* ---- step ---- */

static int read_option(PyObject *group, PyObject *key, double *out)
{
    PyObject *object = dict_item(group, key);

    return object ? number_from_python(object, PyUnicode_AsUTF8(key), out) : -1;
}

static int read_searches(struct lbfgs *l, PyObject *group)
{
    PyObject *name = dict_item(group, optim_names.line_search_fn);

    if (!name)
        return -1;
    l->searches = name != Py_None;
    if (l->searches &&
        (!PyUnicode_Check(name) || PyUnicode_CompareWithASCIIString(name, "strong_wolfe") != 0)) {
        PyErr_SetString(PyExc_RuntimeError, "only 'strong_wolfe' is supported");
        return -1;
    }
    return 0;
}

static int read_options(struct lbfgs *l, PyObject *group)
{
    double iterations, evaluations, history;
    PyObject *lr = dict_item(group, optim_names.lr);

    if (!lr || read_number(l, lr, "lr", &l->lr) < 0 ||
        read_option(group, optim_names.max_iter, &iterations) < 0 ||
        read_option(group, optim_names.max_eval, &evaluations) < 0 ||
        read_option(group, optim_names.tolerance_grad, &l->tolerance_grad) < 0 ||
        read_option(group, optim_names.tolerance_change, &l->tolerance_change) < 0 ||
        read_option(group, optim_names.history_size, &history) < 0 || read_searches(l, group) < 0)
        return -1;
    l->max_iter = (long)iterations;
    l->max_eval = (long)evaluations;
    l->history_size = (long)history;
    return 0;
}

/* The dtype of the vectors: float64 when any parameter is. */
static int read_kind(struct lbfgs *l)
{
    l->kind = NUMBER_F32;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(l->params); i++) {
        enum dtype dtype = tensor_dtype(tensor_of(PyList_GET_ITEM(l->params, i)));

        if (dtype == DTYPE_f64)
            l->kind = NUMBER_F64;
        if (dtype != DTYPE_f32 && dtype != DTYPE_f64) {
            PyErr_Format(PyExc_RuntimeError,
                         "LBFGS expects parameters of a floating point dtype, got %s",
                         dtype_name(dtype));
            return -1;
        }
    }
    return 0;
}

static int begin(struct lbfgs *l, OptimizerObject *self, PyObject *closure)
{
    PyObject *groups = optimizer_groups(self), *params;

    l->closure = closure;
    if (!groups)
        return -1;
    if (PyList_GET_SIZE(groups) != 1) {
        PyErr_SetString(PyExc_AssertionError, "LBFGS takes a single parameter group");
        return -1;
    }
    params = group_params(PyList_GET_ITEM(groups, 0));
    if (!params)
        return -1;
    if (PyList_GET_SIZE(params) == 0) {
        PyErr_SetString(PyExc_ValueError, "LBFGS has no parameters");
        return -1;
    }
    l->params = PyList_GetSlice(params, 0, PyList_GET_SIZE(params));
    l->entry = Py_XNewRef(optimizer_state_of(self, PyList_GET_ITEM(params, 0)));
    if (!l->params || !l->entry || read_kind(l) < 0 ||
        read_options(l, PyList_GET_ITEM(groups, 0)) < 0)
        return -1;
    return load(l);
}

/* From the first loss on; l->loss and l->grad are there. */
static int minimise(struct lbfgs *l)
{
    long evals_left = l->max_eval - 1;
    int ended = lbfgs_is_optimal(l);

    if (ended)
        return save_counts(l);
    for (long i = 1; !ended && i <= l->max_iter; i++)
        ended = lbfgs_iterate(l, i == l->max_iter, &evals_left);
    return ended < 0 ? -1 : save(l);
}

/* Returns the loss of the first call of the closure. */
static PyObject *lbfgs_step(PyObject *object, PyObject *const *args, Py_ssize_t count,
                            PyObject *names)
{
    OptimizerObject *self = (OptimizerObject *)object;
    PyObject *closure = step_closure(args, count, names), *loss = NULL;
    struct lbfgs l = {0};
    bool recorded;
    int status = -1;

    if (!closure)
        return NULL;
    if (closure == Py_None) {
        PyErr_SetString(PyExc_TypeError,
                        "LBFGS.step() missing 1 required positional argument: 'closure'");
        return NULL;
    }
    self->step_count++;
    recorded = grad_set_enabled(false);
    if (begin(&l, self, closure) < 0)
        goto done;
    l.evals++;
    loss = closure_call(closure);
    if (!loss || lbfgs_first_loss(&l, loss) < 0)
        goto done;
    status = minimise(&l);
done:
    grad_set_enabled(recorded);
    lbfgs_release(&l);
    if (status < 0)
        Py_CLEAR(loss);
    else if (observer)
        optimizer_observed(self, "LBFGS");
    return loss;
}

/* ---- construction ---- */

static PyObject *defaults_of(PyObject *const *values)
{
    static PyObject **const keys[] = {&optim_names.lr,
                                      &optim_names.max_iter,
                                      &optim_names.max_eval,
                                      &optim_names.tolerance_grad,
                                      &optim_names.tolerance_change,
                                      &optim_names.history_size,
                                      &optim_names.line_search_fn};
    PyObject *defaults = PyDict_New();

    for (size_t i = 0; defaults && i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!values[i] || PyDict_SetItem(defaults, *keys[i], values[i]) < 0)
            Py_CLEAR(defaults);
    return defaults;
}

/* max_iter * 5 // 4 */
static PyObject *evaluations_for(PyObject *iterations)
{
    long count = PyLong_AsLong(iterations);

    return count == -1 && PyErr_Occurred() ? NULL
                                           : PyLong_FromLong((long)floor((double)count * 5 / 4));
}

static int lbfgs_class_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "params",           "lr",           "max_iter",       "max_eval", "tolerance_grad",
        "tolerance_change", "history_size", "line_search_fn", NULL};
    static const double initial[] = {1, 20, 0, 1e-7, 1e-9, 100};
    OptimizerObject *self = (OptimizerObject *)object;
    PyObject *params, *given[7] = {NULL}, *values[7] = {NULL}, *defaults = NULL;
    int status = -1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOOOOOO:LBFGS", names, &params, &given[0],
                                     &given[1], &given[2], &given[3], &given[4], &given[5],
                                     &given[6]))
        return -1;
    for (int i = 0; i < 6; i++)
        values[i] = given[i]          ? Py_NewRef(given[i])
                    : initial[i] >= 1 ? PyLong_FromDouble(initial[i])
                                      : PyFloat_FromDouble(initial[i]);
    values[6] = Py_NewRef(given[6] ? given[6] : Py_None);
    if (!given[2] || given[2] == Py_None)
        Py_XSETREF(values[2], values[1] ? evaluations_for(values[1]) : NULL);
    if (values[2])
        defaults = defaults_of(values);
    if (defaults)
        status = optimizer_setup(self, params, defaults);
    if (status == 0 && PyList_GET_SIZE(self->param_groups) != 1) {
        PyErr_SetString(PyExc_ValueError,
                        "LBFGS doesn't support per-parameter options (parameter groups)");
        status = -1;
    }
    for (int i = 0; i < 7; i++)
        Py_XDECREF(values[i]);
    Py_XDECREF(defaults);
    return status;
}

static PyMethodDef lbfgs_methods[] = {
    {"step", WITH_FASTCALL(lbfgs_step),
     "step(closure)\n\nIterates; the closure clears the gradients, computes the loss, calls "
     "backward() and returns the loss."},
    {NULL, NULL, 0, NULL}};

static PyType_Spec lbfgs_spec = {
    .name = "torch.optim.lbfgs.LBFGS",
    .basicsize = sizeof(OptimizerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, lbfgs_class_init},
        {Py_tp_methods, lbfgs_methods},
        {Py_tp_doc, "LBFGS(params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-07, "
                    "tolerance_change=1e-09, history_size=100, line_search_fn=None)\n--\n\n"
                    "Liu and Nocedal 1989"},
        {0, NULL}}};

int lbfgs_init(PyObject *torch)
{
    PyTypeObject *type;

    return optim_add_type(torch, "lbfgs", &lbfgs_spec, optimizer_type, &type);
}
