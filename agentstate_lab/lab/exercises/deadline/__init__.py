"""
The check of exercise 05: `run_steps`.
"""
