#include "notebook_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/saddle-test-XXXXXX";

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void teardown(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

TestSuite(notebook_save, .init = setup, .fini = teardown);

static void put(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static const char *get(const char *path)
{
    static struct strbuf text = STRBUF_INIT;
    strbuf_release(&text);
    cr_assert_eq(strbuf_read_file(&text, path), 0, "%s", error_message());
    return text.text;
}

static int files(void)
{
    DIR *dir = opendir(".");
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static void fails(struct notebook *nb, const char *path, const char *message)
{
    cr_assert_eq(notebook_save(nb, path), -1);
    cr_assert_str_eq(error_message(), message);
    error_clear();
}

Test(notebook_save, loads_and_saves)
{
    put("a.md", "# A\n\n```python\nx\n```\n", 21);
    struct notebook *nb = notebook_load("a.md");
    cr_assert_str_eq(nb->path, "a.md");
    set(nb, 1, "y");
    cr_assert_eq(notebook_save(nb, NULL), 0);
    cr_assert_not(nb->modified);
    cr_assert_str_eq(get("a.md"), "# A\n\n```python\ny\n```\n");
    notebook_undo(nb, NULL);
    cr_assert(nb->modified, "the file has the other text now");
    notebook_redo(nb, NULL);
    cr_assert_not(nb->modified);
    cr_assert_eq(notebook_save(nb, "b.md"), 0);
    cr_assert_str_eq(nb->path, "b.md");
    cr_assert_eq(files(), 2);
    notebook_free(nb);
}

Test(notebook_save, keeps_the_mode_and_obeys_the_umask)
{
    struct stat info;
    struct notebook *nb = notebook_new();
    put("a.md", "", 0);
    chmod("a.md", 0640);
    umask(027);
    cr_assert_eq(notebook_save(nb, "a.md"), 0);
    stat("a.md", &info);
    cr_assert_eq(info.st_mode & 07777, 0640);
    cr_assert_eq(notebook_save(nb, "new.md"), 0);
    stat("new.md", &info);
    cr_assert_eq(info.st_mode & 07777, 0640);
    notebook_free(nb);
}

Test(notebook_save, follows_symbolic_links)
{
    struct stat info;
    struct notebook *nb = notebook_new();
    mkdir("real", 0777);
    put("real/a.md", "old", 3);
    symlink("real/a.md", "link.md");
    symlink("link.md", "second.md");
    symlink("real/none.md", "dangling.md");
    symlink("loop.md", "loop.md");
    cr_assert_eq(notebook_save(nb, "second.md"), 0);
    cr_assert_str_eq(get("real/a.md"), "```python\n```\n");
    lstat("link.md", &info);
    cr_assert(S_ISLNK(info.st_mode));
    cr_assert_eq(notebook_save(nb, "dangling.md"), 0);
    cr_assert_str_eq(get("real/none.md"), "```python\n```\n");
    fails(nb, "loop.md", "loop.md: cannot save: Too many levels of symbolic links");
    notebook_free(nb);
}

Test(notebook_save, says_why_it_cannot)
{
    struct notebook *nb = notebook_new();
    fails(nb, NULL, "the notebook has no file name yet");
    fails(nb, "none/a.md", "none/a.md: cannot save: No such file or directory");
    mkdir("dir.md", 0777);
    fails(nb, "dir.md", "dir.md: cannot save: Is a directory");
    put("ro.md", "kept", 4);
    chmod("ro.md", 0444);
    fails(nb, "ro.md", "ro.md: cannot save: the file is read-only");
    cr_assert_str_eq(get("ro.md"), "kept");
    fails(nb, "/dev/null", "/dev/null: cannot save: not a regular file");
    put("file", "", 0);
    fails(nb, "file/a.md", "file/a.md: cannot save: Not a directory");
    cr_assert_eq(files(), 3);
    cr_assert_null(nb->path);
    notebook_free(nb);
}

Test(notebook_save, a_full_disk_leaves_the_old_file_whole)
{
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    struct notebook *nb = notebook_load((put("a.md", "old\n", 4), "a.md"));
    char *large = malloc(100000);
    memset(large, 'x', 100000);
    notebook_set_source(nb, 0, large, 100000);
    free(large);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    fails(nb, NULL, "a.md: cannot save: File too large");
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert_str_eq(get("a.md"), "old\n");
    cr_assert_eq(files(), 1, "the temporary file is gone");
    cr_assert(nb->modified);
    cr_assert_eq(notebook_save(nb, NULL), 0);
    notebook_free(nb);
}

Test(notebook_save, a_folder_that_takes_no_files)
{
    struct notebook *nb = notebook_new();
    put("a.md", "old\n", 4);
    chmod("a.md", 0666);
    chmod(".", 0555);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0); /* root may write everywhere */
    fails(nb, "a.md", "a.md: cannot save: Permission denied");
    fails(nb, "new.md", "new.md: cannot save: Permission denied");
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    chmod(".", 0755);
    cr_assert_str_eq(get("a.md"), "old\n");
    cr_assert_eq(files(), 1);
    notebook_free(nb);
}

Test(notebook_save, without_memory_nothing_is_lost)
{
    put("a.md", "old\n", 4);
    for (long allowed = 0;; allowed++) {
        struct notebook *nb = notebook_load("a.md");
        set(nb, 0, "new");
        mem_fail_after(allowed);
        int result = notebook_save(nb, NULL);
        mem_fail_after(-1);
        notebook_free(nb);
        cr_assert_eq(files(), 1);
        cr_assert_lt(allowed, 50);
        if (result == 0)
            break;
        cr_assert_eq(error_kind(), ERROR_MEMORY);
        error_clear();
        cr_assert_str_eq(get("a.md"), "old\n");
    }
    cr_assert_str_eq(get("a.md"), "new\n");
}

static void refused(const char *path, const char *message)
{
    cr_assert_null(notebook_load(path));
    cr_assert_str_eq(error_message(), message);
    error_clear();
}

Test(notebook_save, refuses_what_is_no_notebook)
{
    refused("none.md", "none.md: No such file or directory");
    refused(".", ".: Is a directory");
    refused("/dev/null", "/dev/null: not a regular file");
    mkfifo("pipe.md", 0666);
    refused("pipe.md", "pipe.md: not a regular file");
    put("zero.md",
        "text\n\x7f"
        "ELF\0\0",
        11);
    refused("zero.md", "zero.md: binary data, not a notebook (a zero byte in line 2)");
    put("latin.md",
        "a\nb\nGr\xfc\xdf"
        "e\n",
        10);
    refused("latin.md", "latin.md: line 3: not UTF-8 text (byte 0xfc)");
    put("cut.md", "ok \xe2\x82", 5);
    refused("cut.md", "cut.md: line 1: not UTF-8 text (byte 0xe2)");
    put("surrogate.md", "\xed\xa0\x80", 3);
    refused("surrogate.md", "surrogate.md: line 1: not UTF-8 text (byte 0xed)");
    put("large.md", "", 0);
    cr_assert_eq(truncate("large.md", NOTEBOOK_MAX_BYTES + 1L), 0);
    refused("large.md", "large.md: larger than 64 MiB");
    put("fine.md", "\xf0\x9f\x90\x8e \xc3\xa4\n", 8);
    struct notebook *nb = notebook_load("fine.md");
    cr_assert_not_null(nb);
    notebook_free(nb);
}

Test(notebook_save, notices_another_writer)
{
    struct notebook *nb;

    put("a.md", "one\n", 4);
    nb = notebook_load("a.md");
    cr_assert_not_null(nb);
    cr_assert_not(notebook_changed_on_disk(nb));
    put("a.md", "theirs\n", 7);
    cr_assert(notebook_changed_on_disk(nb));
    cr_assert_eq(notebook_save(nb, NULL), 0);
    cr_assert_not(notebook_changed_on_disk(nb), "our own saving is no change");
    cr_assert_eq(unlink("a.md"), 0);
    cr_assert_not(notebook_changed_on_disk(nb), "a file that is gone is made again");
    notebook_free(nb);
}
