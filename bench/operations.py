# The operations that bench/run compares case by case. Run by Saddle and by PyTorch at the same time:
# each reads a line for each measurement, the group and the name of a case with a tab between them,
# and prints the seconds of one execution.
import sys
import time

import torch

# group: the ratio PyTorch / Saddle that is wanted: of the geometric mean of its cases, of the least.
GROUPS = {
    "small": (8, 4),
    "pointwise": (1, 1),
    "exp": (1.5, 1.5),
    "reduce": (1, 1),
    "sort": (1, 1),
    "index": (1, 1),
    "product": (0.95, 0.95),
    "svd": (0.9, 0.9),
    "strided": (1, 1),
}

SMALL = "a = torch.randn(100).abs() + 0.1; b = torch.randn(100); s = torch.tensor([2.0, 1.0]); " \
        "t = torch.tensor([3.0, 4.0]); m = torch.randn(8, 10); v = torch.randn(10); " \
        "q = torch.randn(10, 10); i = torch.arange(10); k = i % 3; w = b > 0; one = torch.tensor(1.5)"
FLAT = "a = torch.randn(2000, 2000); b = torch.randn(2000, 2000); p = a.abs() + 0.1"
CUBE = "a = torch.randn(100, 200, 200); n = torch.randint(-1000, 1000, (100, 200, 200)); r = torch.randn(1000, 1000)"
LINES = "a = torch.randn(1000, 1000); f = torch.randn(1000000); n = torch.randint(-1000, 1000, (1000, 1000))"
PLACES = "a = torch.randn(1000, 1000); w = a > 0; j = torch.randint(0, 1000, (1000, 1000)); " \
         "i = torch.randint(0, 1000, (500,)); f = torch.randn(1000000); c = torch.randint(0, 1000000, (1000000,))"
SQUARE = "a = torch.randn(256, 256); s = a + a.T"


def cases(group, setup, *statements):
    return {(group, statement): (setup, statement) for statement in statements}


# (group, name): (setup, statement)
CASES = {
    **cases("small", SMALL,
            "s + t", "a + b", "a - b", "a * b", "a / b", "a + 1", "2 * a", "a ** 2", "-a", "m + v",
            "a > b", "a == b", "(a > 1) & w", "torch.maximum(a, b)", "torch.where(w, a, b)",
            "a.exp()", "a.log()", "a.sqrt()", "b.tanh()", "b.sigmoid()", "torch.relu(b)", "b.abs()",
            "b.clamp(-1, 1)", "a.add_(b)", "a.sum()", "a.mean()", "a.max()", "a.std()", "a.argmax()",
            "m.sum(0)", "m.mean(1)", "m.amax(1)", "torch.softmax(m, 1)", "a.cumsum(0)", "v.sort()",
            "v.topk(3)", "q @ v", "m @ q", "v.dot(v)", "m.t()", "m.reshape(20, 4)", "v.unsqueeze(0)",
            "m.view(-1)", "m[1]", "m[:, 2]", "v[2:5]", "v[i]", "b[w]", "m.gather(1, k.expand(8, 10))",
            "torch.cat([v, v])", "torch.stack([v, v])", "torch.zeros(10)", "torch.ones_like(v)",
            "torch.tensor([1.0, 2.0, 3.0])", "torch.arange(10)", "torch.randn(10)", "v.clone()",
            "v.to(torch.float64)", "one.item()", "(v == v).all()", "s.norm()"),
    **cases("pointwise", FLAT, "a + b", "a * b", "a + 1", "a.add_(b)"),
    **cases("exp", FLAT, "b.exp()", "p.log()", "b.tanh()", "b.sigmoid()"),
    **cases("reduce", CUBE, *(
        f"{t}.{call}({dim})" for t, call in (
            ("a", "sum"), ("a", "mean"), ("a", "max"), ("n", "sum"), ("n", "max"))
        for dim in ("", "0", "1", "2")),
        "a.amax(0)", "a.argmax(2)", "r.sum(0)", "r.sum(1)", "r.max(1)", "a.softmax(1)", "a.log_softmax(2)",
        "r.log_softmax(0)"),
    **cases("sort", LINES,
            "a.sort(1)", "a.sort(0)", "f.sort()", "n.sort(1)", "f.sort(descending=True)", "a.topk(10, 1)",
            "f.topk(10)", "f.topk(100000)", "a.topk(10, 0)", "a.median(1)", "f.median()", "f.kthvalue(500)",
            "a.cumsum(0)", "a.cumsum(1)", "f.cumsum(0)", "n.cumsum(0)", "n.cumsum(1)"),
    **cases("index", PLACES,
            "a[w]", "a[i]", "a[:, i]", "a[i, i]", "f[c]", "a.gather(0, j)", "a.gather(1, j)",
            "a[::2, 1:].clone()", "a[100:900, 100:900].contiguous()", "a.index_select(1, i)",
            "a.masked_fill(w, 0)", "torch.where(w, a, f[0])", "a.nonzero()", "f.take(c)",
            "a[w] = 0", "a[i] = 1", "a[1:, 1:] = 2", "a.scatter(1, j, a)"),
    **{("product", f"{n}x{n}"): (f"a = torch.randn({n}, {n}); b = torch.randn({n}, {n})", "a @ b")
       for n in (64, 128, 256, 512, 1024, 2048)},
    **cases("svd", SQUARE, "torch.linalg.svd(a)", "torch.linalg.svdvals(a)", "torch.linalg.eigh(s)",
            "torch.linalg.eigvalsh(s)"),
    **cases("strided", FLAT, "a + b.t()", "a.t() + b.t()", "a.t().contiguous()", "a[:, ::2] + b[:, ::2]"),
}


def measurement(setup, statement):
    """A function that executes the statement so many times, and a count that takes some 20 ms: longer than
    the time that the system may take to wake a thread."""
    torch.manual_seed(0)
    names = {"torch": torch, "clock": time.perf_counter}
    exec(setup, names)
    exec("def measure(count):\n    start = clock()\n    for _ in range(count):\n"
         f"        {statement}\n    return (clock() - start) / count", names)
    measure = names["measure"]
    measure(2)
    return measure, max(1, min(20000, int(0.02 / min(measure(1) for _ in range(5)))))


def main():
    name = None
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != name:
            name = line.strip()
            measure, count = measurement(*CASES[tuple(name.split("\t"))])
        measure(1)  # wakes the threads, and brings back into the caches what the other side drove out
        print("%.6e" % measure(count), flush=True)


if __name__ == "__main__":
    main()
