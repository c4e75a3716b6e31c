"""
What the notebooks look at: a room for each lesson, and none stands on another.
"""
