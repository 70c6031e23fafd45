# Convolutions, their gradients and max pooling of many shapes. The elements are small whole numbers, so
# every sum is exact and the order of the additions does not show.
import torch
import torch.nn.functional as F


def numbers(*shape, dtype=torch.float32):
    count = torch.Size(shape).numel()
    return (torch.arange(count) * 7 % 11 - 5).reshape(shape).to(dtype)


def digest(t):
    flat = t.detach().double().flatten()
    weights = torch.arange(1, len(flat) + 1, dtype=torch.float64) % 97
    return tuple(t.shape), int((flat * weights).sum()), int(flat.abs().sum())


def convolve(name, x, w, bias, **options):
    x, w = x.requires_grad_(), w.requires_grad_()
    y = getattr(F, name)(x, w, bias, **options)
    y.backward(numbers(*y.shape, dtype=y.dtype))
    print(name, digest(y), digest(x.grad), digest(w.grad), digest(bias.grad))


CASES = [  # batch, in, out, size, kernel, options
    (2, 1, 1, (8, 8), (3, 3), {}),
    (3, 1, 6, (28, 28), (5, 5), dict(padding=2)),
    (9, 3, 8, (14, 14), (3, 3), dict(padding=1)),
    (2, 4, 13, (9, 31), (3, 2), dict(stride=2)),
    (1, 16, 32, (14, 14), (3, 3), dict(padding=1)),
    (2, 6, 12, (11, 7), (3, 3), dict(groups=3, padding=1, dilation=2)),
    (2, 5, 5, (10, 10), (3, 3), dict(groups=5, padding=1)),
    (2, 3, 7, (10, 13), (1, 1), {}),
    (2, 3, 7, (10, 13), (1, 1), dict(stride=3)),
    (2, 2, 3, (5, 6), (4, 4), dict(stride=(3, 1), padding=(3, 2), dilation=(1, 2))),
    (4, 3, 5, (40,), (7,), dict(stride=2, padding=3)),
    (2, 2, 3, (5, 6, 7), (3, 2, 3), dict(padding=(1, 0, 1), stride=(1, 2, 1))),
]
for dtype in (torch.float32, torch.float64):
    for batch, channels, out, size, kernel, options in CASES:
        convolve("conv%dd" % len(size), numbers(batch, channels, *size, dtype=dtype),
                 numbers(out, channels // options.get("groups", 1), *kernel, dtype=dtype),
                 numbers(out, dtype=dtype).requires_grad_(), **options)
    for batch, channels, out, size, kernel, options in CASES:
        groups = options.get("groups", 1)
        convolve("conv_transpose%dd" % len(size), numbers(batch, channels, *size, dtype=dtype),
                 numbers(channels, out // groups, *kernel, dtype=dtype),
                 numbers(out, dtype=dtype).requires_grad_(), **options)

for size, kernel, options in [((28, 28), 2, {}), ((14, 15), 2, {}), ((9, 40), 3, dict(stride=1, padding=1)),
                              ((9, 23), 3, dict(stride=3, dilation=2)), ((17, 6), 3, dict(ceil_mode=True))]:
    x = numbers(2, 3, *size).requires_grad_()
    y, places = F.max_pool2d(x, kernel, return_indices=True, **options)
    y.backward(numbers(*y.shape))
    print("max_pool2d", digest(y), digest(places), digest(x.grad))
x = torch.tensor([[[1.0, float("nan"), 3.0, 2.0, float("-inf"), float("-inf")] * 4]])
print(F.max_pool1d(x, 2, return_indices=True))
