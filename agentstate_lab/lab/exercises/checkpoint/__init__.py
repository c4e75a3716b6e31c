"""
The check of exercise 07: `look_back`.
"""
