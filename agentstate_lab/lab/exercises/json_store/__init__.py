"""
The check of exercise 02: `save`.
"""
