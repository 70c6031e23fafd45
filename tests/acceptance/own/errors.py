# What goes wrong, in PyTorch's words. Only messages that do not name a source file of PyTorch.
import torch


def attempt(what, call):
    try:
        print(what, "->", call())
    except Exception as error:
        print(what, "->", type(error).__name__ + ":", str(error).split("\n")[0])


a = torch.zeros(2, 3)
attempt("shapes", lambda: a + torch.zeros(4))
attempt("matmul", lambda: a @ a)
attempt("reshape", lambda: a.reshape(4))
attempt("index", lambda: a[2])
attempt("dim", lambda: a.sum(2))
attempt("item", lambda: a.item())
attempt("truth", lambda: bool(a))
attempt("backward", lambda: a.backward())
attempt("scalar only", lambda: torch.zeros(2, requires_grad=True).mul(2).backward())
attempt("leaf in place", lambda: torch.zeros(2, requires_grad=True).add_(1))
attempt("requires_grad of integers", lambda: torch.tensor([1], requires_grad=True))
attempt("cast in place", lambda: torch.zeros(2, dtype=torch.int64).add_(0.5))
attempt("ragged", lambda: torch.tensor([[1, 2], [3]]))
attempt("twice", lambda: [z.backward() for z in [(torch.ones(1, requires_grad=True) ** 2).sum()] * 2])
attempt("attribute", lambda: a.nonsense)
attempt("numpy of grad", lambda: torch.zeros(1, requires_grad=True).numpy())
x = torch.ones(2, requires_grad=True)
y = x.exp()
y.add_(1)
attempt("changed", lambda: y.sum().backward())
