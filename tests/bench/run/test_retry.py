"""What did not arrive is asked for once more, a little later."""

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged, ProtocolError
from sensorbench.run.retry import PAUSE_S, once_more


class Disturbed:
    """Fails until a burst of disturbances is over."""

    def __init__(self, clock: VirtualClock, until_s: float) -> None:
        self._clock, self._until_s = clock, until_s
        self.asked = 0

    def read(self) -> str:
        self.asked += 1
        if self._clock.now() < self._until_s:
            raise NotAcknowledged("disturbed")
        return "value"


def test_a_retry_waits_until_a_burst_is_over() -> None:
    clock, noted = VirtualClock(), list[BenchError]()
    assert once_more(Disturbed(clock, 0.05).read, clock, noted.append) == "value"
    assert clock.now() == PAUSE_S
    assert [str(error) for error in noted] == ["disturbed"]


def test_what_fails_twice_is_an_error() -> None:
    clock = VirtualClock()
    disturbed = Disturbed(clock, 10.0)
    with pytest.raises(NotAcknowledged):
        once_more(disturbed.read, clock, lambda _: None)
    assert disturbed.asked == 2


def test_what_a_retry_would_hide_is_not_retried() -> None:
    clock, noted = VirtualClock(), list[BenchError]()

    def wrong() -> None:
        raise ProtocolError("bad CRC")

    with pytest.raises(ProtocolError):
        once_more(wrong, clock, noted.append)
    assert (noted, clock.now()) == ([], 0.0)
