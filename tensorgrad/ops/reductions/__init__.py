"""Sums, extremes, moments and quantiles over axes, and running sums along them."""
