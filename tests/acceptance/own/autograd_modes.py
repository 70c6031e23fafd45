# Grad modes, inference mode; backward() and grad() with their errors.
import torch, warnings
from torch import nn
from torch.autograd import Function
def t(name,f):
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter('always')
        try: r=f(); print(name,'=>',r)
        except BaseException as e: print(name,'=>',type(e).__name__, '|', e)
        for x in w:
            if 'earlier backward' not in str(x.message):  # a notebook may teach here
                print('   W', x.category.__name__, str(x.message)[:60])
x=torch.ones(3,requires_grad=True)
# inference mode
def im():
    with torch.inference_mode():
        y=x*2
        print(y.requires_grad,y.is_inference(),torch.is_inference_mode_enabled(),torch.is_grad_enabled(), x.is_inference())
    print(y.is_inference(), torch.is_inference_mode_enabled(), y)
    return y
t('im',im)
y=im()
t('im2',lambda: y.requires_grad_())
t('im3',lambda: (y*x))
t('im6',lambda: (y*y).is_inference())
t('im7',lambda: y.clone().is_inference())
t('im8b',lambda: y._version)
@torch.inference_mode()
def f(a): return a*2
t('im9',lambda: f(x).is_inference())
def im10():
    with torch.inference_mode(False): return (x*2).requires_grad
t('im10',im10)
def im11():
    with torch.inference_mode():
        with torch.enable_grad(): return (x*2).requires_grad, torch.is_grad_enabled()
t('im11',im11)
def im12():
    with torch.inference_mode():
        a=torch.ones(2); v=x[0:1]; print(v.is_inference(), a.is_inference(), v.requires_grad)
        x.detach().mul_(1)
        return a, v
def im13():
    z=torch.ones(2)
    with torch.inference_mode(): z.add_(1); print(z.is_inference())
    return z
t('im13',im13)
def im14():
    with torch.inference_mode():
        w=torch.zeros(2,requires_grad=True); print(w.requires_grad, w.is_leaf)
        q=(w*2).sum()
        return q.requires_grad
t('im14',im14)
t('im15',lambda: y.view(3,1).is_inference())
def im16():
    y.view(3)[0]=5; return y
t('im16',im16)
# grad mode functions
def gm():
    with torch.set_grad_enabled(False): a=torch.is_grad_enabled()
    return a, torch.is_grad_enabled()
t('gm1',gm)
def gm2():
    torch.set_grad_enabled(False); a=torch.is_grad_enabled(); torch.set_grad_enabled(True); return a
t('gm2',gm2)
@torch.no_grad()
def gen():
    print('in', torch.is_grad_enabled())
    z=yield torch.is_grad_enabled()
    print('got',z, torch.is_grad_enabled())
    yield torch.is_grad_enabled()
    return 5
def useg():
    g=gen(); print(type(g).__name__)
    print(next(g), torch.is_grad_enabled()); print(g.send(3), torch.is_grad_enabled())
    try: next(g)
    except StopIteration as e: print('ret',e.value)
t('gen',useg)
def useg2():
    g=gen(); next(g)
    try: g.throw(ValueError('x'))
    except ValueError as e: print('thrown', e, torch.is_grad_enabled())
    g=gen(); next(g); g.close(); return torch.is_grad_enabled()
t('gen2',useg2)
@torch.no_grad()
def deco(a,b=2):
    "doc"
    return (a*b).requires_grad
t('deco',lambda: (deco(x,b=3), deco.__name__, deco.__doc__, type(deco).__name__, deco.__wrapped__.__name__))
class C:
    @torch.no_grad()
    def m(self,a): return a.requires_grad, (a*2).requires_grad
    @torch.enable_grad()
    def e(self,a): return (a*2).requires_grad
    @torch.set_grad_enabled(False)
    def s(self,a): return (a*2).requires_grad
t('meth',lambda: (C().m(x), C().e(x), C().s(x), torch.is_grad_enabled()))
torch.set_grad_enabled(True)
t('ng1',lambda: torch.no_grad(3))
t('ng2',lambda: torch.set_grad_enabled())
# backward errors
def bw(f): 
    def g():
        f(); 
    return g
t('b1',lambda: x.backward())
t('b2',lambda: torch.ones(2).backward())
t('b3',lambda: torch.ones(()).backward())
t('b4',lambda: (x*2).backward(torch.ones(2)))
t('b5',lambda: (x*2).sum().backward(torch.ones(2)))
def b6():
    l=(x*x).sum(); l.backward(); l.backward()
t('b6',b6)
def b7():
    l=(x*x).sum(); l.backward(retain_graph=True); l.backward(); return x.grad
x.grad=None
t('b7',b7)
t('b8',lambda: (x*2).sum().backward(inputs=[]))
t('b9',lambda: (x*2).sum().backward(inputs=[torch.ones(2)]))
def b10():
    x.grad=None
    a=torch.ones(3,requires_grad=True); (x*a).sum().backward(inputs=[a]); return x.grad,a.grad
t('b10',b10)
def b11():
    a=torch.ones(3,requires_grad=True); b=a*2; c=(b*b).sum(); c.backward(inputs=b); return a.grad
t('b11',b11)
t('b12',lambda: (x*2).sum().backward(gradient=3))
t('b13',lambda: (x*2).sum().backward(foo=3))
t('b14',lambda: torch.autograd.backward([(x*2).sum()],[torch.ones(()),torch.ones(())]))
t('b15',lambda: torch.autograd.backward([(x*2).sum(),(x*3)],[None,torch.ones(3)]))
t('b16',lambda: torch.autograd.backward([(x*2)]))
t('b17',lambda: torch.autograd.backward((x*2).sum(), grad_variables=torch.ones(())))
t('b18',lambda: torch.autograd.backward((x*2).sum(), torch.ones(()),grad_variables=torch.ones(())))
t('b19',lambda: torch.autograd.backward((x*2), torch.ones(3,dtype=torch.int64)))
t('b20',lambda: torch.autograd.backward((x*2), torch.ones(3,dtype=torch.double)))
t('b21',lambda: torch.autograd.backward(5))
t('b22',lambda: torch.autograd.backward([]))
t('b23',lambda: torch.autograd.backward())
# grad
t('g1',lambda: torch.autograd.grad(x.sum(),x))
t('g2',lambda: torch.autograd.grad(x.sum(),[x,torch.ones(1)]))
t('g3',lambda: torch.autograd.grad(x.sum(),[x,torch.ones(1,requires_grad=True)]))
t('g4',lambda: torch.autograd.grad(x.sum(),[x,torch.ones(1,requires_grad=True)],allow_unused=True))
t('g5',lambda: torch.autograd.grad(x*2,x))
t('g6',lambda: torch.autograd.grad(x*2,x,torch.ones(3)))
t('g7',lambda: torch.autograd.grad(x*2,x,torch.eye(3),is_grads_batched=True))
t('g8',lambda: torch.autograd.grad(x*2,x,torch.ones(2)))
t('g9',lambda: torch.autograd.grad(torch.ones(1),x))
t('g10',lambda: torch.autograd.grad(x.sum(),[]))
t('g11',lambda: torch.autograd.grad([x.sum()],[x],[torch.ones(()),torch.ones(())]))
t('g12',lambda: torch.autograd.grad(x.sum(),x,create_graph=True))
t('g13',lambda: torch.autograd.grad(x.sum(),x,only_inputs=False))
t('g14',lambda: torch.autograd.grad(x.sum(),'a'))
t('g16',lambda: torch.autograd.grad((x*2).int(),x))
t('g17',lambda: torch.autograd.grad(x.sum(),[x,x]))
t('g18',lambda: torch.autograd.grad(torch.ones(1),torch.ones(1)))
t('g19',lambda: torch.autograd.grad(x,x,torch.ones(3)))
