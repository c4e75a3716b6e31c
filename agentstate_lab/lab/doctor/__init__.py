"""Is this machine fit for the course, and if not, what is to be done?"""

from agentstate_lab.extras import need

need("lab", "packaging")

from .doctor import examine, verdict
from .services import services

__all__ = [
    "examine",
    "services",
    "verdict",
]
