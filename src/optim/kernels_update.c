/* The update rules for both types, compiled once per instruction set. */
#include "optim/update.h"

#include <math.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

#define REAL     float
#define RULE(id) id##_f32
#define FMA      fmaf
#define SQRT     sqrtf
#define ABS      fabsf
#include "optim/update_rules.inc"
#undef REAL
#undef RULE
#undef FMA
#undef SQRT
#undef ABS

#define REAL     double
#define RULE(id) id##_f64
#define FMA      fma
#define SQRT     sqrt
#define ABS      fabs
#include "optim/update_rules.inc"

#define OPTIMIZER(id, name, flags, positional, options, group, slots, reference)                   \
    [OPTIMIZER_##id] = {id##_f32, id##_f64},
const optim_rule_table PASTE(optim_rules_, KERNEL_ISA) = {
#include "optim/optimizers.def"
};
