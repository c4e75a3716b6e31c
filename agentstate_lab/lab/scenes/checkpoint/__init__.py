"""
The scenes of notebook 07: long histories, damaged ones, lost work and time travel.
"""

from .growth import bytes_on_disk, how_do_the_bytes_grow
from .histories import damaged, long_history, one_of_each
from .lost_work import at_once, lost_work
from .lost_work_view import what_does_a_death_cost, what_is_lost
from .time_travel import travel

__all__ = [
    "at_once",
    "bytes_on_disk",
    "damaged",
    "how_do_the_bytes_grow",
    "long_history",
    "lost_work",
    "one_of_each",
    "travel",
    "what_does_a_death_cost",
    "what_is_lost",
]
