# Sequences of different lengths: torch.nn.utils.rnn and recurrent layers over packed sequences.
import copy
import torch
import torch.nn as nn
from torch.nn.utils.rnn import (PackedSequence, invert_permutation, pack_padded_sequence,
                                pack_sequence, pad_packed_sequence, pad_sequence, unpack_sequence,
                                unpad_sequence)


def attempt(what, f):
    try:
        print(what, f())
    except Exception as e:
        print(what, type(e).__name__, str(e))


torch.set_printoptions(sci_mode=False)
torch.manual_seed(0)
x = torch.randn(4, 3, 2, requires_grad=True)
p = pack_padded_sequence(x, [4, 2, 1])
print(p)
for batch_first in (False, True):
    out, lengths = pad_packed_sequence(p, batch_first=batch_first)
    print(out, lengths)
(out * out).sum().backward()
print(x.grad)
p = pack_padded_sequence(x, torch.tensor([1, 2, 3]), enforce_sorted=False)
print(p.data.grad_fn.__class__.__name__, p[1:])
print(pad_packed_sequence(p, total_length=5, padding_value=-1))
print(pack_padded_sequence(torch.arange(6).view(2, 3), [3, 1], batch_first=True))

s = [torch.randn(3, 2, requires_grad=True), torch.randn(1, 2)]
print(pad_sequence(s), pad_sequence(s, True, -1))
print(pad_sequence(torch.arange(6).view(2, 3)))
print(pad_sequence(a for a in [torch.ones(2), torch.ones(1)]))
q = pack_sequence([torch.tensor([6.]), torch.tensor([4., 5])], enforce_sorted=False)
print(q, unpack_sequence(q))
print(pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5]), torch.tensor([6])]))
print(unpad_sequence(pad_sequence([torch.ones(3), torch.ones(1)]), torch.tensor([3, 1])))
print(q.double().data.dtype, q.to(torch.int32), q._fields, q.is_cuda, q.float() is q)
print(q._asdict(), q._replace(data=torch.zeros(3)), copy.deepcopy(q))
print(isinstance(q, tuple), isinstance(q, PackedSequence), invert_permutation(torch.tensor([2, 0, 1])))
data, batch_sizes, sorted_indices, unsorted_indices = q
print(PackedSequence((torch.zeros(2), torch.tensor([2]))))

attempt("unsorted", lambda: pack_padded_sequence(x, [1, 2, 3]))
attempt("count", lambda: pack_padded_sequence(x, [3, 2]))
attempt("zero", lambda: pack_padded_sequence(x, [3, 2, 0]))
attempt("empty", lambda: pack_padded_sequence(torch.zeros(0, 3), [1, 1, 1]))
attempt("dims", lambda: pack_padded_sequence(torch.zeros(3), [1, 1, 1]))
attempt("total", lambda: pad_packed_sequence(p, total_length=2))
attempt("number", lambda: pad_sequence(3))
attempt("none", lambda: pad_sequence([]))
attempt("numbers", lambda: pad_sequence([1, 2]))
attempt("shapes", lambda: pad_sequence([torch.randn(3, 2), torch.randn(1, 3)]))
attempt("order", lambda: pack_sequence([torch.tensor([6]), torch.tensor([4, 5])]))
attempt("pair", lambda: PackedSequence(1))
attempt("missing", lambda: PackedSequence())
attempt("tuple", lambda: pad_packed_sequence(3))

# layers
lengths = [2, 4, 1]
for kind, arguments in ((nn.RNN, {}), (nn.GRU, dict(num_layers=2, bidirectional=True)),
                        (nn.LSTM, dict(bidirectional=True)),
                        (nn.LSTM, dict(num_layers=2, proj_size=2, bidirectional=True)),
                        (nn.LSTM, dict(bias=False)), (nn.GRU, dict(num_layers=2, dropout=0.5))):
    layer = kind(2, 3, **arguments)
    x = torch.randn(4, 3, 2, requires_grad=True)
    out, hidden = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
    print(layer, type(out).__name__, out.data.grad_fn.__class__.__name__)
    print(out.data.detach(), hidden)
    padded, back = pad_packed_sequence(out)
    print(padded, back)
    (padded * padded).sum().backward()
    print(x.grad)
    for name, q in layer.named_parameters():
        print(name, q.grad.sum(), q.grad.flatten()[:3])

# given states stand in the order of the batch
layer = nn.GRU(2, 3)
x = torch.randn(4, 3, 2)
h = torch.randn(1, 3, 3)
_, packed_h = layer(pack_padded_sequence(x, lengths, enforce_sorted=False), h)
for i, n in enumerate(lengths):
    _, alone = layer(x[:n, i:i + 1], h[:, i:i + 1])
    print(torch.allclose(alone[:, 0], packed_h[:, i], atol=1e-6))
attempt("batch", lambda: layer(pack_padded_sequence(x, [4, 2, 1]), torch.randn(1, 2, 3)))
attempt("size", lambda: layer(pack_padded_sequence(torch.randn(4, 3, 5), [4, 2, 1])))
