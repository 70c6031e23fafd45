"""torch.autograd.functional, gradcheck and gradgradcheck: forms of arguments, results and errors."""
import warnings

import torch
from torch.autograd import Function, gradcheck, gradgradcheck
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp

warnings.simplefilter("always")


def attempt(call):
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = call()
        return result if not caught else (result, [str(w.message) for w in caught])
    except Exception as e:
        return f"{type(e).__name__}: {e}"


x = torch.tensor([1.0, 2.0])
y = torch.tensor([[1.0, -1.0, 0.5]])
g = torch.tensor([0.5, 1.5], requires_grad=True)
s = torch.tensor(2.0)


def square(a):
    return a * a


def two(a, b):
    return a.sum() * b, (a ** 3).view(2, 1)


def number(a):
    return (a ** 3).sum()


def number2(a, b):
    return (a ** 2).sum() * (b ** 2).sum()


def first(a, b):
    return (a ** 2).sum()


def linear(a):
    return (2 * a).sum()


def constant(a):
    return torch.ones(2)


# ---- jacobian
for call in (lambda: jacobian(square, x), lambda: jacobian(square, (x,)), lambda: jacobian(two, (x, y)),
             lambda: jacobian(number, x), lambda: jacobian(lambda a: (a,), x), lambda: jacobian(square, s),
             lambda: jacobian(constant, x), lambda: jacobian(square, g), lambda: jacobian(lambda a: a[:, :2], y),
             lambda: jacobian(square, g, create_graph=True), lambda: jacobian(square, x, create_graph=True),
             lambda: jacobian(square, x, strict=True), lambda: jacobian(first, (x, y)),
             lambda: jacobian(first, (x, y), strict=True), lambda: jacobian(constant, x, strict=True),
             lambda: jacobian(linear, x, strict=True, create_graph=True),
             lambda: jacobian(linear, x, strict=True), lambda: jacobian(square, x, vectorize=True),
             lambda: jacobian(two, (x, y), vectorize=True), lambda: jacobian(two, (x, y), False, False, True),
             lambda: jacobian(square, x, strict=True, vectorize=True),
             lambda: jacobian(square, x, strategy="forward-mode"),
             lambda: jacobian(square, x, strategy="forward-mode", strict=True),
             lambda: jacobian(square, x, strategy="forward-mode", create_graph=True),
             lambda: jacobian(square, x, strategy="forward-mode", vectorize=True),
             lambda: jacobian(square, [x]), lambda: jacobian(square, 3), lambda: jacobian(two, (x, 3)),
             lambda: jacobian(lambda a: 3, x), lambda: jacobian(lambda a: [a, a], x),
             lambda: jacobian(lambda a: (a, 3), x), lambda: jacobian(two, x).__class__,
             lambda: jacobian(square), lambda: jacobian(square, x, nonsense=1),
             lambda: jacobian(square, torch.tensor([1, 2])), lambda: jacobian(square, x.double())):
    print(attempt(call))
j = jacobian(lambda a: a ** 3, g, create_graph=True)
j.sum().backward()
print(j, g.grad)
with torch.no_grad():
    print(jacobian(square, x), jacobian(square, g, create_graph=True))

# ---- hessian
for call in (lambda: hessian(number, x), lambda: hessian(number, (x,)), lambda: hessian(number2, (x, y)),
             lambda: hessian(number, s), lambda: hessian(square, x), lambda: hessian(two, (x, y)),
             lambda: hessian(lambda a: (number(a),), x), lambda: hessian(linear, x), lambda: hessian(first, (x, y)),
             lambda: hessian(linear, x, strict=True), lambda: hessian(first, (x, y), strict=True),
             lambda: hessian(number, x, strict=True), lambda: hessian(constant, x), lambda: hessian(constant, s),
             lambda: hessian(lambda a: torch.ones(1), x), lambda: hessian(lambda a: torch.ones(1), x, strict=True),
             lambda: hessian(number, g, create_graph=True), lambda: hessian(number2, (x, y), vectorize=True),
             lambda: hessian(number, x, vectorize=True, strict=True), lambda: hessian(number, 3),
             lambda: hessian(number, x, outer_jacobian_strategy="forward-mode"),
             lambda: hessian(lambda a: 3, x), lambda: hessian(lambda a: number(a).view(1, 1), x),
             lambda: hessian(lambda a: (a ** 2).sum(), g, create_graph=True, strict=True),
             lambda: hessian(number, x, outer_jacobian_strategy="nonsense")):
    print(attempt(call))

# ---- products
for product in (vjp, jvp, hvp, vhp):
    name = product.__name__
    f = square if name in ("vjp", "jvp") else number
    f2 = two if name in ("vjp", "jvp") else number2
    v2 = (y, x.view(2, 1)) if name == "vjp" else (x, y)
    for k, call in enumerate((
            lambda: product(f, x, x), lambda: product(f, (x,), x), lambda: product(f, (x,), (x,)),
            lambda: product(f, x), lambda: product(f, s), lambda: product(f2, (x, y), v2),
            lambda: product(number, x, torch.tensor(3.0)), lambda: product(f, x, y), lambda: product(f2, (x, y), x),
            lambda: product(f2, (x, y), (x, x)), lambda: product(f, x, (x, x)), lambda: product(f, x, 3),
            lambda: product(f, x, [x]), lambda: product(f, 3, x), lambda: product(f, [x], x),
            lambda: product(f, g, x), lambda: product(f, g, x, create_graph=True),
            lambda: product(f, x, x, create_graph=True), lambda: product(f, x, x, strict=True),
            lambda: product(f, x, g, True), lambda: product(f, g, g, create_graph=True, strict=True),
            lambda: product(constant, x, x), lambda: product(constant, x, x, strict=True),
            lambda: product(linear, x, x), lambda: product(linear, x, x, strict=True),
            lambda: product(linear, x, x, create_graph=True, strict=True), lambda: product(linear, s),
            lambda: product(linear, s, strict=True), lambda: product(first, (x, y), (x, y)),
            lambda: product(first, (x, y), (x, y), strict=True), lambda: product(first, (x, y), s, strict=True),
            lambda: product(lambda a: 3, x, x), lambda: product(lambda a: (a, a), x, (x, x)),
            lambda: product(lambda a: (a.sum(),), x, x), lambda: product(f), lambda: product(f, x, x, zz=1))):
        print(name, k, attempt(call))
    with torch.no_grad():
        print(product(f, x, x), product(f, g, x, create_graph=True))

# ---- gradcheck
d = torch.tensor([0.5, -1.5], dtype=torch.double, requires_grad=True)
e = torch.tensor([[1.0], [2.0]], dtype=torch.double, requires_grad=True)
c = torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.cdouble, requires_grad=True)


class Wrong(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a ** 2

    @staticmethod
    def backward(ctx, grad):
        return 3 * grad * ctx.saved_tensors[0]


class Careless(Function):
    @staticmethod
    def forward(ctx, a):
        return a.sum()

    @staticmethod
    def backward(ctx, grad):
        return torch.ones(2, dtype=torch.double)


class Second(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a ** 3

    @staticmethod
    def backward(ctx, grad):
        return grad * 3 * ctx.saved_tensors[0].detach() ** 2


for call in (lambda: gradcheck(square, d), lambda: gradcheck(square, (d,)), lambda: gradcheck(square, [d]),
             lambda: gradcheck(torch.mm, (d.view(1, 2), e)), lambda: gradcheck(torch.sin, (d.detach(),)),
             lambda: gradcheck(Wrong.apply, d), lambda: gradcheck(Wrong.apply, d, raise_exception=False),
             lambda: gradcheck(Careless.apply, d), lambda: gradcheck(torch.add, (d, 3)),
             lambda: gradcheck(lambda a, b: (a * b, a.detach(), b.exp()), (d, e)),
             lambda: gradcheck(lambda a: a.detach() * 2, d), lambda: gradcheck(lambda a: torch.ones(2), d),
             lambda: gradcheck(torch.abs, torch.tensor([0.0, 1.0], dtype=torch.double, requires_grad=True)),
             lambda: gradcheck(square, d, eps=1e-3, atol=1e-2, rtol=1e-2),
             lambda: gradcheck(square, torch.ones((), dtype=torch.double, requires_grad=True).expand(3)),
             lambda: gradcheck(torch.exp, c), lambda: gradcheck(torch.abs, c), lambda: gradcheck(torch.conj, c),
             lambda: gradcheck(torch.view_as_real, c), lambda: gradcheck(Wrong.apply, c),
             lambda: gradcheck(torch.nn.Linear(2, 2).double(), d),
             lambda: gradgradcheck(torch.sin, d), lambda: gradgradcheck(torch.mul, (d, e)),
             lambda: gradgradcheck(lambda a, b: (a * b, a.exp()), (d, e)), lambda: gradgradcheck(Second.apply, d, e.view(2)),
             lambda: gradgradcheck(Second.apply, d, raise_exception=False),
             lambda: gradgradcheck(torch.exp, d, grad_outputs=e.detach().view(2).requires_grad_()),
             lambda: gradgradcheck(torch.exp, (d,), (e.view(2),), atol=1e-4),
             lambda: gradgradcheck(torch.sin, d, eps=1e-5), lambda: gradgradcheck(torch.exp, c),
             lambda: gradgradcheck(torch.sin, d.detach()), lambda: gradcheck(square, x.requires_grad_())[1:]
             if False else None):
    print(attempt(call))
from torch.autograd.gradcheck import GradcheckError
print(GradcheckError.__mro__[1].__name__, GradcheckError.__module__, d, d.grad)
