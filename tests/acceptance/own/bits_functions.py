# Functions of single elements: PyTorch's bits, or the hashes below differ. Without fused
# multiplication (SADDLE_ISA=baseline) SLEEF's last bits are other ones. The length is a multiple
# of 16: what is left over of others PyTorch gives to the C library.
import hashlib

import torch


def bits(t):
    return hashlib.md5(t.numpy().tobytes()).hexdigest()


wide, positive, unit = torch.linspace(-20, 20, 10016), torch.linspace(1e-3, 30, 10016), torch.linspace(-1, 1, 10016)
domains = {
    "sin cos tan exp tanh sigmoid sinh cosh asinh atan erf erfc expm1 exp2": wide,
    "log log2 log10 log1p sqrt rsqrt lgamma acosh": positive,
    "asin acos atanh erfinv": unit,
}
for names, x in domains.items():
    for name in names.split():
        f = getattr(torch, name)
        print(name, bits(f(x)), bits(f(x.double())))
print(torch.cos(torch.tensor(6.2831855)).item(), torch.sin(torch.tensor(3.1415927)).item())
