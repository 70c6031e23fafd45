# Pooling, normalisation, embedding and bilinear: values, gradients, shapes, messages.
import torch
import torch.nn as nn
import torch.nn.functional as F


def show(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


def gradients(layer, x):
    x = x.clone().requires_grad_()
    y = layer(x)
    first = torch.autograd.grad((y * y * y).sum(), [x] + list(layer.parameters()), create_graph=True)
    print(layer, tuple(y.shape), '%.3f %.3f' % (y.sum(), y.abs().sum()))
    print(['%.3f' % g.abs().sum() for g in first])
    print('%.2f' % torch.autograd.grad(sum((g * g).sum() for g in first), x)[0].abs().sum())


torch.manual_seed(4)
torch.set_default_dtype(torch.float64)
for layer, shape in [
        (nn.MaxPool1d(3, stride=2, padding=1), (2, 3, 8)),
        (nn.MaxPool2d((2, 3), stride=(1, 2), dilation=(2, 1), ceil_mode=True), (2, 2, 6, 6)),
        (nn.MaxPool3d(2), (1, 2, 4, 5, 4)),
        (nn.AvgPool1d(3, stride=2, padding=1), (2, 3, 8)),
        (nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), (2, 2, 6, 6)),
        (nn.AvgPool2d(2, divisor_override=3), (2, 5, 6)),
        (nn.AvgPool3d(2, padding=1), (1, 2, 4, 5, 4)),
        (nn.AdaptiveAvgPool1d(3), (2, 2, 7)),
        (nn.AdaptiveAvgPool2d((3, 2)), (2, 2, 7, 5)),
        (nn.AdaptiveAvgPool2d(1), (2, 2, 7, 5)),
        (nn.AdaptiveAvgPool3d(2), (1, 2, 3, 4, 5)),
        (nn.BatchNorm1d(3), (5, 3)),
        (nn.BatchNorm2d(3, momentum=None), (2, 3, 4, 5)),
        (nn.BatchNorm3d(2, affine=False, track_running_stats=False), (2, 2, 2, 2, 2)),
        (nn.BatchNorm1d(3).eval(), (5, 3, 4)),
        (nn.LayerNorm((3, 4)), (2, 3, 4)),
        (nn.GroupNorm(2, 4), (2, 4, 3))]:
    gradients(layer, torch.rand(*shape))
torch.set_default_dtype(torch.float32)

values, places = F.max_pool2d(torch.rand(1, 2, 5, 5), 2, return_indices=True)
print(values, places)
print(nn.MaxPool1d(2, return_indices=True)(torch.rand(2, 6))[1])
x = torch.rand(4, 2, 4, 4, requires_grad=True)
print([type(f(x).grad_fn).__name__ for f in (
    lambda x: F.max_pool2d(x, 2), lambda x: F.max_pool1d(x[0], 2), lambda x: F.avg_pool2d(x, 2),
    lambda x: F.adaptive_avg_pool2d(x, 2), lambda x: F.adaptive_avg_pool2d(x, 1),
    lambda x: F.batch_norm(x, None, None, training=True))])
bn = nn.BatchNorm2d(2)
for _ in range(3):
    bn(torch.rand(4, 2, 3, 3)).sum().backward()
print(bn.state_dict(), bn.weight.grad.abs().max() < 1e-5, bn.bias.grad)
print(bn.eval()(torch.ones(1, 2, 1, 2)))
every = nn.BatchNorm1d(2, momentum=None)
every(torch.rand(6, 2)), every(torch.rand(6, 2))
print(every.running_mean, every.running_var, every.num_batches_tracked)

table = nn.Embedding(5, 3, padding_idx=1)
rows = table(torch.tensor([[0, 1, 4], [4, 2, 1]]))
rows.pow(2).sum().backward()
print(rows, type(rows.grad_fn).__name__, table.weight.grad)
two = nn.Bilinear(2, 3, 4)
y = two(torch.rand(5, 2), torch.rand(5, 3))
y.sum().backward()
print(two, y, two.weight.grad.sum(), two.bias.grad)

x = torch.zeros(2, 3, 5, 5)
show(lambda: F.max_pool2d(torch.zeros(1, 1, 1, 1), 2))
show(lambda: F.max_pool2d(x, 2, padding=2))
show(lambda: F.max_pool2d(x, 2, stride=0))
show(lambda: F.max_pool2d(torch.zeros(3, 3), 2))
show(lambda: F.max_pool2d(x.long(), 2))
show(lambda: F.avg_pool2d(x, 2, divisor_override=0))
show(lambda: F.avg_pool1d(torch.zeros(3), 2))
show(lambda: F.adaptive_avg_pool2d(torch.zeros(3, 3), 2))
show(lambda: nn.BatchNorm2d(3)(torch.zeros(3, 3)))
show(lambda: nn.BatchNorm1d(3)(torch.zeros(3, 3, 3, 3)))
show(lambda: nn.BatchNorm1d(3)(torch.zeros(1, 3)))
show(lambda: nn.BatchNorm1d(3)(torch.zeros(4, 2)))
show(lambda: F.batch_norm(torch.zeros(4, 2), None, None))
show(lambda: F.batch_norm(torch.zeros(4, 2), None, None, torch.ones(3), training=True))
show(lambda: F.layer_norm(torch.zeros(4, 2), (3,)))
show(lambda: F.layer_norm(torch.zeros(4, 2), (2,), torch.ones(3)))
show(lambda: F.group_norm(torch.zeros(4, 3), 2))
show(lambda: nn.GroupNorm(2, 3))
show(lambda: table(torch.tensor([5])))
print(nn.MaxPool2d((2, 3), stride=1, ceil_mode=True), nn.LayerNorm(4), nn.AvgPool3d(2))
