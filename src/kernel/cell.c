#include "kernel/cell.h"

#include "kernel/console.h"
#include "kernel/report.h"

#include <string.h>

/* What is kept between cells. */
static struct {
    PyObject *namespace; /* __main__.__dict__, borrowed from the module */
    PyObject *compile;   /* builtins.compile, ours even if a cell assigns to that name */
    PyObject *Expr;      /* the ast classes that we look for and make */
    PyObject *Expression;
    int future_flags; /* from __future__ import ... holds for the later cells as well */
} state;

bool cell_open(void)
{
    PyObject *module = PyImport_AddModule("__main__");
    PyObject *ast = PyImport_ImportModule("_ast");
    PyObject *path = PySys_GetObject("path"), *here = PyUnicode_FromString("");
    bool done = false;

    if (!module || !ast || !here)
        goto done;
    state.namespace = PyModule_GetDict(module);
    state.compile = PyMapping_GetItemString(PyEval_GetBuiltins(), "compile");
    state.Expr = PyObject_GetAttrString(ast, "Expr");
    state.Expression = PyObject_GetAttrString(ast, "Expression");
    done = state.compile && state.Expr && state.Expression && path &&
           PyList_Insert(path, 0, here) == 0;

done:
    Py_XDECREF(here);
    Py_XDECREF(ast);
    return done;
}

void cell_close(void)
{
    Py_CLEAR(state.compile);
    Py_CLEAR(state.Expr);
    Py_CLEAR(state.Expression);
}

PyObject *cell_namespace(void)
{
    return state.namespace;
}

/* ---- Compiling -------------------------------------------------------------------------------*/

/* The cell as an ast.Module. */
static PyObject *parse(const char *source, size_t length, PyObject *name)
{
    PyCompilerFlags flags = {.cf_flags = PyCF_ONLY_AST | PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE,
                             .cf_feature_version = PY_MINOR_VERSION};

    if (strlen(source) != length) {
        PyErr_SetString(PyExc_ValueError, "the cell contains a null character");
        return NULL;
    }
    flags.cf_flags |= state.future_flags;
    return Py_CompileStringObject(source, name, Py_file_input, &flags, -1);
}

static PyObject *compile_tree(PyObject *tree, PyObject *name, const char *mode)
{
    PyObject *code = PyObject_CallFunction(state.compile, "OOsiO", tree, name, mode,
                                           state.future_flags, Py_True);

    if (code)
        state.future_flags |= ((PyCodeObject *)code)->co_flags & PyCF_MASK;
    return code;
}

/* Where an ast node ends in the source; the source is UTF-8, as are the columns. */
static const char *node_end(PyObject *node, const char *source)
{
    PyObject *line = PyObject_GetAttrString(node, "end_lineno");
    PyObject *column = PyObject_GetAttrString(node, "end_col_offset");
    long lines = line ? PyLong_AsLong(line) : 1, offset = column ? PyLong_AsLong(column) : 0;

    while (lines-- > 1 && strchr(source, '\n'))
        source = strchr(source, '\n') + 1;
    Py_XDECREF(line);
    Py_XDECREF(column);
    PyErr_Clear();
    return source + (offset > 0 ? strnlen(source, (size_t)offset) : 0);
}

/* Takes the last statement out of the module if it is an expression whose value is to be shown, and
 * returns it as an ast.Expression. None if there is none, NULL with an exception set. */
static PyObject *take_last(PyObject *tree, const char *source)
{
    PyObject *body = PyObject_GetAttrString(tree, "body"), *last, *value, *result = NULL;
    Py_ssize_t count = body ? PyList_Size(body) : -1;

    if (count < 0)
        goto done;
    last = count ? PyList_GET_ITEM(body, count - 1) : Py_None;
    if (!Py_IS_TYPE(last, (PyTypeObject *)state.Expr) ||
        *(node_end(last, source) + strspn(node_end(last, source), " \t")) == ';') {
        result = Py_NewRef(Py_None);
        goto done;
    }
    value = PyObject_GetAttrString(last, "value");
    result = value ? PyObject_CallOneArg(state.Expression, value) : NULL;
    Py_XDECREF(value);
    if (result && PyList_SetSlice(body, count - 1, count, NULL) < 0)
        Py_CLEAR(result);

done:
    Py_XDECREF(body);
    return result;
}

/* The statements, and the last expression or NULL. */
static bool compile_cell(const char *source, size_t length, PyObject *name, PyObject **statements,
                         PyObject **expression)
{
    PyObject *tree = parse(source, length, name);
    PyObject *last = tree ? take_last(tree, source) : NULL;
    bool done = false;

    *statements = *expression = NULL;
    if (!last)
        goto done;
    *statements = compile_tree(tree, name, "exec");
    if (*statements && last != Py_None)
        *expression = compile_tree(last, name, "eval");
    done = *statements && (*expression || last == Py_None);

done:
    Py_XDECREF(last);
    Py_XDECREF(tree);
    return done;
}

/* ---- Running ---------------------------------------------------------------------------------*/

static bool show_value(PyObject *value)
{
    PyObject *hook = PySys_GetObject("displayhook"), *shown;

    if (!hook)
        return console_show(value);
    Py_INCREF(hook);
    shown = PyObject_CallOneArg(hook, value);
    Py_DECREF(hook);
    Py_XDECREF(shown);
    return shown != NULL;
}

static bool run_code(PyObject *statements, PyObject *expression)
{
    PyObject *value = PyEval_EvalCode(statements, state.namespace, state.namespace);
    bool shown;

    if (!value)
        return false;
    if (!expression) {
        Py_DECREF(value);
        return true;
    }
    Py_DECREF(value);
    value = PyEval_EvalCode(expression, state.namespace, state.namespace);
    shown = value && show_value(value);
    Py_XDECREF(value);
    return shown;
}

bool cell_run(const char *source, size_t length, int run)
{
    PyObject *name = PyUnicode_FromFormat("<cell %d>", run);
    PyObject *statements = NULL, *expression = NULL;
    bool done = name && report_register(name, source, length) &&
                compile_cell(source, length, name, &statements, &expression) &&
                run_code(statements, expression);

    Py_XDECREF(statements);
    Py_XDECREF(expression);
    if (!done)
        report_exception(name);
    Py_XDECREF(name);
    return done;
}

void cell_interrupted(void)
{
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    report_exception(NULL);
}
