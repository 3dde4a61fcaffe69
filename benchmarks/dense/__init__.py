"""One training step of a dense network, written idiomatically for each library: the same task, one file per library."""
