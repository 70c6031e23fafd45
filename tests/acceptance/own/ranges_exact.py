# The bits of evenly spaced numbers.
import hashlib

import torch


def bits(tensor):
    return hashlib.md5(tensor.numpy().tobytes()).hexdigest()[:8]


for dtype in (torch.float32, torch.float64, torch.int32, torch.int64, torch.int8, torch.uint8):
    for n in (1, 2, 3, 5, 8, 9, 15, 16, 17, 31, 32, 33, 50, 64, 100, 101, 1000):
        low = 0 if dtype == torch.uint8 else -3
        print(dtype, n, bits(torch.linspace(low, 3, n, dtype=dtype)), bits(torch.linspace(0, 1, n, dtype=dtype)),
              bits(torch.linspace(0.7, 13.3, n, dtype=dtype)), bits(torch.linspace(9, 1, n, dtype=dtype)),
              bits(torch.arange(min(n, 100), dtype=dtype)))
for dtype in (torch.float32, torch.float64):
    for n in (1, 2, 3, 8, 9, 16, 17, 33, 100, 1000):
        print(dtype, n, bits(torch.arange(0.1, n * 0.3, 0.3, dtype=dtype)), bits(torch.arange(-1, n * 0.1, 0.1, dtype=dtype)),
              bits(torch.arange(5, 5 - n * 0.7, -0.7, dtype=dtype)),
              *(bits(torch.logspace(a, b, n, base=base, dtype=dtype)) for a, b, base in ((0, 1, 10), (-2, 2, 2), (0, 3, 2.718))))
