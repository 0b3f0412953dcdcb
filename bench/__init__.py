"""Measurements of Connect on one machine: `python -m bench`. See docs/bench.md for the last full run."""
