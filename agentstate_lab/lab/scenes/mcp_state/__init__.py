"""
The scenes of notebook 09: a client that is listened to, and rivals for one task.
"""

from .rivals import requests_of, what_do_conflicts_cost
from .talk import who_said_what
from .tapped import Coming, Loss, TappedClient, in_order

__all__ = [
    "Coming",
    "Loss",
    "TappedClient",
    "in_order",
    "requests_of",
    "what_do_conflicts_cost",
    "who_said_what",
]
