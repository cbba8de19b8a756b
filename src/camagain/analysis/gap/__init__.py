"""Channels: class weight, GAP value and activated area, and what each sign of the weights localizes."""
