"""What modules offer beside layers: extra state, hooks for all modules, conversions, walks, copies."""
import collections
import copy
import pickle
import warnings

import torch
import torch.nn as nn
from torch.nn.modules import module as home


def attempt(call):
    try:
        return call()
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def methods(thing, names):
    print(type(thing).__name__, [name for name in names.split() if not hasattr(thing, name)])


names = """get_extra_state set_extra_state share_memory to_empty _apply _get_name _register_load_state_dict_pre_hook _version cpu cuda
register_load_state_dict_post_hook _register_state_dict_hook _load_state_dict_pre_hooks"""
for thing in (nn.Module(), nn.ParameterDict(), nn.ParameterList(), nn.ModuleDict(), nn.ModuleList(),
              nn.Sequential()):
    methods(thing, names)
methods(nn.ParameterDict(), "copy fromkeys popitem setdefault __or__ __ror__ __ior__ __reversed__")
methods(nn.Sequential(), "__mul__ __rmul__ __imul__ __add__ __iadd__ append extend insert pop")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.bn = nn.BatchNorm1d(3)
        self.register_buffer("seen", torch.zeros(2), persistent=False)
        self.note = "hello"

    def forward(self, x):
        return self.bn(self.fc(x))


# ---- extra state
class Counter(nn.Module):
    def __init__(self, count=0):
        super().__init__()
        self.w = nn.Parameter(torch.ones(1))
        self.count = count

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


model = nn.Sequential(Counter(5), nn.Linear(1, 1, bias=False))
state = model.state_dict()
print(list(state), state["0._extra_state"])
other = nn.Sequential(Counter(), nn.Linear(1, 1, bias=False))
print(other.load_state_dict(state), other[0].count)
del state["0._extra_state"]
print(attempt(lambda: other.load_state_dict(state)))
print(other.load_state_dict(state, strict=False))
plain = nn.Linear(1, 1, bias=False)
print(attempt(lambda: plain.load_state_dict({"weight": torch.ones(1, 1), "_extra_state": 3})))
print(attempt(plain.get_extra_state).split(" Please")[0])
print(attempt(lambda: plain.set_extra_state(1)).split(" Please")[0])


class Half(nn.Module):
    def get_extra_state(self):
        return 3


print(attempt(lambda: Half().load_state_dict(Half().state_dict())).split(" Please")[0])

# ---- hooks of state_dict
net = Net()
handle = net._register_state_dict_hook(
    lambda module, state, prefix, local: print("saved", type(module).__name__, repr(prefix), local))
state = net.state_dict(prefix="net.")
print(list(state))
handle.remove()


def before(state, prefix, metadata, strict, missing, unexpected, errors):
    print("before", len(state), repr(prefix), metadata, strict, missing, unexpected, errors)
    state[prefix + "extra"] = torch.ones(1)


def before_with(module, state, prefix, metadata, strict, missing, unexpected, errors):
    print("with", type(module).__name__, len(state), repr(prefix))
    errors.append("an error of a hook")


def after(module, keys):
    print("after", type(module).__name__, keys.missing_keys, keys.unexpected_keys)
    keys.missing_keys.clear()
    keys.unexpected_keys.clear()


state = net.state_dict()
first = net.bn._register_load_state_dict_pre_hook(before)
print(attempt(lambda: net.load_state_dict(state)))
second = net.bn._register_load_state_dict_pre_hook(before_with, with_module=True)
print(attempt(lambda: net.load_state_dict(state)))
second.remove()
third = net.register_load_state_dict_post_hook(after)
print(attempt(lambda: net.load_state_dict(state)))
del state["fc.weight"]
print(attempt(lambda: net.load_state_dict(state)))
first.remove()
bad = net.register_load_state_dict_post_hook(lambda module, keys: 3)
print(attempt(lambda: net.load_state_dict(state)))
bad.remove()
third.remove()
print(attempt(lambda: net.load_state_dict(3)))
print(attempt(lambda: net.load_state_dict([("fc.weight", 1)])))

# ---- hooks for all modules at once
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
own = net[1].register_forward_hook(lambda m, i, o: print("own forward", type(m).__name__))
pre = net[1].register_forward_pre_hook(lambda m, i: print("own before", type(m).__name__))
handles = [
    home.register_module_forward_pre_hook(lambda m, i: print("before", type(m).__name__, len(i))),
    home.register_module_forward_hook(
        lambda m, i, o: print("forward", type(m).__name__, tuple(o.shape))),
    home.register_module_full_backward_hook(
        lambda m, gi, go: print("backward", type(m).__name__, [g is not None for g in gi],
                                [tuple(g.shape) for g in go])),
]
x = torch.ones(3, 2, requires_grad=True)
net(x).sum().backward()
print(type(handles[0]).__name__)
for handle in handles:
    handle.remove()
own.remove()
pre.remove()
net(x).sum().backward()
with home.register_module_forward_pre_hook(lambda m, i: (i[0] * 2,)):
    print(net(x).shape)
double = home.register_module_forward_hook(lambda m, i, o: o * 0 if isinstance(m, nn.Tanh) else None)
print(net(x).sum().item())
double.remove()
print(attempt(lambda: home.register_module_backward_hook(print)))

# ---- conversions
net = Net()
weight = net.fc.weight
net.share_memory()
print(net.fc.weight is weight)
net.to_empty(device="cpu")
print(net.fc.weight.shape, net.bn.num_batches_tracked.dtype, net.fc.weight.requires_grad)
print(attempt(lambda: net.to_empty("cpu")) is net, attempt(lambda: net.to_empty()))
for call in (net.half, net.bfloat16, net.double, net.float, net.cpu):
    print(call() is net, net.fc.weight.dtype, net.bn.running_mean.dtype, net.bn.num_batches_tracked.dtype)
print(net.type(torch.float64).bn.num_batches_tracked.dtype, net.type("torch.FloatTensor").fc.bias.dtype)
print(net.to(torch.complex64).fc.weight.dtype if False else "", attempt(lambda: net.to(torch.int64)))
print(attempt(lambda: net.to("nonsense")).split("\n")[0])
net = net.to("cpu", torch.float64)
print(net.fc.weight.dtype, net.to(torch.zeros(1)).fc.weight.dtype, net.to(dtype=torch.half).seen.dtype)
print(attempt(net.cuda))

# ---- walks
net = Net()
net.twin = net.fc
net.nothing = None
net.register_module("hole", None)
print([n for n, _ in net.named_modules()], [n for n, _ in net.named_modules(remove_duplicate=False)])
print([n for n, _ in net.named_modules(prefix="top")], [n for n, _ in net.named_children()])
print([n for n, _ in net.named_parameters(prefix="p", recurse=True)])
print([n for n, _ in net.named_parameters("q", False)], len(list(net.parameters(recurse=False))))
print([n for n, _ in net.named_buffers(prefix="b")], [n for n, _ in net.named_buffers(recurse=False)])
memo = set()
print(len(list(net.named_modules(memo))), len(memo), len(list(net.named_modules(memo))))
print(type(net.named_parameters()).__name__, type(net.children()).__name__, type(net.modules()).__name__)
print(net.get_submodule("") is net, net.get_submodule("fc"), net.get_parameter("fc.bias").shape)
print(net.get_buffer("bn.running_mean"), attempt(lambda: net.get_buffer("bn.weight")))
for call in (lambda: net.get_submodule("a.b"), lambda: net.get_submodule("fc.weight"),
             lambda: net.get_submodule("note"), lambda: net.get_parameter("fc.gain"),
             lambda: net.get_parameter("bn.running_mean"), lambda: net.get_parameter("note"),
             lambda: net.get_buffer("note")):
    print(attempt(call))
print([n for n in dir(net) if not n.startswith("_") and n not in dir(nn.Module)])
print("1" in dir(nn.Sequential(nn.ReLU(), nn.ReLU())))
print(sorted(vars(nn.Module())))

# ---- copies
twin = copy.deepcopy(net)
print(twin.twin is twin.fc, twin.fc.weight is net.fc.weight, torch.equal(twin.fc.weight, net.fc.weight))
shallow = copy.copy(net)
print(shallow.fc is net.fc, shallow._parameters is net._parameters)
back = pickle.loads(pickle.dumps(net))
print(back.twin is back.fc, torch.equal(back.fc.weight, net.fc.weight), back.note, back.training)
old = nn.Linear(1, 1)
state = old.__dict__.copy()
for key in ("_forward_pre_hooks", "_state_dict_hooks", "_load_state_dict_pre_hooks",
            "_load_state_dict_post_hooks", "_non_persistent_buffers_set", "_is_full_backward_hook"):
    del state[key]
fresh = nn.Linear.__new__(nn.Linear)
fresh.__setstate__(state)
print(sorted(set(old.__dict__) - set(fresh.__dict__)), fresh(torch.ones(1)).shape)
print(attempt(lambda: nn.Linear.__new__(nn.Linear).weight))
print(attempt(lambda: nn.Module(3)), attempt(lambda: nn.Module(a=3)))

# ---- registration
m = nn.Module()
m.x = 1
for call in (lambda: m.register_parameter("x", None), lambda: m.register_parameter("a.b", None),
             lambda: m.register_parameter("", None), lambda: m.register_parameter(1, None),
             lambda: m.register_parameter("p", torch.ones(1)),
             lambda: m.register_parameter("p", nn.Parameter(torch.ones(1)) * 2),
             lambda: m.register_buffer("x", None), lambda: m.register_buffer("a.b", None),
             lambda: m.register_buffer("", None), lambda: m.register_buffer(1, None),
             lambda: m.register_buffer("b", 3), lambda: m.add_module("x", nn.ReLU()),
             lambda: m.add_module("a.b", None), lambda: m.add_module("", None),
             lambda: m.add_module(1, None), lambda: m.add_module("c", 3),
             lambda: m.missing, lambda: delattr(m, "missing"), lambda: m(1),
             lambda: m.train(3), lambda: m.apply(3)):
    print(attempt(call))
m.register_buffer("b", torch.ones(1))
m.p = nn.Parameter(torch.ones(1))
m.c = nn.ReLU()
for name in "bpc":
    print(attempt(lambda: setattr(m, name, 3)))
m.b = m.p = m.c = None
print(m._buffers, m._parameters, m._modules)
del m.b, m.p, m.c
print(m._buffers, m._parameters, m._modules)
