# nn.Module: registration, attributes, errors, walks, modes, repr, copies.
import copy
import pickle
import torch
import torch.nn as nn


class Scale(nn.Module):
    def __init__(self, size, bias=True):
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(torch.ones(size) * 2)
        if bias:
            self.bias = nn.Parameter(torch.zeros(size))
        else:
            self.register_parameter('bias', None)
        self.register_buffer('calls', torch.tensor(0))
        self.register_buffer('scratch', torch.zeros(1), persistent=False)

    def forward(self, x):
        y = x * self.weight
        return y if self.bias is None else y + self.bias

    def extra_repr(self):
        return f'{self.size}, bias={self.bias is not None}'


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Scale(3)
        self.act = nn.ReLU()
        self.body = nn.Sequential(Scale(3, bias=False), nn.Tanh())
        self.again = self.first

    def forward(self, x, twice=False):
        x = self.body(self.act(self.first(x)))
        return x * 2 if twice else x


class Lines(nn.Module):
    def extra_repr(self):
        return 'one\ntwo'


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


net = Net()
print(net)
print(Lines(), nn.Sequential(Lines()))
x = torch.tensor([-1.0, 0.5, 2.0])
print(net(x), net(x, twice=True), net(x=x))
print([n for n, _ in net.named_parameters()])
print([n for n, _ in net.named_parameters(prefix='net', recurse=False)], [n for n, _ in net.first.named_parameters(prefix='p')])
print([n for n, _ in net.named_buffers()], len(list(net.buffers())))
print([n for n, _ in net.named_modules()], [type(m).__name__ for m in net.modules()])
print([n for n, _ in net.named_modules(remove_duplicate=False)])
print([n for n, _ in net.named_children()], [type(m).__name__ for m in net.children()])
print(next(net.parameters()), len(list(net.parameters())), len(list(net.parameters(recurse=False))))

# Modes.
print(net.training, net.eval() is net, net.body[0].training, net.train().body[1].training)
attempt(net.train, 3)
net.requires_grad_(False)
print([p.requires_grad for p in net.parameters()])
net.requires_grad_()
net(x).sum().backward()
print(net.first.weight.grad, net.body[0].weight.grad)
net.zero_grad()
print(net.first.weight.grad)
net.zero_grad(set_to_none=True)
print(net.first.weight.grad)
names = []
print(net.apply(lambda m: names.append(type(m).__name__)) is net, names)

# Attributes.
class Early(nn.Module):
    def __init__(self, what):
        self.thing = what


attempt(Early, nn.ReLU())
attempt(Early, nn.Parameter(torch.ones(1)))
attempt(lambda: net.fc9)
attempt(setattr, net.first, 'weight', torch.ones(3))
attempt(setattr, net.first, 'weight', 5)
attempt(setattr, net, 'act', 'relu')
attempt(setattr, net.first, 'calls', [1])
attempt(setattr, net.first, 'bias', None)
print(net.first, dict(net.first.named_parameters()).keys())
net.first.bias = nn.Parameter(torch.ones(3))
net.first.calls = torch.tensor(7)
print(net.first.bias, net.first.calls)
net.plain = 3
net.plain = nn.ReLU()
print(net.plain, 'plain' in net.__dict__, 'plain' in net._modules)
del net.plain
attempt(lambda: net.plain)
attempt(delattr, net, 'nothing')
attempt(net.register_parameter, 'a.b', None)
attempt(net.register_parameter, '', None)
attempt(net.register_parameter, 3, None)
attempt(net.register_parameter, 'forward', None)
attempt(net.register_parameter, 'p', torch.ones(2))
attempt(net.register_parameter, 'p', 'text')
attempt(net.register_parameter, 'p', nn.Parameter(torch.ones(2)))
attempt(net.register_buffer, 'b', 5)
attempt(net.register_buffer, 'a.b', None)
attempt(net.register_buffer, 'first', torch.ones(2))
attempt(net.add_module, 'm', 3)
attempt(net.add_module, 'm.n', nn.ReLU())
attempt(net.add_module, 'p', nn.ReLU())
attempt(net.add_module, '', nn.ReLU())
attempt(net.add_module, 'm', None)
attempt(net.register_module, 'm', nn.Tanh())
print(net)
attempt(net.get_submodule, 'body.1')
attempt(net.get_submodule, 'body.5')
attempt(net.get_submodule, 'first.size')
attempt(net.get_parameter, 'first.bias')
attempt(net.get_parameter, 'first.calls')
attempt(net.get_buffer, 'first.calls')
attempt(net.get_buffer, 'first.bias')
attempt(nn.Module(), 3)
attempt(Net, 3)
print(sorted(set(dir(net)) & {'first', 'act', 'p', 'm', 'forward', 'training'}), '0' in dir(net.body))
print(sorted(vars(net)))
print(isinstance(net, nn.Module), issubclass(nn.ReLU, nn.Module), nn.ReLU, nn.Module, type(net._modules).__name__)


# A class with its own __getattr__, which asks the base first.
class Wrapper(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.inner, name)


wrapper = Wrapper(net)
print(wrapper.first, wrapper.inner is net)
attempt(lambda: wrapper.fc9)

# Copies.
for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), copy.copy(net)):
    print(twin is net, twin.first.weight is net.first.weight, torch.equal(twin(x), net(x)), twin.first is twin.again, twin.training)
with torch.no_grad():
    twin = copy.deepcopy(net)
    twin.first.weight.fill_(9)
print(net.first.weight, twin.first.weight, twin.again.weight)

# Types.
print(net.double().first.weight, net.first.calls.dtype, net.to(torch.float32).first.weight.dtype, net.float().cpu() is net)
weight = net.first.weight
print(net.double().first.weight is weight, weight.dtype, net.type(torch.float32).first.calls)
attempt(net.to, torch.int64)
print(net.to('cpu') is net, net.to(torch.device('cpu')) is net, net.to(torch.ones(1, dtype=torch.float64)).first.weight.dtype, net.to(device='cpu', dtype=torch.float32).first.weight.dtype)
