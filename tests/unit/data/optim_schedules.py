"""Writes optim_schedules.inc: the rates of PyTorch's schedules, step by step and in closed form.

Run with the reference PyTorch (1.13.1): python3 optim_schedules.py > optim_schedules.inc
"""
import inspect
import warnings

import torch

warnings.simplefilter("ignore")
EPOCHS = 25

CASES = [
    ("StepLR", dict(step_size=7)),
    ("StepLR", dict(step_size=1, gamma=0.96)),
    ("MultiStepLR", dict(milestones=[5, 12, 12, 20], gamma=0.3)),
    ("MultiStepLR", dict(milestones=[0, 3])),
    ("ConstantLR", dict()),
    ("ConstantLR", dict(factor=0.7, total_iters=3)),
    ("LinearLR", dict()),
    ("LinearLR", dict(start_factor=0.9, end_factor=0.1, total_iters=11)),
    ("ExponentialLR", dict(gamma=0.96)),
    ("PolynomialLR", dict(total_iters=10, power=2.0)),
    ("PolynomialLR", dict()),
    ("CosineAnnealingLR", dict(T_max=10, eta_min=0.001)),
    ("CosineAnnealingLR", dict(T_max=7)),
]


def curves(name, options):
    group = {"params": [torch.zeros(1)], "lr": 0.1}
    optimizer = torch.optim.SGD([group], lr=0.1)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    stepped, closed = [], []
    for _ in range(EPOCHS):
        stepped.append(optimizer.param_groups[0]["lr"])
        closed.append(scheduler._get_closed_form_lr()[0])
        optimizer.step()
        scheduler.step()
    return stepped, closed


def hexes(values):
    return ", ".join(float(v).hex() for v in values)


print("/* Written by optim_schedules.py. */")
for name, options in CASES:
    parameters = inspect.signature(getattr(torch.optim.lr_scheduler, name).__init__).parameters
    values = [options.get(p, parameters[p].default) for p in list(parameters)[2:]]
    numbers = ", ".join(repr(float(v)) for v in values if not isinstance(v, list))
    milestones = [v for v in values if isinstance(v, list)]
    milestones = milestones[0] if milestones else []
    stepped, closed = curves(name, options)
    print(f'{{"{name}", {{{numbers}}}, {{{", ".join(map(str, milestones)) or 0}}}, {len(milestones)},')
    print(f" {{{hexes(stepped)}}},\n {{{hexes(closed)}}}}},")
