"""Configuration of the documentation site.

pip install '.[docs]'
sphinx-build -W --keep-going docs docs/_build
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_site"), str(HERE.parent)]
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])  # for the kernels

import api
import course
import exercises
import links
import pictures

import tensorgrad

project = "tensorgrad"
author = copyright = "The tensorgrad developers"
release = version = tensorgrad.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "_site"]
default_role = "code"  # a single pair of backquotes in a docstring
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

nb_execution_mode = "cache"  # executes pages that have changed
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True

napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings describe the arguments
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": True}

html_theme = "pydata_sphinx_theme"
html_title = "tensorgrad"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "tutorial", "performance", "gallery/index", "project/whats-new")}
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app: object) -> None:
    """Write the pages that are made from the code, before Sphinx reads any."""
    app.connect("builder-inited", lambda app: [make.write(HERE) for make in (api, course, exercises, links, pictures)])
    app.connect("autodoc-process-docstring", api.as_restructured_text, priority=100)  # before napoleon
    app.connect("source-read", links.read)
