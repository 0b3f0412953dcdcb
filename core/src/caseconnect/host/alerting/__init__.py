"""Alerts for people: what they mean, who is told by which channel, what is watched by time, and the daily mail."""
