"""The boxes of 1,000 thresholds in one sweep, against a search for contours at every threshold.

Where a clone of clovaai/wsolevaluation is at hand its own `BoxEvaluator.accumulate` is timed, unmodified, otherwise a
plain loop that does the same work. Everything is in one process but the last rows. Times are of one score map. What is
correct at which threshold has to be the same for both.
"""

import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness import Kept, alternate, published_source, ratio_rows
from camagain.evaluation.box_sweep.contours import Contours
from camagain.evaluation.boxes import best_ious, best_ious_by_contours
from camagain.evaluation.iou import iou
from camagain.evaluation.score_maps import normalise, upsample
from camagain.evaluation.workers import PIXELS_EACH, processes

MAPS, ROUNDS = 5, 3
THRESHOLDS = np.arange(0, 1, 0.001)
DELTAS = (0.3, 0.5, 0.7)
SIZES = (224, 384)
KINDS = ("7x7 random", "12x12 random", "12x12 object-like", "28x28 random")
REPOSITORY = "clovaai+wsolevaluation"

Search = Callable[[np.ndarray, np.ndarray, Contours], np.ndarray]
"""Score map, true boxes, contours -> which thresholds are correct at which IoU, (3, T) bool."""


def rows(peer: Path | None) -> Iterator[dict]:
    """Ratios on maps as they occur, on white noise, the worst case for a sweep, and of two processes to one."""
    theirs = {REPOSITORY.replace("+", "/"): accumulate_of(peer / REPOSITORY)} if peer else {"plain loop": loop}
    generator = np.random.default_rng(0)
    cv2_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for size in SIZES:
            for kind in KINDS:
                maps = [score_map(generator, kind, size) for _ in range(MAPS)]
                yield from compare(theirs, f"{size} px, {kind}", maps, ROUNDS)
        yield from compare(theirs, "112 px, white noise", [generator.random((112, 112))], ROUNDS)
        for size in SIZES:
            yield from two_processes(generator, size)
    finally:
        cv2.setNumThreads(cv2_threads)


def compare(theirs: dict[str, Search], case: str, maps: list[np.ndarray], rounds: int) -> list[dict]:
    """Both choices of contours on the same maps; AssertionError if the two sides do not agree."""
    side = len(maps[0])
    truth = np.array([[side // 5, side // 6, side * 3 // 4, side * 2 // 3]])
    found = []
    choices: tuple[Contours, ...] = ("largest", "all")
    for contours in choices:
        calls = {
            name: Kept(partial(lambda search, contours: [search(m, truth, contours) for m in maps], search, contours))
            for name, search in {"camagain": ours, **theirs}.items()
        }
        calls["camagain"]()  # compiled once for a kind of contours
        seconds = alternate(calls, rounds, warm=True)
        for other in theirs:
            np.testing.assert_array_equal(calls["camagain"].result, calls[other].result)
        each = dict.fromkeys(calls, len(maps))
        found += ratio_rows("boxes", f"{case}, {contours}, {len(maps)} maps", seconds, "camagain", each)
    return found


def two_processes(generator: np.random.Generator, size: int, maps: int = 400) -> list[dict]:
    """`best_ious_by_contours` of many maps in this process and in two others, which are there already."""
    made = [score_map(generator, "12x12 random", size) for _ in range(maps)]
    truths = [np.array([[10, 20, 100, 120]])] * maps
    with processes(2, 2 * PIXELS_EACH) as executor:
        calls = {
            "this process": partial(best_ious_by_contours, made, truths, THRESHOLDS),
            "2 processes": partial(best_ious_by_contours, made, truths, THRESHOLDS, executor),
        }
        seconds = alternate(calls, ROUNDS)
    case = f"{size} px, 12x12 random, largest and all, {maps} maps"
    return ratio_rows("boxes", case, seconds, "2 processes", dict.fromkeys(calls, maps))


def score_map(generator: np.random.Generator, kind: str, size: int) -> np.ndarray:
    """A coarse map, random or a noisy bump clipped at 0, upsampled to (size, size) and spanning [0, 1]."""
    grid = int(kind.split("x")[0])
    coarse = generator.random((grid, grid))
    if "object" in kind:
        y, x = np.mgrid[:grid, :grid] - generator.uniform(0.3 * grid, 0.7 * grid, (2, 1, 1))
        bump = np.exp(-(x**2 + y**2) / (2 * (grid / 5) ** 2))
        coarse = np.clip(1.3 * bump - 0.25 + 0.12 * generator.standard_normal((grid, grid)), 0, None)
    return normalise(upsample(coarse, size))


def ours(score_map: np.ndarray, truth: np.ndarray, contours: Contours) -> np.ndarray:
    """One image through the public function."""
    return best_ious([score_map], [truth], THRESHOLDS, contours)[0] >= np.array(DELTAS)[:, None]


def loop(score_map: np.ndarray, truth: np.ndarray, contours: Contours) -> np.ndarray:
    """One image, a mask and a search for contours at each threshold."""
    bottom, right = score_map.shape[0] - 1, score_map.shape[1] - 1
    pixels = (score_map * 255).astype(np.uint8)
    highest = int(pixels.max())
    boxes, first = [], []
    for threshold in THRESHOLDS:
        mask = cv2.threshold(pixels, int(threshold * highest), 255, cv2.THRESH_BINARY)[1]
        found = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
        if len(found) and contours == "largest":
            found = [max(found, key=cv2.contourArea)]
        first.append(len(boxes))
        for x, y, w, h in map(cv2.boundingRect, found):
            boxes.append((x, y, min(x + w, right), min(y + h, bottom)))
        if not len(found):
            boxes.append((0, 0, 0, 0))
    best = np.maximum.reduceat(iou(np.array(boxes), truth).max(axis=1), first)
    return best >= np.array(DELTAS)[:, None]


def accumulate_of(peer: Path) -> Search:
    """wsolevaluation's `BoxEvaluator.accumulate`, as it stands in a clone, with what it counts."""
    evaluation = peer_module(peer)

    def accumulate(score_map: np.ndarray, truth: np.ndarray, contours: Contours) -> np.ndarray:
        evaluator = evaluation.BoxEvaluator.__new__(evaluation.BoxEvaluator)  # its constructor reads metadata files
        evaluator.cam_threshold_list, evaluator.multi_contour_eval = list(THRESHOLDS), contours == "all"
        evaluator.iou_threshold_list = [int(100 * delta) for delta in DELTAS]
        evaluator.gt_bboxes, evaluator.cnt = {"image": truth.tolist()}, 0
        evaluator.num_correct = {delta: np.zeros(len(THRESHOLDS)) for delta in evaluator.iou_threshold_list}
        evaluator.accumulate(score_map, "image")
        return np.array(list(evaluator.num_correct.values())) > 0

    return accumulate


def peer_module(peer: Path) -> types.ModuleType:
    """The peer's evaluation.py, with stand-ins for what the box evaluation imports but does not use."""

    unused = {
        "config": ["str2bool"],
        "data_loaders": [
            "configure_metadata", "get_image_ids", "get_bounding_boxes", "get_image_sizes", "get_mask_paths"
        ],
        "torch.utils.data": ["Dataset"],
    }  # fmt: skip
    stand_ins = {name: types.ModuleType(name) for name in ("torch", "torch.utils", "util", *unused)}
    for name, attributes in unused.items():
        vars(stand_ins[name]).update(dict.fromkeys(attributes, object))
    stand_ins["torch"].utils, stand_ins["torch.utils"].data = stand_ins["torch.utils"], stand_ins["torch.utils.data"]
    np.float = float  # the alias that numpy 1.24 removed
    exec(published_source(peer, "util.py"), vars(stand_ins["util"]))
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        module = types.ModuleType("wsolevaluation")
        exec(published_source(peer, "evaluation.py"), vars(module))
        return module
    finally:
        for name, original in before.items():
            if original is None:
                del sys.modules[name]
            else:
                sys.modules[name] = original
