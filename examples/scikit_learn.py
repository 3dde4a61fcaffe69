"""Use networks as scikit-learn estimators: a grid search, early stopping, and training on a stream of samples.

    pip install 'tensorgrad[examples]'
    python examples/scikit_learn.py

It takes a few seconds and needs no network connection.
"""

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nn


def main() -> None:
    """Run the three parts on handwritten digits."""
    X, y, X_test, y_test = nn.datasets.digits(rng=0)

    classifier = nn.sklearn.Classifier(epochs=60, learning_rate=0.01, early_stopping=True, n_iter_no_change=3)
    pipeline = make_pipeline(StandardScaler(), classifier.set_params(random_state=0))
    settings = {"classifier__hidden_layer_sizes": [(16,), (64,)], "classifier__l2": [0.0, 1e-3]}
    search = GridSearchCV(pipeline, settings, cv=3).fit(X, y)
    print(f"best settings: {search.best_params_}")
    print(f"epochs until early stopping: {search.best_estimator_['classifier'].n_iter_}")
    print(f"accuracy of the search: {search.score(X_test, y_test):.3f}")

    model = nn.sklearn.Classifier(random_state=0)
    rng = np.random.default_rng(0)
    for batch in range(60):
        rows = rng.choice(len(X), 200)
        model.partial_fit(X[rows], y[rows], classes=np.arange(10))
        if batch % 20 == 19:
            print(f"accuracy after {batch + 1} batches: {model.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    main()
