#include "base/error.h"
#include "base/mem.h"
#include "base/vec.h"

#include <criterion/criterion.h>
#include <string.h>

Test(base_vec, push_keeps_the_order)
{
    VEC(int) numbers = {0};
    for (int i = 0; i < 1000; i++)
        cr_assert(vec_push(&numbers, i * 3));
    cr_assert_eq(numbers.count, 1000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(numbers.at[i], i * 3);
    vec_release(&numbers);
    cr_assert_null(numbers.at);
    cr_assert_eq(numbers.count, 0);
    cr_assert_eq(numbers.capacity, 0);
}

Test(base_vec, holds_structs)
{
    struct point {
        double x, y;
        char name[13];
    };
    VEC(struct point) points = {0};
    for (int i = 0; i < 50; i++)
        cr_assert(vec_push(&points, ((struct point){.x = i, .y = -i, .name = "saddle"})));
    cr_assert_eq(points.at[49].y, -49.0);
    cr_assert_str_eq(points.at[0].name, "saddle");
    vec_release(&points);
}

Test(base_vec, insert_and_remove)
{
    VEC(char) text = {0};
    cr_assert(vec_insert(&text, 0, 'd'));
    cr_assert(vec_insert(&text, 0, 's'));
    cr_assert(vec_insert(&text, 1, 'a'));
    cr_assert(vec_insert(&text, 3, '!'));
    cr_assert_eq(text.count, 4);
    cr_assert_arr_eq(text.at, "sad!", 4);
    vec_remove(&text, 0);
    vec_remove(&text, 2);
    cr_assert_eq(text.count, 2);
    cr_assert_arr_eq(text.at, "ad", 2);
    vec_remove(&text, 1);
    vec_remove(&text, 0);
    cr_assert_eq(text.count, 0);
    vec_release(&text);
}

Test(base_vec, a_failed_push_changes_nothing)
{
    VEC(long) numbers = {0};
    cr_assert(vec_push(&numbers, 1L));
    mem_fail_after(0);
    while (vec_push(&numbers, 2L))
        cr_assert_lt(numbers.count, 10000);
    mem_fail_after(-1);
    cr_assert_eq(error_kind(), ERROR_MEMORY);
    error_clear();
    cr_assert_eq(numbers.at[0], 1);
    size_t count = numbers.count;
    cr_assert(vec_push(&numbers, 3L));
    cr_assert_eq(numbers.count, count + 1);
    cr_assert_eq(numbers.at[count], 3);
    vec_release(&numbers);
}

Test(base_vec, a_size_that_overflows_is_an_error)
{
    void *at = NULL;
    size_t capacity = SIZE_MAX / 8;
    cr_assert_not(vec_grow(&at, capacity, &capacity, 16));
    cr_assert_eq(error_kind(), ERROR_MEMORY);
}
