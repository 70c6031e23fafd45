/*
 * optim_lbfgs.h: one step() of L-BFGS under way, shared with its line search.
 *
 * Liu and Nocedal 1989: On the limited memory BFGS method; Nocedal and Wright, Numerical
 * Optimization, 2006, algorithms 3.5, 3.6 (line search), 7.4 and 7.5.
 */
#ifndef SADDLE_PYTHON_OPTIM_LBFGS_H
#define SADDLE_PYTHON_OPTIM_LBFGS_H

#include "python/optim_number.h"
#include "python/optim_parts.h"

struct lbfgs {
    PyObject *closure, *params; /* params: a list of Tensors */
    PyObject *entry;            /* the dict that keeps everything between steps */
    enum number_kind kind;      /* of the parameters */
    /* options of the group */
    struct number lr;
    double tolerance_grad, tolerance_change;
    long max_iter, max_eval, history_size;
    bool searches;
    /* where it stands; vectors are all parameters end to end */
    struct tensor *grad, *prev_grad, *direction;
    struct number t, scale; /* of the last move; of the first guess of the inverse Hessian */
    double loss, prev_loss;
    PyObject *dirs, *steps, *ro; /* the history: lists */
    PyObject *al;                /* list, or NULL */
    long n_iter, evals;
};

/* These return 0 or -1 with a Python exception. */
int lbfgs_evaluate(struct lbfgs *l, double *loss, struct tensor **grad); /* calls the closure */
int lbfgs_move(struct lbfgs *l, struct number t, struct tensor *direction);
int lbfgs_dot(struct lbfgs *l, struct tensor *a, struct tensor *b, struct number *out);
double lbfgs_largest(const struct tensor *t); /* the largest absolute value, NaN if there is one */

/* Takes the value of a loss that the closure returned, and the gradients. */
int lbfgs_first_loss(struct lbfgs *l, PyObject *loss);
/* All gradients are within tolerance_grad. */
bool lbfgs_is_optimal(const struct lbfgs *l);
/* One iteration; 1 when no other follows. `last`: none would in any case. */
int lbfgs_iterate(struct lbfgs *l, bool last, long *evals_left);
/* An int, a float or a zero-dim tensor. */
PyObject *lbfgs_number_object(struct number a);

/* Searches along l->direction from l->loss and l->grad, whose product with the direction is gtd,
 * for a point that meets the strong Wolfe conditions. In: l->t, the first guess; out: l->t, l->loss
 * and l->grad of the point that is best, *evals. The parameters are where they were. */
int lbfgs_search(struct lbfgs *l, struct number gtd, long *evals);

#endif
