# DLPack: memory is shared in both directions and lives as long as anybody uses it.
import gc

import numpy as np
import torch
from torch.utils.dlpack import from_dlpack, to_dlpack


def show(f):
    try:
        print(f())
    except (RuntimeError, TypeError) as e:
        print(type(e).__name__, e)


x = torch.arange(6.0).view(2, 3)
y = from_dlpack(to_dlpack(x.t()))
y[0, 1] = 40
print(x, y.stride(), y.dtype)
a = np.from_dlpack(x[1:])
del x, y
gc.collect()
print(a, a.strides)
for dtype in ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64"):
    n = np.arange(12).reshape(3, 4).astype(dtype)[:, 1::2]
    t = torch.from_dlpack(n)
    t[1, 1] = 9
    print(t, t.stride(), t.shape, n[1, 1])
    del n
    gc.collect()
    print(t.sum(), np.from_dlpack(t).dtype)
capsule = torch.arange(3).__dlpack__()
print(torch.from_dlpack(capsule), "used_dltensor" in repr(capsule))
show(lambda: torch.from_dlpack(capsule))
show(lambda: torch.from_dlpack(3))
print("dltensor" in repr(torch.ones(2).__dlpack__()))  # ends unused
print(torch.from_dlpack(torch.zeros(2, dtype=torch.bfloat16)).dtype, torch.from_dlpack(np.zeros(())))
print(torch.from_dlpack(torch.zeros(0, 3)).shape, torch.ones(1).__dlpack_device__() == (1, 0))
p = torch.ones(2, requires_grad=True)
show(lambda: p.__dlpack__())
show(lambda: np.from_dlpack(p.detach()))
show(lambda: torch.tensor([True]).__dlpack__())
show(lambda: torch.ones(1).__dlpack__(stream="0"))
