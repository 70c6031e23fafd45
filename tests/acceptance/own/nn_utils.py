# torch.nn.utils: clipping, parameters as a vector.
import torch
import torch.nn as nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


def fresh():
    ps = [nn.Parameter(torch.tensor([3.0, 4.0])), nn.Parameter(torch.tensor([[1.0, -2.0], [0.5, 2.0]])), nn.Parameter(torch.ones(2))]
    (ps[0].pow(2).sum() + ps[1].pow(3).sum()).backward()
    return ps


for kwargs in ({'max_norm': 1.0}, {'max_norm': 100}, {'max_norm': 2.0, 'norm_type': 1}, {'max_norm': 1.0, 'norm_type': float('inf')}, {'max_norm': 1, 'norm_type': 3.0}):
    ps = fresh()
    print(kwargs, clip_grad_norm_(ps, **kwargs), [p.grad for p in ps])
ps = fresh()
version = ps[0].grad._version
print(clip_grad_norm_(ps[0], 1.0), ps[0].grad, ps[0].grad._version - version)
print(clip_grad_norm_([], 1.0), clip_grad_norm_([nn.Parameter(torch.ones(1))], 1.0))
ps[0].grad[0] = float('nan')
attempt(clip_grad_norm_, ps, 1.0, error_if_nonfinite=True)
print(clip_grad_norm_(ps, 1.0))
ps = fresh()
print(clip_grad_value_(ps, 5), [p.grad for p in ps])
clip_grad_value_(ps[0], clip_value=0.5)
print(ps[0].grad)
attempt(clip_grad_norm_, ps, 'x')
vector = parameters_to_vector(ps)
print(vector)
vector_to_parameters(torch.arange(8.0), ps)
print(ps)
attempt(vector_to_parameters, 3, ps)
net = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 2))
vector_to_parameters(torch.arange(7.0) / 10, net.parameters())
print(net(torch.ones(2)), parameters_to_vector(net.parameters()).sum())
