"""How many images a dataset has, and whether they are enough for the recipes of an experiment. Without torch or pandas.

The answer is given before anything runs wherever images can be counted without reading them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from camagain.config import Experiment, Model
from camagain.config.dataset import DatasetSettings, kind_module
from camagain.errors import UserError
from camagain.registry import implementation

FEW_VAL_IMAGES = 100
"""Below so many images of val the threshold that is chosen on them is little more than chance."""

LARGE_REMAINDER = 0.2
"""Share of the training images that no step of an epoch holds, from which on it is said."""


@dataclass(frozen=True)
class Sizes:
    """Images by split, classes, and the training images of the class that has the fewest."""

    train: int
    val: int
    test: int
    classes: int
    fewest: int

    @classmethod
    def of(cls, splits: Iterable[str], labels: Iterable[object]) -> "Sizes":
        """Counted from the split and the class of every image."""
        counts = Counter(zip(splits, labels, strict=True))
        totals: Counter[str] = Counter()
        for (split, _), images in counts.items():
            totals[split] += images
        classes = {label for _, label in counts}
        return cls(
            totals["train"],
            totals["val"],
            totals["test"],
            len(classes),
            min((counts["train", label] for label in classes), default=0),
        )

    def in_words(self) -> str:
        """One line."""
        return (
            f"{self.train:,} training images, {self.val:,} of val, {self.test:,} of test; {self.classes} classes, the "
            f"smallest with {self.fewest:,} training images"
        )


def sizes_of(dataset: DatasetSettings) -> Sizes | None:
    """The sizes of a dataset from its settings and text files alone; None where they are not known before it is read.

    A kind of dataset may have a function `sizes(settings)` for it. UserError for a fault in the text files.
    """
    count = getattr(implementation("camagain.datasets.kinds", kind_module(dataset.kind)), "sizes", None)
    return count(dataset) if count is not None else None


def check_sizes(experiment: Experiment, sizes: Sizes) -> list[str]:
    """What a user should know of these sizes before hours are spent, a sentence each; UserError where they are too few.

    Every training needs a whole batch, since the last images of an epoch that fill none are left out.
    """
    trained = [model for model in experiment.models if model.training.epochs]
    if trained and not sizes.train:
        raise UserError(
            f"'{experiment.dataset.name}' has no training images, but '{trained[0].name}' is to be trained; give it a "
            "train split, or set training.epochs to 0."
        )
    short = [model for model in trained if sizes.train < model.training.batch_size]
    if short:
        more = f" (and {len(short) - 1} more models)" if len(short) > 1 else ""
        raise UserError(
            f"training.batch_size of '{short[0].name}'{more} is {short[0].training.batch_size}, but "
            f"'{experiment.dataset.name}' has only {sizes.train} training images, and a step needs a whole batch. Add "
            f"images or lower training.batch_size to {sizes.train} or less: {largest_useful_batch(sizes.train)} gives "
            "two steps an epoch and more."
        )
    return list(_remarks(trained, sizes))


def _remarks(trained: list[Model], sizes: Sizes) -> Iterator[str]:
    for batch in sorted({model.training.batch_size for model in trained}):
        left = sizes.train % batch
        if left > LARGE_REMAINDER * sizes.train:
            yield (
                f"an epoch holds {sizes.train - left} images in batches of {batch} and leaves out {left} of "
                f"{sizes.train} training images, others in each epoch; a smaller training.batch_size leaves out fewer"
            )
    if trained and sizes.fewest <= 1:
        yield f"a class has {sizes.fewest} training images: what is common to the class cannot be learned from it"
    if 0 < sizes.val < max(FEW_VAL_IMAGES, sizes.classes):
        yield (
            f"the threshold and the accuracy of val stand on {sizes.val} images, which is too few to mean much "
            f"(dataset.val_per_class); scores at the best threshold of test do not use them"
        )


def largest_useful_batch(images: int) -> int:
    """The largest power of two that gives at least two steps an epoch, for so many images."""
    return 1 << max(0, (images // 2).bit_length() - 1)
