# torch.amp and GradScaler on a machine without CUDA.
import torch, warnings
torch.manual_seed(0)
def show(label, f):
    try: print(label, f())
    except Exception as e: print(label, type(e).__name__, e)
def noted(f):
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter('always'); r = f()
    print([(x.category.__name__, str(x.message)) for x in w]); return r
from torch.cuda.amp import autocast, GradScaler
scaler = noted(GradScaler); a = noted(autocast); noted(lambda: torch.autocast('cuda')); noted(lambda: torch.autocast('cuda', enabled=False)); noted(lambda: torch.autocast(device_type='cpu', dtype=torch.float16)); noted(lambda: GradScaler(enabled=False))
show('e', lambda: torch.autocast('tpu'))
w = torch.randn(3, requires_grad=True); o = torch.optim.SGD([w], .1)
for i in range(2):
    o.zero_grad(set_to_none=True)
    with a: loss = (w * 2).sum()
    scaler.scale(loss).backward(); scaler.unscale_(o); torch.nn.utils.clip_grad_norm_([w], 1.); scaler.step(o); scaler.update()
print(w, scaler.get_scale(), scaler.state_dict(), scaler.is_enabled(), torch.is_autocast_enabled(), a.device, a.fast_dtype)
@torch.autocast('cuda', enabled=False)
def f(x): return x + 1
print(f(torch.zeros(2)))
with torch.autocast('cpu', enabled=False): print(torch.mm(torch.ones(2, 2), torch.ones(2, 2)))
with torch.cpu.amp.autocast(enabled=False): print(torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype)
