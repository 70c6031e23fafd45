#include "base/error.h"
#include "base/paths.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
}

Test(base_paths, the_program_has_an_absolute_path)
{
    struct strbuf path = STRBUF_INIT;
    strbuf_adds(&path, "what was there before");
    cr_assert(paths_program(&path));
    cr_assert_eq(path.text[0], '/');
    cr_assert_eq(access(path.text, X_OK), 0);
    strbuf_release(&path);
}

Test(base_paths, the_environment_comes_first)
{
    char directory[] = "/tmp/saddle-paths-XXXXXX";
    struct strbuf path = STRBUF_INIT, expected = STRBUF_INIT;
    cr_assert_not_null(mkdtemp(directory));
    strbuf_addf(&expected, "%s/one.md", directory);
    touch(expected.text);
    setenv("SADDLE_DATA", directory, 1);
    cr_assert(paths_find("one.md", &path));
    cr_assert_str_eq(path.text, expected.text);
    unlink(expected.text);
    rmdir(directory);
    strbuf_release(&path);
    strbuf_release(&expected);
}

Test(base_paths, next_to_the_program)
{
    struct strbuf program = STRBUF_INIT, path = STRBUF_INIT;
    unsetenv("SADDLE_DATA");
    cr_assert(paths_program(&program));
    cr_assert(paths_find(strrchr(program.text, '/') + 1, &path));
    cr_assert_str_eq(path.text, program.text);
    /* An override without the file hides nothing. */
    setenv("SADDLE_DATA", "/nonexistent", 1);
    cr_assert(paths_find(strrchr(program.text, '/') + 1, &path));
    cr_assert_str_eq(path.text, program.text);
    strbuf_release(&program);
    strbuf_release(&path);
}

Test(base_paths, what_is_nowhere_is_an_error_that_names_it)
{
    struct strbuf path = STRBUF_INIT;
    unsetenv("SADDLE_DATA");
    cr_assert_not(paths_find("lessons/99-missing.md", &path));
    cr_assert_eq(error_kind(), ERROR_IO);
    cr_assert_not_null(strstr(error_message(), "lessons/99-missing.md"));
    strbuf_release(&path);
}
