# Schedules: every epoch, several groups, given epochs, resumption, what is printed and what is warned of.
import warnings
import torch

S = torch.optim.lr_scheduler
warnings.simplefilter('always')


def optimizer(**options):
    ps = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    return torch.optim.SGD([{'params': ps[:1]}, {'params': ps[1:], 'lr': 0.5}], lr=0.1, momentum=0.9, **options)


def plain(state):
    return {k: v for k, v in state.items() if k not in ('anneal_func', '_scale_fn_ref', '_anneal_func_type')}


MAKE = {
    'StepLR': lambda o, **k: S.StepLR(o, 3, **k),
    'StepLR 0.5': lambda o, **k: S.StepLR(o, step_size=2, gamma=0.5, **k),
    'MultiStepLR': lambda o, **k: S.MultiStepLR(o, [2, 5, 5, 9], **k),
    'ConstantLR': lambda o, **k: S.ConstantLR(o, **k),
    'ConstantLR 0.7': lambda o, **k: S.ConstantLR(o, 0.7, 3, **k),
    'LinearLR': lambda o, **k: S.LinearLR(o, 0.1, 0.8, 7, **k),
    'ExponentialLR': lambda o, **k: S.ExponentialLR(o, 0.9, **k),
    'PolynomialLR': lambda o, **k: S.PolynomialLR(o, 8, 1.5, **k),
    'CosineAnnealingLR': lambda o, **k: S.CosineAnnealingLR(o, 5, 0.01, **k),
    'LambdaLR': lambda o, **k: S.LambdaLR(o, [lambda e: 0.9 ** e, lambda e: 1 / (e + 1)], **k),
    'MultiplicativeLR': lambda o, **k: S.MultiplicativeLR(o, lambda e: 0.95, **k),
    'WarmRestarts': lambda o, **k: S.CosineAnnealingWarmRestarts(o, 3, 2, 0.001, **k),
    'CyclicLR': lambda o, **k: S.CyclicLR(o, [0.01, 0.02], 0.3, 3, 2, 'triangular2', **k),
    'CyclicLR exp': lambda o, **k: S.CyclicLR(o, 0.01, 0.3, 2, mode='exp_range', gamma=0.9, **k),
    'CyclicLR own': lambda o, **k: S.CyclicLR(o, 0.01, 0.3, 2, scale_fn=lambda x: 1 / (5 ** (x * 0.0001)), scale_mode='iterations',
                                             cycle_momentum=False, **k),
    'OneCycleLR': lambda o, **k: S.OneCycleLR(o, 0.4, total_steps=14, **k),
    'OneCycleLR three': lambda o, **k: S.OneCycleLR(o, [0.4, 0.2], epochs=5, steps_per_epoch=3, three_phase=True, anneal_strategy='linear', **k),
}
for name, make in MAKE.items():
    opt = optimizer()
    sch = make(opt)
    print(name, plain(sch.state_dict()) if 'Lambda' not in name and 'own' not in name else sch.base_lrs)
    for _ in range(12):
        opt.step()
        sch.step()
        print([g['lr'] for g in opt.param_groups], opt.param_groups[0]['momentum'], sch.get_last_lr() == [g['lr'] for g in opt.param_groups])
    print(sch.last_epoch, sorted(opt.param_groups[1]))

# verbose
for name, make in MAKE.items():
    opt = optimizer()
    print(name)
    sch = make(opt, verbose=True)
    opt.step()
    sch.step()

# step(epoch), with its warning; get_lr() outside of step()
for name, make in MAKE.items():
    opt = optimizer()
    sch = make(opt)
    opt.step()
    with warnings.catch_warnings(record=True) as seen:
        for epoch in 0, 4, 7, 2:
            sch.step(epoch)
            print(name, epoch, [round(g['lr'], 12) for g in opt.param_groups])
        print([str(w.message)[:60] for w in seen][:2])
    with warnings.catch_warnings(record=True) as seen:
        print(sch.get_lr(), [str(w.message) for w in seen])

# The order of the two steps.
for steps in 'ss', 'os', 'oss', 'so':
    with warnings.catch_warnings(record=True) as seen:
        opt = optimizer()
        sch = S.StepLR(opt, 3)
        for s in steps:
            opt.step() if s == 'o' else sch.step()
        print(steps, [(w.category.__name__, str(w.message)) for w in seen])


class Own(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {'lr': 0.1})

    def step(self, closure=None):
        return 'stepped'


for steps in 'ss', 'os':
    with warnings.catch_warnings(record=True) as seen:
        opt = Own([torch.nn.Parameter(torch.ones(1))])
        sch = S.ExponentialLR(opt, 0.5)
        print([opt.step() if s == 'o' else sch.step() for s in steps], [str(w.message)[:60] for w in seen])
with warnings.catch_warnings(record=True) as seen:
    opt = optimizer()
    sch = S.StepLR(opt, 3)
    opt.step = lambda: None
    sch.step()
    print([str(w.message) for w in seen])

# Resumed.
opt = optimizer()
sch = S.CosineAnnealingLR(opt, 10)
for _ in range(4):
    opt.step()
    sch.step()
again = optimizer()
again.load_state_dict(opt.state_dict())
resumed = S.CosineAnnealingLR(again, 10, last_epoch=sch.last_epoch)
print(resumed.last_epoch, resumed.get_last_lr())
loaded = S.CosineAnnealingLR(optimizer(), 99)
loaded.load_state_dict(sch.state_dict())
print(loaded.T_max, loaded.last_epoch, loaded.get_last_lr(), loaded.state_dict() == sch.state_dict())
try:
    S.StepLR(optimizer(), 3, last_epoch=5)
except KeyError as e:
    print(e)

# A metric.
for options in [dict(patience=1), dict(mode='max', factor=0.5, patience=0, cooldown=2, verbose=True), dict(threshold_mode='abs', threshold=0.5, patience=0, min_lr=[0.01, 0.2]),
                dict(patience=0, eps=0.2, verbose=True)]:
    opt = optimizer()
    sch = S.ReduceLROnPlateau(opt, **options)
    print(sch.state_dict())
    for metric in 1.0, 0.9, 0.9, 1.1, torch.tensor(0.3), 0.3, 0.29, 0.4, 0.4:
        sch.step(metric)
        print([g['lr'] for g in opt.param_groups], sch.num_bad_epochs, sch.best, sch.cooldown_counter, sch.in_cooldown, sch.last_epoch)
    print(sch.is_better(1., 2.), sch._last_lr)
    other = S.ReduceLROnPlateau(optimizer())
    other.load_state_dict(sch.state_dict())
    print(other.state_dict() == sch.state_dict())

# Made of others.
opt = optimizer()
sch = S.SequentialLR(opt, [S.ConstantLR(opt, 0.1, 2), S.ExponentialLR(opt, 0.9), S.StepLR(opt, 2)], [3, 6])
print(sch.state_dict())
with warnings.catch_warnings(record=True) as seen:
    for _ in range(10):
        opt.step()
        sch.step()
        print(sch.last_epoch, sch.get_last_lr())
opt = optimizer()
sch = S.ChainedScheduler([S.ConstantLR(opt, 0.1, 2), S.ExponentialLR(opt, 0.9)])
for _ in range(5):
    opt.step()
    sch.step()
    print(sch.get_last_lr())
print(sch.state_dict())
other = S.ChainedScheduler([S.ConstantLR(opt, 0.1, 2), S.ExponentialLR(opt, 0.9)])
other.load_state_dict(sch.state_dict())
print(other.state_dict() == sch.state_dict())


# One's own.
class Warm(S._LRScheduler):
    def __init__(self, optimizer, steps, last_epoch=-1, verbose=False):
        self.steps = steps
        super().__init__(optimizer, last_epoch, verbose)

    def get_lr(self):
        return [base * min(1, (self.last_epoch + 1) / self.steps) for base in self.base_lrs]


opt = optimizer()
sch = Warm(opt, 4, verbose=True)
for _ in range(5):
    opt.step()
    sch.step()
print(sch.state_dict(), isinstance(S.StepLR(opt, 1), S._LRScheduler))


class Factor:
    def __init__(self, base):
        self.base = base

    def __call__(self, epoch):
        return self.base ** epoch


opt = optimizer()
sch = S.LambdaLR(opt, [Factor(0.5), lambda e: 1])
print(sch.state_dict())
other = S.LambdaLR(optimizer(), [Factor(0.1), lambda e: 1])
other.load_state_dict(sch.state_dict())
print(other.lr_lambdas[0].base)

# What is wrong.
opt = optimizer()
adagrad = torch.optim.Adagrad([torch.nn.Parameter(torch.ones(1))])
for bad in [lambda: S.StepLR(3, 1), lambda: S.ConstantLR(opt, 2.), lambda: S.LinearLR(opt, 0.1, -1), lambda: S.LinearLR(opt, 5),
            lambda: S.LambdaLR(opt, [len]), lambda: S.ReduceLROnPlateau(opt, factor=1.0), lambda: S.ReduceLROnPlateau(opt, 'most'),
            lambda: S.ReduceLROnPlateau(opt, threshold_mode='most'), lambda: S.ReduceLROnPlateau(opt, min_lr=[1]),
            lambda: S.ReduceLROnPlateau(3), lambda: S.CyclicLR(opt, 0.1, [1.]), lambda: S.CyclicLR(opt, 0.1, 1., mode='x'),
            lambda: S.CyclicLR(adagrad, 0.1, 1.), lambda: S.OneCycleLR(opt, 1.), lambda: S.OneCycleLR(opt, 1., total_steps=0),
            lambda: S.OneCycleLR(opt, 1., total_steps=2.5), lambda: S.OneCycleLR(opt, 1., epochs=0, steps_per_epoch=1),
            lambda: S.OneCycleLR(opt, 1., total_steps=5, pct_start=2.), lambda: S.OneCycleLR(opt, 1., total_steps=5, anneal_strategy='x'),
            lambda: S.OneCycleLR(adagrad, 1., total_steps=5), lambda: S.OneCycleLR(opt, [1.], total_steps=5),
            lambda: S.CosineAnnealingWarmRestarts(opt, 0), lambda: S.CosineAnnealingWarmRestarts(opt, 2.5),
            lambda: S.CosineAnnealingWarmRestarts(opt, 2, 0), lambda: S.CosineAnnealingWarmRestarts(opt, 2).step(-1),
            lambda: S.SequentialLR(opt, [S.StepLR(opt, 1)], [1, 2]), lambda: S.SequentialLR(adagrad, [S.StepLR(opt, 1)], []),
            lambda: S.ChainedScheduler([S.StepLR(opt, 1), S.StepLR(adagrad, 1)]), lambda: S.StepLR(opt), lambda: S.StepLR(opt, 1, 2, 3, 4, 5),
            lambda: S.StepLR(opt, 1, foo=2), lambda: S.LambdaLR(opt, lambda e: 1 / e), lambda: S._LRScheduler(opt),
            lambda: [S.OneCycleLR(opt, 1., total_steps=2).step() for _ in range(3)]]:
    try:
        print(bad())
    except Exception as e:
        print(type(e).__name__, e)
opt = optimizer()
sch = S.OneCycleLR(opt, 1., total_steps=3)
try:
    for _ in range(9):
        opt.step()
        sch.step()
except ValueError as e:
    print(e)
