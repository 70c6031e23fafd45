# The mask and the tensor are broadcast together; what does not fit is refused before memory is read.
import torch


def attempt(f):
    try:
        print(f())
    except RuntimeError as error:
        print("RuntimeError:", error)


zeros = torch.zeros(9)
for self in (torch.ones(2, 3), torch.ones(3), torch.ones(2, 1)):
    for mask in (torch.ones(2, 3), torch.ones(3), torch.ones(2, 2), torch.ones(0), torch.tensor([[1], [0]])):
        attempt(lambda: self.masked_scatter(mask.bool(), zeros))
        if mask.dim() <= self.dim():
            attempt(lambda: self.clone().masked_scatter_(mask.bool(), zeros))
attempt(lambda: torch.ones(3).masked_scatter(torch.ones(3).bool(), torch.ones(2)))

a, s = torch.ones(3, requires_grad=True), torch.arange(9.0, requires_grad=True)
mask = torch.tensor([[True, False, True], [False, False, True]])
r = a.masked_scatter(mask, s)
r.sum().backward()
print(r, a.grad, s.grad)
