# %% [markdown]
# # Chapter 21. Saving and loading
#
# What you will understand:
#
# - parameters are named arrays; saved alone, they can be loaded into a model of the same shape;
# - a whole model consists of parameters, the state of the optimizer, and a description of the layers;
# - a file from somebody else must not run code: no pickle is used, and everything is checked before use.

# %%
import json

import chapter
import fashion
import numpy as np
from matplotlib.figure import Figure

import nn

run = chapter.options("Chapter 21. Saving and loading")
given = fashion.data(np.random.default_rng(0), samples=5_000 if run.fast else 20_000)
model = fashion.trained(given, epochs=1 if run.fast else 2)
before = model.evaluate(given.X_test, given.y_test)

# %% [markdown]
# ## By hand: parameters as named arrays
#
# NumPy's own format, without pickle.

# %%
np.savez(run.out / "21_by_hand.npz", **model.network.state_dict())
with np.load(run.out / "21_by_hand.npz", allow_pickle=False) as arrays:
    loaded_by_hand = dict(arrays)

# %% [markdown]
# ## On the engine: parameters alone
#
# They are loaded into a model that was built in the same way.

# %%
model.save_parameters(run.out / "21_parameters.safetensors")
another = fashion.model(fashion.network(given.side**2, np.random.default_rng(7)))
another.load_parameters(run.out / "21_parameters.safetensors")
for name, array in another.network.state_dict().items():
    chapter.same(f"{name}, by hand and on the engine", loaded_by_hand[name], array)

# %% [markdown]
# ## On the engine: the whole model
#
# One file contains everything. Training continues as if it had not been interrupted: the next epoch leads to the same
# weights.

# %%
model.save(run.out / "21_model.safetensors")
loaded = nn.Model.load(run.out / "21_model.safetensors")
chapter.same("the loss after loading", before["loss"], loaded.evaluate(given.X_test, given.y_test)["loss"])

for each in (model, loaded):
    each.fit(given.X[:2_000], given.y[:2_000], epochs=1, batch_size=128, verbose=0)
for (name, one), other in zip(model.network.state_dict().items(), loaded.network.state_dict().values()):
    assert np.array_equal(one, other), f"{name} differs after one more epoch"
print("  equal: all weights after one more epoch, bit for bit")

# %% [markdown]
# ## Damaged files are rejected
#
# A failed attempt to load one changes nothing.

# %%
damaged = bytearray((run.out / "21_model.safetensors").read_bytes())
damaged[len(damaged) // 2] ^= 1
(run.out / "21_damaged.safetensors").write_bytes(damaged)
try:
    nn.Model.load(run.out / "21_damaged.safetensors")
except nn.LoadError as error:
    print(f"  rejected: {error}")
else:
    raise AssertionError("a damaged file was loaded")

# %% [markdown]
# ## The picture: the contents of the file
#
# The header of a safetensors file is JSON: names, dtypes, shapes, and the positions of the bytes.

# %%
content = (run.out / "21_model.safetensors").read_bytes()
length = int.from_bytes(content[:8], "little")
header = json.loads(content[8 : 8 + length])
sizes = {name: np.diff(entry["data_offsets"])[0] for name, entry in header.items() if name != "__metadata__"}
shown = sorted(sizes.items(), key=lambda item: item[1])
figure = Figure(figsize=(8, 0.27 * len(shown) + 1.3), layout="constrained")
axes = figure.subplots()
axes.barh(range(len(shown)), [size / 1024 for _, size in shown], color="#0072b2")
axes.set_yticks(range(len(shown)), [name for name, _ in shown], fontsize=9)
axes.set(title=f"21_model.safetensors: {len(content) / 1024:,.0f} KiB", xlabel="KiB", xscale="log")
axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "21_saving_and_loading.png")

# %% [markdown]
# ## Three things to try
#
# 1. Load the parameters into a network with 64 instead of 128 neurons. What does the error report?
#
#    *Answer.* The first tensor that does not fit, with both shapes: `tensor '0.weight' is float32 (784, 128), but the
#    network's is float32 (784, 64)`. The network is unchanged.
# 2. Interrupt training with Ctrl-C, save, load, and continue with `fit(..., resume=True)`.
#
#    *Answer.* Training continues until the number of epochs is reached in total: `fit(X, y, epochs=10, resume=True)`
#    after six epochs trains for four more.
# 3. Write your own layer, save a model with it, and load it: `nn.Model.load(path, custom=[YourLayer])`.
#
#    *Answer.* A layer with parameters must keep its arguments as attributes of the same names, here `features`:
#
#        class Scale(nn.Module):
#            def __init__(self, features):
#                self.features = features
#                self.factor = tg.tensor(np.ones(features, np.float32), requires_grad=True)
#
#            def forward(self, x):
#                return x * self.factor
#
#    Without `custom=[Scale]`, loading raises an error that names the class: the file does not contain code.
