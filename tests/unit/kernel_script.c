#include "base/strbuf.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a program printed (standard output and error together) and how it ended. */
struct run {
    struct strbuf out;
    int status;
};

/* Runs a shell command in a folder of its own; $SADDLE is this test program. */
static struct run run_shell(const char *command)
{
    struct run run = {.out = STRBUF_INIT};
    char folder[] = "/tmp/saddle-script-XXXXXX", program[4096], bytes[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    struct strbuf line = STRBUF_INIT;
    FILE *pipe;
    size_t count;

    cr_assert(length > 0 && mkdtemp(folder));
    program[length] = '\0';
    setenv("SADDLE", program, 1);
    strbuf_addf(&line, "cd %s && { %s\n} 2>&1; s=$?; rm -rf %s; exit $s", folder, command, folder);
    pipe = popen(line.text, "r");
    cr_assert_not_null(pipe);
    while ((count = fread(bytes, 1, sizeof(bytes), pipe)) > 0)
        strbuf_add(&run.out, bytes, count);
    run.status = pclose(pipe);
    run.status = WIFEXITED(run.status) ? WEXITSTATUS(run.status) : 128 + WTERMSIG(run.status);
    strbuf_release(&line);
    return run;
}

static void expect(const char *command, int status, const char *out)
{
    struct run run = run_shell(command);

    cr_expect_eq(run.status, status, "status of: %s\nis %d", command, run.status);
    cr_expect_str_eq(run.out.text, out, "output of: %s\nis: %s", command, run.out.text);
    strbuf_release(&run.out);
}

Test(kernel_script, runs_a_file_as_python_does)
{
    expect("mkdir lib; echo 'value = 5' > lib/helper.py\n"
           "cat > lib/a.py <<'END'\n"
           "import sys, helper\n"
           "print(sys.argv, __name__, __file__, helper.value, sys.path[0].endswith('/lib'))\n"
           "END\n"
           "$SADDLE --test-file lib/a.py one --two | sed \"s,$PWD,HERE,\"",
           0, "['lib/a.py', 'one', '--two'] __main__ HERE/lib/a.py 5 True\n");
}

Test(kernel_script, exit_status_and_traceback)
{
    expect("printf 'def f():\\n    return 1 / 0\\nf()\\n' > a.py; \n"
           "$SADDLE --test-file a.py > out 2>&1; s=$?; sed \"s,$PWD,HERE,\" out; (exit $s)",
           1,
           "Traceback (most recent call last):\n"
           "  File \"HERE/a.py\", line 3, in <module>\n"
           "    f()\n"
           "  File \"HERE/a.py\", line 2, in f\n"
           "    return 1 / 0\n"
           "           ~~^~~\n"
           "ZeroDivisionError: division by zero\n");
    expect("$SADDLE --test-code 'import sys; sys.exit(7)'", 7, "");
    expect("$SADDLE --test-code 'import sys; sys.exit(\"why\")'", 1, "why\n");
    expect("$SADDLE --test-code 'import os; os._exit(9)'", 9, "");
    expect("$SADDLE --test-code 'raise KeyboardInterrupt' 2>/dev/null", 128 + SIGINT, "");
    expect("$SADDLE --test-code 'import os; os.kill(os.getpid(), 15)' 2>/dev/null", 128 + SIGTERM,
           "");
    expect("$SADDLE --test-file nothing.py", 2,
           "saddle: can't open file 'nothing.py': No such file or directory\n");
}

Test(kernel_script, code)
{
    expect("$SADDLE --test-code 'import sys; print(sys.argv)' x", 0, "['-c', 'x']\n");
    expect("echo 'value = 6' > mine.py; $SADDLE --test-code 'import mine; print(mine.value)'", 0,
           "6\n");
    expect("$SADDLE --test-code 'if True:\n  print(1)\n# end'", 0, "1\n");
    expect("echo typed | $SADDLE --test-code 'print(input())'", 0, "typed\n");
}

Test(kernel_script, a_program_waits_for_its_own_children_only)
{
    expect("$SADDLE --test-code 'import os\ntry: os.wait()\nexcept ChildProcessError: print(1)'", 0,
           "1\n");
}

Test(kernel_script, plots)
{
    expect("$SADDLE --test-code \"import display; display.save('A', 'a.PNG', 3, 4)\"; cat a.PNG", 0,
           "A 3x4");
    expect("$SADDLE --test-code \"import display; display.show('B', 1)\"", 0, "shown here: B 1\n");
    expect(
        "$SADDLE --test-code \"import display; display.save('A', 'a.xyz', 0, 0)\" 2>&1 | tail -n 1",
        0, "RuntimeError: cannot save the plot as 'a.xyz': no format 'xyz' here\n");
}
