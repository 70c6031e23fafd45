/*
 * main.c: the command line, nothing else.
 */
#include "base/error.h"
#include "kernel/kernel.h"
#include "kernel/script.h"
#include "tui/headless.h"
#include "tui/pictures.h"
#include "tui/tui.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_ERROR = 1, STATUS_USAGE = 2 };

static const char help[] =
    "Saddle: a notebook for the terminal in which people learn deep learning.\n"
    "\n"
    "  saddle                       the start page, with the lessons\n"
    "  saddle NOTEBOOK.md           open a notebook; nothing in it runs until you run it\n"
    "  saddle --new NOTEBOOK.md     the same; a file that does not exist is begun\n"
    "  saddle run NOTEBOOK.md       run its cells in order and print what they print;\n"
    "                               plots become NOTEBOOK-1.png, ... in this folder\n"
    "  saddle run FILE.py [ARG...]  run a Python program, `import torch` being Saddle's\n"
    "  saddle -c CODE [ARG...]      run CODE as a Python program\n"
    "\n"
    "Options, before the file:\n"
    "  --trust                      no limits for the notebook's code (this version sets none "
    "yet)\n"
    "  --theme=auto|dark|light      the colours of the screen (also: SADDLE_THEME)\n"
    "  --new                        begin a notebook that does not exist yet\n"
    "  -h, --help                   this text\n"
    "  -V, --version                the version\n"
    "\n"
    "Ctrl-C stops what runs. On the screen, ? shows the keys.\n"
    "Exit status: 0; 1 when a file cannot be used or the code ends with an error; 2 when this\n"
    "command line makes no sense; 130 after Ctrl-C. A program's sys.exit(N) gives N.\n";

struct command_line {
    struct tui_options tui;
    bool run;
    const char *code;
    const char *file;
    char **args; /* the program's own */
    int count;
};

static int complain(int status, const char *format, const char *what)
{
    fputs("saddle: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return status;
}

/* ---- Files -----------------------------------------------------------------------------------*/

static bool has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), ending_length = strlen(ending);

    return length > ending_length && !strcasecmp(path + length - ending_length, ending);
}

static bool is_notebook(const char *path)
{
    return has_ending(path, ".md") || has_ending(path, ".markdown");
}

/* 0, or the status after a message. */
static int check_file(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        fprintf(stderr, "saddle: %s: %s\n", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        fprintf(stderr, "saddle: %s: %s\n", path, strerror(EISDIR));
    else if (access(path, R_OK) != 0)
        fprintf(stderr, "saddle: %s: %s\n", path, strerror(errno));
    else
        return 0;
    return STATUS_ERROR;
}

/* Python's own words for a program with zero bytes name no file. */
static int check_program(const char *path)
{
    char start[4096];
    struct stat info;
    ssize_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        length = read(fd, start, sizeof(start));
    if (fd >= 0)
        close(fd);
    if (length > 0 && memchr(start, '\0', (size_t)length))
        return complain(STATUS_ERROR, "%s: binary data, not a Python program", path);
    return 0;
}

/* ---- Commands --------------------------------------------------------------------------------*/

static bool host_render(void *context, json_t *plot, const char *format, int width, int height,
                        struct strbuf *out)
{
    return pictures_render(context, plot, format, width, height, out);
}

static void host_show(void *context, json_t *plot, int id)
{
    pictures_show(context, plot, id);
    pictures_flush(context);
}

/* The program's plots become files as those of a notebook do. */
static int run_program(const struct command_line *line)
{
    struct pictures pictures;
    struct script_host host = {.context = &pictures, .render = host_render, .show = host_show};
    int status;

    if (!pictures_init(&pictures, line->code ? "saddle" : line->file, stderr))
        return complain(STATUS_ERROR, "%s", error_message());
    if (line->code)
        status = script_run_code(line->code, line->count, line->args, &host);
    else
        status = script_run_file(line->file, line->count, line->args, &host);
    pictures_release(&pictures);
    return status;
}

static int run_file(const struct command_line *line)
{
    struct headless_options options = {.path = line->file, .trust = line->tui.trust};
    int status;

    if (!line->file)
        return complain(STATUS_USAGE, "run: which file? (%s)", "saddle run FILE");
    status = check_file(line->file);
    if (status != 0)
        return status;
    if (is_notebook(line->file) && line->count > 0)
        return complain(STATUS_USAGE, "%s: a notebook takes no arguments", line->file);
    if (is_notebook(line->file))
        return headless_run(&options);
    if (!has_ending(line->file, ".py"))
        return complain(STATUS_ERROR,
                        "%s: neither a notebook (.md) nor a Python program (.py) by its name",
                        line->file);
    status = check_program(line->file);
    return status ? status : run_program(line);
}

static int open_file(struct command_line *line)
{
    struct stat info;
    bool missing;

    if (line->count > 0)
        return complain(STATUS_USAGE, "%s: one file at a time, please", line->args[0]);
    if (!line->file)
        return tui_main(&line->tui);
    missing = stat(line->file, &info) != 0 && errno == ENOENT;
    if (missing && !line->tui.create && is_notebook(line->file))
        return complain(STATUS_ERROR, "%s: there is no such file (saddle --new FILE begins one)",
                        line->file);
    if (!(missing && line->tui.create) && check_file(line->file) != 0)
        return STATUS_ERROR;
    if (has_ending(line->file, ".py"))
        return complain(STATUS_ERROR, "%s: not a notebook (.md); `saddle run` runs a program",
                        line->file);
    if (!is_notebook(line->file))
        return complain(STATUS_ERROR, "%s: not a notebook by its name, which must end in .md",
                        line->file);
    line->tui.path = line->file;
    return tui_main(&line->tui);
}

/* ---- Options ---------------------------------------------------------------------------------*/

static const char *const themes[] = {
    [TUI_THEME_AUTO] = "auto", [TUI_THEME_DARK] = "dark", [TUI_THEME_LIGHT] = "light"};

static bool set_theme(struct command_line *line, const char *name)
{
    for (size_t i = 0; i < sizeof(themes) / sizeof(*themes); i++) {
        if (strcmp(name, themes[i]) == 0) {
            line->tui.theme = (enum tui_theme)i;
            return true;
        }
    }
    return false;
}

static bool is_one_of(const char *argument, const char *a, const char *b)
{
    return strcmp(argument, a) == 0 || strcmp(argument, b) == 0;
}

/* Reads the options up to the file. Returns -1, or the exit status when there is nothing to do. */
static int read_options(struct command_line *line, char **args)
{
    static const char theme[] = "--theme=";

    for (; *args && (*args)[0] == '-' && (*args)[1]; args++) {
        if (strcmp(*args, "--") == 0) {
            args++;
            break;
        } else if (is_one_of(*args, "-h", "--help")) {
            return fputs(help, stdout) < 0 || fflush(stdout) != 0;
        } else if (is_one_of(*args, "-V", "--version")) {
            return puts("saddle " SADDLE_VERSION) < 0 || fflush(stdout) != 0;
        } else if (strcmp(*args, "--trust") == 0) {
            line->tui.trust = true;
        } else if (strcmp(*args, "--new") == 0 && !line->run) {
            line->tui.create = true;
        } else if (strncmp(*args, theme, strlen(theme)) == 0 && !line->run) {
            if (!set_theme(line, *args + strlen(theme)))
                return complain(STATUS_USAGE, "%s: a theme is auto, dark or light", *args);
        } else if (strcmp(*args, "-c") == 0 && !line->run) {
            line->code = *++args;
            if (!line->code)
                return complain(STATUS_USAGE, "%s: what code?", "-c");
            args++;
            break;
        } else {
            return complain(STATUS_USAGE, "%s: unknown option (saddle --help lists them)", *args);
        }
    }
    if (!line->code && *args)
        line->file = *args++;
    line->args = args;
    while (args[line->count])
        line->count++;
    return -1;
}

/* The kernel process, which protocol/client.h starts. */
static int run_kernel(const char *number)
{
    char *end;
    long fd = strtol(number, &end, 10);

    if (end == number || *end || fd < 0 || fcntl((int)fd, F_GETFD) < 0)
        return complain(STATUS_USAGE, "--kernel %s: not an open file descriptor", number);
    return kernel_main((int)fd);
}

int main(int argc, char **argv)
{
    struct command_line line = {.run = argc > 1 && strcmp(argv[1], "run") == 0};
    int status;

    if (argc == 3 && strcmp(argv[1], "--kernel") == 0)
        return run_kernel(argv[2]);
    status = read_options(&line, argv + (line.run ? 2 : argc > 0));
    if (status >= 0)
        return status;
    if (line.code)
        return run_program(&line);
    return line.run ? run_file(&line) : open_file(&line);
}
