# torch.save and torch.load: the bytes of the pickle, sharing, map_location, file objects, errors.
import io
import os
import pathlib
import pickle
import tempfile
import zipfile

import torch
import torch.nn as nn

os.chdir(tempfile.mkdtemp())


def attempt(function, *args, **options):
    try:
        print(function(*args, **options))
    except Exception as error:
        print(type(error).__name__, error)


def saved(what, **options):
    file = io.BytesIO()
    torch.save(what, file, **options)
    file.seek(0)
    return file


# ---- what stands in the file ----
x = torch.arange(6.0)
things = {"x": x, "part": x[2:4], "turned": x.view(2, 3).t(), "n": torch.tensor(3), "p": nn.Parameter(x[:2]),
          "leaf": torch.ones(1, requires_grad=True), "list": [1, 2.5, None, True, "text"], "size": x.size(),
          "dtype": torch.int16, "device": torch.device("cpu")}
torch.save(things, "some.thing.pt")
with zipfile.ZipFile(saved(things)) as archive:
    print(archive.namelist())
    print(archive.read("archive/data.pkl"))
with zipfile.ZipFile("some.thing.pt") as archive:
    print(sorted(archive.namelist()), archive.read("some.thing/version"), archive.read("some.thing/data/0"))

# ---- and comes out of it ----
again = torch.load("some.thing.pt")
for name, value in again.items():
    print(name, type(value).__name__, value)
again["x"][2] = 50
print(again["part"], again["turned"], again["x"].storage().data_ptr() == again["part"].storage().data_ptr())
print(again["leaf"].is_leaf, again["leaf"].requires_grad, again["p"].requires_grad, again["turned"].stride())
y = (torch.ones(2, requires_grad=True) * 2)
z = torch.load(saved(y))
print(z, z.is_leaf)
tied = nn.Linear(2, 2)
both = torch.load(saved({"a": tied.weight, "b": tied.weight}))
print(both["a"] is both["b"])

# ---- files of all kinds ----
for place in ("a.pt", pathlib.Path("b.pt"), "plain"):
    torch.save(x, place)
    print(torch.load(place))
with open("a.pt", "wb") as file:
    torch.save([x, 1], file)
with open("a.pt", "rb") as file:
    print(torch.load(file))
for new in (True, False):
    file = saved({"x": x, "again": x}, _use_new_zipfile_serialization=new)
    loaded = torch.load(file)
    print(loaded, loaded["x"] is loaded["again"])

# ---- map_location ----
print(torch.load("a.pt", map_location="cpu"))
print(torch.load("a.pt", map_location=torch.device("cpu")))
print(torch.load("a.pt", map_location={"cpu": "cpu", "cuda:0": "cpu"}))
print(torch.load("a.pt", map_location=lambda storage, place: storage))
print(torch.load("a.pt", map_location=lambda storage, place: print(type(storage), place, storage.nbytes())))
for place in ("cuda", "cuda:1", torch.device("cuda", 0), {"cpu": "cuda:0"}, "elsewhere"):
    attempt(torch.load, "a.pt", map_location=place)

# ---- errors ----
attempt(torch.load, "missing.pt")
attempt(torch.save, x, "no/folder/x.pt")
attempt(torch.load, ".")
attempt(torch.load, 5)
attempt(torch.load)
attempt(torch.save, x)
data = saved(x).getvalue()
attempt(torch.load, io.BytesIO(data[:-30]))
attempt(torch.load, io.BytesIO(b""))
attempt(torch.load, io.BytesIO(pickle.dumps(3)))
for missing in ("data/0", "data.pkl"):
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            if not name.endswith(missing):
                new.writestr(name, old.read(name))
    file.seek(0)
    attempt(torch.load, file)

# ---- the workflow ----
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)


def train(model, optimizer, scheduler, steps):
    for i in range(steps):
        inputs = torch.linspace(-1, 1, 8).view(4, 2) + i
        loss = (model(inputs) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        print(i, f"{loss.item():.2f}", scheduler.get_last_lr())


train(model, optimizer, scheduler, 2)
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
            "epoch": 2}, "checkpoint.pt")
train(model, optimizer, scheduler, 2)
checkpoint = torch.load("checkpoint.pt")
print(checkpoint["epoch"], checkpoint["model"]._metadata, checkpoint["optimizer"]["param_groups"])
model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
print(model.load_state_dict(checkpoint["model"]))
optimizer.load_state_dict(checkpoint["optimizer"])
scheduler.load_state_dict(checkpoint["scheduler"])
train(model, optimizer, scheduler, 2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("count", torch.tensor(3))
        self.name = "net"

    def forward(self, x):
        return self.layer(x) * self.count


net = Net().eval()
torch.save(net, "net.pt")
loaded = torch.load("net.pt", weights_only=False)
print(loaded, loaded.name, loaded.training, torch.equal(loaded(torch.ones(2)), net(torch.ones(2))))
try:
    torch.load("net.pt", weights_only=True)
except pickle.UnpicklingError as error:
    print("__main__.Net" in str(error), "weights_only" in str(error))
