# torch.linalg: factorisations with PyTorch's signs and order, batches, norms, gradients, errors.
import torch

L = torch.linalg
torch.manual_seed(3)
for n in (2, 3, 5):
    a = torch.randn(n, n)
    s, p, r = a + a.t(), a @ a.t() + torch.eye(n), torch.randn(n, n + 2)
    print(L.eigh(s))
    print(L.eigh(s, UPLO='U')[1], L.eigvalsh(s))
    for x in (a, r, r.t()):
        print(*L.svd(x), *L.svd(x, full_matrices=False))
        print(*x.svd(), *L.qr(x), L.svdvals(x))
    print(L.qr(r.t(), 'complete')[0].shape, L.qr(r, mode='r'))
    print(a.inverse(), a.t().inverse(), a.det(), a.t().det(), L.slogdet(a), p.logdet())
    print(L.cholesky(p), L.cholesky(p, upper=True), L.inv_ex(a), L.cholesky_ex(-p).info)
    print(L.solve(a, r), L.solve(a, r[:, 0]), L.solve(a, r.t(), left=False))
    print(L.solve(torch.stack([a, p]), r))
    print(L.pinv(r), torch.pinverse(a), L.matrix_rank(r), L.cond(a), L.cond(a, 1))
    print(L.matrix_power(a, 5), L.matrix_power(a, -1), a.matrix_power(0))
b = torch.randn(2, 3, 3, 3, dtype=torch.double)
print(L.eigvalsh(b + b.mT), L.inv(b), L.det(b), L.svdvals(b), L.solve(b, b[0]))
for o in (1, -1, 2, -2, float('inf'), -float('inf'), 'fro', 'nuc'):
    print(o, L.matrix_norm(b, o), L.norm(b[0, 0], o), L.matrix_norm(b, o, dim=(0, 2)),
          L.matrix_norm(b, o, dim=(0, 2), keepdim=True).shape)
print(L.norm(b), L.norm(b, dim=1), L.norm(b[0, 0, 0], 3), L.vector_norm(b, 1, dim=(0, 3)))
print(L.eigh(torch.zeros(0, 0)), torch.det(torch.zeros(0, 0)), L.inv(torch.zeros(2, 0, 0)).shape)
print(L.svd(torch.zeros(0, 2)), L.qr(torch.zeros(2, 0)).R.shape)
print(L.matrix_rank(torch.ones(3, 3)), L.matrix_rank(torch.zeros(2, 3)), L.det(torch.ones(2, 2)))
U, S, Vh = L.svd(b[0, 0])
print(type(L.svd(b)).__name__, L.svd(b).S.shape, torch.allclose(U @ torch.diag(S) @ Vh, b[0, 0]))

# gradients
w = torch.randn(3, 3, dtype=torch.double, requires_grad=True)
for f in (L.inv, torch.inverse, L.det, torch.det, lambda w: L.slogdet(w)[1], L.eigvalsh,
          lambda w: L.eigh(w @ w.t())[1], L.svdvals, lambda w: w.svd()[0],
          lambda w: w[:2].svd()[2], lambda w: L.svd(w[:2])[1],
          lambda w: L.cholesky(w @ w.t() + torch.eye(3)),
          lambda w: L.cholesky(w @ w.t() + torch.eye(3), upper=True), lambda w: L.qr(w[:, :2])[0],
          lambda w: L.solve(w, w.sin()), lambda w: L.solve(w, w[0]), L.norm,
          lambda w: L.matrix_power(w, -3), lambda w: L.vector_norm(w, 3)):
    w.grad = None
    y = f(w * 1)
    (y * torch.arange(1., y.numel() + 1).view(y.shape)).sum().backward()
    print(y, w.grad)
print(torch.autograd.functional.hessian(torch.logdet, torch.eye(2) * 2))


def fails(f):
    try:
        print(f())
    except RuntimeError as e:
        print(type(e).__name__, isinstance(e, L.LinAlgError), e)


A, N, R = torch.tensor([[2., 1.], [1., 3.]]), torch.zeros(2, 2), torch.ones(2, 3)
for f in (lambda: L.eigh(R), lambda: L.eigvalsh(R), lambda: L.inv(R), lambda: R.inverse(),
          lambda: L.inv(N), lambda: torch.inverse(torch.stack([A, N])), lambda: L.det(R),
          lambda: L.slogdet(R), lambda: L.solve(N, A), lambda: L.solve(R, A),
          lambda: L.solve(A, torch.ones(3)), lambda: L.solve(A, A.double()),
          lambda: L.cholesky(-A), lambda: L.cholesky(torch.stack([A, -A])), lambda: L.cholesky(R),
          lambda: L.qr(R, mode='x'), lambda: L.svd(torch.ones(3)), lambda: L.inv(torch.ones(3)),
          lambda: A.long().inverse(), lambda: L.eigh(A, UPLO='X'), lambda: L.matrix_power(R, 2),
          lambda: L.norm(A, ord='x'), lambda: L.matrix_norm(A, 3),
          lambda: L.norm(torch.ones(2, 2, 2), 2),
          lambda: L.svd(N * float('nan')), lambda: L.eigvalsh(N * float('nan')), lambda: L.det(N),
          lambda: L.slogdet(N)):
    fails(f)
