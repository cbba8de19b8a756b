"""Whether the network itself needs the pixels that a score map calls important."""
