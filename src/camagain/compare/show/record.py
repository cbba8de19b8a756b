"""A comparison as plain values, for `--json` and for everything that is rendered from it."""

import math
from typing import Any

from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.images import ImageComparison, ImagePair
from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.verdicts import Verdict

SCHEMA = 3
"""Raised when a field of the JSON changes its meaning."""


def record(comparison: Comparison) -> dict[str, Any]:
    """Everything that was found, in a stable order: the same two runs give the same text."""
    return {
        "schema": SCHEMA,
        "a": str(comparison.a),
        "b": str(comparison.b),
        "verdict": comparison.verdict.value,
        "exit_code": comparison.exit_code(),
        "notices": list(comparison.notices),
        "counts": {
            section: {verdict.value: counter[verdict] for verdict in Verdict if counter[verdict]}
            for section, counter in comparison.counts.items()
        },
        "tables": [table_record(table) for table in comparison.tables],
        "decisions": [{**vars(found), "verdict": found.verdict.value} for found in comparison.decisions],
        "claims": [
            {key: getattr(claim, key) for key in ("name", "claim", "a", "b", "note")} | {"verdict": claim.verdict.value}
            for claim in comparison.claims
        ],
        "images": [image_record(images) for images in comparison.images],
        "rank_changes": [vars(change) for change in comparison.ranks],
        "differences": [
            {"matter": found.matter, "name": found.name, "a": plain_value(found.a), "b": plain_value(found.b)}
            for found in comparison.differences
        ],
        "causes": [
            {
                "subjects": list(cause.subjects),
                "first_file_that_differs": cause.file,
                "stage": cause.stage,
                "inputs_that_differ": [str(found) for found in cause.inputs],
                "not_recorded": list(cause.unrecorded),
            }
            for cause in comparison.causes
        ],
    }


def table_record(table: TableComparison) -> dict[str, Any]:
    """One table with the rows that are not the same."""
    return {
        "file": table.file,
        "section": table.section,
        "verdict": table.verdict.value,
        "counts": {verdict.value: count for verdict, count in table.counts.items()},
        "note": table.note,
        "rows": [
            {
                "key": {name: plain_value(value) for name, value in row.key.items()},
                "verdict": row.verdict.value,
                "column": row.column,
                "a": plain_value(row.a),
                "b": plain_value(row.b),
                "difference": plain_value(row.difference),
                "tolerance": plain_value(row.tolerance),
                "source_of_tolerance": row.source,
                "note": row.note,
            }
            for row in table.rows
        ],
    }


def image_record(images: ImageComparison) -> dict[str, Any]:
    """One set of images with those that flipped and those that moved most."""
    test = images.test
    return {
        "model": images.model,
        "method": images.method,
        "verdict": images.verdict.value,
        "images": images.images,
        "moved": images.moved,
        "right_in_a_alone": test.only_first if test else None,
        "right_in_b_alone": test.only_second if test else None,
        "mcnemar_p": test.p_value if test else None,
        "class_flips": images.class_flips,
        "iou_change_quantiles": images.iou_change,
        "map_correlation_quantiles": images.map_correlation,
        "flipped": [pair_record(pair) for pair in images.flipped],
        "moved_most": [pair_record(pair) for pair in images.worst],
        "note": images.note,
    }


def pair_record(pair: ImagePair) -> dict[str, Any]:
    return vars(pair)


def plain_value(value: object) -> Any:
    """A value that JSON has; no NaN and no infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | list | dict) or value is None else str(value)
