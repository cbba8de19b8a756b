"""Reading: a results folder, what two of them share, and where a difference can come from."""
