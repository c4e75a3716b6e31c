"""
The stage of the course: never part of what is taught.

Here stand the outside world that keeps count, the scenarios, the crash lab, the
checks of the exercises and the tools that keep the notebooks steady. Read it to
see how the course works; copy from the package above it.

Most rooms need the extra `lab`, and say so where that was not installed.
"""
