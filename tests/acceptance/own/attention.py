# MultiheadAttention: initial digits, outputs, weights, masks, gradients, names, errors.
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


def attempt(what, f):
    try:
        print(what, f())
    except Exception as e:
        print(what, type(e).__name__, str(e))


def show(layer, *args, **more):
    out, weights = layer(*args, **more)
    print(tuple(out.shape), out.grad_fn.__class__.__name__)
    print(out.detach())
    if weights is None:
        print(weights)
    else:
        print(tuple(weights.shape), weights.grad_fn.__class__.__name__)
        print(weights.detach())
    layer.zero_grad()
    (out * torch.arange(out.numel()).view(out.shape) / 10).sum().backward()
    for name, p in layer.named_parameters():
        print(name, p.grad.sum() if p.grad is not None else None)


torch.set_printoptions(sci_mode=False)
torch.manual_seed(0)
for more in ({}, dict(bias=False), dict(add_bias_kv=True), dict(add_zero_attn=True),
             dict(kdim=3, vdim=5), dict(batch_first=True),
             dict(add_bias_kv=True, add_zero_attn=True, kdim=4, vdim=4)):
    layer = nn.MultiheadAttention(4, 2, **more)
    print(layer, list(layer.state_dict()))
    for name, p in layer.named_parameters():
        print(name, tuple(p.shape), p.detach().flatten()[:4])
    q = torch.randn(3, 3, 4, requires_grad=True)
    k = torch.randn(3, 3, layer.kdim)
    v = torch.randn(3, 3, layer.vdim)
    show(layer, q, k, v)
    print(q.grad.sum(0))
    mask = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)
    padding = torch.tensor([[False, False, True], [False, False, False], [False, True, True]])
    show(layer, q, k, v, attn_mask=mask)
    show(layer, q, k, v, key_padding_mask=padding)
    show(layer, q, k, v, attn_mask=mask, key_padding_mask=padding, average_attn_weights=False)
    show(layer, q, k, v, attn_mask=torch.randn(6, 3, 3), need_weights=False)
    show(layer, q, k, v, attn_mask=torch.randn(3, 3), key_padding_mask=padding)

layer = nn.MultiheadAttention(6, 3)
x = torch.randn(4, 2, 6)
show(layer, x, x, x)
show(layer, x, x[:3] * 2, x[:3] * 2)
show(layer, x[:, 0], x[:2, 1], x[:2, 1])
show(layer, x[:, 0], x[:, 1], x[:, 1], key_padding_mask=torch.tensor([True, False, False, False]))
show(layer, x[:, 0], x[:, 1], x[:, 1], attn_mask=torch.zeros(3, 4, 4))

# dropout draws in training alone
torch.manual_seed(4)
layer = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
x = torch.randn(2, 3, 4)
show(layer, x, x, x)
layer.eval()
print(layer(x, x, x)[0])
with torch.no_grad():
    print(layer(x, x, x)[0])
other = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
other.load_state_dict(layer.state_dict())
other.eval()
print(torch.equal(other(x, x, x)[0], layer(x, x, x)[0]), other.head_dim, other.embed_dim)

# the function
w, b, ow, ob = torch.randn(12, 4), torch.randn(12), torch.randn(4, 4), torch.randn(4)
q = torch.randn(3, 2, 4)
print(F.multi_head_attention_forward(q, q, q, 4, 2, w, b, None, None, False, 0.0, ow, ob))
print(F.multi_head_attention_forward(q, q, q, 4, 2, w, None, None, None, True, 0.0, ow, None,
                                     training=False, need_weights=False))
print(F.multi_head_attention_forward(q, q, q, 4, 2, w, b, None, None, False, 0.0, ow, ob,
                                     static_k=torch.randn(4, 5, 2), static_v=torch.randn(4, 5, 2)))

# a small model learns to find the largest number
class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside = nn.Linear(1, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        x = self.inside(x)
        return self.out(self.attention(x, x, x, need_weights=False)[0]).squeeze(-1)


torch.manual_seed(1)
model = Finder()
print(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
x = torch.rand(16, 5, 1)
for step in range(30):
    loss = F.cross_entropy(model(x), x.squeeze(-1).argmax(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(step, loss)

# errors
m = nn.MultiheadAttention(4, 2)
x = torch.randn(3, 2, 4)
attempt("heads", lambda: nn.MultiheadAttention(4, 3))
attempt("dims", lambda: m(x[0, 0], x, x))
attempt("key", lambda: m(x, x[0], x))
attempt("key", lambda: m(x[0], x, x))
attempt("embedding", lambda: m(torch.randn(3, 2, 5), x, x))
attempt("shapes", lambda: m(x, x, x[:2]))
attempt("mask", lambda: m(x, x, x, attn_mask=torch.zeros(2, 3)))
attempt("mask", lambda: m(x, x, x, attn_mask=torch.zeros(2, 3, 3)))
attempt("mask", lambda: m(x, x, x, attn_mask=torch.zeros(3, 3, dtype=torch.int64)))
attempt("mask", lambda: m(x, x, x, attn_mask=torch.zeros(3)))
attempt("mask", lambda: m(x[:, 0], x[:, 0], x[:, 0], attn_mask=torch.zeros(3, 3, 3)))
attempt("padding", lambda: m(x, x, x, key_padding_mask=torch.zeros(3, 2, dtype=torch.bool)))
attempt("padding", lambda: m(x, x, x, key_padding_mask=torch.zeros(3, dtype=torch.bool)))
attempt("padding", lambda: m(x, x, x, key_padding_mask=torch.zeros(2, 3, dtype=torch.int64)))
attempt("missing", lambda: m(x))
