"""Speed ratios, measured side by side in one process."""
