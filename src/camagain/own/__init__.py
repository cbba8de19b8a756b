"""One's own network on one's own images: score map, box and picture of an image, and the effective receptive field."""
