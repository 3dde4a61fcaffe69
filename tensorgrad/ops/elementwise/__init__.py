"""Functions of each element, with broadcasting."""
