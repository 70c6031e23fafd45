# torch.random: fork_rng() leaves the generator as it was, whatever happens inside.
import torch

torch.random.manual_seed(11)
print(torch.random.initial_seed(), torch.random.get_rng_state().dtype)
with torch.random.fork_rng():
    inside = torch.rand(2)
    torch.manual_seed(3)
print(inside, torch.rand(2), torch.random.initial_seed())
with torch.random.fork_rng(devices=[], enabled=False):
    print(torch.rand(2))
print(torch.rand(2))
torch.manual_seed(5)
torch.zeros(1).log_normal_()  # half a pair of normal numbers is kept
try:
    with torch.random.fork_rng(devices=[]):
        print(torch.zeros(2).log_normal_())
        with torch.random.fork_rng():
            torch.rand(1000)
        print(torch.rand(1))
        raise ValueError("inside")
except ValueError as e:
    print(e)
print(torch.zeros(2).log_normal_())
state = torch.random.get_rng_state()
first = torch.rand(3)
torch.random.set_rng_state(state)
print(torch.equal(first, torch.rand(3)), torch.random.default_generator is torch.default_generator)
