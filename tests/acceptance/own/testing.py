# torch.testing: assert_close with its messages, make_tensor.
import math
from collections import OrderedDict

import torch
from torch.testing import assert_close, make_tensor

nan, inf = float("nan"), float("inf")
t = torch.tensor


def attempt(*args, **options):
    try:
        print("close" if assert_close(*args, **options) is None else "?")
    except Exception as e:
        print(type(e).__name__, "|", e)
    print("--")


a = torch.tensor([1.0, 2.0, 3.0])
attempt(a, a.clone())
attempt(a, a + 1e-6)
attempt(a, torch.tensor([1.0, 4.0, 5.0]))
attempt(a, torch.tensor([1.0, 4.0, 5.0]), rtol=0, atol=0)
attempt(a, torch.tensor([1.0, 4.0, 5.0]), rtol=0.1, atol=0)
attempt(a, torch.tensor([1.0, 4.0, 5.0]), rtol=0.1)
attempt(a, torch.tensor([1.0, 4.0, 5.0]), atol=1)
attempt(a, torch.tensor([1.0, 4.0, 5.0]), msg="they differ")
attempt(a, torch.tensor([1.0, 4.0, 5.0]), msg=lambda m: "Header\n\n" + m + "\n\nFooter")
attempt(a.double(), a)
attempt(a.double(), a, check_dtype=False)
attempt(a.reshape(1, 3), a)
attempt(a.int(), t([1, 2, 5], dtype=torch.int32))
attempt(a.int(), a.long())
attempt(a.int(), a.long() * 2, check_dtype=False)
attempt(torch.ones(2, 3).t(), torch.ones(3, 2), check_stride=True)
attempt(torch.ones(2, 3).t(), torch.ones(3, 2))
attempt(torch.arange(24.).reshape(2, 3, 4), torch.arange(24.).reshape(2, 3, 4) * 1.01)
attempt(t([True, False]), t([True, True]))
attempt(t(1.0), t(2.0))
attempt(t(1), t(2))
attempt(t(nan), t(nan))
attempt(t(nan), t(nan), equal_nan=True)
attempt(t([1., nan, 3]), t([1., nan, 4]))
attempt(t([1., inf]), t([1., -inf]))
attempt(t([1., inf]), t([1., inf]))
attempt(t([]), t([]))
attempt(t([0., 1.]), t([1e-3, 0.]))
attempt(torch.nn.Parameter(a), a)
attempt(torch.nn.Parameter(a), a, allow_subclasses=False)
attempt(torch.nn.Parameter(a * 2), a)
attempt(1.0, 1.0 + 1e-9)
attempt(1.0, 2.0)
attempt(2, 3)
attempt(1.0, 1)
attempt(1.0, 1, check_dtype=False)
attempt(1, 0)
attempt(nan, nan)
attempt(nan, nan, equal_nan=True)
attempt(1e-9, 1e-10, rtol=0, atol=0)
attempt(1 + 2j, 1 + 3j)
attempt(inf, 1.0)
attempt(None, None)
attempt(None, 1)
attempt(True, True)
attempt(True, False)
attempt("a", "a")
attempt(a, [1.0, 2.0, 3.0])
attempt(a, 1.0)
attempt([a, 1.0, None], (a, 1.0, None))
attempt([a, 1.0, None], (a, 1.5, None))
attempt([1, 2], [1])
attempt([1, [2, [3]]], [1, [2, [4]]])
attempt({"x": 1, "y": [a]}, OrderedDict(y=[a + 1], x=1))
attempt({"x": 1, "y": 2}, {"x": 1, "z": 2})
attempt({"k": {1: 1.0}}, {"k": {1: 1.0}})
attempt({"k": {1: 1.0}}, {"k": {1: 2.0}}, msg="no")
attempt([1, "s"], [2, "s"])
attempt([1, 2], [3, [1]])
try:
    import numpy as np
    attempt(np.array([1., 2]), np.array([1., 3]))
    attempt(np.float32(1), 1.0)
    attempt(np.ones(2), torch.ones(2))
except ImportError:
    pass
try:
    assert_close(1)
except TypeError as e:
    print(e)
try:
    assert_close(1, 2, wrong=3)
except TypeError as e:
    print(e)

torch.manual_seed(0)
print(make_tensor((2, 3), dtype=torch.float32, device="cpu"))
print(make_tensor(3, dtype=torch.float64, device="cpu", low=0, high=1, requires_grad=True))
print(make_tensor(5, dtype=torch.int64, device="cpu"), make_tensor(4, dtype=torch.uint8, device="cpu"))
print(make_tensor(6, dtype=torch.bool, device="cpu"), make_tensor((), dtype=torch.int8, device="cpu"))
x = make_tensor(2, 3, dtype=torch.float32, device="cpu", noncontiguous=True, low=-1, high=1)
print(x, x.stride(), x.is_contiguous())
print(make_tensor(8, dtype=torch.int32, device="cpu", low=0, high=2, exclude_zero=True))
for options in ({"low": 2, "high": 1}, {"low": nan}, {"requires_grad": True}):
    try:
        make_tensor(2, dtype=torch.int64, device="cpu", **options)
    except ValueError as e:
        print(e)
