"""
The scenes of notebook 03: the moments between an intent and its result.
"""
