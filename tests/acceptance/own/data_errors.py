# torch.utils.data: errors in PyTorch's words, streams and workers.
import torch
from torch.utils.data import (BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset,
                              RandomSampler, Sampler, Subset, TensorDataset,
                              WeightedRandomSampler, default_collate, get_worker_info,
                              random_split)

d = TensorDataset(torch.arange(4.))


def attempt(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, "|", e)


attempt(lambda: random_split(d, [1, 2]))
attempt(lambda: random_split(d, [0.5, 0.6]))
attempt(lambda: random_split(d, [1.2, -0.2]))
attempt(lambda: TensorDataset(torch.zeros(3), torch.zeros(4)))
attempt(lambda: TensorDataset([1]))
attempt(lambda: len(TensorDataset()))
attempt(lambda: DataLoader(d, batch_size=0))
attempt(lambda: DataLoader(d, batch_size=2.5))
attempt(lambda: DataLoader(d, batch_size=True))
attempt(lambda: DataLoader(d, drop_last=3))
attempt(lambda: DataLoader(d, foo=3))
attempt(lambda: DataLoader())
attempt(lambda: DataLoader(d, 1, False, None, None, 0, None, False, False, 0, None, None, None, 4))
attempt(lambda: DataLoader(d, dataset=d))
attempt(lambda: Subset(d))
attempt(lambda: Subset())
attempt(lambda: BatchSampler())
attempt(lambda: Dataset()[0])
attempt(lambda: len(Dataset()))
attempt(lambda: iter(IterableDataset()))
attempt(lambda: iter(Sampler(None)))
attempt(lambda: Sampler())
attempt(lambda: list(DataLoader(d, batch_size=2, sampler=[0, 1, 2, 9])))
attempt(lambda: list(DataLoader(d, batch_size=2, sampler=[0, -5])))
attempt(lambda: next(iter(DataLoader([object(), 3], batch_size=2))))
attempt(lambda: next(iter(DataLoader([torch.zeros(2), torch.zeros(3)], batch_size=2))))
attempt(lambda: next(iter(DataLoader([[1, 2], [3]], batch_size=2))))
attempt(lambda: default_collate([None]))
attempt(lambda: list(DataLoader([])))
attempt(lambda: DataLoader([], shuffle=True))
attempt(lambda: DataLoader(Sampler(None), shuffle=True))
attempt(lambda: RandomSampler([1], replacement=1))
attempt(lambda: RandomSampler([1], num_samples=0))
attempt(lambda: WeightedRandomSampler([[1.]], 2))
attempt(lambda: WeightedRandomSampler([1.], True))
attempt(lambda: WeightedRandomSampler([1.], 2, 3))
attempt(lambda: list(WeightedRandomSampler([1., 2], 3, False)))
attempt(lambda: BatchSampler([1], 2, 3))
attempt(lambda: setattr(DataLoader(d), "batch_size", 3))
attempt(lambda: DataLoader(d, num_workers=-1))
attempt(lambda: DataLoader(d, timeout=-1))
attempt(lambda: DataLoader(d, prefetch_factor=3))
attempt(lambda: DataLoader(d, persistent_workers=True))
attempt(lambda: DataLoader(d, multiprocessing_context="fork"))
attempt(lambda: DataLoader(d, num_workers=1, multiprocessing_context="fo"))
attempt(lambda: DataLoader(d, sampler=[1], shuffle=True))
attempt(lambda: DataLoader(d, batch_sampler=[[1]], batch_size=3))
attempt(lambda: DataLoader(d, batch_size=None, drop_last=True))
attempt(lambda: d[10])
attempt(lambda: ConcatDataset([]))
attempt(lambda: ConcatDataset([d, d])[-9])
attempt(lambda: ConcatDataset([d, d])[9])
attempt(lambda: Subset(d, [1, 2])[2])


class Range(IterableDataset):
    def __init__(self, start, end, length=None):
        self.start, self.end, self.length = start, end, length

    def __iter__(self):
        info = get_worker_info()
        if info is not None and self.length is None:
            part = (self.end - self.start) // info.num_workers
            first = self.start + info.id * part
            return iter(range(first, first + part))
        return iter(range(self.start, self.end))

    def __len__(self):
        return self.length


attempt(lambda: ConcatDataset([Range(0, 1)]))
attempt(lambda: DataLoader(Range(0, 1), shuffle=True))
attempt(lambda: DataLoader(Range(0, 1), sampler=[1]))
attempt(lambda: DataLoader(Range(0, 1), batch_sampler=[[1]]))
print(list(DataLoader(Range(3, 9))), get_worker_info())
print(list(DataLoader(Range(3, 11), num_workers=2, batch_size=3)))
print(len(DataLoader(Range(0, 9, 9), batch_size=2)), len(DataLoader(Range(0, 9, 9), 2, drop_last=True)))


def start_later(worker):
    get_worker_info().dataset.start += worker


print(list(DataLoader(Range(0, 4, 4), num_workers=2, worker_init_fn=start_later)))


class Noisy(Dataset):
    def __len__(self):
        return 7

    def __getitem__(self, i):
        info = get_worker_info()
        return i, torch.rand(()), -1 if info is None else info.id


torch.manual_seed(11)
for workers in (0, 2, 1):
    for batch in DataLoader(Noisy(), batch_size=2, shuffle=True, num_workers=workers):
        print(batch)
print(torch.rand(1))
loader = DataLoader(Noisy(), batch_size=4, num_workers=2, persistent_workers=True,
                    generator=torch.Generator().manual_seed(4))
for epoch in range(2):
    print([b[2].tolist() for b in loader], iter(loader) is iter(loader))
