# Functions of torch.nn.functional under their other names: in place, and in torch with another order of arguments.
import warnings

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
x = torch.randn(2, 3, 4)
for module in (F, torch):
    for name, rest in (("elu_", (0.5,)), ("celu_", (0.7,)), ("selu_", ()), ("rrelu_", (0.1, 0.3)), ("relu_", ()),
                       ("hardtanh_", ()), ("leaky_relu_", (0.2,)), ("threshold_", (0.1, 2.0))):
        if not hasattr(module, name):
            print(name, "is not in", module.__name__)
            continue
        leaf = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
        y = leaf * 1
        z = getattr(module, name)(y, *rest)
        z.sum().backward()
        print(name, z is y, z.detach(), y._version, leaf.grad)
        try:
            getattr(module, name)(leaf, *rest)
        except RuntimeError as error:
            print(error)

torch.manual_seed(1)
y = torch.ones(6)
print(torch.dropout(y, 0.5, True), torch.dropout(y, 0.5, False) is y, torch.dropout(y, p=0.2, train=True))
print(torch.dropout_(y, 0.5, True) is y, y)
print(torch.alpha_dropout(torch.ones(5), 0.5, True), torch.feature_alpha_dropout(torch.ones(2, 3, 2), 0.5, True))
mean, var = torch.zeros(3), torch.ones(3)
print(torch.batch_norm(x, torch.ones(3) * 2, torch.ones(3), mean, var, True, 0.1, 1e-5, False), mean, var)
print(torch.batch_norm(x, None, None, mean, var, False, 0.1, 1e-5, False))
print(torch.instance_norm(x, torch.ones(3) * 2, torch.ones(3), None, None, True, 0.1, 1e-5, False))
print(torch.adaptive_max_pool1d(x, 2))

m = nn.ReLU6()
print(m, nn.ReLU6(True), isinstance(m, nn.Hardtanh), m.min_val, m.max_val, m(torch.tensor([-1.0, 3.0, 9.0])))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    loss = nn.NLLLoss2d(ignore_index=1)
    print(caught[0].category.__name__, caught[0].message)
print(loss, isinstance(loss, nn.NLLLoss), [c.__name__ for c in nn.NLLLoss2d.__mro__])
print(loss(x.log_softmax(1), torch.zeros(2, 4, dtype=torch.long)))
