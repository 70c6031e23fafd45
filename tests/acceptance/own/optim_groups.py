# Parameter groups, the state, copies of it, and what wrong input is told.
import copy
import torch

O = torch.optim


def told(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


def param(*values):
    return torch.tensor(values, requires_grad=True)


NAMES = 'SGD Adagrad Adadelta RMSprop Adam AdamW Adamax NAdam RAdam Rprop ASGD LBFGS'.split()

# What each is made of.
for name in NAMES:
    p, q = param(1., 2.), param(3.)
    opt = getattr(O, name)([p, q], lr=0.1)
    print(opt)
    if name != 'LBFGS':
        (p.sum() * q * q).sum().backward()
        for _ in range(3):
            opt.step()
    print(opt.state_dict())
    print(list(opt.state.keys()) == [p, q] if name != 'LBFGS' else opt.state, p, q)
    print(opt.defaults)

# Groups with options of their own, changed between steps.
p, q, r = param(1., 2.), param(3.), param(4.)
opt = O.SGD([{'params': [p], 'weight_decay': 1e-5}, {'params': q, 'lr': 0.5, 'momentum': 0.9}], lr=0.1)
opt.add_param_group({'params': [r], 'nesterov': True, 'momentum': 0.5})
for step in range(5):
    opt.zero_grad()
    ((p * p).sum() + q ** 2 + r ** 3).sum().backward()
    opt.step()
    opt.param_groups[0]['lr'] *= 0.5
    opt.param_groups[1]['momentum'] = 0.1 * step
print(p, q, r)
print([{k: v for k, v in g.items() if k != 'params'} for g in opt.param_groups])
print(opt.state_dict())

# A round trip through state_dict() goes on as if nothing had happened.
for name in NAMES[:-1]:
    for options in [{}, {'weight_decay': 0.1}] if name != 'Rprop' else [{}]:
        p, q = param(1., 2.), param(1., 2.)
        a = getattr(O, name)([p], lr=0.1, **options)
        for _ in range(3):
            p.grad = p.detach() * 2
            a.step()
        with torch.no_grad():
            q.copy_(p)
        b = getattr(O, name)([q], lr=5.)
        b.load_state_dict(a.state_dict())
        for _ in range(3):
            p.grad, q.grad = p.detach() * 2, q.detach() * 2
            a.step()
            b.step()
        print(name, p.tolist() == q.tolist(), [round(x, 5) for x in p.tolist()], b.param_groups[0]['lr'])

# What is loaded is a copy, in the dtype of the parameter.
p, q = param(1.), torch.tensor([1.], dtype=torch.float64, requires_grad=True)
a, b = O.Adam([p]), O.Adam([q])
p.grad = torch.ones(1)
a.step()
b.load_state_dict(a.state_dict())
p.grad = torch.ones(1)
a.step()
print(b.state[q]['exp_avg'], b.state[q]['step'], b.state_dict()['state'][0]['exp_avg'].dtype)
q.grad = torch.ones(1, dtype=torch.float64)
b.step()
print(q, b.state[q])

# zero_grad
p = param(1., 2.)
opt = O.SGD([p], lr=0.1)
p.sum().backward()
grad = p.grad
opt.zero_grad()
print(p.grad, p.grad is grad, grad)
opt.zero_grad(set_to_none=True)
print(p.grad, grad)
opt.step()
print(p, opt.state)
(g,) = torch.autograd.grad((p ** 3).sum(), p, create_graph=True)
p.grad = g
opt.zero_grad()
print(p.grad, p.grad is g, g.requires_grad)

# The closure's loss is returned; it runs with gradients on.
p = param(3.)
opt = O.Adam([p], lr=0.1)


def closure():
    opt.zero_grad()
    loss = (p ** 2).sum()
    loss.backward()
    return loss


with torch.no_grad():
    print(opt.step(closure), opt.step(closure=closure), opt.step())

# Optimizers of one's own.
class Sign(O.Optimizer):
    def __init__(self, params, lr=0.1, decay=0.):
        super().__init__(params, dict(lr=lr, decay=decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group['params']:
                if p.grad is None:
                    continue
                state = self.state[p]
                state['seen'] = state.get('seen', 0) + 1
                p.add_(p.grad.sign(), alpha=-group['lr'])


class Heavy(O.SGD):
    def __init__(self, params):
        super().__init__(params, lr=0.1, momentum=0.9)
        self.calls = 0

    def step(self, closure=None):
        self.calls += 1
        return super().step(closure)


p = param(3., -1.)
for opt in Sign([p], lr=0.25), Heavy([p]):
    for _ in range(2):
        opt.zero_grad()
        (p ** 2).sum().backward()
        opt.step()
    print(opt, p, opt.state_dict())
print(opt.calls, isinstance(opt, O.SGD), isinstance(opt, O.Optimizer))
told(lambda: O.Optimizer([p], {}).step(None))
told(lambda: O.Optimizer([p], {'lr': 1}).param_groups)

# Options of each kind.
for name, options in [('SGD', dict(momentum=0.9, dampening=0.5, maximize=True)), ('Adam', dict(amsgrad=True, betas=[0.5, 0.9])),
                      ('RMSprop', dict(momentum=0.5, centered=True)), ('Adagrad', dict(lr_decay=0.1, initial_accumulator_value=1)),
                      ('Rprop', dict(etas=(0.4, 1.3), step_sizes=(1e-3, 1))), ('ASGD', dict(t0=1, lambd=0.1)),
                      ('AdamW', dict(maximize=True, weight_decay=0.5))]:
    p = param(1., -2.)
    opt = getattr(O, name)([p], lr=0.1, **options)
    for _ in range(4):
        p.grad = p.detach() ** 2
        opt.step()
    print(name, p, sorted(opt.state[p]), opt.param_groups[0])

# What is wrong.
p = param(1.)
told(lambda: O.SGD([p], 1, 2, 3, 4, 5, 6))
told(lambda: O.SGD())
told(lambda: O.SGD([p]))
told(lambda: O.SGD([p], lr=0.1, foo=1))
told(lambda: O.SGD([p], 0.1, lr=1))
told(lambda: O.SGD([p], lr=-1))
told(lambda: O.SGD([p], lr=0.1, momentum=-0.5))
told(lambda: O.SGD([p], lr=0.1, nesterov=True))
told(lambda: O.Adam([p], betas=(1.0, 0.9)))
told(lambda: O.Adam([p], betas=(0.9, 2)))
told(lambda: O.Adam([p], eps=-1))
told(lambda: O.Adadelta([p], rho=1.5))
told(lambda: O.Rprop([p], etas=(1.5, 1.2)))
told(lambda: O.Adam(p))
told(lambda: O.Adam(3))
told(lambda: O.Adam([1]))
told(lambda: O.Adam([]))
told(lambda: O.Adam([{'params': {p}}]))
told(lambda: O.Adam([{'params': [p]}, {'params': [p]}]))
told(lambda: O.Adam([{'lr': 1}]))
told(lambda: O.Adam([p * 2]))
told(lambda: O.Adam([p]).add_param_group(3))
told(lambda: O.Adam([p]).add_param_group({'params': p}))
told(lambda: O.Adam([torch.nn.Module()]))
told(lambda: O.Adam([p]).load_state_dict({'state': {}, 'param_groups': []}))
told(lambda: O.Adam([p]).load_state_dict({'state': {}}))
told(lambda: O.Adam([p]).load_state_dict({'state': {}, 'param_groups': [{'params': []}]}))
told(lambda: O.LBFGS([{'params': [p]}, {'params': [param(1.)]}]))
