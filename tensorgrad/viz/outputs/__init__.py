"""Output formats of a picture or a recording: SVG, HTML, PNG and PDF, Graphviz source, text."""
