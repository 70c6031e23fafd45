#include "base/error.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

Test(base_error, starts_clear)
{
    cr_assert_not(error_pending());
    cr_assert_eq(error_kind(), ERROR_NONE);
    cr_assert_str_eq(error_message(), "");
}

Test(base_error, set_returns_minus_one_and_keeps_kind_and_message)
{
    cr_assert_eq(error_set(ERROR_INDEX, "index %d is out of range", 7), -1);
    cr_assert(error_pending());
    cr_assert_eq(error_kind(), ERROR_INDEX);
    cr_assert_str_eq(error_message(), "index 7 is out of range");
}

Test(base_error, the_first_error_wins)
{
    error_set(ERROR_VALUE, "the cause");
    error_set(ERROR_TYPE, "a consequence");
    cr_assert_eq(error_kind(), ERROR_VALUE);
    cr_assert_str_eq(error_message(), "the cause");
}

Test(base_error, clear_makes_room_for_the_next)
{
    error_set(ERROR_VALUE, "old");
    error_clear();
    cr_assert_not(error_pending());
    cr_assert_str_eq(error_message(), "");
    error_set(ERROR_KEY, "new");
    cr_assert_eq(error_kind(), ERROR_KEY);
    cr_assert_str_eq(error_message(), "new");
}

Test(base_error, null_form_gives_null)
{
    const char *nothing = error_null(ERROR_TYPE, "not a %s", "tensor");
    cr_assert_null(nothing);
    cr_assert_eq(error_kind(), ERROR_TYPE);
    cr_assert_str_eq(error_message(), "not a tensor");
}

Test(base_error, take_and_restore_put_an_error_aside)
{
    struct error_state state;
    error_set(ERROR_RUNTIME, "kept");
    error_take(&state);
    cr_assert_not(error_pending());
    error_set(ERROR_IO, "in the clean-up");
    error_restore(&state);
    cr_assert_eq(error_kind(), ERROR_RUNTIME);
    cr_assert_str_eq(error_message(), "kept");
}

Test(base_error, a_long_message_is_cut_not_overrun)
{
    char text[4096];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_set(ERROR_VALUE, "%s", text);
    cr_assert_eq(strlen(error_message()), sizeof(((struct error_state *)0)->message) - 1);
}

static void *look(void *seen)
{
    *(bool *)seen = error_pending();
    error_set(ERROR_MEMORY, "elsewhere");
    return NULL;
}

Test(base_error, each_thread_has_its_own)
{
    pthread_t thread;
    bool seen = true;
    error_set(ERROR_VALUE, "here");
    cr_assert_eq(pthread_create(&thread, NULL, look, &seen), 0);
    pthread_join(thread, NULL);
    cr_assert_not(seen);
    cr_assert_eq(error_kind(), ERROR_VALUE);
    cr_assert_str_eq(error_message(), "here");
}
