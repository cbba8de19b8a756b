"""Kernel size as the one thing that is changed in a trained network."""
