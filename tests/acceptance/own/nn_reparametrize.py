# torch.nn.utils.weight_norm and spectral_norm; old names of functions.
import copy
import warnings
import torch
import torch.nn as nn
from torch.nn.utils import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


torch.manual_seed(0)
for make, dim, shape in ((lambda: nn.Linear(3, 2), 0, (4, 3)), (lambda: nn.Linear(3, 2), None, (4, 3)), (lambda: nn.Linear(3, 2), 1, (4, 3)),
                         (lambda: nn.Conv2d(2, 3, 2), 1, (1, 2, 4, 4)), (lambda: nn.Conv1d(2, 3, 2), 0, (1, 2, 5)), (lambda: nn.Linear(3, 2), -2, (4, 3))):
    net = make()
    before = net.weight.detach().clone()
    attempt(lambda: weight_norm(net, dim=dim) is net)
    print(net, list(net.state_dict()), net.weight_g.shape, net.weight_v.shape, type(net.weight).__name__)
    print(net.weight, torch.allclose(net.weight, before))
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.randn(shape)
    for _ in range(3):
        opt.zero_grad()
        loss = net(x).pow(2).mean()
        loss.backward()
        opt.step()
        print(loss.detach(), net.weight_g.grad.norm(), net.weight_v.grad.norm())
    attempt(weight_norm, net)
    attempt(remove_weight_norm, net)
    print([n for n, _ in net.named_parameters()], len(net._forward_pre_hooks), net.weight, net(x).sum())
    attempt(remove_weight_norm, net)

cell = weight_norm(nn.GRUCell(2, 2), name='weight_hh')
print([n for n, _ in cell.named_parameters()], cell(torch.ones(1, 2)))
hook = list(cell._forward_pre_hooks.values())[0]
print(type(hook), hook.name, hook.dim)
attempt(weight_norm, nn.Linear(2, 2), name='nothing')
attempt(torch.norm_except_dim, torch.ones(2, 2), 2, 5)

for make, kwargs, shape in ((lambda: nn.Linear(3, 2), {}, (4, 3)), (lambda: nn.Linear(3, 2), {'n_power_iterations': 3, 'dim': 1}, (4, 3)),
                            (lambda: nn.Conv2d(2, 3, 2), {'eps': 1e-6}, (1, 2, 4, 4)), (lambda: nn.ConvTranspose1d(2, 3, 2), {}, (1, 2, 5))):
    net = make()
    spectral_norm(net, **kwargs)
    print(net, list(net.state_dict()), net.state_dict()._metadata)
    print(net.weight, net.weight_u, net.weight_v, type(net.weight).__name__)
    twin = copy.deepcopy(net)
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.randn(shape)
    for _ in range(3):
        opt.zero_grad()
        loss = net(x).pow(2).mean()
        loss.backward()
        opt.step()
        print(loss.detach(), net.weight_orig.grad, net.weight_u)
    net.eval()
    print(net(x).sum(), net.weight_v, net.weight.grad_fn is not None)
    print(twin.load_state_dict(net.state_dict()), torch.equal(twin.eval()(x), net(x)))
    attempt(spectral_norm, net)
    attempt(remove_spectral_norm, net)
    print([n for n, _ in net.named_parameters()], len(net._forward_pre_hooks), len(net._state_dict_hooks), net.weight.mul(100).round())
    attempt(remove_spectral_norm, net)
two = spectral_norm(nn.Linear(3, 2)).train()
(two(torch.ones(1, 3)).sum() + two(torch.ones(2, 3)).sum()).backward()
print(two.weight_orig.grad)
attempt(spectral_norm, nn.Linear(2, 2), n_power_iterations=0)
attempt(spectral_norm, nn.Linear(2, 2), name='nothing')
attempt(spectral_norm, nn.Linear(2, 2, bias=False), name='bias')

for name in 'uniform normal xavier_uniform xavier_normal kaiming_uniform kaiming_normal eye orthogonal'.split():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        print(getattr(nn.init, name)(torch.empty(2, 2)), [(w.category.__name__, str(w.message)) for w in caught])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    print(nn.init.constant(torch.empty(2), 3), nn.init.dirac(torch.empty(1, 1, 3)), nn.init.sparse(torch.empty(2, 2), sparsity=0.5), len(caught))
    p = nn.Parameter(torch.ones(2))
    (p * 3).sum().backward()
    print(nn.utils.clip_grad_norm([p], 1.0), p.grad, str(caught[-1].message))
