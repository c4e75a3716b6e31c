"""
Whom the course asks: the model that is configured, or else the world's scripted one.

The scripted model is free, on this machine, and the same on every run. A live one
takes its place when `AGENTSTATE_MODEL` is set; without that, no key and no address
that the environment may hold is used.
"""

import os
from typing import Any

from agentstate_lab.agent import client_at, connect

from .world import start_world


def connect_model() -> tuple[Any, str]:
    """
    The client and the name of the model to ask for.

    Raises:
        InvalidValue: A setting is missing or malformed; it is named, and no secret
            is shown.
        WorldUnavailable: The scripted model could not be started.
    """
    live = os.environ.get("AGENTSTATE_MODEL", "").strip()
    return connect() if live else scripted_model()


def scripted_model() -> tuple[Any, str]:
    """
    The scripted model of the running world, whatever model is configured.

    It is looked at first: then it is ready, and a caller's timeout is for the answer.
    """
    from .chat import MODEL

    world = start_world()
    world.ask("GET", f"/v1/models/{MODEL}")
    return client_at(f"{world.url}/v1", world.token), MODEL
