# Transformer layers, stacks of them and nn.Transformer: first digits, outputs, masks, gradients,
# inference with padding, repr, state_dict names, errors.
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_printoptions(sci_mode=False, precision=3)


def show(model, *args, **more):
    out = model(*args, **more)
    print(tuple(out.shape), out.detach())
    if not out.requires_grad:
        return
    model.zero_grad()
    (out * torch.arange(out.numel()).view(out.shape) / 10).sum().backward()
    for name, p in model.named_parameters():
        print(name, tuple(p.shape), p.detach().flatten()[:3], p.grad.flatten()[:2])


torch.manual_seed(7)
x, memory = torch.randn(3, 2, 4), torch.randn(5, 2, 4)
mask = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)
padding = torch.tensor([[False, False, True], [False, False, False]])
for more in (dict(), dict(norm_first=True, activation="gelu"), dict(dropout=0.0, batch_first=True),
             dict(activation=nn.Tanh(), layer_norm_eps=1e-3)):
    layer = nn.TransformerEncoderLayer(4, 2, dim_feedforward=6, **more)
    print(layer, list(layer.state_dict()), layer.activation_relu_or_gelu, layer.norm_first)
    y = x.transpose(0, 1) if "batch_first" in more else x
    show(layer, y)
    show(layer, y, src_mask=mask)
    show(layer, y, src_key_padding_mask=padding)
    layer.eval()
    show(layer, y, mask, padding)
    with torch.no_grad():
        show(layer, y)
        show(layer, y, src_key_padding_mask=padding)
    layer = nn.TransformerDecoderLayer(4, 2, 6, **more)
    print(layer)
    m = memory.transpose(0, 1) if "batch_first" in more else memory
    show(layer, y, m)
    show(layer, y, m, tgt_mask=mask, tgt_key_padding_mask=padding)
    show(layer.eval(), y, m, memory_mask=torch.zeros(3, 5, dtype=torch.bool))
show(nn.TransformerEncoderLayer(4, 2, 6).eval(), x[:, 0])
show(nn.TransformerEncoderLayer(4, 2, 6, dtype=torch.float64), x.double())

# stacks
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0.0), 2)
print(encoder, encoder.num_layers, encoder.norm, encoder.enable_nested_tensor)
show(encoder, x)
show(encoder, x, mask, padding)
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0.0), 2, nn.LayerNorm(4))
show(encoder, x)
show(copy.deepcopy(encoder), x, mask=nn.Transformer.generate_square_subsequent_mask(3))
decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, 0.0), 2, norm=nn.LayerNorm(4))
print(decoder)
show(decoder, x, memory, tgt_mask=mask)

# inference with padding at the ends, elsewhere, in every sequence
batch = torch.randn(3, 4, 4)
ends = torch.tensor([[False, True, True, True], [False] * 3 + [True], [False, False, True, True]])
inside = torch.tensor([[False, True, False, True]] * 3)
for norm in (None, nn.LayerNorm(4)):
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), 2, norm).eval()
    with torch.no_grad():
        for padded in (ends, inside):
            show(encoder, batch, src_key_padding_mask=padded)
        show(encoder, batch)
        show(encoder, batch, mask=torch.zeros(4, 4), src_key_padding_mask=ends)
    print(encoder(batch, src_key_padding_mask=ends).detach())
    with torch.no_grad():
        encoder.enable_nested_tensor = False
        show(encoder, batch, src_key_padding_mask=ends)
        show(encoder.train(), batch[:1])

# both together
torch.manual_seed(1)
model = nn.Transformer(8, 2, 1, 2, 6)
print(model)
for name, p in model.named_parameters():
    print(name, tuple(p.shape), p.detach().flatten()[:3])
src, tgt = torch.randn(4, 2, 8), torch.randn(3, 2, 8)
causal = model.generate_square_subsequent_mask(3)
print(causal, nn.Transformer.generate_square_subsequent_mask(1))
show(model, src, tgt, tgt_mask=causal)
show(model.eval(), src, tgt, tgt_mask=causal,
     src_key_padding_mask=torch.tensor([[False] * 4, [False] * 2 + [True] * 2]))
model = nn.Transformer(8, 2, 1, 1, 6, 0.0, "gelu", batch_first=True, norm_first=True)
show(model, src.transpose(0, 1), tgt.transpose(0, 1))
show(model, src[:, 0], tgt[:, 0])
print(nn.Transformer(4, 1, custom_encoder=nn.Identity(), num_decoder_layers=1, dim_feedforward=2))

# a training run: the digits of every step
torch.manual_seed(2)
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
head = nn.Linear(8, 3)
opt = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-2)
data, target = torch.randn(6, 5, 8), torch.randint(3, (6,))
for step in range(5):
    opt.zero_grad()
    loss = F.cross_entropy(head(encoder(data).mean(1)), target)
    loss.backward()
    opt.step()
    print(f"{loss.item():.4f}")

layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
for f in (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"),
          lambda: nn.TransformerEncoderLayer(4, 3), lambda: nn.TransformerEncoderLayer(4),
          lambda: nn.TransformerDecoderLayer(4, 2, 6, heads=3),
          lambda: decoder(x), lambda: layer(x, src_key_padding_mask=padding.long()),
          lambda: encoder(x, src_key_padding_mask=padding.int()),
          lambda: layer(x, mask=mask), lambda: layer(torch.randn(2, 3, 5)),
          lambda: layer(x, torch.zeros(2, 2)),
          lambda: model(src, tgt[:, :1].transpose(0, 1)), lambda: model(src, torch.randn(4, 3, 7)),
          lambda: model(src), lambda: nn.Transformer(d_model=6, nhead=4)):
    try:
        f()
    except Exception as e:
        print(type(e).__name__, e)
