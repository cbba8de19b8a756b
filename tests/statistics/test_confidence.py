"""The level of confidence is said once, and the quantile that belongs to it is scipy's."""

import re
from pathlib import Path

import pytest
from scipy.stats import norm

from camagain.statistics.bootstrap import Sampling
from camagain.statistics.confidence import CONFIDENCE, normal_quantile


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.999, 0.95 ** (1 / 200_000)])
def test_the_quantile_is_scipys(confidence: float):
    assert normal_quantile(confidence) == pytest.approx(norm.ppf((1 + confidence) / 2), rel=1e-12)


def test_one_level_of_confidence_holds_unless_an_experiment_sets_its_own(root: Path):
    assert Sampling().confidence == CONFIDENCE == 0.95
    typed = re.compile(r"NormalDist|norm\.ppf|\b1\.9[56]\d*\b|onfidence\b[^\n]*= ?0\.9|\bCONFIDENCE *= ")
    sources = (root / "src" / "camagain").rglob("*.py")
    found = [path.name for path in sources if path.name != "cam_diagram.py" and typed.search(path.read_text())]
    assert found == ["confidence.py"]
