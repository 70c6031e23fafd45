# Numbers near the ends of 64 bits where sizes are computed from them: errors, nothing worse.
import torch
import torch.nn.functional as F

most = 2**63 - 1


def refused(call):
    try:
        print(tuple(call().shape))
    except (RuntimeError, ValueError, IndexError) as e:
        print(type(e).__name__)


refused(lambda: F.one_hot(torch.tensor([0]), most))
pooled, places = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2, dtype=torch.int64)
refused(lambda: F.max_unpool2d(pooled, places, 2, stride=0))
refused(lambda: torch.ones(3).narrow(0, 1, most))
refused(lambda: torch.zeros(2**62, 4))
