"""
The check of exercise 06: `run_next`.
"""
