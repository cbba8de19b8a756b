"""CAM Back Again, reproduced: large-kernel CNNs from a weakly supervised object localization perspective."""
