# Results too large for a cache are written by loops of their own: the same bits, whatever the types,
# the steps and the place where the result begins.
import hashlib

import torch


def bits(t):
    return hashlib.md5(t.contiguous().numpy().tobytes()).hexdigest()


torch.manual_seed(0)
a, b, row = torch.randn(2003, 2001), torch.randn(2003, 2001), torch.randn(2001)
pairs = [
    (a, b), (a.double(), b.double()), (a, row), (a[:, 1:], b[:, 1:]), (a[:, ::2], b[:, ::2]),
    (a.flatten()[3:], b.flatten()[3:]), (a, b.double()), (a[:, :1], b), (a.t(), b.t()), (a, b.t()[:2001].t()),
]
for x, y in pairs:
    print(*(bits(f(x, y)) for f in (torch.add, torch.sub, torch.mul, torch.div)))

long = torch.randn(3001 * 3001)
print(bits(long + 1), bits(long * 2), bits(1 - long), bits(2 / long))

for skip in (1, 5, 64):
    out = torch.empty(2003 * 2001 + skip)[skip:].view(2003, 2001)
    print(bits(torch.add(a, b, out=out)))
