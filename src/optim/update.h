/*
 * update.h: between optim.c and the rules: what a rule is given, and the tables of rules, one for
 * each instruction set.
 */
#ifndef SADDLE_OPTIM_UPDATE_H
#define SADDLE_OPTIM_UPDATE_H

#include "optim/optim.h"

enum optimizer_id {
#define OPTIMIZER(id, name, flags, positional, options, group, slots, reference) OPTIMIZER_##id,
#include "optim/optimizers.def"
#undef OPTIMIZER
    OPTIMIZER_COUNT
};

/* The options of each row by name: struct sgd_options {double lr; double momentum; ...}. */
#define NUMBER(name, initial, check, what) double name;
#define PAIR(name, initial, check, what)   double name[2];
#define FLAG(name, initial)                double name;
#define UNUSED(name, initial)              double name;
#define OPTIMIZER(id, name, flags, positional, options, group, slots, reference)                   \
    struct id##_options {                                                                          \
        options                                                                                    \
    };
#include "optim/optimizers.def"
#undef NUMBER
#undef PAIR
#undef FLAG
#undef UNUSED
#undef OPTIMIZER

/* The slots of each row by name: SGD's momentum buffer is slot[sgd_momentum_buffer]. */
#define SLOT(name, kind, when, initial) int name;
#define OPTIMIZER(id, name, flags, positional, options, group, slots, reference)                   \
    struct id##_slots {                                                                            \
        slots                                                                                      \
    };
#include "optim/optimizers.def"
#undef SLOT
#undef OPTIMIZER
#define SLOT_INDEX(id, name) (offsetof(struct id##_slots, name) / sizeof(int))

struct optim_step {
    int64_t n;
    const double *options;
    void *param; /* all data is contiguous */
    const void *grad;
    void *slot[OPTIM_SLOTS]; /* data of tensor slots, NULL for those that are not kept */
    /* The number of this step (1 for the first) and SLOT_SCALAR slots; a rule may change these. */
    double scalar[OPTIM_SLOTS];
    unsigned fresh; /* bit i: slot i was made in this step */
};

typedef void optim_rule_fn(struct optim_step *step);
enum { OPTIM_F32, OPTIM_F64, OPTIM_TYPES };
typedef optim_rule_fn *optim_rule_table[OPTIMIZER_COUNT][OPTIM_TYPES];

extern const optim_rule_table optim_rules_baseline, optim_rules_avx2, optim_rules_avx512;

#endif
