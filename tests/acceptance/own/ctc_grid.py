# CTC learns to read, a spatial transformer learns to turn: whole runs, and derivatives by differences.
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_printoptions(precision=3, sci_mode=False)
torch.manual_seed(0)
targets, lengths = torch.tensor([[1, 2, 0], [3, 3, 1]]), torch.tensor([2, 3])
x = torch.randn(6, 2, 4, dtype=torch.float64, requires_grad=True)
for reduction in ("none", "mean", "sum"):
    print(torch.autograd.gradcheck(
        lambda x: F.ctc_loss(x.log_softmax(2), targets, (6, 5), lengths.tolist(),
                             reduction=reduction), x))
net = nn.Linear(5, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.05)
data, loss_fn = torch.randn(8, 2, 5), nn.CTCLoss()
for step in range(6):
    opt.zero_grad()
    loss = loss_fn(net(data).log_softmax(2), targets, torch.tensor([8, 8]), lengths)
    loss.backward()
    opt.step()
    print(f"{loss.item():.4f}")
print(net(data).argmax(2).t())

image = torch.arange(25.).reshape(1, 1, 5, 5) / 25
theta = torch.tensor([[[0.9, -0.3, 0.1], [0.3, 0.9, 0.0]]])
turned = F.grid_sample(image, F.affine_grid(theta, (1, 1, 5, 5), align_corners=False),
                       align_corners=False)
print(turned)
guess = torch.tensor([[[1., 0, 0], [0, 1, 0]]], requires_grad=True)
opt = torch.optim.SGD([guess], lr=0.5)
for step in range(8):
    opt.zero_grad()
    seen = F.grid_sample(image, F.affine_grid(guess, (1, 1, 5, 5), align_corners=False),
                         padding_mode="border", align_corners=False)
    loss = F.mse_loss(seen, turned)
    loss.backward()
    opt.step()
    print(f"{loss.item():.3f}")
