#include "kernel_support.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

/* One kernel, started once, for a list of cells: source, and what must come of it. NULL: nothing
 * of that kind. */
struct cell_case {
    const char *source, *out, *result, *error;
    long line;
};

static void check_text(const struct strbuf *got, const char *wanted, const char *what,
                       const char *source)
{
    cr_expect_str_eq(got->text, wanted ? wanted : "", "%s of: %s\nis %s", what, source, got->text);
}

static void check_cells(const struct cell_case *cells, size_t count)
{
    struct client *client = kernel_start();

    for (size_t i = 0; i < count; i++) {
        struct outcome outcome = kernel_run(client, cells[i].source);
        check_text(&outcome.out, cells[i].out, "output", cells[i].source);
        check_text(&outcome.result, cells[i].result, "result", cells[i].source);
        check_text(&outcome.type, cells[i].error, "error", cells[i].source);
        cr_expect_eq(outcome.line, cells[i].line, "line of: %s is %ld", cells[i].source,
                     outcome.line);
        cr_expect_eq(outcome.ok, cells[i].error == NULL, "ok of: %s", cells[i].source);
        outcome_release(&outcome);
    }
    client_free(client);
}
#define CHECK_CELLS(cells) check_cells(cells, sizeof(cells) / sizeof((cells)[0]))

Test(kernel_cell, results)
{
    static const struct cell_case cells[] = {
        {"", NULL, NULL, NULL, 0},
        {"# nothing", NULL, NULL, NULL, 0},
        {"1 + 1", NULL, "2", NULL, 0},
        {"_ * 10", NULL, "20", NULL, 0},
        {"x = 3\nx", NULL, "3", NULL, 0},
        {"x;", NULL, NULL, NULL, 0},
        {"(x) ; # not shown", NULL, NULL, NULL, 0},
        {"x # ;", NULL, "3", NULL, 0},
        {"'\xc3\xa9\xc3\xa9'; 'a;'", NULL, "'a;'", NULL, 0},
        {"None", NULL, NULL, NULL, 0},
        {"print('a'); x", "a\n", "3", NULL, 0},
        {"if x:\n    x", NULL, NULL, NULL, 0},
        {"def f(n):\n    return n + x\n\nf(1)", NULL, "4", NULL, 0},
        {"__name__", NULL, "'__main__'", NULL, 0},
        {"from __future__ import annotations", NULL, NULL, NULL, 0},
        {"def g(a: nothing): pass\ng.__annotations__", NULL, "{'a': 'nothing'}", NULL, 0},
        {"print(len(repr(range(3)))); '\\ud800'", "11\n", "'\\ud800'", NULL, 0},
    };
    CHECK_CELLS(cells);
}

Test(kernel_cell, errors)
{
    static const struct cell_case cells[] = {
        {"a = 1\nb = a / 0\n", NULL, NULL, "ZeroDivisionError", 2},
        {"def f():\n    raise ValueError('bad')\nf()", NULL, NULL, "ValueError", 2},
        {"1\nf()", NULL, NULL, "ValueError", 2},
        {"x = (1,\n  2 3)", NULL, NULL, "SyntaxError", 2},
        {"  x = 1", NULL, NULL, "IndentationError", 1},
        {"def r(): r()\nr()", NULL, NULL, "RecursionError", 1},
        {"import sys\nsys.exit(3)", NULL, NULL, "SystemExit", 2},
        {"a", NULL, "1", NULL, 0},
        {"input('name? ')", NULL, NULL, "RuntimeError", 1},
        {"class A:\n  def __repr__(self):\n    return undefined\nA()", NULL, NULL, "NameError", 3},
        {"print('before')\nimport torhc", "before\n", NULL, "ModuleNotFoundError", 2},
        {"class E(Exception):\n  def __str__(self): raise SystemError\nraise E", NULL, NULL, "E",
         3},
    };
    CHECK_CELLS(cells);
}

Test(kernel_cell, traceback_shows_the_cells_lines_and_none_of_ours)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, "def f(n):\n    return 1 / n\n");

    outcome_release(&outcome);
    outcome = kernel_run(client, "f(0)");
    cr_expect_str_eq(outcome.trace.text, "Traceback (most recent call last):\n"
                                         "  File \"<cell 2>\", line 1, in <module>\n"
                                         "    f(0)\n"
                                         "  File \"<cell 1>\", line 2, in f\n"
                                         "    return 1 / n\n"
                                         "           ~~^~~\n"
                                         "ZeroDivisionError: division by zero\n");
    cr_expect_str_eq(outcome.message.text, "division by zero");
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_cell, null_bytes_are_an_error)
{
    struct client *client = kernel_start();
    struct outcome outcome;

    cr_assert(client_execute(client, 1, "x = 1\0y", 7));
    outcome = kernel_collect(client, 1, 20000);
    cr_expect_str_eq(outcome.type.text, "ValueError");
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_cell, output_of_c_libraries_and_programs)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, "import os, sys\n"
                                                "_ = os.write(1, b'raw\\n')\n"
                                                "_ = os.system('echo child; echo oops >&2')\n"
                                                "print('err', file=sys.stderr)\n");

    cr_expect_str_eq(outcome.out.text, "raw\nchild\n");
    cr_expect(strstr(outcome.err.text, "oops\n") && strstr(outcome.err.text, "err\n"));
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_cell, a_forked_child_prints_but_does_not_answer)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, "import os\n"
                                                "pid = os.fork()\n"
                                                "if pid == 0:\n"
                                                "    print('child')\n"
                                                "    os._exit(0)\n"
                                                "_ = os.waitpid(pid, 0)\n"
                                                "print('parent')\n");

    cr_expect(outcome.ok);
    cr_expect(strstr(outcome.out.text, "child\n") && strstr(outcome.out.text, "parent\n"));
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_cell, a_forked_child_that_does_not_end_by_itself_is_no_second_kernel)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, "import os\npid = os.fork()\n"
                                                "if pid: print(os.waitpid(pid, 0)[1])\n"
                                                "pid > 0");

    cr_expect_str_eq(outcome.out.text, "0\n");
    cr_expect_str_eq(outcome.result.text, "True");
    outcome_release(&outcome);
    outcome = kernel_run(client, "if os.fork() == 0: 1 / 0\n'still here'");
    cr_expect_str_eq(outcome.result.text, "'still here'");
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_cell, file_object)
{
    static const struct cell_case cells[] = {
        {"import sys, io\nsys.stdout.write('abc\\n')", "abc\n", "4", NULL, 0},
        {"sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.writable()", NULL,
         "(False, 'utf-8', True)", NULL, 0},
        {"sys.stdout.fileno()", NULL, NULL, "UnsupportedOperation", 1},
        {"sys.stdout.write(1)", NULL, NULL, "TypeError", 1},
        {"sys.stdout.buffer.write(b'bytes\\n')", "bytes\n", "6", NULL, 0},
        {"sys.stdout.writelines(['a', 'b'])", "ab", NULL, NULL, 0},
        {"print('\\ud800', flush=True)", "\\ud800\n", NULL, NULL, 0},
        {"import contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b):\n"
         "    print('x')\nb.getvalue()",
         NULL, "'x\\n'", NULL, 0},
        {"type(sys.stdout)()", NULL, NULL, "TypeError", 1},
        {"sys.stdin.read()", NULL, "''", NULL, 0},
    };
    CHECK_CELLS(cells);
}
