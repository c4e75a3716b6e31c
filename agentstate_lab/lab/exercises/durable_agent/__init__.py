"""
The check of exercise 10: `my_agent`.
"""

from .practice import practice_job

__all__ = ["practice_job"]
