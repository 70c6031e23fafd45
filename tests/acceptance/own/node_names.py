# The names that results show as their grad_fn: products of all ranks, linear layers, in-place views.
import torch
from torch import nn


def name(tensor):
    return tensor.grad_fn.name()


torch.manual_seed(0)
operands = {"3": (3,), "5x3": (5, 3), "2x3x4": (2, 3, 4), "3x4": (3, 4), "4": (4,), "1x3": (1, 3), "6x2x3x4": (6, 2, 3, 4),
            "4x3": (4, 3), "2x4x3": (2, 4, 3)}
for left, left_shape in operands.items():
    for right, right_shape in operands.items():
        inner = right_shape[-2] if len(right_shape) > 1 else right_shape[0]
        if left_shape[-1] != inner:
            continue
        for which in "both", "left", "right":
            a = torch.randn(left_shape, requires_grad=which != "right")
            b = torch.randn(right_shape, requires_grad=which != "left")
            try:
                c = a @ b
            except RuntimeError:
                continue
            c.square().sum().backward()
            print(left, "@", right, which, name(c), tuple(c.shape), c.stride(),
                  *(f"{x.grad.sum().item():.2f}" for x in (a, b) if x.grad is not None))
batch = torch.randn(2, 4, 3).permute(0, 2, 1).requires_grad_()  # matrices that lie transposed in memory
c = batch @ torch.ones(4, 2)
print(name(c), c.stride(), name(batch @ torch.ones(4)), name(torch.ones(3) @ batch))

linear = nn.Linear(4, 3)
for shape in (4,), (2, 4), (5, 2, 4), (1, 2, 3, 4):
    print(shape, name(linear(torch.ones(shape))), name(nn.functional.linear(torch.ones(shape), linear.weight)))
print(name(linear(torch.ones(2, 5, 4).transpose(0, 1))))

a = torch.ones(1, 2, requires_grad=True)
print((a * 1).squeeze_(0), (a * 1).squeeze_(), (a * 1).unsqueeze_(0), (a * 1).t_(), (a * 1).transpose_(0, 1))
print(a.squeeze(0), a.squeeze(), a.unsqueeze(0), a.t(), a.transpose(0, 1))
b = (a * 3).t_()
b.sum().backward()
print(a.grad, b.grad_fn.next_functions[0][0].name())
