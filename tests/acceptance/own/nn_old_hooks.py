# register_backward_hook(): the gradients of a module's last operation.
import warnings
import torch
import torch.nn as nn

warnings.simplefilter('ignore')
torch.manual_seed(0)
m = nn.Linear(3, 2)


def show(module, grad_input, grad_output):
    print(type(module).__name__, grad_input, grad_output)


h = m.register_backward_hook(show)
y = m(torch.ones(1, 3))
print(y)
y.sum().backward(retain_graph=True)
print(m.weight.grad, m.bias.grad)
y.sum().backward()
try:
    y.sum().backward()
except RuntimeError as e:
    print(str(e)[:60])
x = torch.ones(2, 3, requires_grad=True)
m(x).pow(2).sum().backward()
print(x.grad)
h.remove()
try:
    m.register_backward_hook(show)
    m.register_full_backward_hook(show)
except RuntimeError as e:
    print(e)

r = nn.ReLU()
r.register_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
x.grad = None
r(x).sum().backward()
print(x.grad)
with torch.no_grad():
    print(r(x).sum())
net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
for part in net.modules():
    part.register_backward_hook(lambda mod, gi, go: print(type(mod).__name__, [None if g is None else tuple(g.shape) for g in gi], len(go)))
net(torch.ones(1, 3)).sum().backward()


def boom(mod, gi, go):
    raise ValueError('from the hook')


r = nn.ReLU()
r.register_backward_hook(boom)
try:
    r(x).sum().backward()
except ValueError as e:
    print(e)
r = nn.ReLU()
r.register_backward_hook(lambda mod, gi, go: (gi[0], None))
try:
    r(x).sum().backward()
except RuntimeError as e:
    print(e)
warnings.simplefilter('error')
m = nn.Linear(3, 2)
m.register_backward_hook(show)
try:
    m(torch.ones(1, 3))
except UserWarning as e:
    print(e)
