"""`pytest --nbval` starts its kernels as the course does."""

from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give nbval's kernels sockets of their own, where nbval is asked for."""
    if not (config.getoption("nbval", False) or config.getoption("nbval_lax", False)):
        return
    from jupyter_client.manager import KernelManager
    from nbval import kernel

    from agentstate_lab.lab.processes import own_sockets

    def with_own_sockets(**more: Any) -> KernelManager:
        return KernelManager(**own_sockets(), **more)

    kernel.KernelManager = with_own_sockets
