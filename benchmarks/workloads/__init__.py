"""What is measured, a file per workload."""
