/* Tensor as a number: operators, comparisons, bool(), int(), float(). */
#include "python/errors.h"
#include "python/tensor_parts.h"
#include "tensor/op.h"

/* ---- operands ---- */

struct operands {
    struct value values[OP_MAX_ARGS];
    struct tensor *owned;
};

/* A tensor, or a Python number as a wrapped one. False: neither (or an exception). */
static bool take_operand(struct operands *o, int i, PyObject *object)
{
    struct scalar s;

    o->values[i].given = true;
    if (tensor_check(object)) {
        o->values[i].tensor = tensor_of(object);
        return true;
    }
    if (!is_python_number(object) || !scalar_from_python(object, &s))
        return false;
    o->owned = o->values[i].tensor = tensor_wrap_number(s);
    return o->owned != NULL;
}

static PyObject *not_operands(void)
{
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NOTIMPLEMENTED;
}

static PyObject *binary(enum op_id id, PyObject *a, PyObject *b)
{
    struct operands o; /* the values are filled one by one: clearing them would cost more */
    struct tensor *out = NULL;
    int status;

    o.owned = NULL;
    if (!take_operand(&o, 0, a) || !take_operand(&o, 1, b)) {
        tensor_unref(o.owned);
        return not_operands();
    }
    op_defaults(&ops[id], o.values, 2);
    status = op_call(&ops[id], o.values, &out);
    tensor_unref(o.owned);
    return status < 0 ? python_error() : tensor_wrap(out);
}

static PyObject *unary(enum op_id id, PyObject *a)
{
    struct value value = {.given = true, .tensor = tensor_of(a)};
    struct tensor *out = NULL;

    return op_call(&ops[id], &value, &out) < 0 ? python_error() : tensor_wrap(out);
}

static PyObject *inplace(enum op_id id, PyObject *a, PyObject *b)
{
    struct operands o;
    int status;

    o.owned = NULL;
    if (!take_operand(&o, 0, a) || !take_operand(&o, 1, b)) {
        tensor_unref(o.owned);
        return not_operands();
    }
    op_defaults(&ops[id], o.values, 2);
    status = op_call_inplace(&ops_inplace[id], o.values);
    tensor_unref(o.owned);
    return status < 0 ? python_error() : Py_NewRef(a);
}

/* ---- operators ---- */

/* Of 2 * a, too, the tensor is the first operand where the order says nothing, as in PyTorch. */
#define OPERATOR_EITHER(name, id)                                                                  \
    static PyObject *number_##name(PyObject *a, PyObject *b)                                       \
    {                                                                                              \
        return tensor_check(a) ? binary(id, a, b) : binary(id, b, a);                              \
    }                                                                                              \
    INPLACE_OPERATOR(name, id)
#define OPERATOR(name, id)                                                                         \
    static PyObject *number_##name(PyObject *a, PyObject *b)                                       \
    {                                                                                              \
        return binary(id, a, b);                                                                   \
    }                                                                                              \
    INPLACE_OPERATOR(name, id)
#define INPLACE_OPERATOR(name, id)                                                                 \
    static PyObject *number_inplace_##name(PyObject *a, PyObject *b)                               \
    {                                                                                              \
        return inplace(id, a, b);                                                                  \
    }
OPERATOR_EITHER(add, OP_add)
OPERATOR_EITHER(multiply, OP_mul)
OPERATOR(remainder, OP_remainder)
OPERATOR(floor_divide, OP_floor_divide)
OPERATOR_EITHER(and, OP_bitwise_and)
OPERATOR_EITHER(or, OP_bitwise_or)
OPERATOR_EITHER(xor, OP_bitwise_xor)
OPERATOR(lshift, OP_bitwise_left_shift)
OPERATOR(rshift, OP_bitwise_right_shift)

/* Where the number stands on the left, PyTorch computes something a little different, and so do we:
 * the digits and the recorded node are then the same. */
static PyObject *number_subtract(PyObject *a, PyObject *b)
{
    return tensor_check(a) ? binary(OP_sub, a, b) : binary(OP_rsub, b, a);
}

static PyObject *number_true_divide(PyObject *a, PyObject *b)
{
    PyObject *inverse, *product;

    if (tensor_check(a))
        return binary(OP_div, a, b);
    if (!is_python_number(a) && !is_numpy_array(a))
        Py_RETURN_NOTIMPLEMENTED;
    inverse = unary(OP_reciprocal, b);
    product = inverse ? PyNumber_Multiply(inverse, a) : NULL;
    Py_XDECREF(inverse);
    return product;
}

static PyObject *number_inplace_subtract(PyObject *a, PyObject *b)
{
    return inplace(OP_sub, a, b);
}

static PyObject *number_inplace_true_divide(PyObject *a, PyObject *b)
{
    return inplace(OP_div, a, b);
}

static PyObject *number_power(PyObject *a, PyObject *b, PyObject *modulus)
{
    if (modulus != Py_None)
        Py_RETURN_NOTIMPLEMENTED;
    return binary(OP_pow, a, b);
}

static PyObject *number_inplace_power(PyObject *a, PyObject *b, PyObject *modulus)
{
    (void)modulus;
    return inplace(OP_pow, a, b);
}

static PyObject *number_matrix_multiply(PyObject *a, PyObject *b)
{
    if (!tensor_check(a) || !tensor_check(b))
        Py_RETURN_NOTIMPLEMENTED;
    return binary(OP_matmul, a, b);
}

static PyObject *number_negative(PyObject *a)
{
    return unary(OP_neg, a);
}

static PyObject *number_positive(PyObject *a)
{
    return unary(OP_positive, a);
}

static PyObject *number_absolute(PyObject *a)
{
    return unary(OP_abs, a);
}

static PyObject *number_invert(PyObject *a)
{
    if (dtype_is_differentiable(tensor_dtype(tensor_of(a))))
        return PyErr_Format(PyExc_TypeError,
                            "~ (operator.invert) is only implemented on integer and Boolean-type "
                            "tensors");
    return unary(OP_bitwise_not, a);
}

static PyObject *tensor_compare(PyObject *a, PyObject *b, int how)
{
    static const enum op_id ids[] = {[Py_LT] = OP_lt, [Py_LE] = OP_le, [Py_EQ] = OP_eq,
                                     [Py_NE] = OP_ne, [Py_GT] = OP_gt, [Py_GE] = OP_ge};

    return binary(ids[how], a, b);
}

/* ---- conversions to Python numbers ---- */

static bool one_item(PyObject *self, struct scalar *s)
{
    if (tensor_item(tensor_of(self), s) < 0) {
        python_error();
        return false;
    }
    return true;
}

/* A complex number becomes a real one only when its imaginary part is 0. */
static bool real_number(struct scalar s, const char *type)
{
    if (s.kind == SCALAR_COMPLEX && s.im != 0) {
        PyErr_Format(PyExc_RuntimeError, "value cannot be converted to type %s without overflow",
                     type);
        return false;
    }
    return true;
}

static int number_bool(PyObject *self)
{
    struct tensor *t = tensor_of(self);
    struct scalar s;

    if (t->numel != 1) {
        PyErr_SetString(PyExc_RuntimeError,
                        t->numel == 0
                            ? "Boolean value of Tensor with no values is ambiguous"
                            : "Boolean value of Tensor with more than one value is ambiguous");
        return -1;
    }
    tensor_item(t, &s);
    return s.d != 0 || s.i != 0 || s.im != 0;
}

static PyObject *number_int(PyObject *self)
{
    struct scalar s;

    if (!one_item(self, &s))
        return NULL;
    if (!real_number(s, "int64_t"))
        return NULL;
    return s.kind >= SCALAR_FLOAT ? PyLong_FromDouble(s.d) : PyLong_FromLongLong(s.i);
}

static PyObject *number_float(PyObject *self)
{
    struct scalar s;

    return one_item(self, &s) && real_number(s, "double") ? PyFloat_FromDouble(s.d) : NULL;
}

static PyObject *number_index(PyObject *self)
{
    struct tensor *t = tensor_of(self);

    if (t->numel != 1 || dtype_is_differentiable(tensor_dtype(t)))
        return PyErr_Format(
            PyExc_TypeError,
            "only integer tensors of a single element can be converted to an index");
    return number_int(self);
}

int tensor_number_slots(PyType_Slot *slots)
{
    static const PyType_Slot own[] = {
        {Py_nb_add, number_add},
        {Py_nb_subtract, number_subtract},
        {Py_nb_multiply, number_multiply},
        {Py_nb_true_divide, number_true_divide},
        {Py_nb_floor_divide, number_floor_divide},
        {Py_nb_remainder, number_remainder},
        {Py_nb_power, number_power},
        {Py_nb_matrix_multiply, number_matrix_multiply},
        {Py_nb_and, number_and},
        {Py_nb_or, number_or},
        {Py_nb_xor, number_xor},
        {Py_nb_lshift, number_lshift},
        {Py_nb_rshift, number_rshift},
        {Py_nb_negative, number_negative},
        {Py_nb_positive, number_positive},
        {Py_nb_absolute, number_absolute},
        {Py_nb_invert, number_invert},
        {Py_nb_inplace_add, number_inplace_add},
        {Py_nb_inplace_subtract, number_inplace_subtract},
        {Py_nb_inplace_multiply, number_inplace_multiply},
        {Py_nb_inplace_true_divide, number_inplace_true_divide},
        {Py_nb_inplace_floor_divide, number_inplace_floor_divide},
        {Py_nb_inplace_remainder, number_inplace_remainder},
        {Py_nb_inplace_power, number_inplace_power},
        {Py_nb_inplace_and, number_inplace_and},
        {Py_nb_inplace_or, number_inplace_or},
        {Py_nb_inplace_xor, number_inplace_xor},
        {Py_nb_inplace_lshift, number_inplace_lshift},
        {Py_nb_inplace_rshift, number_inplace_rshift},
        {Py_nb_bool, number_bool},
        {Py_nb_int, number_int},
        {Py_nb_float, number_float},
        {Py_nb_index, number_index},
        {Py_tp_richcompare, tensor_compare},
    };
    int count = (int)(sizeof(own) / sizeof(*own));

    for (int i = 0; i < count; i++)
        slots[i] = own[i];
    return count;
}
