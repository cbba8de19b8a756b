"""Reading: the folders of runs, their scores, what two of them share, and where a difference can come from."""
