# Classes between Module and the layers.
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.loss import _Loss, _WeightedLoss


def names(cls):
    return [base.__name__ for base in cls.__mro__ if base.__name__ not in ("object", "LazyModuleMixin")]


for name in ("Conv1d", "Conv2d", "ConvTranspose2d", "BatchNorm1d", "BatchNorm3d", "InstanceNorm2d", "MaxPool2d",
             "AvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "Dropout", "Dropout2d", "AlphaDropout",
             "ConstantPad1d", "ReflectionPad2d", "ReplicationPad3d", "MSELoss", "L1Loss", "CrossEntropyLoss",
             "NLLLoss", "BCELoss", "BCEWithLogitsLoss", "TripletMarginLoss", "Linear", "ReLU", "LayerNorm",
             "RNN", "LSTM", "GRU"):
    print(name, names(getattr(nn, name)))


class Asymmetric(_Loss):
    def forward(self, input, target):
        difference = input - target
        loss = torch.where(difference > 0, 3 * difference, -difference)
        return loss.mean() if self.reduction == "mean" else loss.sum()


class Weighted(_WeightedLoss):
    def forward(self, input, target):
        return ((input - target) ** 2 * self.weight).sum()


x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 2.0, 1.0])
print(Asymmetric(), Asymmetric()(x, y), Asymmetric(reduction="sum")(x, y), Asymmetric(size_average=None).reduction)
print(Weighted(torch.ones(3))(x, y), Weighted(torch.ones(3)).state_dict())
try:
    _Loss()(x, y)
except NotImplementedError as error:
    print(error)


def start(module):
    if isinstance(module, (_ConvNd, nn.Linear)):
        nn.init.constant_(module.weight, 0.5)
    elif isinstance(module, _BatchNorm):
        nn.init.constant_(module.weight, 2.0)


net = nn.Sequential(nn.Conv2d(1, 1, 2), nn.BatchNorm2d(1), nn.ReLU(), nn.Flatten(), nn.Linear(4, 1)).apply(start)
print([p.sum().item() for p in net.parameters()][0:3:2])
print(isinstance(nn.ConvTranspose1d(1, 1, 1), _ConvTransposeNd), isinstance(nn.Conv1d(1, 1, 1), _ConvTransposeNd))
