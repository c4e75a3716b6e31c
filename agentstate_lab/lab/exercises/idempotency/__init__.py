"""
The checks of exercise 03: `execute_task_if_not_done` and `run_once`.
"""
