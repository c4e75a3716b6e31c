"""
Every kill point, on every store, in every strategy, and kills that nobody has chosen.
"""
