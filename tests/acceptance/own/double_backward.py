# Gradients of gradients: create_graph, a Hessian by rows, Newton's method.
import torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = (x ** 3).sum()
(first,) = torch.autograd.grad(y, x, create_graph=True)
print(first)
(second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
print(second)
(third,) = torch.autograd.grad(second.sum(), x)
print(third)


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


p = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
(g,) = torch.autograd.grad(rosenbrock(p), p, create_graph=True)
print(g)
hessian = torch.stack([torch.autograd.grad(g[i], p, retain_graph=True)[0] for i in range(2)])
print(hessian)

z = torch.tensor(4.0, requires_grad=True)
for step in range(6):
    f = z ** 4 - 3 * z ** 2 + z
    (df,) = torch.autograd.grad(f, z, create_graph=True)
    (ddf,) = torch.autograd.grad(df, z)
    with torch.no_grad():
        z -= df / ddf
    print(step, '%.4f' % z.item())
