"""`pytest --nbval` starts its kernels as the course does."""

import contextlib
from typing import Any

with contextlib.suppress(ImportError):  # where the course's packages are not all there
    from jupyter_client.manager import KernelManager
    from nbval import kernel

    from agentstate_lab.lab.processes import own_sockets

    def _with_own_sockets(**more: Any) -> KernelManager:
        return KernelManager(**own_sockets(), **more)

    kernel.KernelManager = _with_own_sockets
