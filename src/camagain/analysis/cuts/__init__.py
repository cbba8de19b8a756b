"""What cutting the kernels of a trained network does to its maps."""
