"""
The check of exercise 04: `execute_with_retry`.
"""
