"""All boxes of a score map at all thresholds, in one sweep over its levels."""
