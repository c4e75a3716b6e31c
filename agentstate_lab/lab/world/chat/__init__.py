"""The chat API of the scripted model: as strict as the real one, in its words."""

from .chat import complete
from .rules import MODEL, PARALLEL_MODEL, SMALL_MODEL, WINDOWS

__all__ = ["MODEL", "PARALLEL_MODEL", "SMALL_MODEL", "WINDOWS", "complete"]
