"""How much of a score map lies around each named part of a bird."""
