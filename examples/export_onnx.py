"""Train a convolutional network on handwritten digits, export it to ONNX, and run it with ONNX Runtime.

    pip install 'tensorgrad[examples,onnx]'
    python examples/export_onnx.py

It takes a few seconds and needs no network connection. The file `digits.onnx` takes pixels from 0 to 16 as bytes, as in
scikit-learn's data set, and returns the probability of each digit.
"""

from pathlib import Path

import numpy as np
import onnxruntime

import nn


def main() -> None:
    """Train, export and compare."""
    X, y, X_test, y_test = nn.datasets.digits(rng=0)
    X, X_test = X.reshape(-1, 8, 8, 1), X_test.reshape(-1, 8, 8, 1)
    network = nn.Sequential(
        nn.Conv2D(1, 16, 3, padding=1, rng=0), nn.BatchNorm(16), nn.ReLU(), nn.MaxPool2D(2),
        nn.Conv2D(16, 32, 3, padding=1, rng=1), nn.BatchNorm(32), nn.ReLU(), nn.GlobalAveragePool(),
        nn.Dense(32, 10, rng=2),
    )  # fmt: skip
    optimizer = nn.Adam(network.parameters(), learning_rate=0.01)
    model = nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()], rng=3
    )
    model.fit(X, y, epochs=4, batch_size=64, verbose=2)
    print(f"accuracy of the model: {model.evaluate(X_test, y_test)['accuracy']:.3f}")

    path = Path("digits.onnx")
    pixels = np.round(X_test * 16).astype(np.uint8)
    with_probabilities = nn.Sequential(*network, nn.Softmax())
    nn.interop.export_onnx(with_probabilities, path, pixels[:1], preprocessing=lambda x: x / 16)
    print(f"{path} has {path.stat().st_size:,} bytes")

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(None, {"input": pixels})
    print(f"accuracy of the file:  {np.mean(probabilities.argmax(axis=1) == y_test):.3f}")
    difference = np.abs(probabilities - model.predict_proba(X_test)).max()
    print(f"largest difference between the probabilities: {difference:.1e}")


if __name__ == "__main__":
    main()
