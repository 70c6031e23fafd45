# copy and pickle of tensors, parameters, modules and optimizers; storages.
import copy
import pickle
import warnings

import torch
import torch.nn as nn

x = torch.arange(6.0)

# ---- copy.copy shares, copy.deepcopy does not ----
shallow = copy.copy(x)
shallow[0] = 9
print(x, shallow is x, shallow.data_ptr() == x.data_ptr())
deep = copy.deepcopy([x, x[1:3], x.view(2, 3).t(), x])
deep[0][1] = 77
print(deep, x, deep[0] is deep[3])
turned = copy.deepcopy(x.view(2, 3).t())
print(turned.stride(), turned.is_contiguous(), copy.deepcopy(x[4:]).storage().size())
leaf = torch.ones(2, requires_grad=True)
(leaf * 3).sum().backward()
for make in (copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))):
    made = make(leaf)
    print(made, made.is_leaf, made.grad)
try:
    copy.deepcopy(leaf * 2)
except RuntimeError as error:
    print(error)
x.note = ["kept"]
print(copy.deepcopy(x).note, copy.deepcopy(x).note is x.note, hasattr(copy.copy(x), "note"))

# ---- parameters ----
parameter = nn.Parameter(torch.ones(2))
(parameter * 2).sum().backward()
for make in (copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))):
    made = make(parameter)
    print(made, type(made).__name__, made.grad, made.data_ptr() == parameter.data_ptr())
print(copy.deepcopy(nn.Parameter(torch.ones(1), requires_grad=False)))

# ---- pickle ----
for t in (torch.tensor(2.5), torch.empty(0, 2), torch.tensor([True, False]), torch.tensor([1, -2], dtype=torch.int8),
          torch.arange(4, dtype=torch.float64).view(2, 2).t(), torch.ones(1).expand(2, 2)):
    for protocol in range(2, 6):
        made = pickle.loads(pickle.dumps(t, protocol))
        assert torch.equal(made, t) and made.dtype == t.dtype and made.stride() == t.stride(), t
print(pickle.loads(pickle.dumps([x, x[1:]])))
for what in (torch.Size([2, 3]), torch.float32, torch.int64, torch.device("cpu"), torch.device("cuda", 1)):
    print(pickle.loads(pickle.dumps(what)), copy.deepcopy(what), type(pickle.loads(pickle.dumps(what))).__name__)
function, arguments = x.view(2, 3).t().__reduce_ex__(2)
print(function.__name__, function.__module__, arguments[1:])
function, arguments = parameter.__reduce_ex__(2)
print(function.__name__, function.__module__, arguments)

# ---- hooks stay behind ----
hooked = torch.ones(1, requires_grad=True)
hooked.register_hook(lambda g: g)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    pickle.dumps(hooked)
print(len(seen), seen[0].category.__name__, "will not be serialized" in str(seen[0].message))


# ---- a class of tensors ----
class Named(torch.Tensor):
    pass


named = torch.ones(2).as_subclass(Named) if hasattr(torch.Tensor, "as_subclass") else Named([1.0, 1.0])
named.label = "ones"
made = pickle.loads(pickle.dumps(named))
print(type(made).__name__, made.label, made.tolist())

# ---- modules and optimizers ----
torch.manual_seed(0)
shared = nn.Linear(2, 2)
model = nn.Sequential(shared, nn.ReLU(), shared, nn.BatchNorm1d(2))
for make in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
    made = make(model)
    print(made, made[0] is made[2], made[0].weight is made[2].weight, made[0].weight is model[0].weight)
    print(torch.equal(made(torch.ones(2, 2)), model(torch.ones(2, 2))), made._version, made.state_dict().keys())
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
model(torch.eye(2)).pow(2).sum().backward()
optimizer.step()
for make in (copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))):
    made = make(optimizer)
    print(type(made).__name__, len(made.state), made.param_groups[0]["lr"], made.param_groups[0]["params"][0].shape)
model2, optimizer2 = copy.deepcopy((model, optimizer))
print(optimizer2.param_groups[0]["params"][0] is model2[0].weight)

# ---- storages ----
storage = x.storage()
print(storage)
print(len(storage), storage.size(), storage.nbytes(), storage.element_size(), storage[1], storage[-1], storage.dtype)
print(storage.tolist(), list(storage), storage.type(), storage.device, storage.is_cuda)
print(x[2:].storage().data_ptr() == storage.data_ptr(), x.clone().storage().data_ptr() == storage.data_ptr())
storage[2] = 42
print(x, copy.deepcopy(storage).tolist(), pickle.loads(pickle.dumps(storage)).tolist(), storage.clone().size())
for index in (6, -7):
    try:
        storage[index]
    except IndexError as error:
        print(error)
print(torch.tensor([1, 2], dtype=torch.int16).storage().untyped())
