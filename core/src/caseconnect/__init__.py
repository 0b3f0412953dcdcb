"""Connect joins commerce platforms to case management. `caseconnect.sdk` is what a plugin imports."""

__version__ = "0.1.0"
