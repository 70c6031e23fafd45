# Distributions that draw by the gamma function: Gamma, Chi2, StudentT, Beta, Dirichlet; Binomial.
import torch
from torch.distributions import *
torch.manual_seed(0)
def show(label, f):
    try: print(label, f())
    except NotImplementedError as e: print(label, 'NotImplementedError', e)
    except Exception as e: print(label, type(e).__name__, e)
f = lambda *a: torch.tensor(a)
torch.set_printoptions(precision=4)
for make in [lambda: Gamma(f(.3, 1., 2.5, 20.), f(1., 2., .5, 3.)), lambda: Gamma(2., 1), lambda: Gamma(f(.3, 5.).double(), 1.), lambda: Chi2(f(1., 4.)), lambda: Chi2(3.), lambda: StudentT(f(1., 2., 5.)), lambda: StudentT(3., 1., 2.), lambda: Beta(f(.5, 2.), f(.5, 3.)), lambda: Beta(2., 3.), lambda: Dirichlet(f(.5, 1., 2.)), lambda: Dirichlet(torch.tensor([[.5, 1., 2.], [3., 4., 5.]])), lambda: Binomial(10, f(.1, .5, .9)), lambda: Binomial(f(100., 30.), f(.5, .9)), lambda: Binomial(3, logits=f(.2, -1.))]:
    d = make(); print(d, d.mean, d.variance, d.stddev, d.support, d.batch_shape, d.event_shape, d.has_rsample)
    show('mode', lambda: d.mode); x = d.sample(); print(x, d.sample((2, 3))); show('rsample', lambda: d.rsample((2,)))
    show('log_prob', lambda: d.log_prob(x)); show('entropy', d.entropy); show('bad', lambda: d.log_prob(torch.full_like(x, -1.))); e = d.expand((2,) + tuple(d.batch_shape)); print(e, e.sample().shape); show('kl', lambda: kl_divergence(d, d)); show('enum', lambda: d.enumerate_support())
show('kl', lambda: kl_divergence(Gamma(2., 1.), Gamma(3., 2.))); show('kl', lambda: kl_divergence(Beta(2., 1.), Beta(3., 2.))); show('kl', lambda: kl_divergence(Dirichlet(f(1., 2.)), Dirichlet(f(3., 2.)))); show('kl', lambda: kl_divergence(Gamma(2., 1.), Exponential(2.)))
show('e', lambda: Gamma(-1., 1.)); show('e', lambda: Beta(-1., 1.)); show('e', lambda: Dirichlet(torch.tensor(1.))); show('e', lambda: Binomial(3)); show('e', lambda: StudentT(0.))
c = f(.2, .9, 2.5, 7., 9., 30.).requires_grad_(); r = torch.ones(6, requires_grad=True); d = Gamma(c, r)
for _ in range(3):
    x = d.rsample((50,)); x.sum().backward(); print(x.grad_fn.name(), c.grad, r.grad)
a = torch.linspace(.1, 15, 40); print(torch._standard_gamma_grad(a, a * .5), torch._standard_gamma_grad(a, a * 1.05), torch._standard_gamma_grad(a, a * 2))
print(torch.binomial(f(5., 50., 7.), f(.2, .4, 1.)), torch._standard_gamma(torch.full((3, 2), .7)).shape)
