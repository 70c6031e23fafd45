# Convolution layers and functions: values, gradients of both orders, shapes, messages.
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
    first = torch.autograd.grad((y * y).sum(), [x] + list(layer.parameters()), create_graph=True)
    print(y.grad_fn.__class__.__name__, tuple(y.shape), '%.3f %.3f' % (y.sum(), y.abs().sum()))
    print(['%.3f' % g.abs().sum() for g in first])
    second = torch.autograd.grad(sum((g * g).sum() for g in first), [x, layer.weight])
    print(['%.2f' % g.abs().sum() for g in second])


torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
for layer, shape in [
        (nn.Conv1d(3, 6, 3), (2, 3, 10)),
        (nn.Conv1d(4, 6, 4, padding='same', groups=2, bias=False), (2, 4, 9)),
        (nn.Conv2d(2, 4, 3, stride=2, padding=1), (2, 2, 8, 7)),
        (nn.Conv2d(4, 4, (3, 2), stride=(1, 3), padding=(2, 1), dilation=2, groups=4), (3, 4, 7, 9)),
        (nn.Conv2d(3, 5, 1), (2, 3, 4, 4)),
        (nn.Conv2d(2, 3, 3, padding='valid'), (2, 5, 5)),
        (nn.Conv3d(2, 3, 2, stride=(1, 2, 1), padding=1), (2, 2, 3, 4, 5)),
        (nn.ConvTranspose1d(3, 4, 3, stride=2, output_padding=1), (2, 3, 5)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, groups=2, dilation=2, output_padding=1), (2, 4, 4, 3)),
        (nn.ConvTranspose2d(2, 2, 2, output_padding=1, dilation=2), (2, 2, 3, 3)),
        (nn.ConvTranspose3d(2, 1, 2, stride=2), (1, 2, 2, 3, 2)),
        (nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode='circular'), (2, 2, 4, 5)),
        (nn.Conv2d(2, 3, (2, 3), padding='same', padding_mode='reflect'), (2, 2, 4, 5)),
        (nn.Conv1d(2, 3, 3, padding=2, padding_mode='replicate'), (2, 2, 4))]:
    print(layer)
    print(layer.weight.flatten()[:3])
    gradients(layer, torch.rand(*shape))
torch.set_default_dtype(torch.float32)

up = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
print(up(torch.ones(1, 2, 3, 3), output_size=(6, 6)).shape)
x = torch.ones(1, 2, 4, 4)
w = torch.arange(36.0).reshape(2, 2, 3, 3) / 36
print(F.conv2d(x, w, torch.tensor([1.0, 2.0]), padding=1))
print(torch.conv2d(x, w, padding='same').shape, F.conv_transpose2d(x, w, stride=2))

show(lambda: F.conv2d(torch.zeros(2, 3, 5, 5), torch.zeros(4, 1, 3, 3)))
show(lambda: F.conv2d(x, w.double()))
show(lambda: F.conv2d(x, w, torch.zeros(3)))
show(lambda: F.conv2d(x, w, torch.zeros(2).double()))
show(lambda: F.conv2d(torch.zeros(3, 3), w))
show(lambda: F.conv1d(x, torch.zeros(4, 3, 3)))
show(lambda: F.conv2d(x, w, padding='foo'))
show(lambda: F.conv2d(x, w, padding='same', stride=2))
show(lambda: F.conv2d(x, w, stride=0))
show(lambda: F.conv2d(x, w, padding=-1))
show(lambda: F.conv2d(x, w, dilation=3))
show(lambda: F.conv2d(x, w, groups=3))
show(lambda: F.conv_transpose2d(x, torch.zeros(4, 3, 3, 3)))
show(lambda: nn.Conv2d(3, 4, 3, groups=2))
show(lambda: nn.Conv2d(4, 3, 3, groups=2))
show(lambda: nn.Conv2d(4, 4, 3, groups=0))
show(lambda: nn.Conv2d(4, 4, 3, padding='same', stride=2))
