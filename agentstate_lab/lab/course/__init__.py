"""
The course itself: the first call of each notebook, and the map of the lessons.
"""

from .course import begin
from .course_map import course_map
from .own import your_own

__all__ = [
    "begin",
    "course_map",
    "your_own",
]
