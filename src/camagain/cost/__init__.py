"""What an experiment costs on a GPU, from measured training steps and from counted operations."""
