"""What `compute.portable` costs: CPU time of the steps that a run of the demo is made of, with and without.

Libraries choose their code when they are loaded, so either way has processes of its own, which take turns. Start of
Python and the first call are left out. CPU time, since a busy machine lengthens it least.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from camagain.portable import enter

ROUNDS = 3  # of processes
CALLS = 3  # of each step in one process
NETWORKS = ("resnet_narrow", "convnext_narrow", "replknet_narrow", "slak_narrow")
IMAGES, SIZE, CLASSES = 16, 96, 8  # as in the demo
MAPS = 8

WORKER = "import sys; from benchmarks.portable import work; work(sys.argv[1] == 'held')"


def rows(peer: Path | None) -> Iterator[dict]:
    """One row for each step: its median over processes without and with."""
    from benchmarks.harness import ratio_rows

    del peer
    seconds: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS):
        for way in ("free", "held"):
            done = subprocess.run([sys.executable, "-c", WORKER, way], check=True, stdout=subprocess.PIPE, text=True)
            for case, value in json.loads(done.stdout.splitlines()[-1]).items():
                seconds.setdefault(case, {}).setdefault(way, []).append(value)
    for case, ways in seconds.items():
        yield from ratio_rows(
            "portable", case, {"portable: false": ways["free"], "portable: true": ways["held"]}, "portable: true"
        )


def work(held: bool) -> None:
    """Prints the CPU seconds of every step, as JSON."""
    if held:
        enter()
    from camagain.compute import prepare
    from camagain.config import Compute

    prepare(Compute(device="cpu"))
    found = {}
    for case, call in steps():
        call()
        found[case] = median(cpu_seconds(call) for _ in range(CALLS))
    print(json.dumps(found))


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call in this process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def steps() -> Iterator[tuple[str, Callable[[], object]]]:
    """Training, heatmaps, receptive fields and the search for boxes, by the project's own functions."""
    import numpy as np
    import torch

    from benchmarks.boxes import THRESHOLDS, score_map
    from benchmarks.training_step import step
    from camagain.analysis.erf.contribution import contribution_map
    from camagain.compute import channels_last
    from camagain.config import Compute
    from camagain.evaluation.boxes import best_ious_by_contours
    from camagain.localization import cam, pc1
    from camagain.localization.forward import ready
    from camagain.models import create, replace_large_kernels
    from camagain.models.zoo import class_scores, feature_maps, linear_head

    torch.manual_seed(0)
    images = torch.randn(IMAGES, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (IMAGES,))
    networks = {name: replace_large_kernels(create(name, CLASSES)).train() for name in NETWORKS}
    for name, network in networks.items():
        channels_last(network)
        yield (
            f"training step, {name}, {IMAGES} images",
            partial(step, network, torch.optim.AdamW(network.parameters(), lr=1e-4), images, labels),
        )
    for name, network in networks.items():
        ready(network, Compute(device="cpu"), torch.device("cpu"))
        head = linear_head(network, name)

        def heatmaps(network=network, head=head, name=name):
            with torch.inference_mode():
                features = feature_maps(network, images, name)
                weights = head.weight[class_scores(network, features).argmax(1)]
                return cam(features, weights), pc1(features, weights)

        yield f"CAM and PC1, {name}, {IMAGES} images", heatmaps
    for name in ("resnet_narrow", "slak_narrow"):
        yield f"receptive field, {name}, 4 images", lambda name=name: contribution_map(networks[name], images[:4])
    generator = np.random.default_rng(0)
    maps = [score_map(generator, "7x7 random", 224) for _ in range(MAPS)]
    truth = [np.array([[45, 37, 168, 149]])] * MAPS
    yield f"boxes at 1,000 thresholds, {MAPS} maps", lambda: best_ious_by_contours(maps, truth, THRESHOLDS)
