"""Writes optim_steps.inc: what PyTorch's optimizers make of a fixed sequence of gradients.

Run with the reference PyTorch (1.13.1): python3 optim_steps.py > optim_steps.inc
"""
import inspect

import torch

SIZE, STEPS = 9, 20

CASES = [
    ("SGD", dict(lr=0.1)),
    ("SGD", dict(lr=0.05, momentum=0.9, dampening=0.1, weight_decay=0.01)),
    ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True, maximize=True)),
    ("Adagrad", dict()),
    ("Adagrad", dict(lr=0.3, lr_decay=0.1, initial_accumulator_value=0.2, weight_decay=0.01)),
    ("Adadelta", dict()),
    ("Adadelta", dict(lr=0.5, rho=0.8, weight_decay=0.1)),
    ("RMSprop", dict()),
    ("RMSprop", dict(lr=0.02, alpha=0.9, momentum=0.9, centered=True, weight_decay=0.01)),
    ("Adam", dict(lr=0.1)),
    ("Adam", dict(lr=0.1, betas=(0.8, 0.9), amsgrad=True, weight_decay=0.1)),
    ("AdamW", dict(lr=0.1)),
    ("AdamW", dict(lr=0.1, weight_decay=0.2, amsgrad=True, maximize=True)),
    ("Adamax", dict(lr=0.1)),
    ("Adamax", dict(betas=(0.5, 0.7), weight_decay=0.1)),
    ("NAdam", dict(lr=0.1)),
    ("NAdam", dict(lr=0.1, weight_decay=0.1, momentum_decay=0.1)),
    ("RAdam", dict(lr=0.1)),
    ("RAdam", dict(lr=0.1, betas=(0.5, 0.7), weight_decay=0.1)),
    ("Rprop", dict()),
    ("Rprop", dict(lr=0.1, etas=(0.3, 1.5), step_sizes=(1e-3, 0.2))),
    ("ASGD", dict()),
    ("ASGD", dict(lr=0.1, lambd=0.01, t0=5.0, weight_decay=0.1)),
]


def gradient(step, dtype):
    return torch.tensor([((7 * step + 3 * i) % 11 - 5) / 4 for i in range(SIZE)], dtype=dtype)


def run(name, options, dtype):
    param = torch.tensor([(i - 4) / 8 for i in range(SIZE)], dtype=dtype, requires_grad=True)
    optimizer = getattr(torch.optim, name)([param], **options)
    for step in range(STEPS):
        param.grad = gradient(step, dtype)
        optimizer.step()
    return param.detach().tolist()


def values(name, options):
    """The options as the engine takes them: numbers in the order of the constructor."""
    flat = []
    for option in list(inspect.signature(getattr(torch.optim, name).__init__).parameters)[2:]:
        default = inspect.signature(getattr(torch.optim, name).__init__).parameters[option].default
        value = options.get(option, default)
        flat += value if isinstance(value, tuple) else [0 if value is None else value]
    return ", ".join(repr(float(v)) for v in flat)


print("/* Written by optim_steps.py. */")
for name, options in CASES:
    for dtype, tag in ((torch.float32, "f32"), (torch.float64, "f64")):
        result = ", ".join(v.hex() for v in run(name, options, dtype))
        options_text = values(name, options)
        print(f'{{"{name}", DTYPE_{tag}, {{{options_text}}},\n {{{result}}}}},')
