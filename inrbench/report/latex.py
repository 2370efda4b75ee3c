"""Leaderboards as LaTeX tables for a paper, in the booktabs style."""

from collections.abc import Sequence

from inrbench.analyse import Leaderboard
from inrbench.console import NONE
from inrbench.report import formatting

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
    "±": r"$\pm$",
    "×/÷": r"$\times/\div$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    NONE: "--",
}
MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "untrained": r"\textit{%s}", None: "%s"}


def to_latex(leaderboards: Sequence[Leaderboard]) -> str:
    """Return the tables, best in bold and second underlined. They need only ``\\usepackage{booktabs}``."""
    return "% \\usepackage{booktabs}\n" + "\n".join(_one(leaderboard) for leaderboard in leaderboards)


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


def _one(leaderboard: Leaderboard) -> str:
    heads = formatting.header(leaderboard)
    columns = "l" + "r" * (len(heads) - 2) + "l"
    lines = [" & ".join(_cell(text, mark) for text, mark in formatting.cells(leaderboard, row)) for row in leaderboard.rows]
    group = leaderboard.group
    caption = escaped(" ".join([f"{formatting.title(group)}.", *formatting.caption(leaderboard)]))
    label = "-".join(("tab", group.task, group.fingerprint, group.device_class, group.engine, group.track))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\label{{{''.join(letter for letter in label if letter.isalnum() or letter == '-')}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(map(escaped, heads)) + r" \\",
            r"\midrule",
            *(f"{{}}{line} \\\\" for line in lines),  # the braces keep LaTeX from reading a leading [ as an option of \\
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _cell(text: str, mark: str | None) -> str:
    return MARKS[mark] % escaped(text)
