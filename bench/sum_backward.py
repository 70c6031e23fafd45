# (a * a).sum() with two elements, forward and backward.
import time
import torch

a = torch.tensor([1.0, 2.0], requires_grad=True)


def repeat(count):
    start = time.perf_counter()
    for _ in range(count):
        (a * a).sum().backward()
    return (time.perf_counter() - start) / count


repeat(500)
print('{"seconds": %.6e}' % sorted(repeat(5000) for _ in range(5))[2])
