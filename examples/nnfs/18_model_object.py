# %% [markdown]
# # Chapter 18. The Model object
#
# What you will understand:
#
# - a model combines network, loss, optimizer and metrics, so that training is one call;
# - that call runs forward pass, backward pass and update for each batch of each epoch, then the validation;
# - its history has the same losses as a loop written by hand.

# %%
import by_hand
import chapter
import numpy as np

import nn

run = chapter.options("Chapter 18. The Model object")
EPOCHS = 20 if run.fast else 300

# %% [markdown]
# ## By hand: an object that trains


# %%
class ModelByHand:
    """Model whose layers are added one by one, with a training loop."""

    def __init__(self):
        self.layers = []

    def add(self, layer):
        """Append a layer."""
        self.layers.append(layer)

    def set(self, *, loss, optimizer):
        """Set what to minimise, and how."""
        self.network, self.optimizer = by_hand.Network(self.layers, loss), optimizer

    def train(self, X, y, *, epochs, batch_size, validation_data):
        """Train in batches. The last batch may be smaller, so the losses are weighted by the number of samples."""
        history = {"loss": [], "accuracy": [], "val_loss": []}
        for _ in range(epochs):
            loss = right = 0.0
            for begin in range(0, len(X), batch_size):
                X_batch, y_batch = X[begin : begin + batch_size], y[begin : begin + batch_size]
                output = self.network.forward(X_batch)
                loss += self.network.loss.loss(y_batch) * len(X_batch)
                right += np.sum(output.argmax(axis=1) == y_batch)
                self.network.backward(y_batch)
                self.optimizer.step(self.network)
            history["loss"].append(loss / len(X))
            history["accuracy"].append(right / len(X))
            self.network.forward(validation_data[0])
            history["val_loss"].append(self.network.loss.loss(validation_data[1]))
        return history


# %% [markdown]
# ## On the engine
#
# The same initial weights, and the same batches in the same order.

# %%
X, y = nn.datasets.spiral(100, 3, rng=np.random.RandomState(0))
X, y, X_valid, y_valid = nn.data.split(X.astype(np.float64), y, stratify=True, rng=0)
first, last = nn.Dense(2, 64, dtype=np.float64, rng=1), nn.Dense(64, 3, dtype=np.float64, rng=2)
network = nn.Sequential(first, nn.ReLU(), last, nn.Softmax())

by_hand_model = ModelByHand()
by_hand_model.add(by_hand.Dense(first.weight.data))
by_hand_model.add(by_hand.ReLU())
by_hand_model.add(by_hand.Dense(last.weight.data))
by_hand_model.set(loss=by_hand.SoftmaxCrossEntropy(), optimizer=by_hand.Adam(0.01))
expected = by_hand_model.train(X, y, epochs=EPOCHS, batch_size=50, validation_data=(X_valid, y_valid))

model = nn.Model(
    network,
    loss=nn.CategoricalCrossEntropy(),
    optimizer=nn.Adam(network.parameters(), learning_rate=0.01),
    metrics=[nn.CategoricalAccuracy()],
)
model.summary()
history = model.fit(X, y, epochs=EPOCHS, batch_size=50, shuffle=False, validation_data=(X_valid, y_valid), verbose=0)
for name, values in expected.items():
    first_epochs = min(EPOCHS, 30)  # later, rounding has grown: training is chaotic
    chapter.same(f"{name} of {first_epochs} epochs", values[:first_epochs], history[name][:first_epochs])

# %% [markdown]
# Prediction is one call, too. It returns probabilities, with a row for each sample.

# %%
chapter.same("probabilities add up to 1", np.ones(len(X_valid), np.float64), model.predict(X_valid).sum(axis=1))

# %% [markdown]
# ## The picture: the training history

# %%
chapter.save(history.plot(), run.out / "18_model_object.png")

# %% [markdown]
# ## Three things to try
#
# 1. Set `shuffle=True`, the default (and remove the comparison: the loop by hand does not shuffle). Is the loss after
#    300 epochs better, and why are the curves now less regular?
#
#    *Answer.* Not in this run: 0.66 instead of 0.58. The batches now change from epoch to epoch, so the steps of one
#    epoch differ from those of the last, and the curve is rougher. `nn.data.split` has mixed the samples already. With
#    samples sorted by class, shuffling would be essential (chapter 19).
# 2. Stop early and keep the best weights: `callbacks=[nn.EarlyStopping(patience=30)]`.
#
#    *Answer.* `nn.EarlyStopping` keeps a copy of the weights with the lowest validation loss and restores it at the
#    end. With `patience=30`, training stops after 30 epochs without a new best loss.
# 3. Write a callback that prints the largest weight every 50 epochs: a class with `on_epoch_end`.
#
#    *Answer.* A class with one method; `logs` holds the losses and metrics:
#
#        class Largest(nn.Callback):
#            def on_epoch_end(self, epoch, logs):
#                if epoch % 50 == 0:
#                    print(max(np.abs(p.data).max() for p in self.model.network.parameters()))
#
#    Pass it as `callbacks=[Largest()]`.
