"""Runs the cases of a table with the torch at hand, PyTorch's or Saddle's, and prints what each gives.

usage: driver.py TABLE [FIRST [PATTERN]]

One line for each case: its number, a tab, and what happened: results with dtype, shape, strides where
they are not contiguous, grad_fn and values; then gradients; or the exception. Warnings stand first.
"""
import math
import os
import sys
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torch
from torch import nn
import torch.nn.functional as F

import cases

NAMES = {getattr(torch, long): short for short, long in cases.DTYPES.items() if hasattr(torch, long)}
DIGITS = {"f16": 6, "bf16": 5, "f32": 8, "c64": 8, "c32": 6}
SHOWN = 32  # of larger tensors: the first and last elements and a sum over all


def number(x, digits):
    if isinstance(x, bool):
        return "T" if x else "F"
    if isinstance(x, complex):
        return f"{x.real:.{digits}g} {x.imag:.{digits}g}j"
    return f"{x:.{digits}g}" if isinstance(x, float) else str(x)


def describe_values(values, digits):
    if len(values) <= SHOWN:
        return [number(v, digits) for v in values]
    weighted = math.fsum(abs(v) * (1 + i % 7) for i, v in enumerate(values))
    negative = sum(not isinstance(v, complex) and v < 0 for v in values)
    return ([number(v, digits) for v in values[:6]] + ["..", number(weighted, digits), "..", str(negative),
            ".."] + [number(v, digits) for v in values[-4:]])


def describe_tensor(x):
    name = NAMES.get(x.dtype, str(x.dtype))
    words = [f"{name}[{'x'.join(map(str, x.shape))}]"]
    if not x.is_contiguous():
        words[0] += "/" + ",".join(map(str, x.stride()))
    if x.requires_grad:
        words[0] += ":" + (type(x.grad_fn).__name__ if x.grad_fn is not None else "leaf")
    return " ".join(words + describe_values(x.detach().reshape(-1).tolist(), DIGITS.get(name, 16)))


def describe(x):
    if isinstance(x, torch.Tensor):
        return describe_tensor(x)
    if isinstance(x, (list, tuple)) and type(x) is not torch.Size:
        return f"{type(x).__name__}( {' ; '.join(map(describe, x))} )"
    if isinstance(x, float):
        return f"float {x:.16g}"
    return f"{type(x).__name__} {x!r}"


def first_line(text):
    return str(text).split("\n")[0].split(" (Triggered internally")[0].rstrip()


def tensors_in(x):
    if isinstance(x, torch.Tensor):
        yield x
    elif isinstance(x, (list, tuple)):
        for one in x:
            yield from tensors_in(one)


def weights(count):
    return [((i * 5 + 2) % 7 - 2) / 2 for i in range(count)]


def fill(module):
    """Gives the parameters and floating buffers of a module values that follow from their places."""
    with torch.no_grad():
        for salt, p in enumerate(module.parameters()):
            n = p.numel()
            p.copy_(torch.tensor([(((i + 3 * salt) * 7 + 3) % 23 - 11) / 16 for i in range(n)]).reshape(p.shape))
    return module


def describe_gradients(result, names):
    """Backward from everything that wants it, and the gradients of inputs and of modules' parameters."""
    roots = [t for t in tensors_in(result) if t.requires_grad and t.is_floating_point()]
    if not roots:
        return ""
    leaves = []
    for name, x in names.items():
        if isinstance(x, torch.Tensor) and x.requires_grad and x.is_leaf:
            leaves.append((name, x))
        if isinstance(x, nn.Module):
            leaves += [(f"{name}.{part}", p) for part, p in x.named_parameters()]
    try:
        seeds = [torch.tensor(weights(t.numel()), dtype=t.dtype).reshape(t.shape) for t in roots]
        torch.autograd.backward(roots, seeds)
    except Exception as e:
        return f" | backward: {type(e).__name__}: {first_line(e)}"
    return "".join(f" | {name}: {'None' if x.grad is None else describe_tensor(x.grad.detach())}"
                   for name, x in leaves)


compiled = {}


def compile_text(text):
    if text not in compiled:
        *statements, last = [s.strip() for s in cases.split_text(text, ";")]
        try:
            last = compile(last, "<case>", "eval")
        except SyntaxError:  # a statement: its result is None
            statements, last = statements + [last], compile("None", "<case>", "eval")
        compiled[text] = compile("\n".join(statements), "<case>", "exec"), last
    return compiled[text]


def run_case(case):
    names = {"torch": torch, "nn": nn, "F": F, "fill": fill, "math": math, "inf": math.inf, "nan": math.nan}
    inputs = {name: cases.make_input(torch, name, text) for name, text in case.inputs.items()}
    names.update(inputs)
    statements, last = compile_text(case.text)
    torch.manual_seed(1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(statements, names)
            result = eval(last, names)
            # What follows must not see what the case has set.
            said = describe(result) + describe_gradients(result, {**inputs, **names})
        except Exception as e:
            said = f"{type(e).__name__}: {first_line(e)}"
    return "".join(f"{w.category.__name__}: {first_line(w.message)} | " for w in caught) + said


def main(table, first=0, pattern=""):
    table = cases.read_table(table)
    for i, case in enumerate(table):
        if i < int(first) or not cases.matches(pattern, case.id):
            continue
        try:
            said = run_case(case)
        except Exception as e:
            said = f"(no input) {type(e).__name__}: {first_line(e)}"
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")
        os.write(1, f"{i}\t{said}\n".encode("utf-8", "backslashreplace"))


main(*sys.argv[1:])
