"""Train a classifier of handwritten digits, verify its gradients, and draw its graph.

Run it with `python examples/quickstart.py`; it takes a few seconds and needs no network. The digits are the 1,797
scanned ones of 8 × 8 pixels that scikit-learn brings along. Pictures go to the folder `quickstart/`.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

OUT = Path("quickstart")


def main() -> None:
    """Run all steps, and print the names of the files."""
    OUT.mkdir(exist_ok=True)

    print("1. Train a 64-64-10 network on handwritten digits")
    X, y, X_test, y_test = nn.datasets.digits(rng=0)
    validation = X[-200:], y[-200:]
    X, y = X[:-200], y[:-200]
    network = nn.Sequential(
        nn.Dense(64, 64, weight_l2=1e-4, rng=31), nn.ReLU(), nn.Dense(64, 10, weight_l2=1e-4, rng=32)
    )
    model = nn.Model(
        network,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(network.parameters(), learning_rate=0.003, decay=1e-3),
        metrics=[nn.CategoricalAccuracy()],
        rng=3,
    )
    model.summary()
    history = model.fit(X, y, epochs=60, batch_size=32, validation_data=validation)
    accuracy = model.evaluate(X_test, y_test)["accuracy"]
    print(f"   accuracy on {len(X_test)} test digits: {accuracy:.3f}")
    history.plot(OUT / "training.png")

    print("2. Verify its gradients against finite differences")
    check_gradients(network, X[:4], y[:4])

    print("3. Draw its graph")
    draw_graph(network, X[:4], y[:4])

    print("4. Look at its mistakes")
    draw_mistakes(X_test, y_test, model.predict(X_test).argmax(axis=1))

    print("Wrote " + ", ".join(str(OUT / name) for name in ("training.png", "graph.svg", "mistakes.png")))


def check_gradients(trained: nn.Module, X: np.ndarray, y: np.ndarray) -> None:
    """Check the derivative of the loss with respect to every weight and bias of the trained network, in float64."""
    network = nn.Sequential(
        nn.Dense(64, 64, weight_l2=1e-4, dtype=np.float64),
        nn.ReLU(),
        nn.Dense(64, 10, weight_l2=1e-4, dtype=np.float64),
    )
    network.load_state_dict(trained.state_dict())
    data_loss = nn.SoftmaxCrossEntropy()
    parameters = list(network.parameters())
    tg.gradcheck(
        lambda: data_loss(network(X.astype(np.float64)), y) + network.regularization_loss(), parameters, fast=False
    )
    print(f"   all {sum(p.size for p in parameters):,} agree")


def draw_graph(network: nn.Module, X: np.ndarray, y: np.ndarray) -> None:
    """Draw the graph of the loss of a small batch, with values and gradients."""
    network.zero_grad()
    digits = tg.tensor(X, name="digits")
    loss = nn.SoftmaxCrossEntropy()(network(digits), y)
    loss.name = "loss"
    loss.backward(retain_graph=True)  # keep the intermediate arrays for the picture
    tg.draw(loss).save(OUT / "graph.svg")


def draw_mistakes(X: np.ndarray, y: np.ndarray, predicted: np.ndarray) -> None:
    """Plot the first misclassified digits with their true and predicted classes."""
    wrong = np.flatnonzero(predicted != y)[:10]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    figure.suptitle(
        f"{(predicted != y).sum()} of {len(y)} test digits are misread" + ", for example" * (len(wrong) > 9)
    )
    axes = figure.subplots(2, 5).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, i in zip(axes, wrong, strict=False):
        axis.imshow(X[i].reshape(8, 8), cmap="gray_r")
        axis.set_title(f"a {y[i]}, read as {predicted[i]}", fontsize=11)
    figure.savefig(OUT / "mistakes.png", dpi=120)


if __name__ == "__main__":
    main()
