"""Derivatives of tensors with respect to tensors, and transformations of functions into their derivatives."""

from tensorgrad.transforms.checkpoint import checkpoint
from tensorgrad.transforms.functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from tensorgrad.transforms.gradient import gradient

__all__ = ["checkpoint", "grad", "gradient", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
