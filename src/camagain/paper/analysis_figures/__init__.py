"""Figures of the analyses, one module each; they read tables, never models."""
