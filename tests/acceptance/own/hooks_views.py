# Hooks, views that share memory, in-place through views, detach and no_grad.
import torch

seen = []
x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = x * 2
handle = y.register_hook(lambda g: seen.append(g.tolist()) or g * 10)
y.sum().backward()
print(seen, x.grad)
handle.remove()
x.grad = None
(x * 2).sum().backward()
print(seen, x.grad)

a = torch.zeros(2, 3)
a[0] = 1
a[:, 1] += 5
a.t()[2] = -1
row = a[1]
row.mul_(2)
print(a, row, a.is_contiguous(), a.t().is_contiguous(), a.t().stride())

w = torch.tensor([1.0, 2.0], requires_grad=True)
d = w.detach()
d[0] = 7
print(w, d.requires_grad, w.is_leaf, (w * 1).is_leaf, (w * 1).grad_fn.__class__.__name__)
with torch.no_grad():
    print((w * 2).requires_grad)
    w += 1
print(w)
b = torch.zeros(3, requires_grad=True)
c = b * 1
c[1] = w.sum()
c.sum().backward()
print(b.grad, w.grad)
