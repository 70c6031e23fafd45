# torch.nn.init: digits for a seed, gains, errors.
import torch
import torch.nn as nn
from torch.nn import init


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


torch.manual_seed(1)
for name, args in [('uniform_', ()), ('uniform_', (-2, 3)), ('normal_', ()), ('normal_', (5, 0.1)), ('constant_', (0.3,)), ('ones_', ()), ('zeros_', ()),
                   ('eye_', ()), ('xavier_uniform_', ()), ('xavier_uniform_', (2.5,)), ('xavier_normal_', ()), ('kaiming_uniform_', ()),
                   ('kaiming_normal_', ()), ('kaiming_uniform_', (0, 'fan_out', 'relu')), ('kaiming_normal_', (0.1, 'fan_out', 'leaky_relu')),
                   ('trunc_normal_', ()), ('trunc_normal_', (0.5, 2.0, 0.0, 1.0)), ('orthogonal_', ()), ('orthogonal_', (2,)), ('sparse_', (0.5,))]:
    print(name, args, getattr(init, name)(torch.empty(3, 4), *args))
print(init.orthogonal_(torch.empty(4, 2)), init.orthogonal_(torch.empty(2, 2, 2)))
print(init.dirac_(torch.empty(2, 2, 3)), init.dirac_(torch.empty(4, 1, 3), groups=2).sum())
print(init.kaiming_uniform_(torch.empty(4, 2, 3)), init.xavier_normal_(torch.empty(2, 2, dtype=torch.float64)))
p = nn.Parameter(torch.empty(2, 2))
print(init.uniform_(p) is p, p, init.normal_(tensor=p, std=2.0), p.grad_fn, p._version)
print([init.calculate_gain(n) for n in ('linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu')], init.calculate_gain('leaky_relu', 0.2))
attempt(init.calculate_gain, 'nothing')
attempt(init.calculate_gain, 'leaky_relu', 'x')
attempt(init.eye_, torch.empty(3))
attempt(init.xavier_uniform_, torch.empty(3))
attempt(init.kaiming_uniform_, torch.empty(3, 3), mode='fan')
attempt(init.orthogonal_, torch.empty(3))
attempt(init.dirac_, torch.empty(3))
attempt(init.sparse_, torch.empty(3), 0.1)


def weights(m):
    if isinstance(m, nn.Linear):
        init.constant_(m.weight, 0.5)
        init.zeros_(m.bias)


net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
net.apply(weights)
print([p.tolist() for p in net.parameters()])
torch.manual_seed(2)
print(nn.Linear(3, 2).weight, nn.Linear(3, 2).bias, nn.Linear(1, 1, dtype=torch.float64).weight)
l = nn.Linear(2, 2)
l.reset_parameters()
print(l.weight)
