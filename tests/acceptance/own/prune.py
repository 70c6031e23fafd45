# torch.nn.utils.prune, as the pruning tutorial uses it.
import torch
from torch import nn
import torch.nn.utils.prune as prune
import torch.nn.functional as F
torch.manual_seed(0)
def show(label, f):
    try: print(label, f())
    except Exception as e: print(label, type(e).__name__, e)
class LeNet(nn.Module):
    def __init__(self):
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 4, 3)
        self.fc1 = nn.Linear(4, 5)
    def forward(self, x): return self.fc1(F.adaptive_avg_pool2d(self.conv2(F.relu(self.conv1(x))), 1).flatten(1))
model = LeNet(); module = model.conv1
print(list(module.named_buffers()))
prune.random_unstructured(module, name="weight", amount=0.3)
print([n for n, _ in module.named_parameters()], module.weight_mask, module.weight)
print([(k, type(v).__name__) for k, v in module._forward_pre_hooks.items()])
prune.l1_unstructured(module, name="bias", amount=3)
print([n for n, _ in module.named_parameters()], [n for n, _ in module.named_buffers()], module.bias, module._forward_pre_hooks.keys().__len__())
prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0)
print(module.weight)
for hook in module._forward_pre_hooks.values():
    if hook._tensor_name == "weight": break
print([type(h).__name__ for h in hook], len(hook), hook[0].amount, hook[1].n, hook[1].dim)
print(model.state_dict().keys())
out = model(torch.randn(2, 1, 8, 8)); out.sum().backward(); print(out, module.weight_orig.grad[0], module.weight.grad_fn.name())
print(prune.is_pruned(model))
prune.remove(module, 'weight'); print([n for n, _ in module.named_parameters()], [n for n, _ in module.named_buffers()], module.weight.requires_grad, type(module.weight).__name__)
prune.remove(module, 'bias'); print(prune.is_pruned(model), list(model.state_dict()))
new = LeNet()
for name, m in new.named_modules():
    if isinstance(m, nn.Conv2d): prune.l1_unstructured(m, name='weight', amount=0.2)
    elif isinstance(m, nn.Linear): prune.l1_unstructured(m, name='weight', amount=0.4)
print(dict(new.named_buffers()).keys())
print(new.fc1.weight)
g = LeNet()
ps = ((g.conv1, 'weight'), (g.conv2, 'weight'), (g.fc1, 'weight'))
prune.global_unstructured(ps, pruning_method=prune.L1Unstructured, amount=0.2)
print([float(torch.sum(m.weight == 0)) / m.weight.nelement() for m, _ in ps])
prune.global_unstructured(ps, pruning_method=prune.L1Unstructured, amount=10)
print([int(torch.sum(m.weight == 0)) for m, _ in ps], [type(h).__name__ for h in g.conv1._forward_pre_hooks.values()])
class FooBar(prune.BasePruningMethod):
    PRUNING_TYPE = 'unstructured'
    def compute_mask(self, t, default_mask):
        mask = default_mask.clone(); mask.view(-1)[::2] = 0; return mask
def foobar(module, name): FooBar.apply(module, name); return module
m = LeNet(); foobar(m.fc1, name='bias'); print(m.fc1.bias_mask); foobar(m.fc1, 'bias'); print(m.fc1.bias_mask)
l = nn.Linear(3, 4); prune.identity(l, 'weight'); print(l.weight_mask, l)
l = nn.Linear(3, 4); print(prune.random_structured(l, 'weight', .5, 0).weight_mask, prune.random_structured(l, 'weight', 1, -1).weight_mask)
l = nn.Linear(3, 4); print(prune.custom_from_mask(l, 'bias', torch.tensor([0, 1, 1, 0])).bias)
l = nn.Linear(3, 4); print(prune.l1_unstructured(l, 'bias', 2, importance_scores=torch.tensor([4., 3., 2., 1.])).bias_mask)
l = nn.Linear(3, 4); print(prune.ln_structured(l, 'weight', 1, n=float('-inf'), dim=1).weight_mask, prune.ln_structured(l, 'weight', 2, 1, 0).weight_mask)
print(prune.L1Unstructured(amount=1).prune(torch.tensor([1., -.5, 2.])), prune.RandomUnstructured(.5).prune(torch.ones(6)))
l = nn.Linear(3, 4)
show('e', lambda: prune.l1_unstructured(l, 'weight', 1.5)); show('e', lambda: prune.l1_unstructured(l, 'weight', -1)); show('e', lambda: prune.l1_unstructured(l, 'weight', 'a')); show('e', lambda: prune.l1_unstructured(l, 'weight', 100))
print([n for n, _ in l.named_parameters()])
show('e', lambda: prune.ln_structured(l, 'bias', 1, 2, 0)); show('e', lambda: prune.remove(l, 'weight')); show('e', lambda: prune.l1_unstructured(l, 'nothing', 1)); show('e', lambda: prune.global_unstructured([(l, 'weight')], prune.LnStructured, amount=1, n=2))
show('e', lambda: prune.global_unstructured(3, prune.L1Unstructured, amount=1)); show('e', lambda: prune.l1_unstructured(l)); show('e', lambda: prune.L1Unstructured())
import copy
show('e', lambda: copy.deepcopy(new))
opt = torch.optim.SGD(new.parameters(), .1)
for _ in range(3): opt.zero_grad(); new(torch.ones(2, 1, 8, 8)).pow(2).sum().backward(); opt.step()
new(torch.ones(1, 1, 8, 8)); print(new.fc1.weight)
