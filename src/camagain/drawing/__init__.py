"""What every table and figure is made with: results read back, styles, cells, LaTeX."""
