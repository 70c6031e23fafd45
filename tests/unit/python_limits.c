/*
 * Numbers near the ends of 64 bits where PyTorch itself would crash: an exception and nothing
 * worse. The others are in tests/acceptance/own/extreme_numbers.py.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "python/module.h"

#include <criterion/criterion.h>

static void python_start(void)
{
    cr_assert_eq(python_register_modules(), 0);
    Py_InitializeEx(0);
}

static void python_stop(void)
{
    Py_FinalizeEx();
}

TestSuite(python_limits, .init = python_start, .fini = python_stop);

/* Evaluating the call raises a RuntimeError. */
static void refused(const char *call)
{
    static const char code[] = "import torch\n"
                               "import torch.nn.functional as F\n"
                               "most = 2**63 - 1\n"
                               "ones = torch.ones(1, 4, 2, 2)\n"
                               "try:\n"
                               "    %s\n"
                               "except RuntimeError:\n"
                               "    pass\n"
                               "else:\n"
                               "    raise AssertionError\n";
    char text[sizeof(code) + 100];

    snprintf(text, sizeof(text), code, call);
    cr_expect_eq(PyRun_SimpleString(text), 0, "%s", call);
}

Test(python_limits, sizes_from_elements)
{
    refused("torch.bincount(torch.tensor([most]))");
    refused("F.one_hot(torch.tensor([most]))");
    refused("torch.ones(3).repeat_interleave(most)");
}

Test(python_limits, sizes_from_arguments)
{
    refused("F.pixel_shuffle(ones, 2**32)");
    refused("F.max_unpool2d(ones, torch.zeros(1, 4, 2, 2, dtype=torch.int64), most)");
    refused("F.pad(ones, (most, most))");
    refused("torch.ones(2).set_(torch.ones(1).storage(), 0, (3, 3), (2**62, 2**62))");
}
