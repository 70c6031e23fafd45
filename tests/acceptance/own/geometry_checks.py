# Sizes, strides and offsets that no storage can hold, or that overflow 64 bits, are refused.
import torch

big = 2**62


def show(make):
    try:
        t = make()
        print(tuple(t.shape), t.stride(), t.storage_offset())
    except RuntimeError as e:
        print(str(e).split('\n')[0])


for size, stride in [((3, 3), (big, big)), ((2, 2), (-1, 1)), ((-2, 2), (1, 1)), ((2, 0), (5, 1)),
                     ((2, 3), (5, 1)), ((), ()), ((2**40, 2**40), (0, 0))]:
    show(lambda: torch.empty_strided(size, stride))
x = torch.arange(6.)
for geometry in [((2, 2), (-1, 1)), ((3, 3), (big, big)), ((20,), (1,)), ((2,), (1,), -1),
                 ((2,), (1, 1)), ((0,), (1,), 100), ((2**40, 2**40), (0, 0)), ((2, 2), (2, 1), 2)]:
    show(lambda: x.as_strided(*geometry))
storage = x.storage()
for geometry in [(), (1, (2,)), (0, (2, 3)), (0, (2, 3), (1, 2)), (0, (2,), (-1,)), (-1, (2,)),
                 (0, (3, 3), (big, big)), (0, (2**40, 2**40), (0, 0)), (0, (2, 2), (1,))]:
    show(lambda: torch.ones(4).set_(storage, *geometry))
t = torch.ones(4)
t.set_(storage, 5, ())
print(t, t.sum(0), t.cumsum(0), t.unsqueeze(0))
empty = x.as_strided((0,), (1,), 100)
print(empty.resize_(3).fill_(2))
