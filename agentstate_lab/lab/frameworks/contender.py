"""
A row of the tables: one setting of one framework, and what its page says about it.

The code of a row is its adapter; what stands here is data. An adapter stands on a
library that may be missing, so it is imported when its row is tried, in the helper of
the crash lab, before that forks.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from agentstate_lab.lab.agents import Job

ADAPTERS = "agentstate_lab.lab.frameworks.adapters"


@dataclass(frozen=True, slots=True)
class Contender:
    """
    One setting of one framework.

    Attributes:
        name: For the command line, for example "langgraph-sync".

        title: For people.

        adapter: Its module in the room `adapters`.

        packages: What has to be installed; their versions are kept with the result.

        options: More for the adapter's `run`: the setting.

        page: The page of its documentation that the adapter follows.

        promise: What that page says a restart does; or that it says nothing.

        repair: What makes its red cells green, or what no key can do.

        store: The kind of store, for our own agent alone.

        approval: A second adapter, in which a person must agree to each effect.

        approval_page: The page of its documentation about what a yes allows.

        approval_promise: What that page says of a run that begins behind a yes.

        environment: Where `make frameworks` installs it: the folder in `.venv`.

        tries: How many times each matrix is made, since its cells depend on timing.
    """

    name: str
    title: str
    adapter: str
    packages: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    page: str = ""
    promise: str = ""
    repair: str = ""
    store: str | None = None
    approval: str = ""
    approval_page: str = ""
    approval_promise: str = ""
    environment: str = "frameworks"
    tries: int = 1

    @property
    def module(self) -> str:
        """The full name of the adapter's module."""
        return f"{ADAPTERS}.{self.adapter}"

    @property
    def versions(self) -> dict[str, str]:
        """
        The installed version of each package.

        Raises:
            PackageNotFoundError: One of them is missing.
        """
        return {name: metadata.version(name) for name in self.packages}

    @property
    def installed(self) -> bool:
        """Whether the row can be tried in this environment."""
        try:
            return bool(self.versions) or not self.packages
        except metadata.PackageNotFoundError:
            return False

    def agent(self, *, keyed: bool) -> "Entrant":
        """
        The row as an agent that the crash lab can kill.

        Args:
            keyed: Whether its tools send a key made of task and step.
        """
        return Entrant(self.name, self.module, {**self.options, "keyed": keyed})


class Entrant:
    """
    An adapter with its arguments, as one function of a `Job`.

    It calls itself a thing of the adapter's module, so the helper of the crash lab
    loads that module once, and each victim finds it there.
    """

    def __init__(self, name: str, module: str, options: Mapping[str, Any]) -> None:
        self.__name__ = name
        self.__module__ = module
        self._options = dict(options)

    def __call__(self, job: Job) -> Any:
        """Run it."""
        return self.act(job, "run")

    def act(self, job: Job, doing: str, **more: Any) -> Any:
        """Call the adapter's function *doing*, with further arguments."""
        function = getattr(importlib.import_module(self.__module__), doing)
        return function(job, **{**self._options, **more})
