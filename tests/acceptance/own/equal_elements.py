# Where elements are equal, their places tell how they were sorted. Those of lines that are printed
# whole are PyTorch's.
import hashlib

import torch


def bits(*tensors):
    return hashlib.md5(b"".join(t.contiguous().numpy().tobytes() for t in tensors)).hexdigest()


def tops(a, n):
    for k in sorted({1, 2, 3, n // 64, n // 5, n // 2, n - 1, n} - {-1, 0}):
        if k <= n:
            for largest in (True, False):
                for in_order in (True, False):
                    yield from a.topk(k, 1, largest, in_order)
                    yield from a.t().topk(k, 0, largest, in_order)
            yield from a.kthvalue(k, 1)


torch.manual_seed(1)
for dtype in (torch.float32, torch.float64, torch.int64, torch.int8, torch.bool):
    for n in (1, 2, 3, 4, 5, 7, 16, 17, 33, 64, 65, 128, 200, 999):
        for most in (2, 5, 50):
            a = torch.randint(-most, most, (6, n)).to(dtype)
            if dtype != torch.bool:
                print(dtype, n, most, bits(*tops(a, n)), bits(*a.median(1)), bits(*a.mode(1)), end=" ")
            if dtype.is_floating_point:
                a[2, n // 2] = float("nan")
                a[3, 0] = -0.0
            print(bits(*a.sort(1)), bits(*a.sort(1, True)), bits(*a.sort(dim=1, stable=True)), bits(a.argsort(1)))

marks = torch.tensor([3.0, 1.0, 2.0, 3.0, 1.0, 3.0, 2.0, 2.0])
print(marks.topk(2), marks.topk(4, largest=False), marks.topk(5, sorted=False), marks.kthvalue(3), marks.mode(), sep="\n")
print(torch.arange(30).remainder(4).sort())
print(torch.arange(30).remainder(4).argsort(descending=True))
