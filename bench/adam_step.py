# One step of Adam on two parameters: zero_grad, forward, backward, step.
import time
import torch

x = torch.tensor(-1.5, requires_grad=True)
y = torch.tensor(2.0, requires_grad=True)
optimizer = torch.optim.Adam([x, y], lr=0.001)


def repeat(count):
    start = time.perf_counter()
    for _ in range(count):
        optimizer.zero_grad()
        loss = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - start) / count


repeat(300)
print('{"seconds": %.6e}' % sorted(repeat(2000) for _ in range(5))[2])
