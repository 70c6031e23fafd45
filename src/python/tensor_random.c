/* x.uniform_(), x.normal_() and so on: tensors filled with random numbers. */
#include "base/error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/tensor_parts.h"
#include "tensor/random.h"

#include <string.h>

/* One way to call a method; its arguments, without self. */
struct form {
    const char *text, *node; /* and what grad_fn is called afterwards */
    struct schema schema;    /* parsed when it is first called */
    int (*fill)(struct tensor *t, const struct value *args, struct generator *g);
};

static PyObject *run_form(PyObject *self, const struct form *form, const struct value *args)
{
    const struct value *generator = &args[form->schema.count - 1];
    struct tensor *t = tensor_of(self);

    if (tensor_overwrite_check(t) < 0 ||
        form->fill(t, args, generator->given ? generator->generator : NULL) < 0 ||
        tensor_overwritten(t, form->node) < 0)
        return python_error();
    return Py_NewRef(self);
}

/* The first form that the call fits. */
static PyObject *fill(PyObject *self, const struct python_call *call, const char *name,
                      struct form *forms, int count)
{
    Py_ssize_t given = call->count + (call->names ? PyTuple_GET_SIZE(call->names) : 0);
    struct parsed_args parsed;
    PyObject *all[8], *result;

    for (int i = 0; i < count; i++) {
        int status;

        if (forms[i].schema.count == 0)
            schema_parse(&forms[i].schema, forms[i].text);
        status = args_parse(&forms[i].schema, call, false, NULL, &parsed);
        if (status < 0)
            return NULL;
        if (status == 0)
            continue;
        result = run_form(self, &forms[i], parsed.values);
        args_release(&parsed);
        return result;
    }
    if (given >= (Py_ssize_t)(sizeof(all) / sizeof(*all)))
        return PyErr_Format(PyExc_TypeError, "%s() takes at most 3 arguments (%zd given)", name,
                            given);
    all[0] = self;
    if (given)
        memcpy(all + 1, call->args, (size_t)given * sizeof(*all));
    return args_mismatch(name, NULL, 0, &(struct python_call){all, call->count + 1, call->names},
                         ARGS_METHOD);
}

/* ---- the laws ---- */

#define LAW(name, expression)                                                                      \
    static int fill_##name(struct tensor *t, const struct value *args, struct generator *g)        \
    {                                                                                              \
        (void)args;                                                                                \
        return expression;                                                                         \
    }
LAW(uniform, random_uniform(t, args[0].d, args[1].d, g))
LAW(normal, random_normal(t, args[0].d, args[1].d, g))
LAW(cauchy, random_cauchy(t, args[0].d, args[1].d, g))
LAW(log_normal, random_log_normal(t, args[0].d, args[1].d, g))
LAW(exponential, random_exponential(t, args[0].d, g))
LAW(geometric, random_geometric(t, args[0].d, g))
LAW(bernoulli, random_bernoulli_scalar(t, args[0].d, g))
LAW(bernoulli_tensor, random_bernoulli(t, args[0].tensor, g))
LAW(all_integers, random_integers_all(t, g))
LAW(integers_from, random_integers(t, args[0].i, args[1].i, g))
LAW(integers_to, random_integers(t, 0, args[0].i, g))

#define GENERATOR ", *, Generator? generator=None)"
#define METHOD(name, ...)                                                                          \
    static PyObject *method_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,        \
                                   PyObject *names)                                                \
    {                                                                                              \
        static struct form forms[] = {__VA_ARGS__};                                                \
                                                                                                   \
        return fill(self, &(struct python_call){args, count, names}, #name, forms,                 \
                    (int)(sizeof(forms) / sizeof(*forms)));                                        \
    }
#define FORM(schema, law, name)                                                                    \
    {                                                                                              \
        .text = schema, .node = name, .fill = fill_##law                                           \
    }
METHOD(uniform_, FORM("(float from=0, float to=1" GENERATOR, uniform, "UniformBackward0"))
METHOD(normal_, FORM("(float mean=0, float std=1" GENERATOR, normal, "NormalBackward0"))
METHOD(cauchy_, FORM("(float median=0, float sigma=1" GENERATOR, cauchy, "CauchyBackward0"))
METHOD(log_normal_, FORM("(float mean=1, float std=2" GENERATOR, log_normal, "LogNormalBackward0"))
METHOD(exponential_, FORM("(float lambd=1" GENERATOR, exponential, "ExponentialBackward0"))
METHOD(geometric_, FORM("(float p" GENERATOR, geometric, "GeometricBackward0"))
METHOD(bernoulli_, FORM("(Tensor p" GENERATOR, bernoulli_tensor, "BernoulliBackward1"),
       FORM("(float p=0.5" GENERATOR, bernoulli, "BernoulliBackward2"))
METHOD(random_, FORM("(*, Generator? generator=None)", all_integers, "RandomBackward2"),
       FORM("(int from, int to" GENERATOR, integers_from, "RandomBackward0"),
       FORM("(int to" GENERATOR, integers_to, "RandomBackward1"))

#define ROW(name, help)                                                                            \
    {                                                                                              \
#name, WITH_FASTCALL(method_##name), help                                                  \
    }
PyMethodDef tensor_random_methods[] = {
    ROW(uniform_, "uniform numbers between from and to"),
    ROW(normal_, "normal numbers"),
    ROW(cauchy_, "numbers of Cauchy's law"),
    ROW(log_normal_, "numbers whose logarithms are normal"),
    ROW(exponential_, "exponential numbers"),
    ROW(geometric_, "how many trials until the first success"),
    ROW(bernoulli_, "1 with probability p, else 0"),
    ROW(random_, "whole numbers between from and to, all that the dtype holds by default"),
    {NULL, NULL, 0, NULL}};
