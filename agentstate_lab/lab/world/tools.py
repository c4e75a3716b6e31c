"""
The tools of the course: what each takes, and how risky it is.

Each is made from a function, by its type hints and its docstring, as those of any
agent are. These functions do nothing: what a call does depends on the job, and the
agent of the job puts it in (`agents.durable`).
"""

from agentstate_lab.agent import tool


@tool(risk_level="read_only")
def check_disk(path: str) -> None:
    """Show how full a path is."""


@tool(risk_level="read_only")
def check_status(service: str) -> None:
    """Show how a service is."""


@tool(risk_level="write_local")
def clean_logs(path: str) -> None:
    """Delete old logs."""


@tool(risk_level="write_local")
def open_ticket(title: str) -> None:
    """Open a ticket."""


@tool(risk_level="external_action")
def send_mail(subject: str) -> None:
    """Send a mail to all customers."""


@tool(risk_level="external_action")
def deploy(service: str) -> None:
    """Deploy the new release of a service."""


TOOLS = {
    one.name: one
    for one in (check_disk, check_status, clean_logs, open_ticket, send_mail, deploy)
}
