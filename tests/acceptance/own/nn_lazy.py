# Lazy layers and tensors without a shape: repr, first digits, state_dict, classes of one's own, errors.
import copy
import warnings

import torch
import torch.nn as nn
warnings.simplefilter('ignore')
def t(f):
    try: r=f()
    except Exception as e: r=(type(e).__name__, str(e))
    print(r)
torch.manual_seed(0)
l=nn.LazyLinear(3)
print(l, l.weight, l.bias, list(l.parameters()), l.state_dict(), l.has_uninitialized_params(), isinstance(l, nn.Linear), isinstance(l.weight, nn.Parameter), l.cls_to_become)
t(lambda: l.weight.shape)
t(lambda: l.weight.numel())
t(lambda: l.weight.data.shape); t(lambda: l.weight.dtype); t(lambda: l.weight.requires_grad)
t(lambda: nn.parameter.is_lazy(l.weight))
l2=copy.deepcopy(l); print(l2, l2.weight)
print(l(torch.ones(2,4)), l, type(l), type(l.weight), l.weight, l.state_dict(), l.__dict__.keys()==nn.Linear(1,2).__dict__.keys())
print(l2(torch.ones(2,5)).shape, l2)
for cls,args,x in ((nn.LazyConv1d,(4,3),(2,3,5)),(nn.LazyConv2d,(4,3,2,1),(2,3,5,5)),(nn.LazyConvTranspose1d,(4,3),(2,3,5)),(nn.LazyConvTranspose2d,(4,3,2),(3,5,5)),(nn.LazyConvTranspose3d,(4,2),(2,3,3,3,3)),(nn.LazyBatchNorm1d,(),(4,3)),(nn.LazyBatchNorm2d,(1e-3,),(2,3,4,4)),(nn.LazyBatchNorm3d,(),(2,3,2,2,2)),(nn.LazyInstanceNorm1d,(),(2,3,5)),(nn.LazyInstanceNorm2d,(1e-5,.1,True,True),(2,3,4,4)),(nn.LazyInstanceNorm3d,(1e-5,.1,False),(2,3,2,2,2))):
    m=cls(*args); print(m, m.state_dict())
    y=m(torch.arange(float(torch.Size(x).numel())).reshape(x)); print(y.flatten()[:4], m, type(m), {k:v.flatten()[:3] for k,v in m.state_dict().items()})
net=nn.Sequential(nn.LazyConv2d(4,3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5,bias=False))
opt=torch.optim.SGD(net.parameters(), lr=.1)
print(net); y=net(torch.randn(2,1,6,6)); y.sum().backward(); opt.step(); print(net, y, [p.sum() for p in net.parameters()])
# state dicts both ways
a=nn.LazyLinear(2); b=nn.Linear(3,2); t(lambda: a.load_state_dict(b.state_dict())); print(a.weight.shape, a, type(a)); print(a(torch.ones(1,3))-b(torch.ones(1,3)), a)
a=nn.LazyLinear(2); c=nn.LazyLinear(2); t(lambda: c.load_state_dict(a.state_dict()))
t(lambda: nn.LazyConv2d(4,3)(torch.ones(3,4)))
t(lambda: nn.LazyConv2d(4,3,groups=2)(torch.ones(1,3,4,4)))
t(lambda: nn.LazyLinear()); t(lambda: nn.LazyLinear(3,foo=1)); t(lambda: nn.LazyConv1d(3))
t(lambda: nn.LazyLinear(3).double()(torch.ones(2,2,dtype=torch.float64)).dtype)
t(lambda: nn.LazyLinear(3, dtype=torch.float64).weight.dtype)
class M(nn.modules.lazy.LazyModuleMixin, nn.Module):
    def __init__(self, n):
        super().__init__()
        self.n=n; self.w=nn.UninitializedParameter(); self.register_buffer('b', nn.UninitializedBuffer())
    def initialize_parameters(self, x):
        if self.has_uninitialized_params():
            with torch.no_grad():
                self.w.materialize((self.n, x.shape[-1])); nn.init.ones_(self.w); self.b.materialize((2,)); self.b.zero_()
    def forward(self, x): return x @ self.w.t()
m=M(2); print(m, m.w, m.b, list(m.buffers())); print(m(torch.ones(1,3)), type(m).__name__, m.w, m.b, m(torch.ones(1,3)))
class Bad(nn.modules.lazy.LazyModuleMixin, nn.Module):
    def __init__(self):
        super().__init__(); self.w=nn.UninitializedParameter()
    def forward(self,x): return x
t(lambda: Bad()(torch.ones(1)))
class Bad2(Bad):
    def initialize_parameters(self,x): pass
t(lambda: Bad2()(torch.ones(1)))
p=nn.UninitializedParameter(); t(lambda: p.materialize((2,2))); print(type(p), p.shape, p.requires_grad)
p=nn.UninitializedParameter(requires_grad=False); print(p.requires_grad, copy.deepcopy(p), p.float(), p.is_leaf, p.grad)
