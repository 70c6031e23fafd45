# What names a device, a number of NumPy among them; anything else is refused and the program goes on.
import numpy as np
import torch

print(torch.device(np.int64(1)), torch.device(1), torch.device("cpu"), torch.device(torch.device("cuda:2")))
for what in ([1], 1.5, True, torch.tensor(1)):
    try:
        torch.device(what)
    except TypeError as error:
        print(error)
for what in ([1], (2,), {}):
    for call in (lambda: torch.zeros(2, device=what), lambda: torch.ones(2).to(what)):
        try:
            call()
        except TypeError:
            print("TypeError")
try:
    torch.ones(2).to(np.int64(1))
except AssertionError as error:
    print(error)
