"""What the networks look at, measured: the analyses behind the paper's explanations, and interventions of our own."""
