"""Showing: a comparison as text, Markdown, a page, JUnit and JSON."""
