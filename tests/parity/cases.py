"""The tables of calls: reading them, and making the inputs that they name.

README.md says how a table is written. Nothing here uses random numbers: an input's values follow from
its description and its name, so that they are the same wherever the table runs.
"""
import math
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))

DTYPES = {
    "bool": "bool", "u8": "uint8", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
    "f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64",
    "c32": "complex32", "c64": "complex64", "c128": "complex128",
}
GROUPS = {
    "@int": "u8,i8,i16,i32,i64", "@float": "f16,bf16,f32,f64", "@complex": "c64,c128",
    "@main": "bool,i64,f32,f64",
    "@all": "bool,u8,i8,i16,i32,i64,f16,bf16,f32,f64,c64,c128",
}


class Case:
    """One call with its inputs: `text` is what runs, `inputs` maps names to descriptions."""

    def __init__(self, text, inputs, options):
        self.text, self.inputs, self.options = text, inputs, options
        self.binding = " ".join(f"{name}={value}" for name, value in inputs.items())
        self.id = f"{text} | {self.binding}"


def expand(text):
    """Braces as in a shell: 'a{b,c}' gives 'ab' and 'ac'. Commas in brackets do not count, nor those
    behind a backslash; braces without a comma that counts are left alone."""
    for match in re.finditer(r"\{([^{}]*[^{}\\],[^{}]*|,[^{}]*)\}", text):
        before, after = text[:match.start()], text[match.end():]
        parts = []
        for part in split_text(match.group(1), ","):
            if parts and parts[-1].endswith("\\"):
                parts[-1] += "," + part
            else:
                parts.append(part)
        if len(parts) > 1:
            return [whole for part in parts for whole in expand(before + part + after)]
    return [text.replace("\\,", ",")]


def matches(pattern, text):
    """Whether the parts of the pattern between its '*' stand in the text, one after the other."""
    at = 0
    for part in pattern.split("*"):
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def split_text(text, separator):
    """Splits at a separator that stands outside of brackets and strings."""
    parts, depth, quote, start = [], 0, None, 0
    for i, c in enumerate(text):
        if quote:
            quote = None if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return parts + [text[start:]]


def read_bindings(line):
    def types(match):  # "@int" stands for "{u8,i8..}"; in braces already for "u8,i8.."
        before, name = match.groups()
        return before + GROUPS[name] if before in ("{", ",") else before + "{" + GROUPS[name] + "}"

    for one in expand(re.sub(r"(.)(@\w+)", types, line)):
        yield dict(part.split("=", 1) for part in split_text(one, " ") if part)


def read_table(path):
    """All cases of a table, call by call; the order of its golden file."""
    cases, bindings, options, in_calls = [], [], {}, False
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith("    "):
            in_calls = True
            for text in expand(line.strip()):
                cases += [Case(text, b, options) for b in bindings or [{}]]
            continue
        if in_calls:
            bindings, options, in_calls = [], {}, False
        if line.startswith("%"):
            words = line[1:].split()
            options = {**options, words[0]: " ".join(words[1:])}
        elif line.strip() != "-":
            bindings = bindings + list(read_bindings(line))
    return list({case.id: case for case in cases}.values())  # one that stands there twice runs once


# ---- inputs ------------------------------------------------------------------------------------------
SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 0.0, 1.0, -1.0, 0.5, -1.5, 2.5, 3.0, -7.25]
LIMITS = {
    "u8": (0, 255), "i8": (-128, 127), "i16": (-2**15, 2**15 - 1), "i32": (-2**31, 2**31 - 1),
    "i64": (-2**63, 2**63 - 1),
}


def plain_value(dtype, i):
    """A small number of either sign that every dtype can hold, in an order that looks mixed."""
    k = (i * 7 + 3) % 23 - 11
    if dtype == "bool":
        return k % 3 != 0
    if dtype == "u8":
        return k + 11
    if dtype.startswith("i"):
        return k
    if dtype.startswith("c"):
        return complex(k / 4, ((i * 5 + 1) % 13 - 6) / 2)
    return k / 4


def special_value(dtype, i):
    if dtype in LIMITS:
        low, high = LIMITS[dtype]
        return [low, high, 0, 1, high - 1, low + 1, 2, 7][i % 8]
    if dtype == "bool":
        return i % 2 == 1
    if dtype.startswith("c"):
        return complex(SPECIAL[i % 12], SPECIAL[(i * 5 + 3) % 12])
    return SPECIAL[i % 12]


def value(dtype, kind, i):
    plain = plain_value(dtype, i)
    if kind == "special":
        return special_value(dtype, i)
    if kind == "pos":  # positive, never 0
        return plain if dtype == "bool" else (i * 7 + 3) % 23 / (4 if dtype[0] in "fb" else 1) + 1
    if kind == "unit":  # between 0 and 1, both excluded
        return ((i * 7 + 3) % 23 + 1) / 32
    if kind == "up":
        return i
    if kind == "ties":
        return plain if dtype == "bool" else (i * 7 + 3) % 4
    if kind.startswith("mod"):
        return (i * 7 + 3) % int(kind[3:])
    if kind == "big":
        return plain * (1000 if dtype in ("f16", "bf16") else 1e6) if dtype[0] in "fc" else plain
    return plain


def make_values(dtype, kind, count, salt):
    values = [value(dtype, kind, i + salt) for i in range(count)]
    if dtype in ("u8", "i8", "i16", "i32", "i64"):
        return [int(v) for v in values]
    return values


def matrix_values(kind, n, values):
    """Well-conditioned matrices for linear algebra: 'spd' symmetric positive, 'dom' diagonally dominant."""
    rows = [values[i:i + n] for i in range(0, len(values), n)]
    for r, row in enumerate(rows):
        for c in range(n):
            if kind == "spd" and c < r % n:
                row[c] = rows[r - r % n + c][r % n]
        row[r % n] = abs(row[r % n]) + 3.0 * n
    if kind == "spd":
        rows = [[v.real if r % n == c and isinstance(v, complex) else v for c, v in enumerate(row)]
                for r, row in enumerate(rows)]
        rows = [[v.conjugate() if c < r % n and isinstance(v, complex) else v for c, v in enumerate(row)]
                for r, row in enumerate(rows)]
    return [v for row in rows for v in row]


DESCRIPTION = re.compile(r"^(\w+)\[([0-9x]*)\]((?:\.\w+)*)$")
LAYOUTS = ("t", "s", "e", "o", "p")
cached_values = {}


def lay_out(torch, tensor, layout):
    """The same values (but for 'e') in other places in memory."""
    shape = list(tensor.shape)
    if layout == "t":  # last two dimensions swapped in memory
        return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
    if layout == "p":  # dimensions reversed in memory
        order = list(range(len(shape)))[::-1]
        return tensor.permute(order).contiguous().permute(order)
    if layout == "s":  # every second element of the last dimension
        wide = torch.zeros(shape[:-1] + [2 * shape[-1]], dtype=tensor.dtype)[..., ::2]
        wide.copy_(tensor)
        return wide
    if layout == "o":  # behind other elements of the storage
        later = torch.zeros([shape[0] + 1] + shape[1:], dtype=tensor.dtype)[1:]
        later.copy_(tensor)
        return later
    return tensor[:1].expand(shape)  # 'e': dimension 0 repeated


def make_input(torch, name, description):
    """'f32[2x3].t.g' as a tensor; anything else is a Python expression."""
    match = DESCRIPTION.match(description)
    if not match:
        return eval(description, {"torch": torch, "inf": math.inf, "nan": math.nan})
    dtype, shape, words = match.groups()
    shape = [int(n) for n in shape.split("x")] if shape else []
    words = words.split(".")[1:]
    kind = next((w for w in words if w not in LAYOUTS and w != "g"), "")
    key = (dtype, kind, tuple(shape), name)
    if key not in cached_values:
        values = make_values(dtype, kind, math.prod(shape), 5 * (ord(name[0]) - ord("a")))
        if kind in ("spd", "dom"):
            values = matrix_values(kind, shape[-1], values)
        cached_values[key] = values
    values = cached_values[key]
    tensor = torch.tensor(values if shape else values[0], dtype=getattr(torch, DTYPES[dtype]))
    tensor = tensor.reshape(shape)
    for word in words:
        if word in LAYOUTS:
            tensor = lay_out(torch, tensor, word)
    return tensor.detach().requires_grad_() if "g" in words else tensor
