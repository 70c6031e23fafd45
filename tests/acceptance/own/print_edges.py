# Printing at its edges: signs, widths, exponents, summaries, empties, nan and inf.
import torch

print(torch.tensor([]), torch.zeros(0, 3), torch.tensor(3), torch.tensor(-0.5))
print(torch.tensor([1.0, -2.5, 1000.0]), torch.tensor([1e-8, 1.0]), torch.tensor([1e10, 1.0]))
print(torch.tensor([float('nan'), 1.0]), torch.tensor([float('inf'), -1.0]))
print(torch.tensor([[True, False], [False, True]]))
print(torch.tensor([100000, -5, 7]))
print(torch.tensor([0.1, 0.2], dtype=torch.float64))
print(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([12345678.0, 1.5]))
print(torch.arange(2000))
print(torch.arange(2400).reshape(2, 1200))
print(torch.arange(24.0).reshape(2, 3, 4))
print(torch.arange(40).reshape(2, 20) * 100000)
print(torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True) * 2)
print(torch.Size([2, 3]), torch.float32, repr(torch.tensor(1.0)))
print([torch.tensor(1), torch.tensor([2.5])])
print('%s %.2f' % (torch.tensor(2), torch.tensor(2.345)), f'{torch.tensor(1.5):.3f}', f'{torch.tensor([1, 2])}')
