"""
What of a state the model is shown, under a budget that is never passed.
"""

from .context import OLDER, ContextSlice, chosen, filter_relevant_state, utf8_bytes
from .conversation import MOST, Conversation, cut, fitted, shortened

__all__ = [
    "MOST",
    "OLDER",
    "ContextSlice",
    "Conversation",
    "chosen",
    "cut",
    "filter_relevant_state",
    "fitted",
    "shortened",
    "utf8_bytes",
]
