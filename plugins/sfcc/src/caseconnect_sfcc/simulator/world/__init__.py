"""What the simulated platform remembers and the rules by which it changes."""
