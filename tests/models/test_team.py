"""Shares of work on torch's threads, or on a pool's where torch has none to offer."""

import sys
import threading
from collections import Counter

import pytest
import torch

from camagain.models.large_kernel.fft import team
from camagain.models.large_kernel.fft.team import share_out


@pytest.fixture(params=["torch's threads", "a pool"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "a pool":
        monkeypatch.setattr(team, "openmp", lambda: None)
    elif team.openmp() is None:
        pytest.skip("torch has no OpenMP here, or this is not Linux")


@pytest.mark.parametrize("shares", [1, 2, 3, 7])
def test_every_share_is_taken_once(kind: None, shares: int):
    for _ in range(50):
        taken: Counter[int] = Counter()
        share_out(lambda share, taken=taken: taken.update([share]), shares)
        assert taken == Counter(range(shares))


def test_shares_are_worked_on_at_the_same_time(kind: None):
    together = threading.Barrier(3)
    share_out(lambda share: together.wait(60), 3)


def test_what_a_share_raises_is_raised_when_all_have_ended(kind: None):
    ended = []

    def work(share: int) -> None:
        if share == 1:
            raise KeyboardInterrupt("a share")
        ended.append(share)

    with pytest.raises(KeyboardInterrupt, match="a share"):
        share_out(work, 3)
    assert sorted(ended) == [0, 2]


def test_a_team_of_one_takes_all_shares(monkeypatch: pytest.MonkeyPatch):
    """As OpenMP has it inside another team, or where the system has no more threads."""
    monkeypatch.setattr(team, "openmp", lambda: lambda member, *_: member(None))
    taken: list[int] = []
    share_out(taken.append, 3)
    assert taken == [0, 1, 2]


def test_shares_that_were_not_taken_are_no_result(monkeypatch: pytest.MonkeyPatch):
    """ctypes prints and drops what is raised where a member begins."""
    monkeypatch.setattr(team, "openmp", lambda: lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        share_out(lambda share: None, 2)


def test_torch_goes_on_with_its_own_number_of_threads(kind: None):
    before = torch.get_num_threads()
    share_out(lambda share: None, before + 3)
    assert torch.get_num_threads() == before
    torch.testing.assert_close(torch.ones(10**6).sum(), torch.tensor(1e6))


@pytest.mark.skipif(not (sys.platform == "linux" and torch.backends.openmp.is_available()), reason="elsewhere: a pool")
def test_torch_offers_its_threads():
    assert team.openmp() is not None
