"""
What of a state the model is shown, under a budget that is never passed.
"""

from .context import ContextSlice, filter_relevant_state, utf8_bytes

__all__ = [
    "ContextSlice",
    "filter_relevant_state",
    "utf8_bytes",
]
