"""
The exercises by name, and a room for each with the stages of its check.
"""

from .exercises import (
    EXERCISES,
    Exercise,
    exercise_named,
    exercises_in,
    exercises_meant,
)

__all__ = [
    "EXERCISES",
    "Exercise",
    "exercise_named",
    "exercises_in",
    "exercises_meant",
]
