"""Elements taken out, put in, chosen and ordered by position."""
