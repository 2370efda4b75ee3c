"""Results of a regression check as a line, as JUnit XML for CI, and as Markdown for a pull request."""

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

from tabulate import tabulate

from inrbench.analyse.regression import RegressionCheck


def summary(checks: Sequence[RegressionCheck]) -> str:
    """Return the count of each outcome, ``12 checks: 11 hold, 1 failed, 0 not compared``."""
    counts = Counter(check.outcome for check in checks)
    return f"{len(checks)} checks: {counts['holds']} hold, {counts['failed']} failed, {counts['not compared']} not compared"


def to_junit(checks: Sequence[RegressionCheck]) -> str:
    """Return the checks as one JUnit test suite."""
    counts = Counter(check.outcome for check in checks)
    suite = ElementTree.Element(
        "testsuite",
        name="inrbench regress",
        tests=str(len(checks)),
        failures=str(counts["failed"]),
        skipped=str(counts["not compared"]),
    )
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", classname="inrbench", name=check.about)
        if check.outcome == "failed":
            ElementTree.SubElement(case, "failure", message=check.message)
        elif check.outcome == "not compared":
            ElementTree.SubElement(case, "skipped", message=check.message)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def to_markdown(checks: Sequence[RegressionCheck]) -> str:
    """Return a summary for a pull request: the counts, and a table of failed checks."""
    failed = [(check.about, check.message) for check in checks if check.outcome == "failed"]
    table = tabulate(failed, ("failed", "why"), tablefmt="pipe", disable_numparse=True) + "\n" if failed else ""
    return f"**inrbench regress**: {summary(checks)}.\n\n{table}"
