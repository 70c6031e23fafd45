# torch.utils.data: orders for a seed, and what is drawn from which generator.
import copy
import pickle
import random
from collections import OrderedDict, namedtuple

import torch
import torch.utils.data as data
from torch.utils.data import (BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset,
                              RandomSampler, Sampler, SequentialSampler, Subset,
                              SubsetRandomSampler, TensorDataset, WeightedRandomSampler,
                              default_collate, random_split)

x = torch.arange(20.).reshape(10, 2)
y = torch.arange(10)
ds = TensorDataset(x, y)
print(len(ds), ds[3], ds[-1], ds[2:4], ds[[1, 5]])
print([int(b) for a, b in ds])


def show(loader):
    for batch in loader:
        print("  ", [t.tolist() for t in batch] if isinstance(batch, list) else batch)
    print("   then", torch.rand(2))


print("in order")
torch.manual_seed(0)
show(DataLoader(ds, batch_size=4))
print("shuffled by the default generator")
torch.manual_seed(0)
loader = DataLoader(ds, batch_size=4, shuffle=True)
print(len(loader), loader.batch_size, loader.drop_last, type(loader.sampler).__name__)
show(loader)
show(loader)
print("by its own generator, the last batch dropped")
g = torch.Generator().manual_seed(7)
loader = DataLoader(ds, 3, True, drop_last=True, generator=g)
print(len(loader))
for epoch in range(3):
    show(loader)
    print("   own", torch.rand(2, generator=g))
print("left early")
g.manual_seed(1)
for epoch in range(2):
    for i, (a, b) in enumerate(DataLoader(ds, batch_size=5, shuffle=True, generator=g)):
        print("  ", b)
        if i == epoch:
            break
    print("   own", torch.rand(2, generator=g))
it = iter(loader)
print(len(it), iter(it) is it, type(it).__name__)

print("samplers")
torch.manual_seed(3)
print(list(SequentialSampler(ds)))
print(list(RandomSampler(ds)), len(RandomSampler(ds)))
print(list(RandomSampler(ds, replacement=True, num_samples=70)))
print(list(RandomSampler(ds, num_samples=25)))
print(list(SubsetRandomSampler([4, 8, 15, 16])), list(SubsetRandomSampler("abc")))
print(list(WeightedRandomSampler([0.1, 0.9, 0.4, 3.0], 8)))
print(list(WeightedRandomSampler(torch.tensor([1., 2, 3]), 3, replacement=False,
                                 generator=torch.Generator().manual_seed(2))))
print(list(BatchSampler(SequentialSampler(range(7)), 3, False)))
print(list(BatchSampler(range(7), batch_size=3, drop_last=True)), len(BatchSampler(range(7), 3, True)))
for weights in [[1., 0, 2]] * 2:
    print(next(iter(DataLoader(ds, 4, sampler=WeightedRandomSampler(weights, 6)))))
print([b.tolist() for _, b in DataLoader(ds, batch_sampler=[[1, 2], [3, 3, 3], []][:2])])
print([b.tolist() for _, b in DataLoader(ds, batch_size=4, sampler=[-1, 2, 5, 0, 9])])
print([b.tolist() for _, b in DataLoader(ds, batch_size=2, sampler=torch.tensor([4, 1, 2]))])
print([b for _, b in DataLoader(ds, batch_size=None)][:3])


class Backwards(Sampler):
    def __init__(self, source):
        super().__init__(source)
        self.n = len(source)

    def __iter__(self):
        return iter(range(self.n - 1, -1, -1))

    def __len__(self):
        return self.n


print([b.tolist() for _, b in DataLoader(ds, batch_size=6, sampler=Backwards(ds))])

print("parts")
torch.manual_seed(5)
a, b = random_split(ds, [7, 3])
print(len(a), len(b), a.indices, b.indices, b[1], a[[0, 2]])
print([s.indices for s in random_split(range(11), [0.5, 0.3, 0.2])])
print([len(s) for s in random_split(range(10), [0.25] * 4, generator=torch.Generator().manual_seed(1))])
show(DataLoader(a, batch_size=3, shuffle=True))
show(DataLoader(Subset(a, [0, 2, 4]), batch_size=2))
both = ConcatDataset([a, b])
print(len(both), both.cumulative_sizes, both[8], both[-1], len(ds + ds))
show(DataLoader(both, batch_size=6))
show(DataLoader(a + Subset(b, [0])))


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError(i)
        return {"x": i * i, "half": i / 2, "name": f"n{i}", "t": torch.full((2,), float(i)), "b": i > 1}


for batch in DataLoader(Squares(3), batch_size=2):
    print(batch)
print(len(list(Squares(3))), sorted(vars(DataLoader(Squares(2)))))


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return (i * 10 for i in range(self.n))


print(list(DataLoader(Stream(5), batch_size=2)), list(DataLoader(Stream(5), 2, drop_last=True)))
print(list(DataLoader(Stream(3), batch_size=None)), list(DataLoader(Stream(2) + Stream(1))))
print(isinstance(Stream(1), Dataset), type(Stream(1) + Stream(2)).__name__)

print("collate")
Point = namedtuple("Point", "x y")
for batch in ([1, 2, 3], [1.5, 2], [True, False], ["a", "b"], [b"x"], [(1, 2.), (3, 4.)],
              [[1, 2], [3, 4]], [Point(1, 2), Point(3, 4)], [{"a": 1, "b": (2, "c")}] * 2,
              [OrderedDict(k=1), OrderedDict(k=2)], [torch.ones(2), torch.zeros(2)],
              [[torch.tensor(1), "s"], [torch.tensor(2), "t"]], "ab", (1, 2)):
    print(default_collate(batch))
w = torch.ones(3, requires_grad=True)
print(default_collate([w, w * 2]))
try:
    import numpy as np
    print(default_collate([np.ones(2), np.zeros(2)]), default_collate([np.float32(1), np.float32(2)]),
          default_collate([np.int64(3)]), default_collate([np.array(1.5)]))
    print(data.default_convert((np.ones(1), "s", {"k": np.arange(2)})))
except ImportError:
    pass
print(default_collate([[0, 1], [2, 3]]), data.default_convert([1, (2, 3)]))
print([t.tolist() for t in next(iter(DataLoader(ds, 2, collate_fn=lambda items: [i[0] for i in items])))])

print("life")
again = pickle.loads(pickle.dumps(Subset(range(5), [1, 2])))
print(again[1], len(again), copy.deepcopy(ds)[1], copy.copy(both)[0])


class Typed(Dataset[int]):
    def __getitem__(self, i):
        return random.random()


print(Typed.__mro__[1].__name__, issubclass(Typed, Dataset), DataLoader.__module__, Subset.__module__)


class Loader(DataLoader):
    def __init__(self, source, **options):
        super().__init__(source, batch_size=2, **options)
        self.note = "mine"

    def __iter__(self):
        for i, batch in enumerate(super().__iter__()):
            yield i, batch


print(list(Loader(range(3))), Loader([1]).note)
