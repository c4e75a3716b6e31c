"""
Who may read and write whose tasks, and the tokens that prove who somebody is.

A shared state is shared with somebody, not with everybody who can reach the port.
Each agent has a grant: whose tasks it may read, and whose it may write. Its own are
among both. What it was not granted is refused before anything is looked up, so that
the refusal says nothing about what there is.

Over HTTP anybody on the machine can connect, so each agent has a secret token, kept
in one file that only the owner of the file may read (mode 0600). Over stdio the
process that starts the server is the agent, and no token is needed.

This module checks no requests; `server` does. A token proves an agent to the
server, not a person, and whoever can read the file can be any agent.
"""

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from agentstate_lab import system
from agentstate_lab.errors import InvalidValue, NotGranted, StoreForeign
from agentstate_lab.state import Id, Record, reason
from agentstate_lab.stores import atomic_write, real_path

Token = Annotated[str, Field(min_length=20)]  # none that could be guessed, or empty


class Grant(Record):
    """
    What one agent may do.

    Attributes:
        agent_id: The agent.

        reads: Agents whose tasks it may read, besides its own.

        writes: Agents whose tasks it may change, and read, besides its own.

    >>> grant = Grant(agent_id="worker", writes=("planner",))
    >>> grant.check("planner", write=True)
    >>> grant.check("boss", write=False)
    Traceback (most recent call last):
    agentstate_lab.errors.NotGranted: agent 'worker' may not read the tasks of ...
    """

    agent_id: Id
    reads: tuple[Id, ...] = ()
    writes: tuple[Id, ...] = ()

    def check(self, agent_id: str, *, write: bool) -> None:
        """
        Refuse what was not granted.

        Args:
            agent_id: Whose task it is about.

            write: Whether it is to be changed.

        Raises:
            NotGranted: This agent may not do that.
        """
        allowed = {self.agent_id, *self.writes} if write else self.agents()
        if agent_id not in allowed:
            raise NotGranted(self.agent_id, agent_id, write=write)

    def agents(self) -> set[str]:
        """The agents whose tasks this one may read."""
        return {self.agent_id, *self.reads, *self.writes}

    def told(self) -> str:
        """
        What it allows, on one line.

        >>> Grant(agent_id="desktop", reads=("boss",), writes=("agent",)).told()
        'desktop may change the tasks of desktop, agent; and read those of boss'
        """
        changes = ", ".join(dict.fromkeys((self.agent_id, *self.writes)))
        line = f"{self.agent_id} may change the tasks of {changes}"
        if self.reads:
            line += f"; and read those of {', '.join(self.reads)}"
        return line

    @classmethod
    def of(
        cls, agent_id: str, *, reads: Iterable[str] = (), writes: Iterable[str] = ()
    ) -> "Grant":
        """
        A grant of these, each named once.

        Raises:
            InvalidValue: One of them cannot be the id of an agent.
        """
        named = {"reads": tuple(dict.fromkeys(reads))}
        named["writes"] = tuple(dict.fromkeys(writes))
        try:
            return cls.model_validate({"agent_id": agent_id, **named})
        except ValidationError as error:
            raise InvalidValue("grant", reason(error)) from error


class Holder(Record):
    """
    A grant with the token of the agent that holds it.

    What is printed of it has no token: others read that.
    """

    grant: Grant
    token: Token = Field(repr=False)


class GrantFile:
    """
    The grants and tokens of all agents, in one file with mode 0600.

    It is read anew for each question, so that a grant that was taken back is gone
    at once.

    Args:
        path: The file. It need not be there yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = real_path(path)

    def add(
        self, agent_id: str, *, reads: Iterable[str] = (), writes: Iterable[str] = ()
    ) -> Holder:
        """
        Give an agent more, and a token if it has none yet.

        Two processes that add at the same moment may lose one of the two grants:
        this is for the person who sets things up.

        Raises:
            InvalidValue: That cannot be the id of an agent.
            StoreForeign: The file is not a file of grants.
        """
        holders = {one.grant.agent_id: one for one in self.holders()}
        known = holders.get(agent_id)
        old = known.grant if known else Grant.of(agent_id)
        grant = Grant.of(
            agent_id, reads=(*old.reads, *reads), writes=(*old.writes, *writes)
        )
        token = known.token if known else secrets.token_urlsafe(32)
        holder = Holder(grant=grant, token=token)
        holders[agent_id] = holder
        lines = [one.model_dump(mode="json") for one in holders.values()]
        atomic_write(self.path, json.dumps(lines, indent=2).encode())
        return holder

    def holders(self) -> list[Holder]:
        """
        All grants; none when there is no file.

        Raises:
            StoreForeign: The file is not a file of grants, or others may read it.
        """
        try:
            _check_private(self.path)
            found = json.loads(self.path.read_bytes())
            return [Holder.model_validate(one) for one in found]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, RecursionError):
            why = "is not a file of grants; move it away, or name another"
            raise StoreForeign(str(self.path), why) from None  # it may show a token

    def holder_of(self, token: str) -> Holder | None:
        """Whose token this is, or None."""
        given, found = token.encode("utf-8", "surrogatepass"), None
        for one in self.holders():
            # All are compared, in the same time each: a clock must not tell.
            if hmac.compare_digest(one.token.encode(), given):
                found = one
        return found


def _check_private(path: Path) -> None:
    """Refuse a file with tokens that others on this machine may read."""
    if not system.WINDOWS and path.stat().st_mode & 0o077:
        why = f"others may read the tokens in it: chmod 600 {path.name}"
        raise StoreForeign(str(path), why)
