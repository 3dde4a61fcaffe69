"""Names from PyTorch, from *Neural Networks from Scratch* and from former versions, for hints in error messages."""

from __future__ import annotations

RENAMED = {
    "pictures": "plots",
    "BoundaryStrip": "plots.BoundaryStrip",
    "LayerStatistics": "plots.LayerStatistics",
    "LivePlot": "plots.LivePlot",
    "confusion_matrix": "plots.confusion_matrix",
    "decision_boundary": "plots.decision_boundary",
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
"""PyTorch, NNFS or former name → `nn` name."""
