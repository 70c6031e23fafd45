# Modules end when nothing holds them, cycles included.
import gc
import weakref
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.me = [self]


gc.collect()
net = Net()
ref, part, weight = weakref.ref(net), weakref.ref(net.fc), weakref.ref(net.fc.weight)
net.register_forward_hook(lambda m, i, o: net)
handle = net.fc.register_forward_hook(lambda m, i, o: None)
net.fc(torch.ones(2)).sum().backward()
del net
gc.collect()
print(ref(), part(), weight())
handle.remove()

net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
ref = weakref.ref(net[1])
del net[1]
print(ref())
ref = weakref.ref(net)
params = list(net.parameters())
del net
print(ref(), len(params))

m = nn.Linear(2, 2)
m.register_full_backward_hook(lambda m, gi, go: None)
ref = weakref.ref(m)
y = m(torch.ones(1, 2, requires_grad=True))
del m
gc.collect()
y.sum().backward()
del y
gc.collect()
print(ref())

# Module.__init__() never ran.
class Raw(nn.Module):
    def __init__(self):
        pass


raw = Raw()
for action in (lambda: raw(1), lambda: raw.x, lambda: list(raw.parameters()), lambda: raw.state_dict(), lambda: repr(raw), lambda: raw.add_module('a', nn.ReLU()),
               lambda: raw.register_buffer('b', None), lambda: raw.register_parameter('b', None), lambda: raw.train(), lambda: setattr(raw, 'fc', nn.ReLU())):
    try:
        print(action())
    except Exception as e:
        print(type(e).__name__, e)
raw.number = 3
print(raw.number)

# A deep tree.
deep = nn.Sequential(nn.ReLU())
for _ in range(50):
    deep = nn.Sequential(deep)
print(len(list(deep.modules())), len(repr(deep).split('\n')), deep(torch.tensor([-1.0])))


# A module that holds itself.
class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.child = nn.ReLU()
        self._modules['self'] = self


loop = Loop()
print(len(list(loop.modules())), len(list(loop.children())), [n for n, _ in loop.named_modules()])
for action in (lambda: repr(loop), lambda: loop.train(), lambda: loop.state_dict(), lambda: loop.double()):
    try:
        action()
        print('done')
    except RecursionError:
        print('RecursionError')
