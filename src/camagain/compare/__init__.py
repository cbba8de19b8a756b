"""Run against run: do two results directories say the same? Never imports torch."""
