/* torch.einsum with lists of numbers instead of an equation, torch.tensordot with lists of dims. */
#include "python/errors.h"
#include "python/method.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <string.h>

/* The functions made from the table, which these stand in front of; owned. */
static PyObject *einsum_function, *tensordot_function;

/* ---- einsum(A, [0, 1], B, [1, 2], [0, 2]) ---- */

/* Adds the letters of a list of numbers 0..51 or Ellipsis to text (of `size` bytes). */
static int add_letters(char *text, size_t size, PyObject *list)
{
    PyObject *items = PySequence_Fast(list, "einsum(): subscripts are a list");
    size_t length = strlen(text);

    for (Py_ssize_t i = 0; items && i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(items, i);
        long n = item == Py_Ellipsis ? 0 : PyLong_AsLong(item);

        if (PyErr_Occurred() || n < 0 || n >= 52 || length + 4 >= size) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError,
                             n < 0 || n >= 52 ? "einsum(): expected subscripts to be within range "
                                                "[0, 52)"
                                              : "einsum(): too many subscripts");
            Py_DECREF(items);
            return -1;
        }
        if (item == Py_Ellipsis) {
            memcpy(text + length, "...", 3);
            length += 3;
        } else {
            text[length++] = (char)(n < 26 ? 'A' + n : 'a' + n - 26);
        }
        text[length] = '\0';
    }
    Py_XDECREF(items);
    return items ? 0 : -1;
}

static PyObject *einsum(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    char text[512] = "";
    PyObject *operands, *equation, *result;

    (void)self;
    if (count < 2 || !tensor_check(args[0]))
        return PyObject_Vectorcall(einsum_function, args, (size_t)count, NULL);
    operands = PyList_New(0);
    for (Py_ssize_t i = 0; operands && i + 1 < count; i += 2) {
        if (i)
            snprintf(text + strlen(text), 2, ",");
        if (add_letters(text, sizeof(text) - 8, args[i + 1]) < 0 ||
            PyList_Append(operands, args[i]) < 0)
            Py_CLEAR(operands);
    }
    if (operands && count % 2) {
        snprintf(text + strlen(text), 3, "->");
        if (add_letters(text, sizeof(text), args[count - 1]) < 0)
            Py_CLEAR(operands);
    }
    if (!operands)
        return NULL;
    equation = PyUnicode_FromString(text);
    result =
        equation ? PyObject_CallFunctionObjArgs(einsum_function, equation, operands, NULL) : NULL;
    Py_XDECREF(equation);
    Py_DECREF(operands);
    return result;
}

/* ---- tensordot(a, b, dims=([1, 0], [0, 1])) ---- */

/* The letters of a's dimensions are a, b, ...; those of b are behind them but for the dims that are
 * contracted. */
static PyObject *contract(PyObject *a, PyObject *b, PyObject *dims_a, PyObject *dims_b)
{
    int na = tensor_of(a)->ndim, nb = tensor_of(b)->ndim;
    PyObject *first = PySequence_Fast(dims_a, "dims"), *second = PySequence_Fast(dims_b, "dims");
    char left[64] = "", right[64] = "", text[264], out[128] = "";
    PyObject *result = NULL;
    Py_ssize_t count;
    int used = 0;

    for (int d = 0; d < na; d++)
        left[d] = (char)('a' + d);
    for (int d = 0; d < nb; d++)
        right[d] = (char)('A' + d);
    count = first && second ? PySequence_Fast_GET_SIZE(first) : -1;
    if (count >= 0 && count != PySequence_Fast_GET_SIZE(second)) {
        PyErr_SetString(PyExc_RuntimeError, "both dimension lists should have same length");
        count = -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        int x = tensor_dim(tensor_of(a), PyLong_AsLong(PySequence_Fast_GET_ITEM(first, i)));
        int y = x < 0
                    ? -1
                    : tensor_dim(tensor_of(b), PyLong_AsLong(PySequence_Fast_GET_ITEM(second, i)));

        if (y < 0 || PyErr_Occurred()) {
            if (!PyErr_Occurred())
                python_error();
            count = -1;
            break;
        }
        right[y] = left[x];
    }
    for (int d = 0; d < na; d++) {
        if (!strchr(right, left[d]))
            out[used++] = left[d];
    }
    for (int d = 0; d < nb; d++) {
        if (right[d] < 'a')
            out[used++] = right[d];
    }
    if (count >= 0) {
        snprintf(text, sizeof(text), "%s,%s->%s", left, right, out);
        result = PyObject_CallFunction(einsum_function, "sOO", text, a, b);
    }
    Py_XDECREF(first);
    Py_XDECREF(second);
    return result;
}

static PyObject *tensordot(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *dims = count > 2 ? args[2] : NULL;
    Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;

    (void)self;
    for (Py_ssize_t i = 0; i < named; i++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "dims") == 0)
            dims = args[count + i];
    }
    if (count >= 2 && tensor_check(args[0]) && tensor_check(args[1]) && dims &&
        (PyTuple_Check(dims) || PyList_Check(dims)) && PySequence_Size(dims) == 2)
        return contract(args[0], args[1], PySequence_Fast_GET_ITEM(dims, 0),
                        PySequence_Fast_GET_ITEM(dims, 1));
    return PyObject_Vectorcall(tensordot_function, args, (size_t)count, names);
}

/* Puts ours in the place of the table's. */
int contract_init(PyObject *torch)
{
    static PyMethodDef methods[] = {
        {"einsum", (PyCFunction)(void (*)(void))einsum, METH_FASTCALL, NULL},
        {"tensordot", WITH_FASTCALL(tensordot), NULL},
        {NULL, NULL, 0, NULL}};

    einsum_function = PyObject_GetAttrString(torch, "einsum");
    tensordot_function = PyObject_GetAttrString(torch, "tensordot");
    if (!einsum_function || !tensordot_function)
        return -1;
    return PyModule_AddFunctions(torch, methods);
}
