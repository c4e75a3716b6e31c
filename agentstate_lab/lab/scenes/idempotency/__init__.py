"""
The scenes of notebook 03: the window between an intent and its result.
"""

from .window import what_happens_in_the_window, window_of

__all__ = [
    "what_happens_in_the_window",
    "window_of",
]
