/*
 * optim_number.h: numbers as L-BFGS meets them in PyTorch: some are Python's, some are zero-dim
 * tensors, and a tensor's dtype rounds every result that it takes part in.
 */
#ifndef SADDLE_PYTHON_OPTIM_NUMBER_H
#define SADDLE_PYTHON_OPTIM_NUMBER_H

#include <math.h>
#include <stdbool.h>

enum number_kind { NUMBER_INT, NUMBER_FLOAT, NUMBER_F32, NUMBER_F64 };
struct number {
    double value;
    enum number_kind kind;
};

static inline struct number number_float(double value)
{
    return (struct number){value, NUMBER_FLOAT};
}
static inline bool number_is_tensor(struct number a)
{
    return a.kind == NUMBER_F32 || a.kind == NUMBER_F64;
}
static inline enum number_kind number_common(struct number a, struct number b)
{
    enum number_kind kind = a.kind > b.kind ? a.kind : b.kind;

    return kind == NUMBER_INT ? NUMBER_FLOAT : kind;
}
static inline double number_rounded(double value, enum number_kind kind)
{
    return kind == NUMBER_F32 ? (float)value : value;
}
static inline struct number number_of(double value, enum number_kind kind)
{
    return (struct number){number_rounded(value, kind), kind};
}

/* a op b in what both become. A double holds products and quotients of floats well enough for the
 * second rounding to be that of float arithmetic. */
#define NUMBER_OPERATOR(name, op)                                                                  \
    static inline struct number name(struct number a, struct number b)                             \
    {                                                                                              \
        enum number_kind kind = number_common(a, b);                                               \
        return number_of(number_rounded(a.value, kind) op number_rounded(b.value, kind), kind);    \
    }
NUMBER_OPERATOR(number_add, +)
NUMBER_OPERATOR(number_sub, -)
NUMBER_OPERATOR(number_mul, *)
NUMBER_OPERATOR(number_quotient, /)
#undef NUMBER_OPERATOR

/* A Python number over a tensor is the number times the reciprocal, which rounds twice. */
static inline struct number number_div(struct number a, struct number b)
{
    if (number_is_tensor(b) && !number_is_tensor(a))
        return number_mul(number_quotient(number_float(1), b), a);
    return number_quotient(a, b);
}
static inline struct number number_scale(double factor, struct number a)
{
    return number_mul(number_float(factor), a);
}
static inline struct number number_neg(struct number a)
{
    return (struct number){-a.value, a.kind};
}
static inline struct number number_abs(struct number a)
{
    return (struct number){fabs(a.value), a.kind};
}
static inline struct number number_sqrt(struct number a)
{
    return number_of(sqrt(a.value), a.kind);
}

static inline bool number_less(struct number a, struct number b)
{
    enum number_kind kind = number_common(a, b);

    return number_rounded(a.value, kind) < number_rounded(b.value, kind);
}
static inline bool number_at_most(struct number a, struct number b)
{
    enum number_kind kind = number_common(a, b);

    return number_rounded(a.value, kind) <= number_rounded(b.value, kind);
}
/* The first of two equal ones, as Python's min() and max(). */
static inline struct number number_min(struct number a, struct number b)
{
    return number_less(b, a) ? b : a;
}
static inline struct number number_max(struct number a, struct number b)
{
    return number_less(a, b) ? b : a;
}

#endif
