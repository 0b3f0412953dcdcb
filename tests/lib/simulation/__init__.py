"""A whole day of Connect from one seed: real pipeline, real plugins, simulated platforms, drawn faults, a judge.

`python -m simulation` (with `tests/lib` on the path) plays seeds, replays one, or shrinks one that broke a promise;
`make simulate` calls it. What is real and what is not is said in `tests/lib/simulation/README.md`.
"""
