"""Reshaping, rearranging, joining, splitting, repeating and padding of arrays."""
