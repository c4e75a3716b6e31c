"""
The check of exercise 09: `update_shared_state`.
"""
