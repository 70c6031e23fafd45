"""The whole interfaces of Sequential, ModuleList, ModuleDict, ParameterList and ParameterDict."""
import copy
import pickle
from collections import OrderedDict

import torch
import torch.nn as nn


def attempt(call):
    try:
        return call()
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def names(kind):
    return [n for n in dir(kind) if n not in dir(nn.Module) and not n.startswith("__")]


for kind in (nn.ParameterDict, nn.ModuleDict):
    print(kind.__name__, [n for n in names(kind) if not n.startswith("_")])

# ---- Sequential
torch.manual_seed(0)
relu, tanh, fc = nn.ReLU(), nn.Tanh(), nn.Linear(2, 2)
s = nn.Sequential(relu, tanh)
print(s * 2, 2 * s, (s * 2)[2] is relu)
s *= 2
print(len(s), s)
for call in (lambda: s * 0, lambda: s * "a", lambda: s * 1.5, lambda: "a" * s, lambda: s + [relu], lambda: s * True,
             lambda: s.__imul__(-1), lambda: s.__iadd__([relu]), lambda: s[9], lambda: s["a"],
             lambda: s.insert(9, relu), lambda: s.insert(0, 3), lambda: s.append(3), lambda: s.extend(3),
             lambda: s.pop(9), lambda: s.__setitem__(9, relu), lambda: s.__setitem__(0, 3),
             lambda: s.__delitem__(9), lambda: nn.Sequential(1), lambda: nn.Sequential([relu]),
             lambda: nn.Sequential(OrderedDict(a=3)), lambda: s(1, 2)):
    print(attempt(call))
s = nn.Sequential(OrderedDict(a=relu, b=tanh, c=fc))
print(s[1:], type(s[1:]).__name__, s[-1], s.b, list(s) == [relu, tanh, fc], len(s))
del s[1]
print(s)
s = nn.Sequential(relu, tanh, fc, nn.Identity())
del s[1:3]
print(s, s.pop(0), s)
s.insert(0, tanh)
s += nn.Sequential(fc)
s.extend([relu]).append(tanh)
print(s, s + nn.Sequential(fc), bool(nn.Sequential()), nn.Sequential()(3))
print(nn.Sequential(None, relu) if False else "", "0" in dir(s))
print([type(m).__name__ for m in reversed(list(s))], relu in s)

# ---- ModuleList
l = nn.ModuleList([relu, tanh])
l += [fc]
print(l, l[0] is relu, l[-1] is fc, l[::2], len(l), list(l)[1], l + [relu], tanh in l)
for call in (lambda: l(1), lambda: l[5], lambda: l.append(3), lambda: l.extend(3),
             lambda: l.extend(relu), lambda: l["x"], lambda: nn.ModuleList(3), lambda: nn.ModuleList([3]),
             lambda: l.pop(7), lambda: l + 3, lambda: l.__setitem__(7, relu), lambda: l.insert("a", relu)):
    print(attempt(call))
l.insert(1, nn.Identity())
l[0] = nn.Sigmoid()
del l[2]
print(l, l.pop(0), l.pop(-1), l, l.extend(nn.ModuleList([tanh])))
del l[:]
print(l, [n for n, _ in nn.ModuleList([fc, fc]).named_parameters()], nn.ModuleList(iter([relu])))

# ---- ModuleDict
d = nn.ModuleDict({"a": relu, "b": fc})
print(d, "a" in d, d["b"], len(d), list(d), list(d.keys()), list(d.values()), list(d.items()))
d.update([["c", tanh]])
d.update({"a": nn.Sigmoid()})
print(d, d.pop("c"), d)
for call in (lambda: d["z"], lambda: d.pop("z"), lambda: d.update(3), lambda: d.update([1]),
             lambda: d.update([("a",)]), lambda: d.update({"a": 3}), lambda: d.__delitem__("z"),
             lambda: d.__setitem__("x.y", relu), lambda: d.__setitem__(1, relu), lambda: d(1),
             lambda: d.__setitem__("keys", relu), lambda: nn.ModuleDict(3), lambda: nn.ModuleDict([("a", relu)])):
    print(attempt(call))
print(d.update(nn.ModuleDict({"q": relu})), list(d), d.clear(), len(d), d)
d["type_"] = relu
print(d.type_, d)

# ---- ParameterList
p = nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(1, 2)), "text", torch.ones(2, dtype=torch.double)])
print(p, len(p), type(p[0]).__name__, p[-2], p[1:3], list(p)[2])
for call in (lambda: p(1), lambda: p[9], lambda: p.extend(3), lambda: p.extend(torch.ones(2)), lambda: p["a"],
             lambda: nn.ParameterList(3), lambda: nn.ParameterList(torch.ones(2)), lambda: p.__setitem__(9, 1)):
    print(attempt(call))
p += [torch.ones(1)]
p.append(3).extend([torch.zeros(1)])
p[0] = torch.zeros(3)
print(p, [n for n, _ in p.named_parameters()], list(p.state_dict()))
print([tuple(x.shape) for x in pickle.loads(pickle.dumps(p)).parameters()], len(copy.deepcopy(p)))

# ---- ParameterDict
p = nn.ParameterDict({"a": torch.ones(2), "b": nn.Parameter(torch.zeros(1, 2)), "c": 3})
print(p, len(p), list(p), "a" in p, "z" in p, list(reversed(p)), p["c"], type(p["a"]).__name__)
c = p.copy()
print(c, c["a"] is p["a"], type(c).__name__)
print(p.setdefault("a"), p.setdefault("d", torch.ones(1)), p.setdefault("e"), p)
print(p.popitem(), p.popitem(), p.pop("c"), p.get("a"), p.get("zz"), p.get("zz", 4))
print(list(p.items()), list(p.values()), list(p.keys()))
print(p.fromkeys(["x", "y"], torch.ones(1)), nn.ParameterDict().fromkeys("ab"))
q = nn.ParameterDict([("b", torch.ones(4)), ("z", torch.ones(5))])
print(p | q, q | p)
p |= q
print(p, list(p.parameters())[1].shape)
for call in (lambda: p["nix"], lambda: p[1], lambda: p.pop("nix"), lambda: p.update(3), lambda: p.update([3]),
             lambda: p.update([(1, 2, 3)]), lambda: p.__delitem__("nix"), lambda: nn.ParameterDict().popitem(),
             lambda: nn.ParameterDict(3), lambda: p(1)):
    print(attempt(call))
del p["b"]
print(p, p.clear(), p, len(p), list(p.parameters()))
p.update(OrderedDict(u=torch.ones(1)))
print(p.u, [n for n, _ in p.named_parameters()], list(pickle.loads(pickle.dumps(p))), list(copy.deepcopy(p)))
