# torch.nn.utils.parametrize, as the parametrizations tutorial uses it.
import torch, copy
import torch.nn as nn
import torch.nn.utils.parametrize as parametrize
torch.manual_seed(0)
def show(label, f):
    try: print(label, f())
    except Exception as e: print(label, type(e).__name__, e)
def symmetric(X): return X.triu() + X.triu(1).transpose(-1, -2)
class Symmetric(nn.Module):
    def forward(self, X): return X.triu() + X.triu(1).transpose(-1, -2)
class Skew(nn.Module):
    def forward(self, X): A = X.triu(1); return A - A.transpose(-1, -2)
    def right_inverse(self, A): return A.triu(1)
class MatrixExponential(nn.Module):
    def forward(self, X): return torch.matrix_exp(X)
layer = nn.Linear(3, 3)
print(parametrize.register_parametrization(layer, "weight", Symmetric()))
A = layer.weight
assert torch.allclose(A, A.T)
print(A, type(layer).__name__, isinstance(layer, nn.Linear), type(layer).__mro__[1], parametrize.type_before_parametrizations(layer))
print(layer.parametrizations, layer.parametrizations.weight, layer.parametrizations.weight[0], layer.parametrizations["weight"].original)
print(dict(layer.named_parameters()).keys(), layer.state_dict().keys(), list(n for n, _ in layer.named_modules()))
out = layer(torch.ones(2, 3)); out.sum().backward(); print(out, layer.parametrizations.weight.original.grad)
cnn = nn.Conv2d(in_channels=5, out_channels=8, kernel_size=3)
parametrize.register_parametrization(cnn, "weight", nn.Identity()); print(cnn, cnn(torch.ones(1, 5, 4, 4)).shape)
layer = nn.Linear(3, 3)
parametrize.register_parametrization(layer, "weight", Skew()); parametrize.register_parametrization(layer, "weight", MatrixExponential())
X = layer.weight; print(torch.dist(X.T @ X, torch.eye(3)) < 1e-5, layer)
layer = nn.Linear(3, 3); parametrize.register_parametrization(layer, "weight", Skew())
X = torch.rand(3, 3); X = X - X.T; layer.weight = X; print(torch.dist(layer.weight, X))
class PruningParametrization(nn.Module):
    def __init__(self, X, p_drop=0.2):
        super().__init__()
        mask = torch.full_like(X, 1.0 - p_drop); self.mask = torch.bernoulli(mask)
    def forward(self, X): return X * self.mask
    def right_inverse(self, A): return A
l = nn.Linear(4, 2); parametrize.register_parametrization(l, "weight", PruningParametrization(l.weight)); parametrize.register_parametrization(l, "bias", PruningParametrization(l.bias)); print(l, l.weight, l.bias)
with parametrize.cached():
    print(l.weight is l.weight)
print(l.weight is l.weight)
opt = torch.optim.SGD(l.parameters(), .1)
for _ in range(2): opt.zero_grad(); l(torch.ones(3, 4)).pow(2).sum().backward(); opt.step()
print(l.weight)
c = copy.deepcopy(l); print(c.weight.eq(l.weight).all(), type(c).__name__, c.parametrizations.weight.original is not l.parametrizations.weight.original)
l2 = nn.Linear(4, 2); parametrize.register_parametrization(l2, "weight", PruningParametrization(l2.weight)); parametrize.register_parametrization(l2, "bias", PruningParametrization(l2.bias)); print(l2.load_state_dict(l.state_dict()))
print(parametrize.is_parametrized(l), parametrize.is_parametrized(l, 'bias'), parametrize.is_parametrized(l, 'x'), parametrize.is_parametrized(nn.Linear(1, 1)))
o = l.parametrizations.weight.original
print(parametrize.remove_parametrizations(l, 'weight'), l.weight is o, l.weight, type(l).__name__)
print(parametrize.remove_parametrizations(l, 'bias', leave_parametrized=False), l.bias, type(l).__name__, [n for n, _ in l.named_parameters()])
class RankOne(nn.Module):
    def forward(self, x, y): return x.unsqueeze(-1) @ y.unsqueeze(-2)
    def right_inverse(self, Z):
        U, S, Vh = torch.linalg.svd(Z, full_matrices=False)
        s0 = S[..., 0].sqrt().unsqueeze(-1); return U[..., :, 0] * s0, Vh[..., 0, :] * s0
lr = parametrize.register_parametrization(nn.Linear(3, 3), "weight", RankOne()); print(torch.linalg.matrix_rank(lr.weight).item(), [(n, p.shape) for n, p in lr.named_parameters()], lr.parametrizations.weight.is_tensor, lr.parametrizations.weight.ntensors)
lr.weight = torch.eye(3); print(lr.weight)
show('e', lambda: parametrize.remove_parametrizations(lr, 'weight', leave_parametrized=False)); print(parametrize.remove_parametrizations(lr, 'weight').weight)
class Half(nn.Module):
    def forward(self, x): return x[:1]
class Dbl(nn.Module):
    def forward(self, x): return x.double()
class Bad(nn.Module):
    def forward(self, x): return 3
class BadInv(nn.Module):
    def forward(self, x): return x
    def right_inverse(self, x): return 5
m = nn.Linear(2, 2)
for P in (Half, Dbl, Bad, BadInv): show(P.__name__, lambda: parametrize.register_parametrization(m, 'weight', P()))
print([n for n, _ in m.named_parameters()])
m = nn.Linear(2, 2); parametrize.register_parametrization(m, 'weight', Symmetric())
for P in (Half, Dbl, Bad): show(P.__name__, lambda: parametrize.register_parametrization(m, 'weight', P()))
class Inv(nn.Module):
    def __init__(self, f): super().__init__(); self.f = f
    def forward(self, x): return x
    def right_inverse(self, x): return self.f(x)
for f in (lambda x: 3, lambda x: x.double(), lambda x: x[:1], lambda x: 1 / 0): show('inv', lambda: parametrize.register_parametrization(m, 'weight', Inv(f)))
show('e', lambda: parametrize.register_parametrization(m, 'nothing', Symmetric())); show('e', lambda: parametrize.remove_parametrizations(m, 'bias'))
def assign(): m.weight = torch.zeros(2, 2)
show('e', assign)
import pickle
show('e', lambda: pickle.dumps(m))
print(parametrize.register_parametrization(nn.Linear(2, 2), 'weight', Half(), unsafe=True).weight.shape)
b = nn.BatchNorm1d(2); parametrize.register_parametrization(b, 'running_mean', nn.Identity()); print(b, b(torch.ones(3, 2)), [n for n, _ in b.named_buffers()])
e = parametrize.register_parametrization(nn.Embedding(4, 2), 'weight', nn.Tanh()); print(e, e(torch.tensor([1])).requires_grad)
r = parametrize.register_parametrization(nn.LSTM(2, 3), 'weight_ih_l0', nn.Tanh()); print(r(torch.ones(2, 1, 2))[0].shape)
