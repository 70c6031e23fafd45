# The bits of random numbers, not their printed digits alone: a seed gives the same tensors as PyTorch.
import hashlib
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")


def bits(tensor):
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return hashlib.md5(tensor.numpy().tobytes()).hexdigest()[:8]


def after_seed(make):
    torch.manual_seed(3)
    return bits(make())


LAWS = {
    "uniform": lambda t: t.uniform_(),
    "uniform(-0.3, 0.7)": lambda t: t.uniform_(-0.3, 0.7),
    "uniform(-1/7, 1/7)": lambda t: t.uniform_(-1 / 7, 1 / 7),
    "uniform(1000.1, 1000.7)": lambda t: t.uniform_(1000.1, 1000.7),
    "normal": lambda t: t.normal_(),
    "normal(2.3, 0.7)": lambda t: t.normal_(2.3, 0.7),
    "exponential": lambda t: t.exponential_(),
    "exponential(0.7)": lambda t: t.exponential_(0.7),
    "cauchy": lambda t: t.cauchy_(0.3, 1.7),
    "log_normal": lambda t: t.log_normal_(0.3, 0.7),
    "geometric": lambda t: t.geometric_(0.3),
    "random": lambda t: t.random_(),
    "random(3000)": lambda t: t.random_(0, 3000),
    "random(-5, 5)": lambda t: t.random_(-5, 5),
    "rand_like": torch.rand_like,
    "randn_like": torch.randn_like,
}
for dtype in (torch.float32, torch.float64, torch.half, torch.bfloat16):
    for name, law in LAWS.items():
        if dtype in (torch.half, torch.bfloat16):
            if name in ("exponential", "exponential(0.7)", "cauchy", "log_normal", "geometric"):
                continue
        print(dtype, name, *(after_seed(lambda: law(torch.empty(n, dtype=dtype))) for n in (5, 15, 16, 17, 100, 1001)))

for name, make in {
    "poisson(3.3)": lambda: torch.poisson(torch.full((300,), 3.3)),
    "poisson(33.3)": lambda: torch.poisson(torch.full((300,), 33.3)),
    "bernoulli": lambda: torch.bernoulli(torch.full((300,), 0.3)),
    "multinomial": lambda: torch.multinomial(torch.arange(1.0, 30.0), 20),
    "multinomial, replaced": lambda: torch.multinomial(torch.arange(1.0, 30.0), 200, replacement=True),
    "randint": lambda: torch.randint(-7, 1000, (300,)),
    "randperm": lambda: torch.randperm(300),
    "normal of tensors": lambda: torch.normal(torch.full((300,), 0.3), torch.full((300,), 0.7)),
    "dropout": lambda: nn.functional.dropout(torch.ones(300) * 1.1, 0.3),
    "complex": lambda: torch.randn(40, dtype=torch.complex64),
}.items():
    print(name, after_seed(make))

for fan in (1, 2, 3, 4, 5, 7, 8, 10, 64, 100, 784):
    print(fan, after_seed(lambda: nn.Linear(fan, 10).weight), after_seed(lambda: nn.Linear(fan, 10).bias),
          after_seed(lambda: nn.Conv2d(fan, 3, 3).weight), after_seed(lambda: nn.GRU(fan, 4).weight_hh_l0),
          after_seed(lambda: nn.init.xavier_uniform_(torch.empty(20, fan))),
          after_seed(lambda: nn.init.kaiming_normal_(torch.empty(20, fan))),
          after_seed(lambda: nn.Embedding(20, fan).weight))

for dtype in (torch.half, torch.bfloat16, torch.float32):  # bounds that the dtype cannot hold
    for bounds in ((), (0, 3000), (-3001, -2999), (0, 70000), (2**40,), (0, 2**24 + 3)):
        torch.manual_seed(0)
        try:
            print(dtype, bounds, torch.empty(4, dtype=dtype).random_(*bounds).tolist())
        except RuntimeError as error:
            print(dtype, bounds, error)
