"""
The check of exercise 01: `apply_patch`.
"""
