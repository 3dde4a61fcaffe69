"""Checks of derivatives against finite differences."""

from tensorgrad.gradcheck.check import gradcheck
from tensorgrad.gradcheck.comparison import GradcheckError, GradcheckWarning
from tensorgrad.gradcheck.diagnosis import Finding

__all__ = ["Finding", "GradcheckError", "GradcheckWarning", "gradcheck"]
