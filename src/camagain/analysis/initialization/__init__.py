"""Feature maps before, along and after training."""
