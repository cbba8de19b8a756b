"""How much of a score map lies on the parts that decide the class."""
