# Calls of modules in every form; what goes wrong in them.
import torch, torch.nn as nn, inspect
import torch.nn.functional as F
from torch.nn.modules.linear import Linear
print(Linear is nn.Linear, nn.modules.Linear is nn.Linear, nn.modules.ReLU)
def a(f, *x, **k):
    try: print(f(*x,**k))
    except Exception as e: print(type(e).__name__, e)
print(nn.Unflatten(1,(2,2)), nn.Unflatten(1,(2,2))(torch.ones(3,4)).shape, nn.Unflatten(-1,[2,-1])(torch.ones(3,4)).shape)
a(nn.Unflatten(1,(2,3)), torch.ones(3,4)); a(nn.Unflatten, 1, 3); a(nn.Unflatten,1,(2,'a'))
class S(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0
    def __setattr__(self, name, value):
        super().__setattr__(name, value)
    @property
    def double_count(self): return self.count*2
    def __call__(self, *x): return 'called'
s = S(); s.w = nn.Parameter(torch.ones(1)); print(s.w, s.double_count, s(1), nn.Sequential(s)(2))
class G(nn.Module):
    def forward(self, *a, **k): return len(a), sorted(k)
g=G(); print(g(), g(1,2,3), g(*range(20)), g(1, x=2), g(**{'a':1}), g(*range(20), **{str(i):i for i in range(12)}))
h=g.register_forward_pre_hook(lambda m,i: None); print(g(1,x=2), g(*range(20), b=3))
a(nn.ReLU(), 'abc'); a(nn.Linear(2,2), 3); 
print(F.relu(torch.tensor([-1.,1.])), nn.CrossEntropyLoss(weight=torch.tensor([1.,2.]))(torch.eye(2), torch.tensor([0,1])))
