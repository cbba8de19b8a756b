"""The claims of the paper: criteria, and the verdict of a run."""
