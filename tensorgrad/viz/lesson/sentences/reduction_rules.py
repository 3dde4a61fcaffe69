"""Explanations of the gradients of sums, means, maxima and other reductions."""

SENTENCES = {
    "sum": "Each element counts once in the sum, so each receives the same gradient.",
    "mean": "Each of the {count} elements counts 1/{count} in the mean, so each receives 1/{count} of {up}.",
    "prod": "Each element was multiplied by all others, so its gradient is {up} times the product of the others.",
    "max": "Only the largest element determines the maximum: it receives the gradient, and the others 0.",
    "min": "Only the smallest element determines the minimum: it receives the gradient, and the others 0.",
    "var.a": (
        "The slope of the variance is proportional to the distance from the mean: elements far away change it most."
    ),
    "var.mean": "The variance depends on {a} − {mean}, so {mean} receives minus the sum of the gradients of {a}.",
    "std.a": "The slope of the standard deviation is proportional to the distance from the mean, divided by {result}.",
    "std.mean": "{mean} is subtracted from each element, so its gradient is minus the sum of those of {a}.",
    "cumsum": "Each element is part of its own sum and of all later ones, so the gradients from there on are added up.",
    "cumprod": (
        "Each element is a factor of its own product and of all later ones: for each of them, {up} is multiplied by "
        "the other factors."
    ),
    "logsumexp": "The slope of logsumexp is the softmax: each element receives {up} times its softmax.",
    "softmax": "Probabilities sum to 1, so raising one lowers the others: hence the sum that is subtracted.",
    "log_softmax": "Each logit receives its gradient minus its probability times the sum of all gradients.",
}

LIKE: dict[str, str] = {}
