# Operators of parameters that have no shape yet; what a DataLoader's loop raises when a worker fails.
import torch, warnings
from torch import nn
from torch.utils.data import DataLoader, Dataset
warnings.simplefilter('ignore')
w = nn.LazyLinear(3).weight
def show(f):
    try: print(f())
    except Exception as e: print(type(e).__name__, e)
x = torch.ones(2)
for f in (lambda: w + 1, lambda: 1 + w, lambda: w - 1, lambda: w * w, lambda: x * w, lambda: w / 2, lambda: -w, lambda: abs(w), lambda: w[0], lambda: w @ w, lambda: w.sum()): show(f)
class Two(Exception):
    def __init__(self, a, b): super().__init__(a, b)
class Failing(Dataset):
    def __init__(self, error): self.error = error
    def __len__(self): return 4
    def __getitem__(self, i):
        if i == 2: raise self.error
        return i
for error in (KeyError('boom'), IndexError('far'), ValueError(), Two(1, 2)):
    for workers in (0, 2):
        try: list(DataLoader(Failing(error), num_workers=workers, batch_size=2))
        except Exception as e: print(type(e).__name__, str(e).split('\n')[:2], str(e).strip().split('\n')[-1])
