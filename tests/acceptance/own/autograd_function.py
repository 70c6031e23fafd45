# torch.autograd.Function, hooks, and attributes of tensors that only the graph keeps.
import torch, warnings, gc
from torch.autograd import Function
from torch.autograd.function import once_differentiable
def t(name,f):
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter('always')
        try: r=f(); print(name,'=>',r)
        except BaseException as e: print(name,'=>',type(e).__name__, '|', e)
X=lambda *s: torch.arange(1.,1+3).requires_grad_()
class Inplace(Function):
    @staticmethod
    def forward(ctx,x): x.mul_(2); ctx.mark_dirty(x); return x
    @staticmethod
    def backward(ctx,g): return g*2
def f1():
    x=X(); y=x*1; v=y._version; z=Inplace.apply(y); z.sum().backward(); return x.grad, z is y, y.grad_fn, y._version
t('dirtyleaf',lambda: Inplace.apply(X()))
class NonDiff(Function):
    @staticmethod
    def forward(ctx,x):
        a,b=x*2, (x>1).float(); ctx.mark_non_differentiable(b); return a,b
    @staticmethod
    def backward(ctx,ga,gb): print('g',ga,gb); return ga*2
def f2():
    x=X(); a,b=NonDiff.apply(x); print(a.requires_grad,b.requires_grad,b.grad_fn); a.sum().backward(); return x.grad
t('nondiff',f2)
class Mat(Function):
    @staticmethod
    def forward(ctx,x):
        ctx.set_materialize_grads(False); return x*2,x*3
    @staticmethod
    def backward(ctx,a,b): print(a,b); return a*2
def f3(): x=X(); a,b=Mat.apply(x); a.sum().backward(); return x.grad
t('mat',f3)
class Mat2(Function):
    @staticmethod
    def forward(ctx,x): return x*2,x*3
    @staticmethod
    def backward(ctx,a,b): print(a,b); return a*2
def f3(): x=X(); a,b=Mat2.apply(x); a.sum().backward(); return x.grad
t('mat2',f3)
class Needs(Function):
    @staticmethod
    def forward(ctx,x,y,k,flag=True):
        print(ctx.needs_input_grad); ctx.save_for_backward(x,y); ctx.k=k; return x*y*k
    @staticmethod
    def backward(ctx,g):
        x,y=ctx.saved_tensors; print(ctx.needs_input_grad, ctx.k); return g*y*ctx.k, None, None, None
def f4():
    x=X(); r=Needs.apply(x,torch.ones(3),2); print(r, r.grad_fn.name(), [type(n[0]).__name__ for n in r.grad_fn.next_functions], r.grad_fn.saved_tensors, r.grad_fn.k); r.sum().backward(); return x.grad
t('needs',f4)
class Once(Function):
    @staticmethod
    def forward(ctx,x): return x*x
    @staticmethod
    @once_differentiable
    def backward(ctx,g): return g*2
def f5():
    x=X(); y=Once.apply(x).sum(); g,=torch.autograd.grad(y,x,create_graph=True); print(g); g.sum().backward()
t('once',f5)
class Bad1(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g,g
def f6(): x=X(); Bad1.apply(x).sum().backward()
t('bad1',f6)
class Bad2(Function):
    @staticmethod
    def forward(ctx,x,y): return x*2
    @staticmethod
    def backward(ctx,g): return g
def f7(): x=X(); Bad2.apply(x,x).sum().backward()
t('bad2',f7)
class Bad3(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return 'a'
def f8(): x=X(); Bad3.apply(x).sum().backward()
t('bad3',f8)
class Bad4(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return torch.ones(2)
def f9(): x=X(); Bad4.apply(x).sum().backward()
t('bad4',f9)
class Bad5(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_backward(3); return x*2
def f10(): x=X(); Bad5.apply(x)
class Bad6(Function):
    @staticmethod
    def forward(ctx,x): return 5
def f11(): return Bad6.apply(X())
t('bad6',f11)
class NoB(Function):
    @staticmethod
    def forward(ctx,x): return x*2
def f12(): NoB.apply(X()).sum().backward()
t('nob',f12)
class NoF(Function): pass
t('nof',lambda: NoF.apply(X()))
class Extra(Function):
    @staticmethod
    def forward(ctx,x): return x*2
    @staticmethod
    def backward(ctx,g): return g,None,None
def f13(): x=X(); Extra.apply(x).sum().backward(); return x.grad
t('extra',f13)
class SaveV(Function):
    @staticmethod
    def forward(ctx,x): ctx.save_for_backward(x); return x*2
    @staticmethod
    def backward(ctx,g): x,=ctx.saved_tensors; return g*x
def f14(): x=X(); y=x*1; z=SaveV.apply(y); y.add_(1); z.sum().backward(); return x.grad
t('savever',f14)
def f15(): x=X(); z=SaveV.apply(x).sum(); z.backward(); z.backward()
t('twice',f15)
def f16():
    x=X(); g=torch.autograd.grad(SaveV.apply(x).sum(),x,create_graph=True)[0]; g.sum().backward(); return g, x.grad
t('gg',f16)
class Ident(Function):
    @staticmethod
    def forward(ctx,x): return x
    @staticmethod
    def backward(ctx,g): return g*7
def f17(): x=X(); y=Ident.apply(x); print(y is x, y.grad_fn, y._base is x); y.sum().backward(); return x.grad
class View(Function):
    @staticmethod
    def forward(ctx,x): return x.view(-1)
    @staticmethod
    def backward(ctx,g): return g*7
def f18(): x=X(); y=View.apply(x); print(y.grad_fn.name(), y._is_view()); y.sum().backward(); return x.grad
class Int(Function):
    @staticmethod
    def forward(ctx,x): return x.long()
    @staticmethod
    def backward(ctx,g): return None
t('int',lambda: Int.apply(X()))
class Multi(Function):
    @staticmethod
    def forward(ctx,*xs): ctx.n=len(xs); return tuple(x*2 for x in xs)
    @staticmethod
    def backward(ctx,*gs): return tuple(g*2 for g in gs)
def f19():
    xs=[X() for _ in range(20)]; ys=Multi.apply(*xs); sum(y.sum() for y in ys).backward(); return xs[19].grad, len(ys)
t('multi',f19)
t('kw',lambda: Ident.apply(x=3))
t('nograd',lambda: Ident.apply(torch.ones(2)))
def f20():
    with torch.no_grad(): return SaveV.apply(X())
t('nograd2',f20)
def f21():
    x=X(); y=SaveV.apply(x); return y.grad_fn.next_functions, y.grad_fn.metadata, type(y.grad_fn).__name__, y
class A(Function):
    @staticmethod
    def forward(ctx, x): 
        ctx.x = x; return x.exp()
    @staticmethod
    def backward(ctx,g): return g*ctx.x
def f22(): x=X(); y=A.apply(x); y.backward(torch.ones(3)); return x.grad
t('ctxx',f22)
class S(Function):
    @staticmethod
    def forward(ctx,x):
        y=x.exp(); ctx.save_for_backward(y); return y
    @staticmethod
    def backward(ctx,g): y,=ctx.saved_tensors; return g*y
def f23():
    x=X().double().detach().requires_grad_(); return torch.autograd.gradcheck(S.apply,(x,)), torch.autograd.gradgradcheck(S.apply,(x,))
class W(Function):
    @staticmethod
    def forward(ctx,x): return x.sin()
    @staticmethod
    def backward(ctx,g): return g*2
# hooks
def h1():
    x=X(); l=[]; a=x.register_hook(lambda g: l.append('a') or g*2); b=x.register_hook(lambda g: l.append('b')); (x*3).sum().backward(); a.remove(); r=x.grad.clone(); x.grad=None; (x*3).sum().backward(); a.remove(); return r,x.grad,l
t('h1',h1)
t('h2',lambda: torch.ones(2).register_hook(print))
def h4(): x=X(); x.register_hook(lambda g:'a'); x.sum().backward()
t('h4',h4)
def h5(): x=X(); x.register_hook(lambda g:torch.ones(2)); x.sum().backward(); return x.grad
t('h5',h5)
def h6():
    x=X(); y=x*2; y.register_hook(lambda g: g*10); y.retain_grad(); y.sum().backward(); return y.grad,x.grad
t('h6',h6)
def h7():
    x=X(); y=x*2; y.retain_grad(); y.register_hook(lambda g: g*10); y.sum().backward(); return y.grad,x.grad
t('h7',h7)
def h8():
    x=X(); y=x*2; y.retain_grad(); y.sum().backward(retain_graph=True); y.sum().backward(); return y.grad, y.retains_grad, x.retains_grad
t('h8',h8)
def h9():
    x=X(); y=x*2
    def hk(gi,go): print('gi',gi,'go',go); return (gi[0]*5,)+gi[1:]
    k=y.grad_fn.register_hook(hk); y.sum().backward(); return x.grad, type(k).__name__
def h10():
    x=X(); y=x*2
    def hk(go): print('pre',go); return (go[0]*5,)
    k=y.grad_fn.register_prehook(hk); y.sum().backward(); return x.grad
def h11():
    x=X(); y=x*2; acc=y.grad_fn.next_functions[0][0]; acc.register_hook(lambda gi,go: print('acc',gi,go)); y.sum().backward(); return acc.variable is x
with X().register_hook(print) as k: print(type(k).__name__)
def err(g): raise ValueError('in hook')
def h12(): x=X(); x.register_hook(err); x.sum().backward()
t('h12',h12)
# resurrection
def r1():
    x=X(); y=x*2; y.tag='hello'; z=y*y; i=id(y); del y
    y2=z.grad_fn
    return None
class Obj: 
    def __del__(self): print('del')
def r2():
    p=torch.nn.Parameter(torch.ones(2)); p.name2='pp'; y=p*2; acc=y.grad_fn.next_functions[0][0]; del p; gc.collect()
    return acc.variable.name2, type(acc.variable).__name__
t('r2',r2)
def r3():
    x=X(); x.grad=torch.ones(3); x.grad.note='n'; gc.collect(); return x.grad.note
t('r3',r3)
def r4():
    b=torch.ones(4); b.tag=[1]; v=b[1:]; del b; gc.collect(); return v._base.tag
t('r4',r4)
class Sub(torch.Tensor): pass
def r5():
    s=torch.ones(3).as_subclass(Sub); s.z=1; v=s[0:]; return type(s).__name__
