"""``inrbench.run``: what ``inrbench run`` does, with methods that may be objects."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from inrbench.api.methods import AnyMethod, selection_of
from inrbench.api.results import Results
from inrbench.execute import Artifacts
from inrbench.fit import probe_names
from inrbench.planning import Request, resolve_device
from inrbench.planning.tuning import tuned_requests
from inrbench.runner import run_requests
from inrbench.spec import TUNED, Track
from inrbench.store import is_remote, open_mirror


def run(
    methods: AnyMethod | Sequence[AnyMethod] = "all",
    tasks: str | Sequence[str] = (),
    *,
    suite: str | None = None,
    protocol: str = "paper",
    changes: Mapping[str, object] = MappingProxyType({}),
    signals: str | Path | Sequence[str | Path] = (),
    seeds: int | Sequence[int] = 1,
    device: str = "auto",
    jobs: int | None = None,
    engine: Literal["fast", "reference"] = "fast",
    track: Track = "paper",
    probes: Sequence[str] = (),
    timeout: float | None = None,
    artifacts: Artifacts = "last",
    results: str | Path = "results",
) -> Results:
    """Fit methods on tasks and return the results; runs that a results folder holds already are not done again.

    ``methods``: names with parameters as on the command line (``"msa[s_max=3.0,4.0]"``), files, modules, and what
    ``register_method`` made of a builder, in a notebook too: then its source, and whatever it uses of the notebook, is written
    to a file in the results folder, since every run has a process of its own. ``tasks`` or ``suite``, ``protocol``, ``signals``
    (names, or the user's files), ``seeds`` (how many, or which), ``changes`` (``--set``) and the rest mean what they do there.

    Prints the plan and how runs end. Raises InrbenchError for what cannot be understood; a run that fails is a row.
    """
    folder, remote = Path(results), open_mirror(str(results)) if is_remote(str(results)) else None
    if remote is not None:
        remote.sync()
        folder = remote.folder
    names, files = selection_of([methods] if isinstance(methods, AnyMethod) else methods, folder)
    request = Request(
        methods=names,
        tasks=_listed(tasks) or None,
        suite=suite,
        protocol=protocol,
        changes={name: str(value) for name, value in changes.items()},
        signals=_listed(signals) or None,
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds),
        device=resolve_device(device),
        plugin_files=files,
        engine=engine,
        probes=probe_names(",".join(probes)),
        track=track,
    )
    requests = tuned_requests(request, folder) if track == TUNED else [request]
    code = run_requests(requests, folder, jobs=jobs, timeout=timeout, artifacts=artifacts)
    if remote is not None:
        remote.sync()
    return Results.of(requests, folder, code)


def _listed(items: str | Path | Sequence[str | Path]) -> str:
    if isinstance(items, str):
        return items
    listed = [str(item) for item in ([items] if isinstance(items, Path) else items)]
    return ",".join(f'"{item}"' if "," in item else item for item in listed)
