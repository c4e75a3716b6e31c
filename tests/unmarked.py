"""What tests/test_quick.py runs: tests that request `process`, and that forget it."""

import socket
import subprocess
import sys
import threading

import pytest


def start():
    """Start a process."""
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.fixture
def started():
    """A process, started by a fixture that does not say so."""
    start()


@pytest.fixture
def said(process):
    """A process, started by a fixture that says so."""
    start()


def test_stays():
    """Neither starts nor connects."""


def test_forgets():
    """Starts a process, and nothing is wrong with it."""
    start()


def test_forgets_in_a_thread():
    """Starts it where no exception would reach the test."""
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()


def test_forgets_a_connection():
    """Has a port of its own."""
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))


@pytest.mark.usefixtures("started")
def test_forgets_in_a_fixture():
    """Has a fixture that forgets."""


@pytest.mark.usefixtures("process")
def test_requests():
    """Is marked."""
    start()


@pytest.mark.usefixtures("said")
def test_requests_in_a_fixture():
    """Has a fixture that requests it."""


def test_requests_late(request):
    """Decides late that it needs a process."""
    request.getfixturevalue("said")
