"""The former name of `nn.plots`. Importing it raises an error that names the new one."""

raise ImportError("nn.pictures is now nn.plots: import nn.plots, or from nn import plots.")
