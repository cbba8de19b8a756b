"""Principal components of the feature maps, beside CAM."""
