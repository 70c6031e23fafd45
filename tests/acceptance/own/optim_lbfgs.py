# LBFGS: with and without line search, its state, its limits.
import torch


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def run(f, start, steps=4, dtype=torch.float32, **options):
    p = torch.tensor(start, dtype=dtype, requires_grad=True)
    opt = torch.optim.LBFGS([p], **options)
    calls = [0]

    def closure():
        calls[0] += 1
        opt.zero_grad()
        loss = f(p)
        loss.backward()
        return loss

    for _ in range(steps):
        loss = opt.step(closure)
        print([f'{x:.6g}' for x in p.tolist()], f'{loss.item():.6g}', calls[0], opt.state[p]['n_iter'],
              opt.state[p]['func_evals'])
    return opt, p


def bowl(p):
    return ((p - 1) ** 2 * torch.arange(1., p.numel() + 1)).sum()


run(bowl, [5., -3., 2.], lr=0.5)
run(bowl, [5., -3., 2.], history_size=2, max_iter=5, lr=1)
run(rosenbrock, [-1.2, 1.], line_search_fn='strong_wolfe')
run(rosenbrock, [-1.2, 1.], line_search_fn='strong_wolfe', history_size=3, max_iter=7)
run(rosenbrock, [-1.5, 2.], dtype=torch.float64, line_search_fn='strong_wolfe', max_iter=10)
run(rosenbrock, [-1.5, 2.], dtype=torch.float64, max_iter=10, lr=0.001)
run(lambda p: (p ** 4).sum() + p[0].sin(), [2., -1.], line_search_fn='strong_wolfe', max_eval=6)
run(lambda p: p.abs().sum(), [2., -1.], line_search_fn='strong_wolfe', steps=2)
opt, p = run(bowl, [5., -3.], steps=2, max_iter=2, lr=0.1)
state = opt.state_dict()['state'][0]
print(sorted(state), [type(state[k]).__name__ for k in sorted(state)])
print(state['d'], state['t'], state['old_dirs'], state['old_stps'], state['ro'], state['H_diag'], state['prev_flat_grad'],
      f"{state['prev_loss']:.4f}", len(state['al']))
q = p.detach().clone().requires_grad_()
again = torch.optim.LBFGS([q], lr=7)
again.load_state_dict(opt.state_dict())
for o, x in (opt, p), (again, q):
    def closure():
        o.zero_grad()
        loss = bowl(x)
        loss.backward()
        return loss
    o.step(closure)
    print(x)
# Several parameters, one without a gradient.
a, b, c = torch.tensor([[1., 2.], [3., 4.]], requires_grad=True), torch.tensor(2., requires_grad=True), torch.ones(2, requires_grad=True)
opt = torch.optim.LBFGS([a, b, c], line_search_fn='strong_wolfe')
def closure():
    opt.zero_grad()
    loss = (a ** 2).sum() * 0.5 + (b - 3) ** 2
    loss.backward()
    return loss
opt.step(closure)
print(a.detach().abs().max().item() < 1e-3, round(b.item(), 4), c)
a = torch.tensor([9.], requires_grad=True)
for bad in [lambda: run(bowl, [9.], line_search_fn='golden'), lambda: torch.optim.LBFGS([a]).step(),
            lambda: torch.optim.LBFGS([a]).step(lambda: None)]:
    try:
        bad()
    except Exception as e:
        print(type(e).__name__, e)
