"""One training step of a dense network, as each of the peers would have it written: the same task, a file for each."""
