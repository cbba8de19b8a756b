"""Scores localization: maps to boxes, boxes to accuracies with confidence intervals. Never imports torch."""
