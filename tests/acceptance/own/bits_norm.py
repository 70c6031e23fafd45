# The normalisation layers to the last bit, there and back: sums are added in PyTorch's order and
# products fused where its kernels fuse them. Only rounded operations that every processor has are
# used, so this holds for every instruction set.
import hashlib
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def bits(*tensors):
    return " ".join(hashlib.md5(t.detach().contiguous().numpy().tobytes()).hexdigest()[:8] for t in tensors)


def draw(*shape, dtype):
    return torch.randn(*shape, dtype=torch.float64).to(dtype)


def show(name, f, x, *parts):
    x.requires_grad_()
    for p in parts:
        p.requires_grad_()
    y = f(x, *parts)
    y.backward(draw(*y.shape, dtype=y.dtype))
    print(name, bits(y, x.grad, *[p.grad for p in parts]))


torch.manual_seed(0)
for dtype in (torch.float32, torch.float64):
    name = str(dtype)[6:]
    for shape in ((2, 1), (3, 5), (33, 17), (300, 70), (2, 3, 2), (5, 4, 7), (4, 6, 5, 7), (9, 5, 16, 17), (2, 33, 3, 3, 4)):
        channels = shape[1]
        mean, var = draw(channels, dtype=dtype), draw(channels, dtype=dtype).abs()
        for training in (True, False):
            weight, bias = draw(channels, dtype=dtype), draw(channels, dtype=dtype)
            show(f"batch_norm {name} {shape} {training}",
                 lambda x, w, b: F.batch_norm(x, mean, var, w, b, training, 0.3), draw(*shape, dtype=dtype), weight, bias)
        print("  running", bits(mean, var))
        show(f"batch_norm {name} {shape} bare", lambda x: F.batch_norm(x, None, None, None, None, True), draw(*shape, dtype=dtype))
    for n in (1, 2, 3, 7, 8, 9, 16, 31, 64, 127, 128, 129, 300, 1024, 5000):
        show(f"layer_norm {name} {n}", lambda x, w, b: F.layer_norm(x, (n,), w, b),
             draw(5, n, dtype=dtype), draw(n, dtype=dtype), draw(n, dtype=dtype))
        show(f"layer_norm {name} {n} bare", lambda x: F.layer_norm(x, (n,)), draw(3, n, dtype=dtype))
    for shape, groups in (((2, 4, 3), 2), ((3, 6, 5, 5), 3), ((4, 12, 9), 1), ((2, 20, 4, 4), 2), ((2, 9, 31), 9), ((3, 36, 2, 7), 4)):
        channels = shape[1]
        show(f"group_norm {name} {shape} {groups}", lambda x, w, b: F.group_norm(x, groups, w, b),
             draw(*shape, dtype=dtype), draw(channels, dtype=dtype), draw(channels, dtype=dtype))
        show(f"group_norm {name} {shape} {groups} bare", lambda x: F.group_norm(x, groups), draw(*shape, dtype=dtype))
    show(f"instance_norm {name}", lambda x, w, b: F.instance_norm(x, None, None, w, b),
         draw(3, 5, 6, 7, dtype=dtype), draw(5, dtype=dtype), draw(5, dtype=dtype))
