"""Hooks on tensors, on nodes, and on what is saved for backward()."""
import torch
from torch.autograd.graph import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks


def attempt(call):
    try:
        return call()
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def leaf(*values):
    return torch.tensor(values, requires_grad=True)


# ---- tensors: order, handles, what a hook may return
x = leaf(1.0, 2.0)
y = x * 3
a = y.register_hook(lambda g: print("first", g))
b = y.register_hook(lambda g: g * 2)
c = y.register_hook(lambda g: print("third", g))
x.register_hook(lambda g: print("leaf", g))
y.retain_grad()
y.register_hook(lambda g: g + 1)
print(type(a).__name__, y.retains_grad, x.retains_grad)
y.sum().backward(retain_graph=True)
print(x.grad, y.grad)
a.remove()
a.remove()
with c:
    y.sum().backward(retain_graph=True)
y.sum().backward()
print(x.grad, y.grad)
for bad in (lambda g: 3, lambda g: g.double(), lambda g: g[:1], lambda g: 1 / 0):
    x = leaf(1.0, 2.0)
    print(attempt(lambda: x.register_hook(bad)).__class__.__name__, attempt(lambda: (x * 2).sum().backward()))
print(attempt(lambda: torch.ones(1).register_hook(print)))

# ---- nodes
x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
y = x * w
node = y.grad_fn
h = node.register_hook(lambda gi, go: print("after", gi, go))
p = node.register_prehook(lambda go: print("before", go))
print(type(h).__name__, node.name(), node.requires_grad, node.metadata, node.next_functions[0][0].name())
y.sum().backward()
print(x.grad, w.grad)
for hook in (lambda gi, go: (gi[0] * 10, gi[1]), lambda gi, go: gi[0], lambda gi, go: (None, gi[1] * 0), lambda gi, go: 3,
             lambda gi, go: (3, gi[1]), lambda gi, go: (gi[0].double(), gi[1]), lambda gi, go: (gi[0][:1], gi[1]),
             lambda gi, go: 1 / 0, lambda gi, go: ()):
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    y.grad_fn.register_hook(hook)
    print(attempt(y.sum().backward), x.grad, w.grad)
for hook in (lambda go: (go[0] * 10,), lambda go: go[0] * 2, lambda go: 3, lambda go: (3,), lambda go: (go[0], go[0]),
             lambda go: 1 / 0):
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    y.grad_fn.register_prehook(hook)
    print(attempt(y.sum().backward), x.grad, w.grad)
x = leaf(1.0, 2.0)
y = x * 2
h = y.grad_fn.register_hook(lambda gi, go: print("gone"))
h.remove()
k = y.grad_fn.register_hook(lambda gi, go: print("constant", gi))
gather = y.grad_fn.next_functions[0][0]
gather.register_hook(lambda gi, go: print("gathered", gi, go, x.grad))
gather.register_prehook(lambda go: print("to gather", go, x.grad))
y.sum().backward()
print(gather.name(), gather.variable is x, gather.next_functions, str(gather)[:16], str(type(gather)))
print(attempt(lambda: gather.register_hook(3)).__class__.__name__)
m = (leaf(1.0) * 1).grad_fn
m.metadata["a"] = 1
print(m.metadata, str(type(m)))


# ---- what is saved
def pack(t):
    print("pack", t)
    return t * 1 if False else (t, "packed")


def unpack(pair):
    print("unpack", pair[0].detach(), pair[1])
    return pair[0]


x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
with saved_tensors_hooks(pack, unpack):
    y = x * (w * w)
z = y.exp()
z.sum().backward()
print(x.grad, w.grad)
x = leaf(1.0, 2.0)
with saved_tensors_hooks(lambda t: t.detach() * 2, lambda t: t):
    y = (x ** 2).sum()
y.backward()
print(x.grad)
x = leaf(1.0, 2.0)
with saved_tensors_hooks(lambda t: t.detach().numpy().copy(), lambda a: torch.from_numpy(a)):
    y = (x.sin() * x.exp()).sum()
(g,) = torch.autograd.grad(y, x, create_graph=True)
print(g.detach(), torch.autograd.grad(g.sum(), x))
x = leaf(0.5, 2.0)
with save_on_cpu():
    y = torch.tanh(x) * x
y.sum().backward()
print(x.grad)
with save_on_cpu(pin_memory=False):
    print((x @ x).grad_fn.name())
for bad in (lambda t: t.mul_(2),):
    def run():
        with saved_tensors_hooks(bad, lambda t: t):
            return (leaf(1.0) * leaf(2.0)).detach()
    print(attempt(run).split(":")[0])
for bad in (lambda t: 3,):
    def run():
        x = leaf(1.0, 2.0)
        with saved_tensors_hooks(lambda t: t, bad):
            y = x * x
        y.sum().backward()
        return x.grad
    print(str(attempt(run)).split("\n")[0])
with saved_tensors_hooks(lambda t: print("outer") or t, lambda t: t):
    with saved_tensors_hooks(lambda t: print("inner") or t, lambda t: t):
        y = leaf(2.0).square()
    y = leaf(2.0).square()
y = leaf(2.0).square()
with disable_saved_tensors_hooks("not here"):
    print(attempt(lambda: saved_tensors_hooks(pack, unpack).__enter__()))


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a ** 3

    @staticmethod
    def backward(ctx, g):
        (a,) = ctx.saved_tensors
        return g * 3 * a ** 2


x = leaf(1.0, 2.0)
with saved_tensors_hooks(pack, unpack):
    y = Cube.apply(x)
y.sum().backward()
print(x.grad)
count = []
x = leaf(1.0, 2.0)
with saved_tensors_hooks(lambda t: count.append(1) or t, lambda t: t):
    with torch.no_grad():
        x * x
    x + x
    x.sum()
    torch.ones(1) * torch.ones(1)
print(len(count))
def t(order):
    x = torch.ones(1, requires_grad=True); y = x * 3
    for k in order:
        if k == 'r': y.retain_grad()
        else: y.register_hook(lambda g, k=k: g * int(k))
    y.sum().backward()
    print(order, y.grad, x.grad)
for o in ('r', 'r2', '2r', '2r3', 'r23', '23r', 'r2r'): t(o)
