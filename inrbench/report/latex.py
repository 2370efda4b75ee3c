"""Leaderboards as LaTeX tables for a paper, in the booktabs style."""

import re
from collections.abc import Sequence

from inrbench.analyse import Leaderboard
from inrbench.console import NONE
from inrbench.errors import printable
from inrbench.report import formatting
from inrbench.report.columns import Column, columns_of, that_fit

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "$-$",
    "±": r"$\pm$",
    "×/÷": r"$\times/\div$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    NONE: "--",
}
MINUS = re.compile(r"(?<![\w.])-(?=\d)")
SCIENTIFIC = re.compile(r"(\d+\.\d+)e([+-]\d+)")
MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "untrained": r"\textit{%s}", None: "%s"}


TEXT_WIDTH = 500.0
"""Width in points of the text of a page with two columns, in the common templates of conferences."""
LETTER, GAP = 4.7, 12.0
"""Width in points of a letter in ``\\small``, and the gap between two columns."""


def to_latex(leaderboards: Sequence[Leaderboard], columns: Sequence[str] = (), wide: bool = False) -> str:
    """Return the tables, best in bold and second underlined. They need only ``\\usepackage{booktabs}``.

    A table is at most as wide as the text of a page with two columns (``table*``). Columns that do not fit are left out. The
    full caption of a leaderboard is a comment above the table.

    Args:
        leaderboards: The tables.
        columns: Names of the columns to print; those that fit if empty.
        wide: Whether to print all columns, however wide the table is.
    """
    return "% \\usepackage{booktabs}\n" + "\n".join(_one(leaderboard, columns, wide) for leaderboard in leaderboards)


def escaped(text: str) -> str:
    """Return text escaped so that LaTeX prints it literally.

    >>> print(escaped("msa[s_max=3.0] 100% ±"))
    msa[s\\_max=3.0] 100\\% $\\pm$
    """
    text = text.replace("×/÷", "\0")
    return "".join(SPECIAL.get("×/÷" if letter == "\0" else letter, _ascii(letter)) for letter in text)


def _ascii(letter: str) -> str:
    """Return the letter if every standard LaTeX installation can print it, else a question mark."""
    return letter if letter.isprintable() and ord(letter) < 0x250 else "?"


def _one(leaderboard: Leaderboard, wanted: Sequence[str], wide: bool) -> str:
    shown, left_out = columns_of(leaderboard, wanted), list[Column]()
    if not wide and not wanted:
        shown, left_out = that_fit(shown, TEXT_WIDTH, lambda column: LETTER * column.width() + GAP)
    lines = [
        " & ".join(_cell(text, mark) for text, mark in cells) for cells in zip(*(column.cells for column in shown), strict=True)
    ]
    group = leaderboard.group
    label = "-".join(("tab", group.task, group.fingerprint, group.device_class, group.engine, group.track))
    comments = [formatting.title(group), *formatting.caption(leaderboard)]
    if left_out:
        comments.append("Left out, because the table would be wider than the text: " + ", ".join(c.name for c in left_out))
    return "\n".join(
        [
            *(f"% {printable(comment)}" for comment in comments),
            r"\begin{table*}",
            r"\centering\small",
            rf"\caption{{{escaped(_caption(leaderboard))}}}",
            rf"\label{{{''.join(letter for letter in label if letter.isalnum() or letter == '-')}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(shown) - 1)}}}",
            r"\toprule",
            " & ".join(escaped(column.head) for column in shown) + r" \\",
            r"\midrule",
            *(f"{{}}{line} \\\\" for line in lines),  # the braces keep LaTeX from reading a leading [ as an option of \\
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table*}",
            "",
        ]
    )


def _caption(leaderboard: Leaderboard) -> str:
    """Return one or two sentences: what was fitted, and what the marks mean."""
    group, signals = leaderboard.group, len(leaderboard.signals)
    seeds = formatting.spread([number for row in leaderboard.rows if not row.solved for number in row.seeds], "seed")
    what = f"{group.task}, protocol {group.protocol}" + (f", track {group.track}" if group.track != "paper" else "")
    mean = "mean (of errors: geometric mean)" if any(m.scale == "log" for m in leaderboard.metrics) else "mean"
    return f"{what}: {mean} over {formatting.counted(signals, 'signal')}, {seeds}. Best in bold, second underlined."


def _cell(text: str, mark: str | None) -> str:
    """Return a cell. Numbers with an exponent are typeset as such: ``7.96e-04`` becomes 7.96 times 10 to the power of -4."""
    parts = SCIENTIFIC.split(MINUS.sub("−", text))  # text, number, exponent, text, ...
    words = [escaped(parts[0])]
    for number, exponent, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        words += [rf"${number}\cdot10^{{{int(exponent)}}}$", escaped(after)]
    return MARKS[mark] % "".join(words)
