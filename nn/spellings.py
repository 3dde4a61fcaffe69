"""What things are called in PyTorch and in *Neural Networks from Scratch*, for those who type these names first."""

from __future__ import annotations

HERE = {
    "Linear": "Dense",
    "CrossEntropyLoss": "SoftmaxCrossEntropy",
    "BCELoss": "BinaryCrossEntropy",
    "BCEWithLogitsLoss": "SigmoidBinaryCrossEntropy",
    "MSELoss": "MeanSquaredError",
    "L1Loss": "MeanAbsoluteError",
    "HuberLoss": "Huber",
    "Layer_Dense": "Dense",
    "Layer_Dropout": "Dropout",
    "Activation_ReLU": "ReLU",
    "Activation_Softmax": "Softmax",
    "Activation_Sigmoid": "Sigmoid",
    "Activation_Linear": "Identity",
    "Activation_Softmax_Loss_CategoricalCrossentropy": "SoftmaxCrossEntropy",
    "Loss_CategoricalCrossentropy": "CategoricalCrossEntropy",
    "Loss_BinaryCrossentropy": "BinaryCrossEntropy",
    "Loss_MeanSquaredError": "MeanSquaredError",
    "Loss_MeanAbsoluteError": "MeanAbsoluteError",
    "Optimizer_SGD": "SGD",
    "Optimizer_Adagrad": "Adagrad",
    "Optimizer_RMSprop": "RMSprop",
    "Optimizer_Adam": "Adam",
    "Accuracy_Categorical": "CategoricalAccuracy",
    "Accuracy_Regression": "RegressionAccuracy",
}
"""Names of theirs, and the names in `nn`."""
