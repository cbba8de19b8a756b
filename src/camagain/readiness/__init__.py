"""What an experiment lacks on this machine: everything at once, each with its remedy (`camagain doctor EXPERIMENT`)."""
