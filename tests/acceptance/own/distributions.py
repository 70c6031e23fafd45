# torch.distributions: what every class has, errors, divergences, gradients, classes of the program.
import torch, warnings
import torch.distributions as D
from torch.distributions import *
from torch.distributions import constraints
warnings.simplefilter('error')
torch.manual_seed(0)
def show(label, f):
    try:
        v = f()
        print(label, v)
    except NotImplementedError as e: print(label, 'NotImplementedError', e)
    except Exception as e: print(label, type(e).__name__, e)
f = lambda *a: torch.tensor(a)
dists = [
 lambda v: Normal(f(0., 1.), f(1., 2.5)), lambda v: Normal(0, 1), lambda v: Normal(0.5, 2.),
 lambda v: LogNormal(f(0., 1.), f(1., .5)), lambda v: HalfNormal(f(1., .5)),
 lambda v: Uniform(f(0., 1.), f(1., 3.)), lambda v: Exponential(f(.5, 2.)), lambda v: Laplace(f(0., 1.), f(1., .5)),
 lambda v: Cauchy(f(0., 1.), f(1., .5)), lambda v: Gumbel(f(0., 1.), f(1., .5)), lambda v: Poisson(f(2., 5.)),
 lambda v: Bernoulli(f(.3, .9)), lambda v: Bernoulli(logits=f(.3, -.9)), lambda v: Geometric(f(.3, .9)), lambda v: Geometric(logits=f(.3, .9)),
 lambda v: Categorical(f(.1, .2, .7)), lambda v: Categorical(logits=torch.tensor([[.1, .2, .7], [1, 2, 0.5]])),
 lambda v: OneHotCategorical(f(.1, .2, .7)), lambda v: OneHotCategorical(logits=torch.tensor([[.1, .2, .7], [1, 2, 0.5]])),
 lambda v: Multinomial(5, f(.1, .2, .7)),
 lambda v: MultivariateNormal(torch.zeros(2), torch.tensor([[2., .5], [.5, 1.]])),
 lambda v: MultivariateNormal(torch.zeros(3, 2), scale_tril=torch.tensor([[2., 0], [.5, 1.]])),
 lambda v: MultivariateNormal(torch.zeros(2), precision_matrix=torch.tensor([[2., .5], [.5, 1.]])),
 lambda v: Independent(Normal(torch.zeros(3, 2), torch.ones(3, 2)), 1),
 lambda v: Independent(Bernoulli(torch.full((3, 2), .5)), 2),
]
for make in dists:
    show('make', lambda: make(0))
    d = make(0)
    for n in 'batch_shape event_shape mean mode variance stddev support arg_constraints has_rsample has_enumerate_support'.split():
        show(' ' + n, lambda: getattr(d, n))
    show(' repr', lambda: d)
    for s in [(), (2,), torch.Size([2, 3])]:
        show(' sample', lambda: d.sample(s))
        show(' rsample', lambda: d.rsample(s))
    x = d.sample((2,))
    for n in 'log_prob cdf icdf'.split():
        show(' ' + n, lambda: getattr(d, n)(x if n != 'icdf' else f(.3, .8)))
    show(' entropy', d.entropy)
    show(' perplexity', d.perplexity)
    if not isinstance(d, Independent): show(' enum', d.enumerate_support)
    if not isinstance(d, Independent): show(' enum', lambda: d.enumerate_support(expand=False))

    show(' expand', lambda: d.expand((4,) + tuple(d.batch_shape)))
    show(' expand', lambda: d.expand((4,) + tuple(d.batch_shape)).sample().shape)
    show(' repr', lambda: d)
    show(' bad', lambda: d.log_prob(torch.tensor([-1.5, float('nan')])))
    show(' bad', lambda: d.log_prob(torch.zeros(5, 7)))
    show(' bad', lambda: d.log_prob(3.))
    show(' bad', lambda: d.sample(3))
    show(' type', lambda: type(d))
    show(' kl', lambda: kl_divergence(d, d))
show('e', lambda: Normal(0., -1.)); show('e', lambda: Normal(f(0., 1.), f(1., -1.))); show('e', lambda: Normal(0.)); show('e', lambda: Normal('a', 1))
show('e', lambda: Uniform(1., 0.)); show('e', lambda: Bernoulli(2.)); show('e', lambda: Bernoulli()); show('e', lambda: Bernoulli(.5, .5)); show('e', lambda: Categorical(torch.tensor(1.)))
show('e', lambda: Categorical(f(-.1, .2))); show('e', lambda: Categorical()); show('e', lambda: MultivariateNormal(torch.zeros(2), torch.tensor([[1., 2.], [2., 1.]])))
show('e', lambda: MultivariateNormal(torch.zeros(2))); show('e', lambda: MultivariateNormal(torch.tensor(0.), torch.eye(2))); show('e', lambda: MultivariateNormal(torch.zeros(2), torch.ones(2)))
show('e', lambda: MultivariateNormal(torch.zeros(2), scale_tril=torch.ones(2,2)))
show('e', lambda: Independent(Normal(0., 1.), 1)); show('e', lambda: Normal(0., float('nan'))); show('e', lambda: Normal(0, -1, validate_args=False))
show('e', lambda: kl_divergence(Normal(0., 1.), Categorical(f(.5, .5)))); show('e', lambda: kl_divergence(Normal(0., 1.), Poisson(1.)))
show('kl', lambda: kl_divergence(Normal(f(0., 1.), f(1., 2.)), Normal(0., 1.)))
pairs = [(Normal(.5, 2.), Laplace(.1, 1.)), (Laplace(.1, 1.), Normal(.5, 2.)), (Uniform(0., 1.), Normal(.5, 2.)), (Uniform(0., 1.), Exponential(2.)), (Exponential(1.), Normal(0., 1.)), (Bernoulli(.3), Poisson(2.)), (Bernoulli(.3), Bernoulli(0.)), (Categorical(f(.5, .5, 0.)), Categorical(f(.2, .8, 0.))),
 (Independent(Normal(torch.zeros(3), torch.ones(3)), 1), Independent(Normal(torch.ones(3), torch.ones(3)), 1)), (MultivariateNormal(torch.zeros(2), torch.eye(2)), MultivariateNormal(torch.ones(2), torch.tensor([[2., .5], [.5, 1.]]))), (Normal(0., 1.), Uniform(0., 1.)), (Cauchy(0., 1.), Cauchy(1., 2.)), (Gumbel(0., 1.), Gumbel(1., 2.)), (Poisson(2.), Poisson(3.)), (LogNormal(0., 1.), LogNormal(1., 1.)), (HalfNormal(1.), HalfNormal(2.)), (Geometric(.3), Geometric(.5)), (Exponential(2.), Exponential(1.))]
for p, q in pairs: show(f'kl {type(p).__name__} {type(q).__name__}', lambda: kl_divergence(p, q))
mu = torch.tensor([0., 1.], requires_grad=True); ls = torch.tensor([0., .5], requires_grad=True)
d = Normal(mu, ls.exp()); x = d.rsample(); l = d.log_prob(x); print(x, l, d.entropy(), kl_divergence(d, Normal(0, 1)), d.variance); (l.sum() + kl_divergence(d, Normal(0, 1)).sum()).backward(); print(mu.grad, ls.grad)
lo = torch.tensor([[.1, .2, .3], [.3, .1, 2.]], requires_grad=True); c = Categorical(logits=lo); a = c.sample(); lp = c.log_prob(a); print(a, lp, c.entropy(), c.probs); (-lp.sum() + .1 * c.entropy().sum()).backward(); print(lo.grad)
@register_kl(Normal, Categorical)
def k(p, q): return torch.tensor(1.)
show('kl', lambda: kl_divergence(Normal(0., 1.), Categorical(f(.5, .5))))
class Mine(Distribution):
    arg_constraints = {'w': constraints.positive}
    support = constraints.real
    def __init__(self, w, validate_args=None):
        self.w = torch.as_tensor(w)
        super().__init__(self.w.shape, validate_args=validate_args)
    def rsample(self, sample_shape=torch.Size()): return torch.zeros(self._extended_shape(sample_shape)) + self.w
    def log_prob(self, v):
        if self._validate_args: self._validate_sample(v)
        return -v
show('m', lambda: Mine(2.)); show('m', lambda: Mine(-2.)); show('m', lambda: Mine(2.).sample((2,))); show('m', lambda: Mine(2.).log_prob(f(1., float('nan')))); show('m', lambda: Mine(2.).mean); show('m', lambda: Mine(2.).mode)
class N2(Normal):
    def __init__(self, x): super().__init__(x, 1.)
show('n', lambda: N2(0.)); show('n', lambda: N2(0.).expand((2,)))
import copy, pickle
show('c', lambda: copy.deepcopy(Normal(0., 1.))); show('c', lambda: pickle.loads(pickle.dumps(Categorical(f(.5, .5)))).probs)
for n in 'real positive simplex real_vector unit_interval boolean nonnegative_integer positive_definite lower_cholesky dependent one_hot'.split(): show(n, lambda: getattr(constraints, n))
show('x', lambda: constraints.interval(0, 1).check(f(.5, 2.)))
show('x', lambda: Normal(0., 1.).mean.__class__)
def st():
    d = Normal(0., 1.)
    d.loc = 3
    return d.mean
show('x', st)
print(isinstance(Normal(0., 1.), Distribution), issubclass(Normal, D.ExponentialFamily), Normal.__mro__)
