"""The remedies of Bae et al. (2020) against maps that are too local, each on and off."""
