# Recurrent layers: initial digits, outputs, states, gradients, shapes, names, errors.
import copy
import torch
import torch.nn as nn


def attempt(what, f):
    try:
        print(what, f())
    except Exception as e:
        print(what, type(e).__name__, str(e))


def show(name, t):
    print(name, tuple(t.shape), t.grad_fn.__class__.__name__ if t.grad_fn else None)
    print(t.detach())


def flat(hidden):
    return list(hidden) if isinstance(hidden, tuple) else [hidden]


def run(layer, x, hx=None):
    print(layer)
    out, hidden = layer(x, hx) if hx is not None else layer(x)
    show("output", out)
    for h in flat(hidden):
        show("hidden", h)
    total = (out * torch.arange(out.numel()).view(out.shape) / out.numel()).sum()
    for i, h in enumerate(flat(hidden)):
        total = total + (h * h).sum() * (i + 1)
    total.backward()
    for name, p in layer.named_parameters():
        print(name, tuple(p.shape), p.grad.sum(), p.grad.flatten()[:4])


torch.set_printoptions(sci_mode=False)
torch.manual_seed(0)
for kind in (nn.RNN, nn.GRU, nn.LSTM):
    x = torch.randn(5, 3, 4, requires_grad=True)
    run(kind(4, 6), x)
    print("x.grad", x.grad[0], x.grad[4])
    run(kind(4, 3, num_layers=2, bidirectional=True), torch.randn(3, 2, 4))
    run(kind(4, 5, batch_first=True, bias=False), torch.randn(2, 3, 4))
    run(kind(4, 5, batch_first=True), torch.randn(3, 4))
    run(kind(4, 2, 3, True, False, 0.5), torch.randn(3, 2, 4))
    run(kind(1, 1), torch.randn(2, 1, 1))
run(nn.RNN(4, 5, nonlinearity="relu"), torch.randn(4, 2, 4))
run(nn.LSTM(4, 5, proj_size=2, num_layers=2, bidirectional=True), torch.randn(3, 2, 4))

# states that are given, and their gradients
h = torch.randn(1, 3, 6, requires_grad=True)
c = torch.randn(1, 3, 6, requires_grad=True)
run(nn.LSTM(4, 6), torch.randn(5, 3, 4), (h, c))
print(h.grad, c.grad, sep="\n")
h = torch.randn(2, 6, requires_grad=True)
run(nn.GRU(4, 6, bidirectional=True), torch.randn(5, 4), h)
print(h.grad)

# float64, a state carried over, no gradients
lstm = nn.LSTM(3, 4, dtype=torch.float64)
x = torch.randn(2, 1, 3, dtype=torch.float64)
state = None
with torch.no_grad():
    for _ in range(3):
        out, state = lstm(x, state)
    print(out, state)

# training draws dropout between layers, evaluation does not
torch.manual_seed(3)
deep = nn.GRU(3, 4, num_layers=3, dropout=0.4)
x = torch.randn(2, 2, 3)
print(deep(x)[0], deep(x)[0], sep="\n")
deep.eval()
print(torch.equal(deep(x)[0], deep(x)[0]), deep.training)

# names, state, copies
lstm = nn.LSTM(2, 3, num_layers=2, bidirectional=True, proj_size=1)
print(list(lstm.state_dict()))
print([[tuple(w.shape) for w in ws] for ws in lstm.all_weights])
other = nn.LSTM(2, 3, num_layers=2, bidirectional=True, proj_size=1)
other.load_state_dict(lstm.state_dict())
x = torch.randn(4, 1, 2)
print(torch.equal(lstm(x)[0], other(x)[0]), torch.equal(copy.deepcopy(lstm)(x)[0], lstm(x)[0]))
lstm.flatten_parameters()
lstm.double()
print(lstm(x.double())[0].dtype, len(lstm._flat_weights), isinstance(lstm, nn.RNNBase))
torch.manual_seed(1)
lstm.reset_parameters()
print(lstm.weight_ih_l0)
lstm.weight_ih_l0 = nn.Parameter(torch.zeros(12, 2, dtype=torch.float64))
print(lstm(x.double())[0].sum())

# gradients of gradients
gru = nn.GRU(2, 3).double()
x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
g, = torch.autograd.grad(gru(x)[0].sum(), x, create_graph=True)
(g ** 2).sum().backward()
print(g.detach(), x.grad, gru.weight_hh_l0.grad, sep="\n")
lstm = nn.LSTM(2, 2, bidirectional=True).double()
print(torch.autograd.gradcheck(lambda t: lstm(t)[0], (x,)))

# the output can be changed in place
out, _ = nn.LSTM(3, 4)(torch.randn(2, 1, 3))
out += 1
out.sum().backward()

# in a model
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.lstm = nn.LSTM(4, 8, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.lstm(self.embed(x))[0])


torch.manual_seed(7)
model = Tagger()
print(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
inputs = torch.randint(0, 10, (6, 5))
targets = inputs % 3
for step in range(40):
    loss = nn.functional.cross_entropy(model(inputs).reshape(-1, 3), targets.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(step, loss)
print((model(inputs).argmax(-1) == targets).float().mean())

# reprs and errors
for layer in (nn.RNN(3, 4, 2, nonlinearity="relu"), nn.GRU(3, 4, 1, False, True),
              nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True, proj_size=2, dropout=0.1)):
    print(layer)
l = nn.LSTM(3, 4)
g = nn.GRU(3, 4)
x = torch.randn(5, 2, 3)
z = torch.zeros
attempt("input size", lambda: l(torch.randn(5, 2, 4)))
attempt("dims", lambda: l(torch.randn(5)))
attempt("dims", lambda: l(torch.randn(5, 2, 3, 4)))
attempt("empty", lambda: l(torch.randn(0, 2, 3)))
attempt("no batch", lambda: l(torch.randn(5, 0, 3))[0].shape)
attempt("dtype", lambda: l(x.double()))
attempt("hidden dtype", lambda: l(x, (z(1, 2, 4).double(), z(1, 2, 4))))
attempt("one state", lambda: l(x, (z(1, 2, 4),)))
attempt("tensor", lambda: l(x, z(1, 2, 4)))
attempt("h size", lambda: l(x, (z(1, 3, 4), z(1, 2, 4))))
attempt("c size", lambda: l(x, (z(1, 2, 4), z(1, 2, 5))))
attempt("dims of h", lambda: l(x, (z(2, 4), z(2, 4))))
attempt("dims of h", lambda: l(x[0], (z(1, 2, 4), z(1, 2, 4))))
attempt("gru", lambda: g(x, z(2, 2, 4)))
attempt("gru", lambda: g(x, z(2, 4)))
attempt("gru", lambda: g(x[0], z(1, 2, 4)))
attempt("list", lambda: l([1, 2]))
attempt("nothing", lambda: l())
attempt("proj", lambda: nn.GRU(3, 4, proj_size=2))
attempt("proj", lambda: nn.LSTM(3, 4, proj_size=5))
attempt("proj", lambda: nn.LSTM(3, 4, proj_size=-1))
attempt("kind", lambda: nn.RNN(3, 4, nonlinearity="x"))
attempt("missing", lambda: nn.LSTM(3))
attempt("unknown", lambda: nn.LSTM(3, 4, foo=2))
attempt("dropout", lambda: nn.LSTM(3, 4, 1, dropout=1.5))
attempt("mode", lambda: nn.RNNBase("X", 3, 4))

# cells
torch.manual_seed(5)
for cell in (nn.RNNCell(3, 4), nn.RNNCell(3, 4, nonlinearity="relu"), nn.GRUCell(3, 4),
             nn.LSTMCell(3, 4), nn.GRUCell(3, 4, bias=False), nn.LSTMCell(3, 2, False)):
    print(cell, list(cell.state_dict()))
    state = None
    for t in range(3):
        state = cell(torch.randn(2, 3), state)
    for h in flat(state):
        show("state", h)
    sum(h.sum() for h in flat(state)).backward()
    for p in cell.parameters():
        print(p.grad)
    single = cell(torch.randn(3))
    print([tuple(h.shape) for h in flat(single)])
cell = nn.RNNCell(3, 4)
attempt("size", lambda: cell(torch.randn(2, 5)))
attempt("batch", lambda: cell(torch.randn(2, 3), torch.randn(3, 4)))
attempt("hidden", lambda: cell(torch.randn(2, 3), torch.randn(2, 5)))
attempt("dims", lambda: cell(torch.randn(2, 3, 3)))
attempt("kind", lambda: nn.RNNCell(3, 4, nonlinearity="z")(torch.randn(2, 3)))
