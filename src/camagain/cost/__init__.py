"""What an experiment costs: GPU hours, memory and disk, from measured training steps and from shapes of networks."""
