"""Mistakes planted in the sources, one at a time, and the tests that must fail for each: tests of the tests."""
