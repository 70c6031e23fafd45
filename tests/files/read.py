"""Prints what the files of write.py hold. Runs under Saddle and PyTorch."""

import os
import sys

import torch


def show(name, value):
    if isinstance(value, torch.Tensor):
        print(name, type(value).__name__, value, value.dtype, value.stride(), value.requires_grad)
    elif isinstance(value, dict):
        print(name, type(value).__name__, list(value))
        for key, item in value.items():
            show(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)) and any(isinstance(v, (torch.Tensor, dict)) for v in value):
        print(name, type(value).__name__)
        for i, item in enumerate(value):
            show(f"{name}[{i}]", item)
    else:
        print(name, repr(value))


def main(prefix):
    for form in ("protocol2", "protocol3", "protocol4", "protocol5", "old"):
        loaded = torch.load(f"{prefix}{form}.pt")
        show(form, loaded)
        tensors = loaded["tensors"]
        tensors["whole"][1, 0] = 99  # seen by all that share its storage
        print(tensors["transposed"], tensors["strided"], tensors["again"] is tensors["whole"])
    state = torch.load(f"{prefix}state.pt")
    show("state", state)
    print(state._metadata)
    state["5.weight"][0, 0] = 99
    print(state["7.weight"])
    network = torch.load(f"{prefix}model.pt", weights_only=False)
    print(network, network[5] is network[7], network.training)
    show("model", network.state_dict())
    print(network.eval()(torch.arange(2.0).view(1, 1, 2)))
    show("optimizer", torch.load(f"{prefix}optimizer.pt"))
    try:
        from safetensors.torch import load_file, safe_open
    except ImportError:
        return
    if os.path.exists(f"{prefix}safe.safetensors"):
        show("safetensors", load_file(f"{prefix}safe.safetensors"))
        with safe_open(f"{prefix}safe.safetensors", framework="pt") as file:
            print(file.keys(), file.metadata(), file.get_tensor("table"))


main(sys.argv[1])
