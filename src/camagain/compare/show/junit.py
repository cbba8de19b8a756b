"""A comparison as JUnit XML, which CI systems show as tests: one suite for each section, one case for each entry."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.images import ImageComparison
from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import IDENTICAL, Verdict, worst
from camagain.compare.show.listing import SECTION_TITLES, counts_text, unlisted
from camagain.compare.show.text import row_line

ROWS = 10
"""Rows of a table that stand in its case."""

FORBIDDEN = re.compile(r"[^\t\n\r -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that XML 1.0 does not have."""


@dataclass(frozen=True)
class Case:
    """One entry of a section: what was found of it in one line, and more."""

    name: str
    verdict: Verdict
    message: str
    details: str = ""


def junit(comparison: Comparison, fail_on: Verdict) -> str:
    """The comparison as XML: entries at least as bad as `fail_on` failed, those not decided were skipped."""
    root = ElementTree.Element("testsuites", {"name": legal(f"{comparison.a} against {comparison.b}")})
    for section in comparison.counts:
        suite = ElementTree.SubElement(root, "testsuite", {"name": SECTION_TITLES[section]})
        for case in cases(comparison, section):
            add(suite, case, f"camagain.compare.{section.replace(' ', '_')}", fail_on)
        count(suite, [suite])
    count(root, list(root))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def add(suite: ElementTree.Element, case: Case, classname: str, fail_on: Verdict) -> None:
    """One case of a suite."""
    element = ElementTree.SubElement(suite, "testcase", {"classname": classname, "name": legal(case.name)})
    if case.verdict is not Verdict.NOT_COMPARABLE and case.verdict.level >= fail_on.level:
        attributes = {"type": case.verdict.option, "message": legal(case.message)}
        ElementTree.SubElement(element, "failure", attributes).text = legal(case.details or case.message)
    elif case.verdict in (Verdict.NOT_COMPARABLE, Verdict.UNDECIDED):
        ElementTree.SubElement(element, "skipped", {"message": legal(case.message)})


def count(element: ElementTree.Element, suites: list[ElementTree.Element]) -> None:
    """Sets how many cases suites have, and how many of them failed or were skipped."""
    for name, path in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        element.set(name, str(sum(len(suite.findall(path)) for suite in suites)))
    element.set("errors", "0")


def cases(comparison: Comparison, section: str) -> Iterator[Case]:
    """The entries of one section."""
    if section == "scores":
        yield from score_cases(comparison.scores)
    elif section == "claims":
        for claim in comparison.claims:
            note = f" ({claim.note})" if claim.note else ""
            yield Case(claim.name, claim.verdict, f"{claim.a} against {claim.b}{note}", claim.claim)
    elif section == "images":
        yield from map(image_case, comparison.images)
    else:
        yield from (table_case(table) for table in comparison.tables[1:] if table.section == section)


def score_cases(scores: TableComparison) -> Iterator[Case]:
    """The scores that are not the same one by one, those that are as one case."""
    yield from (Case(row.name, row.verdict, row_line(row)) for row in scores.rows)
    left = unlisted(scores)
    yield from rest("scores", {v: n for v, n in left.items() if v not in IDENTICAL}, "not listed one by one")
    yield from rest("scores", {v: n for v, n in left.items() if v in IDENTICAL}, "the same in both runs")


def rest(what: str, counts: Mapping[Verdict, int], why: str) -> Iterator[Case]:
    """One case for several entries, none where there are none."""
    if counts:
        yield Case(f"{sum(counts.values()):,} {what} {why}", worst(counts), counts_text(counts))


def image_case(images: ImageComparison) -> Case:
    """One set of images."""
    if images.test is None:
        return Case(images.name, images.verdict, images.note)
    message = (
        f"of {images.images:,} images {images.moved:,} moved; right in A alone {images.test.only_first}, in B alone "
        f"{images.test.only_second} (McNemar p = {images.test.p_value:.2g})"
    )
    lines = [f"{pair.image_id}: IoU {pair.iou_a:.3f} against {pair.iou_b:.3f}" for pair in images.worst]
    return Case(images.name, images.verdict, message, "\n".join([message, *lines]))


def table_case(table: TableComparison) -> Case:
    """One table with its worst rows."""
    note = f" ({table.note})" if table.note else ""
    message = f"{counts_text(table.counts)}{note}"
    rows: tuple[Row, ...] = table.rows[:ROWS]
    return Case(table.file, table.verdict, message, "\n".join([message, *map(row_line, rows)]))


def legal(text: str) -> str:
    """Text without characters that XML cannot hold."""
    return FORBIDDEN.sub("?", text)
