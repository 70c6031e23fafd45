# Programs written for machines with and without CUDA; Variable, from before PyTorch 0.4.
import warnings

import torch
from torch.autograd import Variable

warnings.simplefilter("ignore")


def attempt(text):
    try:
        result = eval(text)
        print(text, "->", result)
    except Exception as error:
        print(text, "->", type(error).__name__, error)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(device, torch.ones(2, device=device), torch.nn.Linear(1, 1).to(device).weight.device)

torch.manual_seed(0)
first = torch.rand(2)
torch.manual_seed(0)
torch.cuda.manual_seed(5)  # the seed of other devices alone
torch.cuda.manual_seed_all(5)
print(torch.equal(first, torch.rand(2)))

torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False
print(torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.enabled)
print(torch.backends.cudnn.is_available(), torch.backends.mps.is_available(), torch.version.cuda)
torch.use_deterministic_algorithms(True)
print(torch.are_deterministic_algorithms_enabled())
torch.use_deterministic_algorithms(False)
print(torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision())

for text in ("torch.cuda.is_initialized()", "torch.cuda.memory_allocated()", "torch.cuda.empty_cache()",
             "torch.cuda.synchronize()", "torch.cuda.current_device()", "torch.cuda.get_device_name(0)",
             "torch.ones(2).cuda()", "torch.ones(2).cuda(0, non_blocking=True)", "torch.nn.Linear(1, 1).cuda()",
             "torch.ones(2).is_pinned()", "torch.ones(2).is_shared()",
             "Variable([1.0])", "Variable(3)", "Variable()", "Variable(torch.ones(2), foo=1)",
             "Variable(torch.ones(2), requires_grad=True)", "Variable(torch.ones(2, requires_grad=True) * 2)",
             "isinstance(torch.ones(1), Variable)", "isinstance(3, Variable)"):
    attempt(text)

tensor = torch.ones(2)
x = Variable(tensor, requires_grad=True)
(x * x).sum().backward()
print(x.grad, x.data_ptr() == tensor.data_ptr(), tensor.requires_grad)
