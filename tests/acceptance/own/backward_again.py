"""Which graphs can be walked a second time: those whose nodes have saved no values."""
import torch


def twice(name, make):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = make(x)
    y.backward()
    try:
        y.backward()
        print(name, x.grad)
    except RuntimeError as e:
        print(name, str(e)[:44])


twice("add", lambda x: (x + x).sum())
twice("add number", lambda x: (x + 1 - 3).sum())
twice("sub", lambda x: (1 - x).sum())
twice("neg", lambda x: (-x).sum())
twice("mean", lambda x: x.mean())
twice("mul", lambda x: (x * x).sum())
twice("mul constant", lambda x: (x * torch.ones(3)).sum())
twice("exp", lambda x: x.exp().sum())
twice("views", lambda x: x.view(3, 1).t().reshape(-1)[1:].sum())
twice("cat", lambda x: torch.cat([x, x]).sum())
twice("stack", lambda x: torch.stack([x, x]).sum())
twice("expand", lambda x: x.expand(2, 3).sum())
twice("index", lambda x: x[torch.tensor([0, 2])].sum())
twice("mm", lambda x: (x.view(1, 3) @ x.view(3, 1)).sum())
twice("relu", lambda x: x.relu().sum())
twice("max", lambda x: x.max())
twice("sum dims", lambda x: x.view(1, 3).sum(1).sum())
twice("permute", lambda x: x.view(1, 3).permute(1, 0).sum())
twice("flip", lambda x: x.flip(0).sum())
twice("unbind", lambda x: x.unbind()[0] + x[1])
twice("select", lambda x: x[1])
twice("clone", lambda x: x.clone().sum())
twice("double", lambda x: x.double().sum())
twice("pad", lambda x: torch.nn.functional.pad(x, (1, 1)).sum())
twice("roll", lambda x: x.roll(1).sum())
twice("cumsum", lambda x: x.cumsum(0).sum())
twice("diag", lambda x: x.diag().sum())
twice("squeeze", lambda x: x.unsqueeze(0).squeeze(0).sum())
