# The product of two 1024x1024 float32 matrices.
import time
import torch

torch.manual_seed(0)
a = torch.randn(1024, 1024)
b = torch.randn(1024, 1024)


def repeat(count):
    start = time.perf_counter()
    for _ in range(count):
        a @ b
    return (time.perf_counter() - start) / count


repeat(3)
print('{"seconds": %.6e}' % sorted(repeat(5) for _ in range(5))[2])
