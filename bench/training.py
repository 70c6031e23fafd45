# Training, one workload for each row of `run`: training.py NAME. Each prints the seconds of one iteration.
import pathlib
import sys
import time
import torch
from torch import nn


def median(work, count, repeats=5):
    """The median of `repeats` timings of `count` iterations, after one that warms up."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        for _ in range(count):
            work()
        seconds.append((time.perf_counter() - start) / count)
    return sorted(seconds[1:])[repeats // 2]


def step():
    """A training step of a 2-16-1 network with Adam."""
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss_fn = nn.MSELoss()
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])

    def work():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()

    return median(work, 500)


def read_digits():
    text = (pathlib.Path(__file__).resolve().parent.parent / "assets/digits.csv").read_text()
    rows = [[float(cell) for cell in line.split(",")] for line in text.split("\n") if line]
    return torch.tensor([row[:64] for row in rows]) / 16, torch.tensor([int(row[64]) for row in rows])


def digits():
    """One epoch over the 1,797 digits with a 64-64-10 network, batches of 32."""
    x, y = read_digits()
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    loss_fn = nn.CrossEntropyLoss()

    def work():
        for i in range(0, len(x), 32):
            optimizer.zero_grad()
            loss = loss_fn(model(x[i:i + 32]), y[i:i + 32])
            loss.backward()
            optimizer.step()

    return median(work, 5)


def cnn():
    """Forward and backward of a small convolutional network, a batch of 32 pictures of 28x28."""
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(32 * 7 * 7, 10))
    loss_fn = nn.CrossEntropyLoss()
    x, y = torch.rand(32, 1, 28, 28), torch.randint(0, 10, (32,))

    def work():
        model.zero_grad()
        loss_fn(model(x), y).backward()

    return median(work, 20)


def lstm():
    """Forward and backward of an LSTM of 64 units over 50 steps, a batch of 32."""
    model = nn.LSTM(64, 64)
    x = torch.rand(50, 32, 64)

    def work():
        model.zero_grad()
        model(x)[0].sum().backward()

    return median(work, 20)


def adam_1m():
    """A step of Adam over a million parameters in four tensors."""
    parameters = [torch.rand(500, 500, requires_grad=True) for _ in range(4)]
    for p in parameters:
        p.grad = torch.rand(500, 500)
    optimizer = torch.optim.Adam(parameters, lr=0.001)
    return median(optimizer.step, 20)


def chain():
    """backward() through a chain of 10,000 additions."""
    x = torch.ones(1, requires_grad=True)
    seconds = []
    for _ in range(11):
        y = x
        for _ in range(10000):
            y = y + 1
        start = time.perf_counter()
        y.backward()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds[1:])[5]


torch.manual_seed(0)
print('{"seconds": %.6e}' % globals()[sys.argv[1]]())
