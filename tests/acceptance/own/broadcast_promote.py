# Broadcasting and type promotion: every pair of the four first dtypes, scalars, tensors without
# dimensions, and the shapes that meet.
import torch

dtypes = [torch.bool, torch.int64, torch.float32, torch.float64]
for left in dtypes:
    for right in dtypes:
        a, b = torch.ones(2, dtype=left), torch.ones(2, dtype=right)
        print(left, right, (a + b).dtype, (a * b).dtype, (a / b).dtype, (a == b).dtype)
    for scalar in (True, 2, 0.5):
        print(left, scalar, (torch.ones(2, dtype=left) + scalar).dtype)
    print(left, (torch.ones(2, dtype=left) * torch.tensor(2.0, dtype=torch.float64)).dtype)

for left, right in [((3,), (1,)), ((2, 1), (1, 3)), ((4, 1, 2), (3, 1)), ((), (2, 2)), ((0,), (1,)), ((5, 0), (1,))]:
    print(left, right, tuple((torch.zeros(left) + torch.zeros(right)).shape))

a = torch.arange(6).reshape(2, 3)
print(a + torch.tensor([10, 20, 30]))
print(a * torch.tensor([[1], [-1]]))
print(a / 2, a // 2, a % 4, 7 - a, 2 ** a)
print(a.t() + a.reshape(3, 2))
print(torch.tensor(True) + torch.tensor(True), torch.tensor([True]) * 3)
