# Writing to a tensor what lies in the same memory.
import torch


def attempt(text):
    a = torch.arange(9.0)
    m = torch.arange(9.0).reshape(3, 3)
    try:
        exec(text)
        print(text, "->", a.tolist(), m.tolist())
    except RuntimeError as error:
        print(text, "->", error)


for text in ("a[1:] = a[:8]", "a[:8] = a[1:]", "a.copy_(a)", "a[1:].copy_(a[:8].long())", "m.copy_(m.t())",
             "m[:] = m.t()", "m[:] = m.flip(0)", "m[0] = m[1]", "m[:, 0] = m[:, 1]", "m[[0, 1]] = m[[1, 0]]",
             "m[0:2] = m[1:3]", "m[0] = m[0, 0]", "a[::2][:4].copy_(a[1::2])", "a[0:3].fill_(a[1])",
             "a.masked_fill_(a > 2, a[1])", "a[a > 2] = a[1]", "a.data.copy_(a.data[:1])",
             "a.expand(2, 9).copy_(a)", "torch.add(a[:5], a[1:6], out=a[:5])",
             "a[1:].mul_(a[:8])", "a.mul_(a)", "a += a[0]", "a[:3] += a[3:6]", "m += m.t()", "m -= m.t().clone()"):
    attempt(text)
