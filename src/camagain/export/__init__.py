"""A finished run as a folder that can be given to others: a Workflow Run RO-Crate."""
