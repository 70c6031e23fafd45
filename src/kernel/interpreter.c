#include "kernel/interpreter.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "python/module.h"

#include <stdlib.h>
#include <unistd.h>

#define PYTHON_VERSION Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION)

/* Python finds its library from where its program lies. Ours lies anywhere, and `python3` in PATH
 * may be another version, so the name is given: a virtual environment's if it fits. */
static PyStatus set_program(PyConfig *config)
{
    const char *environment = getenv("VIRTUAL_ENV");
    struct strbuf path = STRBUF_INIT;
    PyStatus status = PyStatus_Ok();
    bool found = false;

    if (environment && environment[0]) {
        strbuf_addf(&path, "%s/lib/python" PYTHON_VERSION, environment);
        found = access(path.text, F_OK) == 0;
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/bin/python3", environment);
    }
    if (!found) {
        strbuf_clear(&path);
        strbuf_adds(&path, "/usr/bin/python" PYTHON_VERSION);
        found = access(path.text, X_OK) == 0;
    }
    if (found && !path.failed)
        status = PyConfig_SetBytesString(config, &config->program_name, path.text);
    strbuf_release(&path);
    return status;
}

static PyStatus set_arguments(PyConfig *config, const struct interpreter_program *program)
{
    const char *name = program->command ? "-c" : program->file;
    char **arguments = PyMem_RawCalloc((size_t)program->argc + 1, sizeof(*arguments));
    PyStatus status;

    if (!arguments)
        return PyStatus_NoMemory();
    arguments[0] = (char *)(name ? name : "");
    for (int i = 0; i < program->argc; i++)
        arguments[i + 1] = program->argv[i];
    config->parse_argv = 0;
    status = PyConfig_SetBytesArgv(config, program->argc + 1, arguments);
    PyMem_RawFree(arguments);
    return status;
}

static PyStatus start(PyConfig *config, const struct interpreter_program *program)
{
    PyStatus status = set_program(config);

    config->user_site_directory = 0;
    config->install_signal_handlers = 1;
    if (!PyStatus_Exception(status))
        status = set_arguments(config, program);
    if (!PyStatus_Exception(status) && program->file)
        status = PyConfig_SetBytesString(config, &config->run_filename, program->file);
    if (!PyStatus_Exception(status) && program->command)
        status = PyConfig_SetBytesString(config, &config->run_command, program->command);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(config);
    return status;
}

bool interpreter_start(const struct interpreter_program *program)
{
    PyConfig config;
    PyStatus status;

    if (python_register_modules() != 0) {
        error_set(ERROR_RUNTIME, "cannot register the module torch");
        return false;
    }
    unsetenv("PYTHONHOME"); /* meant for a `python3` program, of which version ever */
    PyConfig_InitPythonConfig(&config);
    status = start(&config, program);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        error_set(ERROR_RUNTIME, "Python cannot start: %s",
                  status.err_msg ? status.err_msg : "no reason given");
        return false;
    }
    return true;
}
