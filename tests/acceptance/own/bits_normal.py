# erfinv() and what is made of it, and normal() with tensors of half precision, to the last bit.
import hashlib
import torch
import torch.nn as nn


def bits(t):
    return hashlib.md5(t.detach().float().numpy().tobytes()).hexdigest()[:8]


for dtype in (torch.float32, torch.float64):
    x = torch.linspace(-1, 1, 4001, dtype=dtype)[1:-1].requires_grad_()
    y = x.erfinv()
    y.backward(torch.ones_like(y))
    print(dtype, hashlib.md5(y.detach().numpy().tobytes()).hexdigest())
    for n in (3, 20, 1000):
        torch.manual_seed(n)
        t = torch.empty(n, dtype=dtype)
        nn.init.trunc_normal_(t)
        print("trunc_normal_", dtype, n, hashlib.md5(t.numpy().tobytes()).hexdigest()[:8])
        nn.init.trunc_normal_(t, 0.2, 1.5, -1, 2)
        print("trunc_normal_", dtype, n, hashlib.md5(t.numpy().tobytes()).hexdigest()[:8])
print(torch.tensor([-1.0, 1.0, 1.5, 0.0]).erfinv())
for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
    for n in (3, 16, 100):
        torch.manual_seed(n)
        mean, std = torch.randn(n).to(dtype), torch.rand(n).to(dtype)
        for name, args in (("tensor, tensor", (mean, std)), ("tensor, number", (mean, 1.7)), ("number, tensor", (0.3, std))):
            torch.manual_seed(5)
            print("normal", name, dtype, n, bits(torch.normal(*args)))
