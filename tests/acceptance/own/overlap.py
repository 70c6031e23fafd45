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

# By index: neither the source nor the index may lie in what is written, nor may it be all of it.
def by_index(text):
    a, c = torch.arange(8.0), torch.tensor([2, 1, 0, 0])
    b, i = torch.arange(9.0).reshape(3, 3), torch.tensor([2, 1, 0, 0])
    try:
        exec(text)
        print(text, "->", a.tolist(), b.tolist(), c.tolist())
    except RuntimeError as error:
        print(text, "->", error)


for source in ("a[1:5]", "a[:4]", "a[4:]", "a[:4].clone()"):
    for call in ("index_add_(0, i, %s)", "index_copy_(0, i, %s)", "scatter_(0, i, %s)",
                 "scatter_add_(0, i, %s)", "scatter_(0, i, %s, reduce='add')", "index_put_((i,), %s)",
                 "put_(i, %s)", "put_(i, %s, accumulate=True)"):
        by_index("a[:4]." + call % source)
    by_index("torch.take(%s, i, out=a[:4])" % source)
    by_index("torch.cat([%s, a[5:5]], out=a[:4])" % source)
    by_index("torch.stack([torch.zeros(4), %s], out=a.view(2, 4))" % source)
for text in ("a[::2].index_add_(0, i, a[1::2])", "a[::2].scatter_(0, i, a[1::2])",
             "c.scatter_(0, c, 5)", "c.scatter_add_(0, c, torch.ones(4).long())",
             "c.index_add_(0, c, torch.ones(4).long())", "c.index_put_((c,), torch.tensor(5))", "c[c] = c",
             "a[[0, 1]] = a[2]", "a[a > 5] = a[:2]", "b[[0, 1]] = b[1]", "b[:, [0, 1]] = b[:, 1:]",
             "b[1] = b[[0, 1]][0]", "b[[0, 2]] += b[1]", "a[torch.tensor([0, 1])] = a[2:4]",
             "torch.cat([a[:2], a[2:4]], out=torch.zeros(1).expand(4))",
             "a.index_fill_(0, i, a[1])"):
    by_index(text)
