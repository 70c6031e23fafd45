# Hooks on modules: before and after forward, and on the way back.
import torch
import torch.nn as nn


class Double(nn.Module):
    def forward(self, x):
        return x * 2


class Two(nn.Module):
    def forward(self, a, b):
        return a * b, a + b


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


m = Double()
x = torch.tensor([1.0, 2.0], requires_grad=True)
h = m.register_forward_pre_hook(lambda mod, inp: print('before', type(mod).__name__, inp))
print(m(x))
h.remove()
h.remove()
with m.register_forward_pre_hook(lambda mod, inp: inp[0] + 1):
    print(m(x))
with m.register_forward_pre_hook(lambda mod, inp: (inp[0] * 10,)):
    print(m(x))
print(m(x))
with m.register_forward_hook(lambda mod, inp, out: out + 100):
    with m.register_forward_hook(lambda mod, inp, out: print('after', inp, out)):
        print(m(x))
print(len(m._forward_hooks))

seen = []
h = m.register_full_backward_hook(lambda mod, gi, go: seen.append((gi, go)))
y = m(x)
print(y)
(y * 3).sum().backward()
print(seen, x.grad)
h.remove()
x.grad = None
h = m.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 100,))
m(x).sum().backward()
print(x.grad)
attempt(m.register_backward_hook, print)
h.remove()

t = Two()
seen = []
h = t.register_full_backward_hook(lambda mod, gi, go: seen.append((gi, go)))
a = torch.tensor(3.0, requires_grad=True)
b = torch.tensor(4.0)
p, q = t(a, b)
(p * 2).backward()
print(seen, a.grad)
h.remove()
h = t.register_full_backward_hook(lambda mod, gi, go: (gi[0],))
p, q = t(a, b)
attempt(p.backward)
h.remove()


def boom(mod, gi, go):
    raise ValueError('from the hook')


h = t.register_full_backward_hook(boom)
p, q = t(a, b)
attempt((p + q).backward)
h.remove()
with torch.no_grad():
    print(t(a, b))

# A network: hooks on a part of it, in the order in which they run.
net = nn.Sequential(Double(), nn.Sequential(Double(), nn.Tanh()), Double())
order = []
for name, mod in net.named_modules():
    mod.register_forward_hook(lambda mod, i, o, name=name: order.append('forward ' + name))
    mod.register_full_backward_hook(lambda mod, i, o, name=name: order.append('backward ' + name))
net(torch.ones(2)).sum()
x.grad = None
net(x).sum().backward()
print(order, x.grad)
