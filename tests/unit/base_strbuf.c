#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(base_strbuf, an_empty_buffer_is_an_empty_string)
{
    struct strbuf b = STRBUF_INIT;
    cr_assert_str_eq(b.text, "");
    cr_assert_eq(b.length, 0);
    strbuf_release(&b);
    cr_assert_str_eq(b.text, "");
    strbuf_adds(&b, "usable again");
    cr_assert_str_eq(b.text, "usable again");
    strbuf_release(&b);
}

Test(base_strbuf, appends)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_add(&b, "tensor", 3);
    strbuf_adds(&b, "sor");
    strbuf_addch(&b, '(');
    strbuf_addf(&b, "%d, %s", 42, "x");
    strbuf_pad(&b, ')', 3);
    strbuf_pad(&b, '!', 0);
    strbuf_adds(&b, "");
    cr_assert_str_eq(b.text, "tensor(42, x)))");
    cr_assert_eq(b.length, strlen(b.text));
    cr_assert_not(b.failed);
    strbuf_release(&b);
}

Test(base_strbuf, holds_bytes_that_are_zero)
{
    struct strbuf b = STRBUF_INIT;
    strbuf_add(&b, "a\0b", 3);
    strbuf_addch(&b, '\0');
    cr_assert_eq(b.length, 4);
    cr_assert_arr_eq(b.text, "a\0b\0", 5);
    strbuf_release(&b);
}

Test(base_strbuf, grows_to_long_texts)
{
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < 5000; i++)
        strbuf_addf(&b, "%05d", i);
    cr_assert_eq(b.length, 25000);
    cr_assert_eq(strncmp(b.text + 24995, "04999", 5), 0);
    strbuf_clear(&b);
    cr_assert_eq(b.length, 0);
    cr_assert_str_eq(b.text, "");
    strbuf_addf(&b, "%3000s", "wide");
    cr_assert_eq(b.length, 3000);
    strbuf_release(&b);
}

Test(base_strbuf, detach_gives_the_text_away)
{
    struct strbuf b = STRBUF_INIT;
    char *empty = strbuf_detach(&b);
    cr_assert_str_eq(empty, "");
    strbuf_adds(&b, "owned");
    char *text = strbuf_detach(&b);
    cr_assert_str_eq(text, "owned");
    cr_assert_eq(b.length, 0);
    cr_assert_str_eq(b.text, "");
    mem_free(empty);
    mem_free(text);
}

struct splice_case {
    const char *before;
    size_t at, count;
    const char *put, *after;
};

Test(base_strbuf, splice)
{
    static const struct splice_case cases[] = {
        {"abcdef", 2, 2, "XY", "abXYef"},
        {"abcdef", 0, 0, "12", "12abcdef"},
        {"abcdef", 6, 0, "g", "abcdefg"},
        {"abcdef", 1, 4, "", "af"},
        {"abcdef", 4, 99, "!", "abcd!"},
        {"abcdef", 99, 99, "!", "abcdef!"},
        {"abcdef", 1, 1, "____", "a____cdef"},
        {"", 0, 0, "", ""},
        {"", 5, 5, "x", "x"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct splice_case *c = &cases[i];
        struct strbuf b = STRBUF_INIT;
        strbuf_adds(&b, c->before);
        strbuf_splice(&b, c->at, c->count, c->put, strlen(c->put));
        cr_assert_str_eq(b.text, c->after, "case %zu gave '%s'", i, b.text);
        cr_assert_eq(b.length, strlen(c->after), "case %zu", i);
        strbuf_release(&b);
    }
}

Test(base_strbuf, out_of_memory_keeps_the_text_and_is_remembered)
{
    struct strbuf b = STRBUF_INIT;
    strbuf_adds(&b, "kept");
    mem_fail_after(0);
    strbuf_pad(&b, 'x', 1000000);
    cr_assert(b.failed);
    cr_assert_eq(error_kind(), ERROR_MEMORY);
    cr_assert_eq(strncmp(b.text, "kept", 4), 0);
    mem_fail_after(-1);
    error_clear();
    strbuf_release(&b);
    cr_assert_not(b.failed);
}

Test(base_strbuf, every_single_allocation_may_fail)
{
    for (long count = 0; count < 40; count++) {
        struct strbuf b = STRBUF_INIT;
        mem_fail_after(count);
        for (int i = 0; i < 500; i++)
            strbuf_addf(&b, "line %d\n", i);
        strbuf_splice(&b, 3, 2, "a longer piece of text", 22);
        mem_fail_after(-1);
        cr_assert_eq(b.failed, error_pending(), "count %ld", count);
        cr_assert_eq(b.text[b.length], '\0');
        error_clear();
        strbuf_release(&b);
    }
}

Test(base_strbuf, read_file_gives_every_byte)
{
    char path[] = "/tmp/saddle-strbuf-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    struct strbuf b = STRBUF_INIT;
    strbuf_adds(&b, "before:");
    cr_assert_eq(strbuf_read_file(&b, path), 0);
    cr_assert_str_eq(b.text, "before:");
    enum { SIZE = 200001 };
    char *bytes = malloc(SIZE);
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31);
    cr_assert_eq(write(fd, bytes, SIZE), SIZE);
    close(fd);
    cr_assert_eq(strbuf_read_file(&b, path), 0);
    cr_assert_eq(b.length, SIZE + 7);
    cr_assert_arr_eq(b.text + 7, bytes, SIZE);
    free(bytes);
    strbuf_release(&b);
    unlink(path);
}

Test(base_strbuf, read_file_names_the_path_and_the_reason)
{
    struct strbuf b = STRBUF_INIT;
    cr_assert_eq(strbuf_read_file(&b, "/nonexistent/file.md"), -1);
    cr_assert_eq(error_kind(), ERROR_IO);
    cr_assert_str_eq(error_message(), "/nonexistent/file.md: No such file or directory");
    error_clear();
    cr_assert_eq(strbuf_read_file(&b, "/tmp"), -1);
    cr_assert_str_eq(error_message(), "/tmp: Is a directory");
    strbuf_release(&b);
}
