# Anomaly detection: which node failed, and that its forward line is known.
import torch, warnings
def show(f):
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter('always')
        try: print(f())
        except BaseException as e: print(type(e).__name__,'|',e)
        for x in w: print('W', x.category.__name__, str(x.message).split('(Trig')[0].replace(__file__, 'F').split('\n  File "/usr')[0][:75].split('\n')[0])
def f():
    with torch.autograd.detect_anomaly():
        x=torch.tensor([-1.,2.],requires_grad=True)
        y=torch.log(x)
        y.sum().backward()
show(f)
def g():
    x=torch.tensor([0.,2.],requires_grad=True)
    y=torch.sqrt(x)*0
    with torch.autograd.detect_anomaly():
        y.sum().backward()
show(g)
def g2():
    x=torch.tensor([0.,2.],requires_grad=True)
    with torch.autograd.detect_anomaly(check_nan=False):
        y=torch.sqrt(x)*0
        y.sum().backward()
    return x.grad
show(g2)
def h():
    torch.autograd.set_detect_anomaly(True)
    print(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
    x=torch.tensor([1.,2.],requires_grad=True)
    y=torch.exp(x)
    y.add_(1)
    try: y.sum().backward()
    finally: torch.autograd.set_detect_anomaly(False)
show(h)
print(torch.is_anomaly_enabled())
with torch.autograd.set_detect_anomaly(True): print(torch.is_anomaly_enabled())
print(torch.is_anomaly_enabled())
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx,x): return x.clone()
    @staticmethod
    def backward(ctx,g): raise RuntimeError("Some error in backward")
def k():
    with torch.autograd.detect_anomaly():
        x=torch.ones(2,requires_grad=True)
        F.apply(x).sum().backward()
show(k)
class G(torch.autograd.Function):
    @staticmethod
    def forward(ctx,x): return x.clone()
    @staticmethod
    def backward(ctx,g): return g*float('nan')
def k2():
    with torch.autograd.detect_anomaly():
        x=torch.ones(2,requires_grad=True)
        G.apply(x).sum().backward()
show(k2)
def dd():
    with torch.autograd.detect_anomaly():
        x=torch.tensor([0.],requires_grad=True)
        y=x**1.5
        g,=torch.autograd.grad(y.sum(),x,create_graph=True)
        (g*0+g**0.5).sum().backward()
show(dd)

def named():
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter("always")
        with torch.autograd.detect_anomaly():
            x = torch.tensor([0., 2.], requires_grad=True)
            y = torch.sqrt(x) * 0  # the line
            try:
                y.sum().backward()
            except RuntimeError as e:
                print(e)
    print([line.strip() for line in str(w[-1].message).split("\n") if "the line" in line])
    print(sorted(y.grad_fn.metadata), (x * 2).grad_fn.metadata)


named()
