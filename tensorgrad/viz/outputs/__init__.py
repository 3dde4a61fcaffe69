"""What a picture or a recording is written as: SVG, HTML, PNG and PDF, Graphviz source, text."""
