/* The summaries of tensors after a cell, with the real torch. */
#include "kernel_support.h"

#include <criterion/criterion.h>
#include <string.h>

static const json_t *find(const struct outcome *outcome, const char *name)
{
    size_t i;
    const json_t *entry;

    json_array_foreach(outcome->tensors, i, entry)
    {
        const char *its = json_string_value(json_object_get(entry, "name"));
        if (its && strcmp(its, name) == 0)
            return entry;
    }
    cr_assert(false, "no variable %s", name);
    return NULL;
}

static const char *text(const json_t *entry, const char *member)
{
    const char *value = json_string_value(json_object_get(entry, member));

    return value ? value : "";
}

static double number(const json_t *entry, const char *member)
{
    return json_number_value(json_object_get(entry, member));
}

static bool is_true(const json_t *entry, const char *member)
{
    return json_is_true(json_object_get(entry, member));
}

static struct outcome run(struct client *client, const char *source)
{
    struct outcome outcome = kernel_run(client, source);

    cr_assert(outcome.ok, "%s", outcome.trace.text);
    return outcome;
}

Test(kernel_tensors, a_gradient_appears_and_changes_are_marked)
{
    struct client *client = kernel_start();
    struct outcome outcome = run(client, "import torch\n"
                                         "x = torch.tensor([1., 2.], requires_grad=True)\n"
                                         "y = (x * x).sum()\n_hidden = x");
    const json_t *x = find(&outcome, "x"), *y = find(&outcome, "y");

    cr_expect_eq(json_array_size(outcome.tensors), 2);
    cr_expect_str_eq(text(x, "kind"), "tensor");
    cr_expect_str_eq(text(x, "type"), "Tensor");
    cr_expect_str_eq(text(x, "dtype"), "float32");
    cr_expect(is_true(x, "leaf") && is_true(x, "requires_grad") && is_true(x, "changed"));
    cr_expect(json_is_null(json_object_get(x, "grad")));
    cr_expect_eq(number(x, "mean"), 1.5);
    cr_expect_str_eq(text(y, "grad_fn"), "SumBackward0");
    cr_expect(!is_true(y, "leaf"));
    cr_expect_eq(json_array_size(json_object_get(y, "shape")), 0);
    outcome_release(&outcome);

    outcome = run(client, "y.backward()");
    x = find(&outcome, "x");
    cr_expect(!is_true(x, "changed"));
    cr_expect(is_true(json_object_get(x, "grad"), "changed"));
    cr_expect_eq(number(json_object_get(x, "grad"), "max"), 4.0);
    outcome_release(&outcome);

    outcome = run(client, "with torch.no_grad():\n    x -= 0.5 * x.grad");
    x = find(&outcome, "x");
    cr_expect(is_true(x, "changed") && !is_true(json_object_get(x, "grad"), "changed"));
    cr_expect_eq(number(x, "max"), 0.0);
    outcome_release(&outcome);

    outcome = run(client, "del x");
    cr_expect_eq(json_array_size(outcome.tensors), 1);
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_tensors, parameters_of_a_module_have_names)
{
    struct client *client = kernel_start();
    struct outcome outcome = run(client, "import torch\n"
                                         "net = torch.nn.Sequential(torch.nn.Linear(2, 3))");

    cr_expect_str_eq(text(find(&outcome, "net.0.weight"), "kind"), "parameter");
    cr_expect_str_eq(text(find(&outcome, "net.0.bias"), "type"), "Parameter");
    cr_expect_eq(json_array_size(json_object_get(find(&outcome, "net.0.weight"), "values")), 6);
    outcome_release(&outcome);
    outcome = run(client, "class Bad(torch.nn.Module):\n"
                          "    def named_parameters(self): raise ValueError\n"
                          "bad = Bad()\nn = 3");
    cr_expect_str_eq(text(find(&outcome, "n"), "kind"), "number");
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_tensors, a_result_is_printed_as_pytorch_does)
{
    struct client *client = kernel_start();
    struct outcome outcome = run(client, "import torch\ntorch.tensor([[1, 2], [3, 4]]).sum()");

    cr_expect_str_eq(outcome.result.text, "tensor(10)");
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_tensors, optimizer_steps_are_counted)
{
    struct client *client = kernel_start();
    struct event event;

    kernel_execute(client, 1,
                   "import torch\n"
                   "p = torch.zeros(2, requires_grad=True)\n"
                   "o = torch.optim.Adam([p])\n"
                   "for i in range(7):\n"
                   "    o.zero_grad(); (p * p).sum().backward(); o.step()\n");
    do {
        cr_assert(kernel_await(client, EVENT_STEP, &event, 20000), "the last count arrives");
        if (json_integer_value(json_object_get(event.header, "step")) == 7)
            break;
        event_release(&event);
    } while (true);
    cr_expect_str_eq(json_string_value(json_object_get(event.header, "optimizer")), "Adam");
    event_release(&event);
    client_free(client);
}
