"""Sums, extremes, moments and quantiles over axes, and cumulative sums along axes."""
