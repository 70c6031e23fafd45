# Ways to make tensors that older programs and other libraries use, and where they share memory.
import array
import numpy as np
import torch

# from memory
b = bytearray(range(16))
x = torch.frombuffer(b, dtype=torch.int32)
print(x)
b[0] = 255
print(x[0].item())
print(torch.frombuffer(b, dtype=torch.uint8, count=3, offset=2))
for bad in (dict(offset=3), dict(count=9), dict(offset=16), dict(count=0), dict(offset=-1)):
    try:
        torch.frombuffer(b, dtype=torch.int32, **bad)
    except ValueError as e:
        print(e)
try:
    torch.frombuffer([1, 2], dtype=torch.int32)
except ValueError as e:
    print(e)

# asarray: shared where it can be
a = np.arange(3.0)
t = torch.asarray(a)
a[0] = 7
print(t, torch.asarray(a, copy=True), torch.asarray(a, dtype=torch.int32))
s = torch.ones(2, requires_grad=True)
print(torch.asarray(s, requires_grad=True), torch.asarray([1, 2.5]), torch.asarray(3))
print(torch.asarray(array.array("f", [1.5, 2.5])))
for f in (lambda: torch.asarray(a, dtype=torch.int32, copy=False),
          lambda: torch.asarray([1, 2], copy=False), lambda: torch.asarray(s, dtype=torch.int64, copy=False)):
    try:
        f()
    except ValueError as e:
        print(e)

# NumPy's numbers keep their type
print(torch.tensor(np.complex64(1 + 2j)), torch.tensor([np.complex64(1 + 2j), 1]))
print(torch.tensor([np.float64(1.5), 2]), torch.tensor(np.int8(3)), torch.tensor([np.float16(1)]))
print(torch.tensor([np.array([1.0, 2.0]), np.array([3.0, 4.0])]))
print(np.float32(2) * torch.ones(2), np.int64(3) - torch.ones(2), torch.ones(2) / np.float32(4))

# numbers that do not fit
for f in (lambda: torch.tensor(300, dtype=torch.uint8), lambda: torch.full((2,), 300, dtype=torch.uint8),
          lambda: torch.ones(2).fill_(1e300), lambda: torch.ones(2, dtype=torch.int32).fill_(float("nan")),
          lambda: torch.ones(2).fill_(1j), lambda: torch.tensor([1e20], dtype=torch.int64),
          lambda: torch.tensor([1j], dtype=torch.float)):
    try:
        print(f())
    except (RuntimeError, TypeError) as e:
        print(type(e).__name__, e)
print(torch.tensor(-1, dtype=torch.uint8), torch.tensor(1e300), torch.ones(2).fill_(torch.tensor(3)))

# the family of new_
x = torch.ones(2, dtype=torch.float64)
print(x.new_full((2, 2), 5), x.new_zeros(2, 3), x.new_ones((2,), dtype=torch.int64), x.new_tensor([1, 2]))
print(x.new_empty(2, 3).shape, x.new_empty_strided((2, 3), (1, 2)).stride(), x.new([1, 2]))
for f in (lambda: x.new_full((2,)), lambda: x.new_zeros("x"), lambda: x.new_ones(2, x=1),
          lambda: x.new_full(2, 3)):
    try:
        f()
    except TypeError as e:
        print(e)

# the old types
print(torch.FloatTensor([1, 2]), torch.LongTensor([[1.7, 2]]), torch.FloatTensor(2, 3).shape)
print(torch.FloatTensor, isinstance(x, torch.DoubleTensor), isinstance(x, torch.FloatTensor))
print(x.type(torch.LongTensor), x.type("torch.HalfTensor"), torch.IntTensor.dtype)
torch.set_default_tensor_type(torch.DoubleTensor)
print(torch.ones(1), torch.Tensor([1]))
torch.set_default_tensor_type("torch.FloatTensor")
print(torch.ones(1))

# indices, ranges, shapes
print(torch.tril_indices(3, 4), torch.triu_indices(3, 3, 1, dtype=torch.int32))
print(torch.scalar_tensor(3), torch.scalar_tensor(2.5, dtype=torch.int32))
print(torch.arange(0, 5.5, dtype=torch.int64), torch.empty_strided((2, 3), (1, 2)).stride())
print(torch.broadcast_shapes((2, 1), 3, ()), torch.broadcast_shapes())
try:
    torch.broadcast_shapes((2,), (3,))
except RuntimeError as e:
    print(e)
print([t.tolist() for t in torch.broadcast_tensors(torch.ones(2, 1), torch.zeros(3))])

# memory of tensors
x = torch.zeros(2)
y = torch.arange(6.0)
x.set_(y[2:4])
y[2] = 9
print(x, x.set_(y.storage(), 1, (2, 2), (1, 2)), x.set_())
print(torch.ones(2).resize_as_(torch.ones(1)), y.is_set_to(y.view(6)), y.get_device(), y.layout)
print(y.as_strided_((2, 2), (2, 1)), y.is_same_size(torch.ones(2, 2)))

# a Python function of each element
print(torch.arange(4.0).apply_(lambda v: v * v), torch.ones(2, 2).map_(torch.tensor([3.0, 4]), lambda a, b: a - b))
try:
    torch.ones(2).map_(torch.ones(2).long(), lambda a, b: a)
except TypeError as e:
    print(e)
try:
    torch.ones(2, requires_grad=True).apply_(lambda v: v)
except RuntimeError as e:
    print(e)

# where, and products added in place
c = torch.tensor([True, False])
g = torch.tensor([1.0, 2.0], requires_grad=True)
g.where(c, torch.zeros(2)).sum().backward()
print(g.grad)
m = torch.eye(2)
print(m.clone().addmm_(m, m), m.clone().addmm_(m, m, beta=2, alpha=3), torch.ones(2).addmv_(m, torch.ones(2)))
print(torch.ones(1, 2, 2).baddbmm_(m[None], m[None]), torch.ones(2, 2).addbmm_(m[None], m[None]),
      torch.ones(2, 2).addr_(torch.ones(2), torch.arange(2.0)))

# a generator's state
torch.manual_seed(5)
torch.randn(3)
state = torch.get_rng_state()
print(state.shape, state[:8], state.long().sum())
r = torch.randn(2)
torch.set_rng_state(state)
print(torch.equal(r, torch.randn(2)))


@torch.random.fork_rng()
def f():
    return torch.rand(1)


before = torch.get_rng_state()
f()
print(torch.equal(before, torch.get_rng_state()))
