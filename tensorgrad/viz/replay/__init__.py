"""A graph's numbers and modules, read from the engine without touching anything of the user's."""
