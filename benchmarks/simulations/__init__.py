"""Simulated error rates of what decides something: intervals, comparisons, criteria. The truth is known: we made it.

Each simulation is a module with `rows()`, which yields its rows as dictionaries one after another: what was simulated,
`n` simulated data sets, and the rates.
"""
