/*
 * interpreter.h: starting the embedded Python, with the built-in modules torch and saddle.
 */
#ifndef SADDLE_KERNEL_INTERPRETER_H
#define SADDLE_KERNEL_INTERPRETER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* What Py_RunMain() is to run; all NULL in a kernel, which runs cells. */
struct interpreter_program {
    const char *file;    /* like `python3 FILE` */
    const char *command; /* like `python3 -c CODE` */
    int argc;            /* sys.argv[1:]; sys.argv[0] is the file, or "-c", or "" */
    char **argv;
};

/* Finds the Python installation (an active virtual environment of the same version, else the one
 * that libpython belongs to) and starts it. false with ERROR_RUNTIME, which says what Python said.
 */
bool interpreter_start(const struct interpreter_program *program);

#endif
