"""The settings of methods in words."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

DEFAULTS = "its defaults"


def settings_text(runs: pd.DataFrame, usual: Mapping[str, Any] | None = None) -> str:
    """Return the parameters and the own training of a method, as text; by signal if they differ among signals.

    Args:
        runs: The runs of a row of a table.
        usual: Parameters that are left out where a run has the same value, as JSON has them.
    """
    by_text: dict[str, list[str]] = {}
    columns = runs.reindex(columns=["signal", "params_json", "training_json"])
    for signal, stored, training in columns.drop_duplicates("signal").sort_values("signal").itertuples(index=False, name=None):
        params = {name: value for name, value in json.loads(stored).items() if not _same(usual, name, value)}
        values = {**params, **(json.loads(training) if isinstance(training, str) else {})}
        text = ", ".join(f"{name} = {value}" for name, value in values.items()) or DEFAULTS
        by_text.setdefault(text, []).append(str(signal))
    if len(by_text) == 1:
        return next(iter(by_text))
    return "; ".join(f"{text} ({', '.join(signals)})" for text, signals in by_text.items())


def _same(usual: Mapping[str, Any] | None, name: str, value: Any) -> bool:
    return usual is not None and name in usual and bool(usual[name] == value)
