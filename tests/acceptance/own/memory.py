# A training loop keeps its memory: batches from a loader, hooks, views, Functions, attributes,
# errors on the way. What is printed is whether the process has grown after the first steps.
import os

import torch
from torch import nn
from torch.autograd import Function
from torch.utils.data import DataLoader, TensorDataset, random_split


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 2 * x * g


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


torch.manual_seed(0)
data = TensorDataset(torch.rand(512, 4), torch.rand(512, 1))
part, _ = random_split(data, [500, 12])
net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
seen = []
start = None
steps = 0
for epoch in range(200):
    for x, y in DataLoader(part, batch_size=20, shuffle=True):
        optimizer.zero_grad()
        h = net(x)
        h.tag = steps
        handle = h.register_hook(lambda g: g * 1)
        loss = Square.apply(h - y).mean() + (net[0].weight[0] ** 2).sum()
        loss.backward()
        try:
            loss.backward()
        except RuntimeError:
            pass
        handle.remove()
        optimizer.step()
        steps += 1
    if epoch == 40:
        start = resident()
# A sanitizer keeps what is freed for a while: its processes grow.
grown = 0 if "ASAN_OPTIONS" in os.environ else resident() - start
print(steps, grown < 4 << 20, loss.item() < 1)
