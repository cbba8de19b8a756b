"""How the same training relates in two runs, by what the runs keep of it: made-up folders with one network."""

from types import SimpleNamespace

import numpy as np
import pytest

from camagain.artifacts import INSIDE
from camagain.compare.judging import relations as module
from camagain.compare.judging.relations import Relation, relations
from camagain.config import BASELINE
from camagain.statistics.tolerances import FORWARD_PASS

WEIGHTS, MAPS = INSIDE.weights("net").as_posix(), INSIDE.maps("net").as_posix()
SCORES = np.linspace(0, 1, 12).reshape(3, 2, 2)


class Folder(SimpleNamespace):
    """What a run keeps of one network; digests of files, None where the run knows none."""

    def __init__(self, weights: str | None = "w", maps: np.ndarray | None = SCORES, **changed):
        self.digests = {WEIGHTS: weights, MAPS: None if maps is None else str(maps.tobytes())}
        self.cam, self.ids = maps, np.array(["a", "b", "c"])
        self.manifest = {"models": {"net": {"sha256": weights}}}
        self.dataset, self.seeds = {"fingerprint": "f"}, (0,)
        self.values = {"seed": 0, "localization": {"methods": ["cam"]}}
        super().__init__(**changed)

    def digest(self, file: str) -> str | None:
        return self.digests[file]

    def has(self, file: str) -> bool:
        return self.digests[file] is not None

    def arrays(self, file: str, *names: str) -> dict[str, np.ndarray]:
        return {name: self.ids if name == "image_id" else self.cam for name in names}


@pytest.fixture
def related(monkeypatch: pytest.MonkeyPatch):
    """The relations of two folders, on one machine or two."""

    def make(a: Folder, b: Folder, *matters: str):
        reasons = [SimpleNamespace(matter=matter) for matter in matters]
        monkeypatch.setattr(module, "inputs_of", lambda *of: reasons)
        return relations(a, b, ())

    return make


@pytest.mark.parametrize(
    ("moved", "matters", "of_maps", "of_analyses"),
    [
        (0.0, (), Relation.EXACT, Relation.EXACT),
        (0.0, ("machine",), Relation.EXACT, Relation.ROUNDED),
        (0.9 * FORWARD_PASS, (), Relation.ROUNDED, Relation.EXACT),
        (0.9 * FORWARD_PASS, ("packages",), Relation.ROUNDED, Relation.ROUNDED),
        (1.1 * FORWARD_PASS, ("machine",), Relation.EXACT, Relation.ROUNDED),  # a machine does not explain that much
        (-1.1 * FORWARD_PASS, ("machine",), Relation.EXACT, Relation.ROUNDED),
    ],
)
def test_the_same_weights(related, moved: float, matters: tuple, of_maps: Relation, of_analyses: Relation):
    cells = SCORES.copy()
    cells[1, 0, 1] += moved  # one cell of one image
    found = related(Folder(maps=cells), Folder(), *matters)
    assert (found.of("net"), found.of("net", of_analysis=True)) == (of_maps, of_analyses)
    assert found.of(BASELINE) is Relation.EXACT and found.common == {BASELINE, "net"}
    assert found.accidental == ({"net"} if matters else set())


def test_other_weights_are_a_training_of_their_own_even_where_the_maps_are_the_same(related):
    found = related(Folder("other"), Folder())
    assert found.of("net") is found.of("net", of_analysis=True) is Relation.RETRAINED
    assert found.of(BASELINE) is Relation.EXACT


def test_weights_that_no_run_knows_are_not_the_same(related):
    assert related(Folder(None), Folder(None)).of("net") is Relation.RETRAINED


def test_with_other_images_to_choose_thresholds_on_nothing_is_the_same(related):
    found = related(Folder(dataset={"fingerprint": "g"}), Folder())
    assert found.of("net") is found.of(BASELINE) is Relation.RETRAINED


@pytest.mark.parametrize(("matters", "relation"), [((), Relation.EXACT), (("machine",), Relation.ROUNDED)])
def test_where_one_run_keeps_no_maps_another_machine_alone_excuses_them(related, matters, relation: Relation):
    assert related(Folder(maps=None), Folder(), *matters).of("net") is relation


def test_maps_of_other_images_are_not_the_same_but_for_rounding(related):
    moved = Folder(maps=SCORES + 0.5 * FORWARD_PASS)
    assert related(moved, Folder()).of("net") is Relation.ROUNDED
    moved.ids = moved.ids[::-1]
    assert related(moved, Folder()).of("net") is Relation.EXACT


def test_another_seed_makes_other_weights_an_accident(related):
    assert related(Folder(seeds=(1,)), Folder()).accidental == {"net"}


def test_what_names_no_training_relates_as_the_loosest_of_all(related):
    found = related(Folder("other"), Folder())
    assert found.of("net/job") is found.of("unknown") is Relation.RETRAINED
    assert found.is_common("net/seed0") and not found.is_common("network")
