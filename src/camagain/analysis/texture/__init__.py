"""Accuracy and localization on images whose shape, or whose texture, is destroyed."""
