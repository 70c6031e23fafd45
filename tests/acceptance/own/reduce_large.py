# Sums, products and extremes of tensors large enough to be shared out among threads: every element once.
import torch

ones = torch.ones(4_000_000, dtype=torch.int64)
count = torch.arange(3_000_001)
print(ones.sum(), count.sum(), torch.ones(5_000_000, dtype=torch.bool).sum(), (ones * 3).sum(dtype=torch.int64))
print(ones.view(4, -1).sum(1), ones.view(-1, 4).sum(0), ones.view(200, 200, 100).sum((0, 1)).unique())
print(ones.view(200, 200, 100).sum(2).unique(), ones.view(200, 200, 100).sum(1).unique(), count[::2].sum())
for n in (1, 2, 511, 512, 513, 32767, 32768, 32769, 65537, 262145, 1_000_003):
    print(n, count[:n].sum().item(), count[:n].max().item(), count[:n].min().item(), ones[:n].prod().item(),
          count[:n].int().sum().item(), count[:n].double().sum().item())
print(count.max(), count.min(), count.float().max(), (-count).max(), ones.prod(), ones.count_nonzero(), count.any())
