# Optimizers and schedulers that are copied, pickled, collected and used in unusual ways.
import copy
import gc
import pickle
import weakref
import torch

O, S = torch.optim, torch.optim.lr_scheduler


def param(*values):
    return torch.tensor(values, requires_grad=True)


# A copy has parameters of its own.
p = param(1., 2.)
opt = O.Adam([p], lr=0.1)
p.grad = torch.ones(2)
opt.step()
twin = copy.deepcopy(opt)
(q,) = twin.param_groups[0]['params']
print(q is p, q, twin, list(twin.state) == [q], twin.state[q]['step'])
q.grad = torch.ones(2)
twin.step()
print(p, q, opt.state[p]['step'], twin.state[q]['step'])
shallow = copy.copy(opt)
print(shallow.param_groups is opt.param_groups, shallow.state is opt.state, type(shallow).__name__)

# Pickled.
for opt in O.SGD([param(1.)], lr=0.1, momentum=0.9), O.Adagrad([param(1.)]), O.LBFGS([param(1.)]):
    (p,) = opt.param_groups[0]['params']
    p.grad = torch.ones(1)
    if not isinstance(opt, O.LBFGS):
        opt.step()
    loaded = pickle.loads(pickle.dumps(opt))
    print(loaded.state_dict() == opt.state_dict() if isinstance(opt, O.LBFGS) else loaded.state_dict(), loaded.defaults)
sd = pickle.loads(pickle.dumps(opt.state_dict()))
print(sd)

# An optimizer and its scheduler are a cycle; both go.
opt = O.Adam([param(1.)])
sch = S.StepLR(opt, 2)
opt.scheduler = sch
gone = weakref.ref(opt), weakref.ref(sch)
del opt, sch
gc.collect()
print([r() for r in gone])

# Attributes of one's own; names and kinds.
opt = O.RMSprop([param(1.)])
opt.note = 'mine'
print(opt.note, vars(opt)['note'], isinstance(opt, O.Optimizer), O.RMSprop.__module__, O.RMSprop.__name__, S.StepLR)
print(type(opt.state).__name__, type(opt.param_groups).__name__, opt.state)
from torch.optim.optimizer import Optimizer, required
from torch.optim.lr_scheduler import StepLR, _LRScheduler
from torch.optim.adam import Adam
print(Optimizer is O.Optimizer, required, Adam is O.Adam, issubclass(StepLR, _LRScheduler))

# The lists and dicts are the user's.
p, q = param(1.), param(5.)
opt = O.SGD([p], lr=0.1, momentum=0.5)
opt.param_groups[0]['params'].append(q)
p.grad, q.grad = torch.ones(1), torch.ones(1)
opt.step()
opt.state[p]['momentum_buffer'].mul_(10)
opt.state[q].clear()
opt.param_groups[0]['momentum'] = 0.9
opt.step()
print(p, q, opt.state_dict())
opt.state.clear()
opt.param_groups[0]['lr'] = torch.tensor(1.0)
opt.step()
print(p, q)
opt.param_groups = opt.param_groups[:]
del opt.param_groups[0]['params'][0]
opt.step()
print(p, q)

# Options that change while running.
p = param(1., -1.)
opt = O.Adam([p], lr=0.1)
for step in range(4):
    p.grad = p.detach() * 3
    opt.param_groups[0].update(amsgrad=step % 2 == 0, betas=[0.9, 0.9], weight_decay=step, maximize=step > 2)
    opt.step()
    print(p, sorted(opt.state[p]))

# Shapes and kinds of parameters.
for p in torch.ones(()), torch.ones(0), torch.ones(3, 2).t(), torch.ones(2, 3, dtype=torch.float64), torch.ones(4)[::2]:
    p = p.detach().requires_grad_()
    for opt in O.SGD([p], lr=0.1, momentum=0.9), O.Adam([p]), O.Rprop([p]):
        for _ in range(2):
            p.grad = torch.ones_like(p)
            opt.step()
    print(p.shape, p.detach().sum(), p.stride())
p = torch.ones(3, 2, requires_grad=True)
p.grad = torch.arange(6.).reshape(2, 3).t()
O.Adagrad([p]).step()
print(p)

# Hooks, versions: a step is an in-place change.
x, w = param(2.), param(3.)
y = (x * w).sum()
y.backward(retain_graph=True)
before = w._version
O.SGD([w], lr=0.1).step()
print(w._version > before, w.is_leaf, w.grad_fn)
try:
    y.backward()
except RuntimeError as e:
    print(str(e)[:97])
# What is wrong while running.
for spoil in ["del opt.param_groups[0]['lr']", "opt.add_param_group({'params': [param(1.)], 'lr': 1}); opt.param_groups[1]['params'] = []; print(opt.step())"]:
    p = param(1.)
    p.grad = torch.ones(1)
    opt = O.SGD([p], lr=0.1)
    try:
        exec(spoil)
        opt.step()
        print(p)
    except Exception as e:
        print(type(e).__name__, e)
