"""The parts of the documentation that are taken from the code. `python -m tools.docs` writes them."""
