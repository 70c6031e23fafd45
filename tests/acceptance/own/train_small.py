# A network of two layers learns XOR with each optimizer: seeds, initialisers, layers, losses, steps.
import torch
from torch import nn

inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
classes = torch.tensor([0, 1, 1, 0])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 8)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


torch.manual_seed(3)
print(Net())
print([(name, tuple(p.shape)) for name, p in Net().named_parameters()])
makers = {
    'SGD': lambda p: torch.optim.SGD(p, lr=0.5),
    'Momentum': lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    'Nesterov': lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    'Adagrad': lambda p: torch.optim.Adagrad(p, lr=0.1),
    'RMSprop': lambda p: torch.optim.RMSprop(p, lr=0.01),
    'Adam': lambda p: torch.optim.Adam(p, lr=0.05),
}
for name, make in makers.items():
    torch.manual_seed(0)
    net, loss_of = Net(), nn.CrossEntropyLoss()
    optimizer = make(net.parameters())
    losses = []
    for epoch in range(60):
        optimizer.zero_grad()
        loss = loss_of(net(inputs), classes)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    right = (net(inputs).argmax(1) == classes).sum().item()
    print(name, ['%.4f' % losses[i] for i in (0, 1, 10, 59)], right)
