"""The room of statistics: it imports nothing of the package but itself, and says its level of confidence once."""

import re
from pathlib import Path

import pytest
from scipy.stats import norm

from camagain.statistics.bootstrap import Sampling
from camagain.statistics.confidence import CONFIDENCE, normal_quantile


def test_statistics_imports_nothing_of_the_package_but_itself(root: Path):
    for path in (root / "src" / "camagain" / "statistics").glob("*.py"):
        others = re.findall(r"^\s*(?:from|import) (camagain(?!\.statistics\b)\S*)", path.read_text(), re.MULTILINE)
        assert not others, f"{path.name} imports {others}"


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.999, 0.95 ** (1 / 200_000)])
def test_the_quantile_is_scipys(confidence: float):
    assert normal_quantile(confidence) == pytest.approx(norm.ppf((1 + confidence) / 2), rel=1e-12)


def test_one_level_of_confidence_holds_unless_an_experiment_sets_its_own(root: Path):
    assert Sampling().confidence == CONFIDENCE == 0.95
    typed = re.compile(r"NormalDist|norm\.ppf|\b1\.9[56]\d*\b|onfidence\b[^\n]*= ?0\.9|\bCONFIDENCE *= ")
    sources = (root / "src" / "camagain").rglob("*.py")
    found = [path.name for path in sources if path.name != "cam_diagram.py" and typed.search(path.read_text())]
    assert found == ["confidence.py"]
