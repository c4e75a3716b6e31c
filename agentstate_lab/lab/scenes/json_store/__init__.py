"""
The scenes of notebook 02: a death at each byte of a save, and what a save costs.
"""

from .costs import bytes_per_save, what_does_a_save_write
from .deaths import die_at_each_byte

__all__ = [
    "bytes_per_save",
    "die_at_each_byte",
    "what_does_a_save_write",
]
