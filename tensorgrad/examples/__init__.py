"""Chapters and exercises as notebooks: `python -m tensorgrad.examples` lists and copies them."""
