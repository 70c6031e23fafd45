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


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def try_hook(function, hook, *inputs):
    module = Call(function)
    module.register_backward_hook(hook)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        try:
            y = module(*inputs)
            print([str(w.message) for w in told])
            while not isinstance(y, torch.Tensor):
                y = list(y.values())[-1] if isinstance(y, dict) else y[0]
            y.sum().backward()
        except Exception as e:
            print(type(e).__name__, e)


class Five:
    def __call__(self, module, grad_input, grad_output):
        return grad_input * 5


a, b = x * 1, x * 2
try_hook(lambda a: a * 2, show, a)
try_hook(lambda a: a * 2, show, x)
try_hook(lambda a: (a * 2, a * 3), show, a)
try_hook(lambda a: {'n': 1, 'a': a * 2}, show, a)
try_hook(lambda a: {'n': 1}, show, a)
try_hook(lambda a: [a * 2], show, a)
try_hook(lambda a: ((a * 2,),), show, a)
try_hook(lambda a: 3, show, a)
try_hook(lambda a, b: a * b, show, a, b)
try_hook(lambda a, b: a * 2, show, a, b)
try_hook(lambda a, b: a * b, show, a, 2)
try_hook(lambda a: a, show, a)
try_hook(lambda a: a.detach(), show, a)
try_hook(lambda a: a * 2, lambda module, i, o: i[0], a)
try_hook(lambda a: a * 2, lambda module, i, o: [i[0]], a)
try_hook(lambda a: a * 2, lambda module, i, o: (i[0][0], None), a)
try_hook(lambda a: a * 2, Five(), a)
