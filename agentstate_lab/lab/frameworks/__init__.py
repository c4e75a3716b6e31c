"""
The crash lab judges the frameworks: what does an agent built on them survive?

`adapters` holds one framework a module, `rows` what is tried and what the pages
promise, `effects` and `properties` the two tables, `measure` the command, `record` and
`page` what is kept. `make frameworks` runs all of it; the course itself needs none of
the libraries.
"""

from .effects import Effects, effects_of
from .fork import forks_of
from .kit import place, put, results
from .properties import findings
from .record import kept
from .rows import CONTENDERS, contender_named
from .tables import effects_table, findings_of, six_table, what_they_survive

__all__ = [
    "CONTENDERS",
    "Effects",
    "contender_named",
    "effects_of",
    "effects_table",
    "findings",
    "findings_of",
    "forks_of",
    "kept",
    "place",
    "put",
    "results",
    "six_table",
    "what_they_survive",
]
