"""
A clock that moves when it is told to, and a sleep that only moves it.

Everything in the course that needs the time takes a clock as an argument. With
this one, a wait of eight minutes costs nothing and always takes eight minutes.
"""


class FakeClock:
    """
    A clock that stands still between calls of `advance` and `sleep`.

    Attributes:
        now: What the clock shows, in seconds.

        slept: Every wait that went through `sleep`, in order, in seconds.

    >>> clock = FakeClock()
    >>> clock.sleep(2.5)
    >>> clock(), clock.slept
    (2.5, [2.5])
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time that the clock shows, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let *seconds* go by. A negative number sets the clock back."""
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        """Stand in for `time.sleep`: note the wait, and move on."""
        self.slept.append(seconds)
        self.now += seconds
