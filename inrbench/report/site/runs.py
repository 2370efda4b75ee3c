"""The content of the page of the runs behind a row: the command to repeat each run, its machine and its code version."""

import shlex
from typing import Any

from inrbench.analyse import ComparableRuns, metrics_of
from inrbench.analyse.run_notes import busy
from inrbench.console import NONE
from inrbench.report import formatting
from inrbench.report.site import urls
from inrbench.report.site.settings import settings_text
from inrbench.spec import MethodLabel, Metric, ProtocolLabel

COLUMNS = (
    "run_id",
    "attempt_id",
    "started_at",
    "device",
    "cpu_model",
    "memory_bytes",
    "platform",
    "python",
    "torch",
    "inrbench",
    "code_commit",
    "code_dirty",
    "matmul_precision",
    "tf32",
    "compiled",
    "engine_note",
    "plugin_origin",
    "training_json",
)
MACHINE = ("device_name", "hardware_id", "cores", "threads", "jobs", "platform", "python", "torch", "inrbench")


def runs_view(group: ComparableRuns, label: str) -> dict[str, Any]:
    """Return the runs of a row, sorted by signal and seed. Machines and commits are listed once and referred to."""
    runs = group.runs[group.runs["label"] == label].sort_values(["signal", "seed"])
    metrics = metrics_of(group.runs)
    environments: dict[tuple[Any, ...], int] = {}
    lines = []
    for run, disturbed in zip(runs.itertuples(index=False), busy(runs), strict=True):
        values = {item["id"]: item for item in run.metrics}
        commit = run.code_commit if isinstance(run.code_commit, str) else None  # an installed wheel has none
        facts = (*(getattr(run, name) for name in MACHINE), commit, commit is not None and bool(run.code_dirty))
        lines.append(
            {
                "id": run.run_id,
                "signal": run.signal,
                "seed": run.seed,
                "status": run.status,
                "message": run.message if isinstance(run.message, str) else None,
                "signal_page": urls.signal_page(group.task, group.fingerprint, run.signal),
                "values": [_value(values.get(metric.id), metric) for metric in metrics],
                "seconds": NONE if not run.train_seconds > 0 else f"{run.train_seconds:.3g}",
                "busy": bool(disturbed),
                "started": f"{run.started_at:%Y-%m-%d %H:%M} UTC",
                "command": rerun_command(run),
                "environment": environments.setdefault(facts, len(environments) + 1),
            }
        )
    return {
        "label": label,
        "title": f"{label} on {formatting.title(group)}",
        "method": urls.method_page(urls.method_of(label)),
        "table": urls.leaderboard(group),
        "task": group.task,
        "protocol": group.protocol,
        "settings": settings_text(runs),
        "runs": lines,
        "metrics": [formatting.metric_title(metric, metrics) for metric in metrics],
        "seeds": sorted({line["seed"] for line in lines}),
        "statuses": sorted({line["status"] for line in lines}),
        "environments": [_environment(facts) for facts in environments],
    }


def rerun_command(run: Any) -> str:
    """Return the shell command that repeats a run."""
    protocol = ProtocolLabel.parse(run.protocol)
    words = ["inrbench", "run", "--methods", str(MethodLabel(run.method, run.variant)), "--tasks", run.task]
    words += ["--protocol", protocol.name]
    words += [word for name, text in protocol.changes.items() for word in ("--set", f"{name}={text}")]
    words += ["--signals", run.signal, "--seeds", f"{run.seed},", "--device", run.device_class]
    words += ["--engine", run.engine] if run.engine != "fast" else []
    words += ["--track", run.track] if run.track != "paper" else []
    return shlex.join(words)


def _value(item: Any, metric: Metric) -> dict[str, str]:
    if item is None or item["value"] is None:
        return {"text": NONE, "key": "", "note": (item or {}).get("note") or ""}
    return {"text": formatting.number(item["value"], metric), "key": f"{item['value']:.8g}", "note": ""}


def _environment(facts: tuple[Any, ...]) -> dict[str, Any]:
    *machine, commit, dirty = facts
    code = "unknown" if commit is None else commit + (" with changes" if dirty else "")
    return {**dict(zip(MACHINE, machine, strict=True)), "commit": code}
