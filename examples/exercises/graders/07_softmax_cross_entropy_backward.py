"""The gradient of a loss with respect to the scores."""

import numpy as np
from grading import fixed, normal, values
from grading_gradients import correct, gradients

import tensorgrad as tg

HINTS = (
    "Compute the probabilities first, as in exercise 03. Nothing else of the forward pass is needed.",
    "Subtracting one-hot rows changes one number in each row: that of the correct class.",
    "d = probabilities; d[range(len(classes)), classes] -= 1; return d / len(classes)",
)


def grade(answer):
    """Grade with four samples of three classes, then with scores that overflow unless the largest is subtracted."""
    classes = np.array([2, 0, 1, 1])

    def loss(scores):
        return -tg.mean(tg.log_softmax(scores, axis=1)[np.arange(4), classes])

    def by_hand(scores):
        return answer.softmax_cross_entropy_backward(scores, classes)

    scores, one_hot = normal(4, 3), np.eye(3)[classes]
    probabilities = tg.softmax(scores, axis=1).data
    mistakes = {
        "wrong axis: the probabilities of each row have the sum 1": tg.softmax(scores, axis=0).data - one_hot,
        "1 is not subtracted at the correct class": probabilities,
        "every sample with every class: subtract 1 in each row's own class": probabilities - 1,
        "softmax is missing: the scores are not probabilities": scores - one_hot,
    }
    gradients(by_hand, loss, {"scores": scores}, {name: [d / 4] for name, d in mistakes.items()}, takes_g=False)
    _, [expected] = correct(loss, {"scores": 800 * scores})
    values("the gradient at scores around 800", by_hand(fixed(800 * scores)), expected)
