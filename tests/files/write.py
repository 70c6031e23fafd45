"""Writes files in every form that torch.save() and safetensors have. Runs under Saddle and PyTorch."""

import collections
import sys

import torch
import torch.nn as nn

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16,
          torch.bfloat16, torch.float32, torch.float64]
COMPLEX = [torch.complex64, torch.complex128]


def tensors():
    table = torch.arange(12.0).view(3, 4)
    return {
        "dtypes": [torch.tensor([0, 1, 1]).to(dtype) for dtype in DTYPES],
        "complex": [torch.tensor([1.5, -2 + 1j], dtype=dtype) for dtype in COMPLEX],
        "whole": table, "transposed": table.t(), "strided": table[1:, ::2],
        "expanded": torch.ones(1).expand(3, 2), "zero-dim": torch.tensor(3.5),
        "empty": torch.empty(0, 3), "again": table,
        "leaf": torch.ones(2, requires_grad=True), "parameter": nn.Parameter(torch.zeros(2)),
    }


def values():
    return {
        "numbers": [0, 255, 256, 65536, -1, 2**31, 2**100, -(2**70), 1.5, -0.0, float("inf"), 1 + 2j],
        "text": ["", "ascii", "äöü ∇", b"", b"\x00\xff", bytearray(b"ab")],
        "constants": (None, True, False), "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "set": {7}, "frozenset": frozenset([8]), "nested": [[], {}, [{"a": [1, (2, {3: []})]}]],
        "ordered": collections.OrderedDict([("z", 1), ("a", (2,))]),
        "torch": [torch.Size([2, 3]), torch.float64, torch.device("cpu"), torch.device("cuda", 1)],
    }


def fill(module):
    """The same numbers wherever it runs."""
    for parameter in module.parameters():
        parameter.data.copy_(torch.arange(float(parameter.numel())).view(parameter.shape) / 8 - 1)
    return module


def model():
    tied = nn.Linear(2, 2, bias=False)
    return fill(nn.Sequential(nn.Conv1d(1, 2, 2, padding=1), nn.BatchNorm1d(2), nn.Flatten(0, 1), nn.ReLU(),
                              nn.Linear(3, 2), tied, nn.Dropout(0.25), tied))


def step(make):
    module = fill(nn.Linear(2, 2))
    optimizer = make(module.parameters())
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


def main(prefix):
    plain = {"tensors": tensors(), "values": values()}
    for protocol in (2, 3, 4, 5):
        torch.save(plain, f"{prefix}protocol{protocol}.pt", pickle_protocol=protocol)
    torch.save(plain, f"{prefix}old.pt", _use_new_zipfile_serialization=False)
    network = model()
    torch.save(network.state_dict(), f"{prefix}state.pt")
    torch.save(network, f"{prefix}model.pt")
    adam = step(lambda p: torch.optim.Adam(p, lr=0.5))
    sgd = step(lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9))
    torch.save({"adam": adam.state_dict(), "sgd": sgd.state_dict()}, f"{prefix}optimizer.pt")
    try:
        from safetensors.torch import save_file
    except ImportError:
        return
    safe = {f"{t.dtype}"[6:]: t for t in plain["tensors"]["dtypes"]}
    safe.update({"table": plain["tensors"]["whole"], "zero-dim": torch.tensor(2), "empty": torch.empty(0, 3)})
    save_file(safe, f"{prefix}safe.safetensors", metadata={"format": "pt"})


main(sys.argv[1])
