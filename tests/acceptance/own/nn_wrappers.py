# DataParallel, torch.optim.swa_utils, functional_call, fusion, skip_init, torch.utils.checkpoint.
import torch, warnings, copy
from torch import nn
import torch.nn.parallel
from torch.optim.swa_utils import AveragedModel, SWALR, update_bn
from torch.nn.utils.stateless import functional_call
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torch.nn.utils.clip_grad import clip_grad_norm_
from torch.nn.utils.convert_parameters import parameters_to_vector
from torch.utils.checkpoint import checkpoint, checkpoint_sequential
torch.manual_seed(0)
def show(label, f):
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter('always')
        try: print(label, f())
        except Exception as e: print(label, type(e).__name__, e)
    for x in w: print('  warned', x.category.__name__, str(x.message).split('\n')[0])
net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
p = nn.DataParallel(net); print(p, list(p.state_dict())[:2], p(torch.ones(3, 4)).shape, p.device_ids, p.module is net, isinstance(p, nn.Module), nn.parallel.DataParallel is nn.DataParallel)
opt = torch.optim.SGD(net.parameters(), lr=.1, momentum=.9); swa = AveragedModel(net); sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=100); swa_s = SWALR(opt, swa_lr=.05, anneal_epochs=4)
print(swa, list(swa.state_dict()), swa.n_averaged, swa_s.state_dict()['anneal_epochs'], opt)
X, Y = torch.randn(32, 4), torch.randn(32, 2); loader = [(X[i:i + 8], Y[i:i + 8]) for i in range(0, 32, 8)]
for epoch in range(8):
    for x, y in loader: opt.zero_grad(); nn.functional.mse_loss(net(x), y).backward(); opt.step()
    if epoch > 2: swa.update_parameters(net); swa_s.step()
    else: sched.step()
    print(epoch, '%.6f' % opt.param_groups[0]['lr'], swa.n_averaged)
update_bn(loader, swa); print(swa.module[1].running_mean, swa.module[1].num_batches_tracked, swa.module[1].momentum, swa.training); print(swa(X[:2]), swa.module[0].weight)
ema = AveragedModel(net, avg_fn=lambda a, m, n: .9 * a + .1 * m, use_buffers=True); ema.update_parameters(net)
for x, y in loader: opt.zero_grad(); nn.functional.mse_loss(net(x), y).backward(); opt.step(); ema.update_parameters(net)
print(ema.module[3].bias, ema.module[1].running_mean, ema.n_averaged)
c = copy.deepcopy(ema); print(c.n_averaged, c(X[:2])); ema2 = AveragedModel(net); print(ema2.load_state_dict(ema.state_dict()))
for kw in (dict(swa_lr=.01), dict(swa_lr=[.01], anneal_strategy='linear', anneal_epochs=3), dict(swa_lr=.01, anneal_epochs=0)):
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=.1); s = SWALR(o, **kw); r = []
    for _ in range(6): o.step(); s.step(); r.append('%.6f' % o.param_groups[0]['lr'])
    print(kw, r, s.get_last_lr())
show('e', lambda: SWALR(o, .1, anneal_strategy='x')); show('e', lambda: SWALR(o, .1, anneal_epochs=-1)); show('e', lambda: SWALR(o, [.1, .2])); show('e', lambda: SWALR(o)); show('e', lambda: AveragedModel())
lin = nn.Linear(2, 3); w = torch.ones(3, 2, requires_grad=True); b = torch.zeros(3)
out = functional_call(lin, {'weight': w, 'bias': b}, torch.ones(1, 2)); out.sum().backward(); print(out, w.grad, lin.weight.grad, lin.weight.sum().item() != 6)
seq = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)); params = {k: torch.ones_like(v) for k, v in seq.named_parameters()}; buf = {'1.running_mean': torch.zeros(2)}
seq.eval(); print(functional_call(seq, {**params, **buf}, (torch.ones(2, 2),)), functional_call(seq, {'0.weight': torch.zeros(2, 2)}, (torch.ones(2, 2),)).shape)
seq.train(); functional_call(seq, buf, (torch.randn(4, 2),)); print(seq[1].running_mean)
def f(w): return functional_call(lin, {'weight': w}, torch.ones(1, 2)).pow(2).sum()
print(torch.autograd.functional.jacobian(f, torch.ones(3, 2)), torch.autograd.functional.hessian(f, torch.ones(3, 2)).shape)
show('e', lambda: functional_call(lin, {'a.weight': w}, torch.ones(1, 2)))
conv, bn = nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3); bn.running_mean.normal_(); bn.running_var.uniform_(.5, 2); bn.weight.data.normal_(); x = torch.randn(1, 2, 5, 5)
show('e', lambda: fuse_conv_bn_eval(conv, bn)); conv.eval(); bn.eval(); fu = fuse_conv_bn_eval(conv, bn); print(fu, torch.allclose(fu(x), bn(conv(x)), atol=1e-6), fu.weight[0, 0])
l, b1 = nn.Linear(3, 4).eval(), nn.BatchNorm1d(4).eval(); b1.running_mean.normal_(); fl = fuse_linear_bn_eval(l, b1); print(fl.weight, fl.bias)
torch.manual_seed(1); m = nn.utils.skip_init(nn.Linear, 3, 2); print(m, torch.rand(1)); show('e', lambda: nn.utils.skip_init(int))
x = torch.randn(2, 4, requires_grad=True); torch.manual_seed(3)
g = nn.Sequential(nn.Linear(4, 4), nn.Dropout(.5), nn.Linear(4, 1)); y = checkpoint(g, x); y.sum().backward(); print(y.detach(), x.grad, g[0].weight.grad)
y = checkpoint_sequential(g, 2, x); print(y.shape, y.requires_grad)
show('w', lambda: checkpoint(g, torch.ones(2, 4)).requires_grad); show('w', lambda: checkpoint(g, torch.ones(2, 4), use_reentrant=False).requires_grad); show('e', lambda: checkpoint(g, x, foo=1))
y = checkpoint(lambda a, b: (a * b, a + 1), x, x, use_reentrant=False); print(y[0].sum() + y[1].sum())
