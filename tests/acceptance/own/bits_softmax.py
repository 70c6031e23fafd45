# softmax, log_softmax and their derivatives to the last bit. The exponentials are those of vectors
# with fused products: this does not hold for SADDLE_ISA=baseline.
import hashlib
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(0)
for dtype in (torch.float32, torch.float64):
    for shape in ((3, 1), (4, 2), (5, 7), (3, 8), (3, 9), (2, 16), (7, 33), (3, 1000), (17, 600), (2, 5, 9), (3, 4, 64)):
        for dim in range(len(shape)):
            for f in (F.softmax, F.log_softmax, F.softmin):
                x = torch.randn(*shape, dtype=torch.float64).to(dtype).requires_grad_()
                y = f(x, dim)
                y.backward(torch.randn(*shape, dtype=torch.float64).to(dtype))
                print(f.__name__, str(dtype)[6:], shape, dim,
                      *[hashlib.md5(t.detach().numpy().tobytes()).hexdigest()[:8] for t in (y, x.grad)])
