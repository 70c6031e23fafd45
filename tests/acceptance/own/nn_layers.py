# The layers of the table: reprs, attributes, parameters, what constructors and forward() say.
import copy
import inspect
import torch
import torch.nn as nn


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


torch.manual_seed(3)
m = nn.Linear(3, 2)
print(m, nn.Linear(3, 2, bias=False), nn.Linear(in_features=1, out_features=1), nn.Linear(2, 2, True))
print(m.in_features, m.out_features, m.weight, m.bias, nn.Linear(3, 2, False).bias)
print([n for n, _ in m.named_parameters()], list(m.state_dict()), m.__class__, type(m).__module__, nn.Linear.__name__)
x = torch.tensor([[1.0, 2.0, 3.0]])
print(m(x), m(input=x), m(x[0]), nn.Linear(3, 2, bias=False)(x).shape, m(torch.ones(2, 2, 3)).shape)
print(nn.Linear(2, 1, dtype=torch.float64)(torch.ones(2, dtype=torch.float64)).dtype)
attempt(nn.Linear)
attempt(nn.Linear, 3)
attempt(nn.Linear, 3, 2, True, None, None, 5)
attempt(nn.Linear, 3, 2, size=3)
attempt(nn.Linear, 3, 2, in_features=3)
attempt(nn.Linear, -1, 2)
attempt(nn.ReLU, 1, 2)
attempt(nn.Tanh, 1)
attempt(nn.Dropout, 1.5)
attempt(nn.Dropout, -0.1)
attempt(m)
attempt(m, x, x)
attempt(m, other=x)
attempt(m, x, input=x)
attempt(m, torch.ones(2, 2))
attempt(nn.MSELoss(), x)

# Attributes may be changed, and what is changed counts.
m.weight = nn.Parameter(torch.ones(2, 3))
m.bias = None
print(m, m(x))
with torch.no_grad():
    m.weight[0] = 5
print(m(x))
d = nn.Dropout(0.5)
d.p = 0.0
print(d, d(x), d.eval()(x))
s = nn.Softmax(dim=0)
s.dim = 1
print(s, s(x))
a = nn.ReLU(inplace=True)
y = torch.tensor([-1.0, 1.0])
print(a, a(y) is y, y)
a.inplace = False
print(a, a(y) is y)
print(nn.Flatten(), nn.Flatten(0, 1), nn.Flatten()(torch.ones(2, 3, 4)).shape, nn.Flatten(0)(torch.ones(2, 3)).shape)
print(nn.Identity(5, key=3), nn.Identity()(x) is x)


# Subclasses.
class Half(nn.Linear):
    def __init__(self, size):
        super().__init__(size, size // 2, bias=False)
        self.gain = 2.0

    def forward(self, x):
        return super().forward(x) * self.gain

    def extra_repr(self):
        return super().extra_repr() + f', gain={self.gain}'


class Same(nn.ReLU):
    pass


h = Half(4)
print(h, h(torch.ones(4)).shape, Same(), Same(True), isinstance(h, nn.Linear), [n for n, _ in h.named_parameters()])
twin = copy.deepcopy(nn.Sequential(h, nn.Linear(2, 1)))
print(twin, torch.equal(twin[0].weight, h.weight), twin[0].weight is h.weight, twin(torch.ones(1, 4)).shape)
m.forward = lambda x: 'mine'
print(m(x))

# Losses.
pred, target = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 1.0, 1.0])
for r in ('mean', 'sum', 'none'):
    print(nn.MSELoss(reduction=r)(pred, target), nn.MSELoss(reduction=r).reduction)
print(nn.MSELoss(), nn.CrossEntropyLoss(), nn.CrossEntropyLoss(torch.ones(3)).weight, list(nn.CrossEntropyLoss(torch.ones(3)).state_dict()), nn.CrossEntropyLoss().weight)
c = nn.CrossEntropyLoss(ignore_index=1, label_smoothing=0.1, reduction='sum')
print(c.ignore_index, c.label_smoothing, c.reduction, c(torch.eye(3), torch.tensor([0, 1, 2])))
attempt(nn.MSELoss(reduction='average'), pred, target)
