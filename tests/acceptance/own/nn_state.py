# state_dict and load_state_dict.
import torch
import torch.nn as nn


class Part(nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.register_buffer('mean', torch.zeros(size))
        self.register_buffer('temp', torch.zeros(1), persistent=False)
        self.register_buffer('none', None)


class Net(nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.a = Part(size)
        self.b = nn.Sequential(Part(size), nn.ReLU())
        self.scale = nn.Parameter(torch.tensor(1.0))


def attempt(function, *args, **kwargs):
    try:
        print(function(*args, **kwargs))
    except Exception as e:
        print(type(e).__name__, e)


net, other = Net(), Net()
state = net.state_dict()
print(type(state).__name__, list(state))
print(state)
print(state['a.weight'].requires_grad, net.state_dict(keep_vars=True)['a.weight'].requires_grad, state['a.weight'].data_ptr() == net.a.weight.data_ptr())
print(list(net.state_dict(prefix='net.')), state._metadata)
with torch.no_grad():
    net.a.weight.fill_(5)
    net.b[0].mean.fill_(3)
print(other.load_state_dict(net.state_dict()), other.a.weight, other.b[0].mean)
result = other.load_state_dict({'a.weight': torch.zeros(2), 'x.y': torch.ones(1)}, strict=False)
print(result, result.missing_keys, result.unexpected_keys, other.a.weight)
missing, unexpected = result
print(len(missing), unexpected, result == (missing, unexpected))
attempt(other.load_state_dict, {'a.weight': torch.zeros(2), 'x.y': torch.ones(1), 'scale.deep': torch.ones(1)})
attempt(other.load_state_dict, Net(3).state_dict())
attempt(other.load_state_dict, 5)
attempt(other.load_state_dict, [1])
bad = dict(net.state_dict())
bad['a.weight'] = 'text'
attempt(other.load_state_dict, bad)
one = dict(net.state_dict())
one['scale'] = torch.tensor([4.0])
print(other.load_state_dict(one), other.scale)
one['scale'] = torch.tensor(3, dtype=torch.int64)
print(other.load_state_dict(one), other.scale)
version = other.scale._version
other.load_state_dict(one)
print(other.scale._version - version)


class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 1

    def get_extra_state(self):
        return {'count': self.count}

    def set_extra_state(self, state):
        self.count = state['count']


e = nn.Sequential(Extra())
e[0].count = 9
print(e.state_dict())
f = nn.Sequential(Extra())
print(f.load_state_dict(e.state_dict()), f[0].count)
attempt(f.load_state_dict, {})
attempt(nn.ReLU().load_state_dict, {'_extra_state': 3})
f.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
print(f.load_state_dict({}))
