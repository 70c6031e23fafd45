# Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.
from collections import OrderedDict
import torch
import torch.nn as nn


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


s = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
print(s, len(s), s[0], s[-1], s[1:], s[::2], [type(m).__name__ for m in s])
print(nn.Sequential(), nn.Sequential(OrderedDict([('a', nn.ReLU()), ('b', nn.Tanh())])))
named = nn.Sequential(OrderedDict([('a', nn.ReLU()), ('b', nn.Tanh())]))
print(named.a, named[1], named[:1], named(torch.tensor([-1.0, 1.0])))
attempt(lambda: s[3])
attempt(lambda: s[-4])
attempt(lambda: s['x'])
attempt(nn.Sequential, 3)
s[0] = nn.Identity()
s.append(nn.ReLU())
print(s)
del s[1]
print(s, s.pop(0), len(s))
s.insert(0, nn.Tanh())
s.extend([nn.Identity(), nn.Identity()])
print(s)
del s[1:3]
print(s, s + named)
attempt(lambda: s + 3)
print(s(torch.tensor([0.5])))
attempt(s, 1, 2)

l = nn.ModuleList([nn.ReLU(), nn.Tanh()])
l.append(nn.Sigmoid()).extend([nn.ReLU()])
print(l, len(l), l[-1], l[1:3], [type(m).__name__ for m in l])
l += [nn.Identity()]
l.insert(1, nn.Identity())
print(len(l), l.pop(0), l[0])
attempt(lambda: l[10])
attempt(l.append, 3)
attempt(l.extend, 3)
attempt(l, 3)
print(nn.ModuleList(), nn.ModuleList([nn.ReLU()]) + [nn.Tanh()])

d = nn.ModuleDict({'conv': nn.ReLU(), 'pool': nn.Tanh()})
d['act'] = nn.Sigmoid()
print(d, len(d), 'act' in d, list(d), list(d.keys()), [k for k, _ in d.items()], len(list(d.values())))
d.update([['x', nn.Identity()]])
del d['pool']
print(d.pop('x'), d)
attempt(lambda: d['nothing'])
attempt(d.update, 3)
attempt(d.update, [3])
attempt(d.update, [(1, 2, 3)])
d.clear()
print(d)

p = nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(2, 3))])
p.append(torch.ones(1, 2))
p += [torch.ones(())]
print(p, len(p), p[0], p[-2].shape, [tuple(q.shape) for q in p], len(list(p.parameters())))
p[1] = torch.ones(4)
print(p[1:3], nn.ParameterList([torch.ones(2)]))
attempt(lambda: p[9])
attempt(p, 3)

q = nn.ParameterDict({'left': torch.ones(2), 'right': nn.Parameter(torch.zeros(3))})
q['top'] = torch.ones(1)
print(q, len(q), 'left' in q, list(q.keys()), [n for n, _ in q.items()], [n for n, _ in q.named_parameters()])
del q['left']
print(q.pop('top'), q, q.get('top'), list(q.values()))
attempt(lambda: q[3])
attempt(lambda: q['left'])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Identity() for _ in range(2)])
        self.scales = nn.ParameterList([torch.ones(1) * i for i in range(3)])
        self.by_name = nn.ModuleDict({'one': nn.Identity()})

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.by_name['one'](x) * self.scales[2]


net = Net()
print(net, net(torch.tensor([3.0])), [n for n, _ in net.named_parameters()])
