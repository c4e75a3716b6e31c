"""What the tests of the lab share."""

import pytest


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, as the bundles that a notebook gets."""
    bundles = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw: bundles.append(data)
    )
    return bundles
