/*
 * optim.h: the optimizers as a table, and one step of one parameter.
 *
 * A row (optimizers.def) says everything that the Python classes need: the constructor's options,
 * what is checked, what is kept for each parameter. The rule itself works on raw data and gives
 * PyTorch's digits, rounding for rounding.
 *
 * The options of one parameter group are an array of doubles, as options.h says.
 */
#ifndef SADDLE_OPTIM_OPTIM_H
#define SADDLE_OPTIM_OPTIM_H

#include "optim/options.h"
#include "tensor/tensor.h"

enum { OPTIM_SLOTS = 4, OPTIM_OPTIONS = 12 /* the longest row, pairs counted twice */ };

enum optim_slot_kind {
    SLOT_TENSOR,         /* as the parameter; no entry in the state while it is not kept */
    SLOT_TENSOR_OR_NONE, /* as the parameter; None in the state while it is not kept */
    SLOT_STEP,           /* zero-dim float32 tensor that counts the steps */
    SLOT_SCALAR,         /* zero-dim float32 tensor */
    SLOT_COUNT           /* a Python int that counts the steps: optim_state.count, no tensor */
};

struct optim_slot {
    const char *name;
    enum optim_slot_kind kind;
    const char *when;        /* kept only while this option is not 0; "": always */
    const char *initial;     /* starts as this number, or as the option of this name */
    int when_at, initial_at; /* places of these options, -1: none */
};

enum optim_flag { OPTIM_EAGER = 1 /* the state exists from construction, not the first step */ };

struct optimizer {
    const char *name; /* "SGD" */
    int id;
    int flags;
    int positional; /* this many options may be given without a name */
    int option_count, slot_count;
    int value_count; /* length of the array of options */
    const struct option *options;
    const struct optim_slot *slots;
    const char *group; /* option names in the order of a parameter group, separated by a space */
    const char *reference;
};

/* All rows; NULL after the last. */
const struct optimizer *optimizer_at(int index);
const struct optimizer *optimizer_find(const char *name);
void optimizer_signature(const struct optimizer *o, struct strbuf *out);
void optimizer_defaults(const struct optimizer *o, double *options);
/* As options_check(), and what concerns several options at once. */
int optimizer_check(const struct optimizer *o, const struct scalar *values);

/* What is kept for one parameter. Starts as {0}. */
struct optim_state {
    struct tensor *slot[OPTIM_SLOTS]; /* in the order of the row's slots; owned */
    int64_t count;                    /* the SLOT_COUNT slot */
    bool started;
};
void optim_state_release(struct optim_state *state);
/* Makes what is missing, as the first step would (for OPTIM_EAGER rows, and before loading). */
int optim_state_start(const struct optimizer *o, const double *options, const struct tensor *param,
                      struct optim_state *state);

/* One step: changes param (float32 or float64) in place and bumps its version. -1 when shapes or
 * dtypes do not fit; nothing is changed then. */
int optim_update(const struct optimizer *o, const double *options, struct tensor *param,
                 struct tensor *grad, struct optim_state *state);

#endif
