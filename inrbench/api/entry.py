"""``inrbench.run``: the command ``inrbench run`` as a function, which also accepts methods as Python objects."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from inrbench.api.methods import AnyMethod, selection_of
from inrbench.api.results import Results
from inrbench.errors import BadValue
from inrbench.execute import Artifacts
from inrbench.planning import Order, RunOptions, parse_duration
from inrbench.runner import RunObserver
from inrbench.runner import run as run_options
from inrbench.spec import Track
from inrbench.store import is_remote, open_mirror


def run(
    methods: AnyMethod | Sequence[AnyMethod] = "all",
    tasks: str | Sequence[str] = (),
    *,
    suite: str | None = None,
    protocol: str | None = None,
    changes: Mapping[str, object] = MappingProxyType({}),
    signals: str | Path | Sequence[str | Path] = (),
    seeds: int | Sequence[int] = 1,
    device: str = "auto",
    engine: Literal["fast", "reference"] = "fast",
    track: Track | None = None,
    probes: str | Sequence[str] = (),
    plugins: str | Path | Sequence[str | Path] = (),
    retry_failed: bool = False,
    results: str | Path = "results",
    jobs: int | None = None,
    share_gpu: int | None = None,
    timeout: float | None = None,
    memory_limit: float | None = None,
    artifacts: Artifacts = "last",
    executor: str = "local",
    resources: Mapping[str, Any] = MappingProxyType({}),
    cancel_on_interrupt: bool = False,
    order: Order | None = None,
    checkpoint_every: str = "5m",
    max_time: str | None = None,
    trackers: str | Sequence[str] = (),
    dry_run: bool = False,
    observer: RunObserver | None = None,
) -> Results:
    """Fit methods on tasks and return the results. Runs that the results folder contains already are not repeated.

    One of ``tasks`` and ``suite`` is required. Several names are a list, or one comma-separated text.

    Args:
        methods: Names with parameters as on the command line (``"msa[s_max=3.0,4.0]"``), files, modules, and objects made by
            ``register_method``. The source of a method that is defined in a notebook, and of everything that it uses, is
            written to a file in the results folder, since every run has its own process.
        tasks: Names of tasks, or ``"all"``.
        suite: A named list of tasks and signals, run under the protocol of the same name: ``"quick"``, ``"standard"``,
            ``"paper"``. Not together with ``protocol``.
        protocol: Protocol of ``tasks``; ``"paper"`` if it is not given, with which one run takes hours on a CPU.
        changes: Fields of the protocol -> new values (``--set``). They give the protocol a different fingerprint.
        signals: Names, patterns with ``*``, or files of your own; all signals if empty.
        seeds: How many seeds (3 means 0, 1, 2), or the seeds.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:i"``.
        engine: How a step is computed: ``"fast"`` or ``"reference"``. The mathematics is the same.
        track: How methods are trained: ``"paper"`` (one learning rate for all), ``"authors"``, ``"tuned"``, or ``"tuned-4"``
            (recipes of one budget); None for ``"tuned"`` with the protocol ``standard`` for tasks that were tuned, and
            ``"paper"`` otherwise.
        probes: Probes to read during the runs (``--probe``): ``"gradients"``, ``"activations"``, ``"ntk"``, ``"spectrum"``.
        plugins: Files with methods or tasks of your own.
        retry_failed: Also repeat runs that failed earlier.
        results: The results folder, or ``s3://BUCKET/PREFIX``.
        jobs: Runs at the same time; None for one per CPU core, or one on a GPU.
        share_gpu: Runs at the same time on one GPU; their times are never shown.
        timeout: Seconds after which a run is stopped; None for no limit.
        memory_limit: Host memory in GiB that a run may take; None for no limit.
        artifacts: What runs store: ``"last"`` (the last reconstruction and weights), ``"all"`` (also reconstructions along the
            curve) or ``"none"``.
        executor: Where runs are carried out: ``"local"``, ``"slurm"``, ``"dask"``, or the name of an executor from a plugin
            package.
        resources: What to request from a cluster (``--resource``), such as ``{"partition": "gpu", "memory": "16GB"}``.
        cancel_on_interrupt: Whether Ctrl-C also cancels runs on a cluster.
        order: Order of the runs: ``"planned"``, ``"shortest"``, ``"longest"`` or ``"random"``; by default ``"planned"``, or
            ``"shortest"`` with ``max_time``.
        checkpoint_every: Time between two checkpoints of a run, from which an interrupted run continues: ``"5m"``, ``"2h"``.
        max_time: Time after which to stop: ``"2h"``, ``"90m"``, ``"HH:MM:SS"``. Runs write a checkpoint, and the same call
            continues them. None for no limit.
        trackers: Experiment trackers that receive each run when it has ended (``--log``): ``"tensorboard"``, ``"mlflow"``,
            ``"wandb"``.
        dry_run: Only print the plan and the estimate. The results are then those of runs that were stored before.
        observer: Receives the plan, the progress and the end; None prints them. ``QuietObserver`` prints nothing.

    Returns:
        The results of the requested runs, also of those that were stored before.

    Raises:
        InrbenchError: An argument cannot be understood. A failed run raises nothing; its row has the status.
    """
    if isinstance(seeds, int) and seeds < 1:
        raise BadValue(f"seeds={seeds}: at least one seed is needed")
    folder, remote = Path(results), open_mirror(str(results)) if is_remote(str(results)) else None
    if remote is not None:
        remote.sync()
        folder = remote.folder
    names, files = selection_of([methods] if isinstance(methods, AnyMethod) else methods, folder)
    options = RunOptions(
        methods=names,
        tasks=_joined(tasks) or None,
        suite=suite,
        protocol=protocol,
        changes={name: str(value) for name, value in changes.items()},
        signals=_joined(signals) or None,
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds),
        device=device,
        engine=engine,
        track=track,
        probes=_joined(probes),
        plugins=(*files, *map(Path, [plugins] if isinstance(plugins, str | Path) else plugins)),
        retry_failed=retry_failed,
        results=folder,
        jobs=jobs,
        share_gpu=share_gpu,
        timeout=timeout,
        memory_limit=memory_limit,
        artifacts=artifacts,
        executor=executor,
        resources=resources,
        cancel_on_interrupt=cancel_on_interrupt,
        order=order,
        checkpoint_every=parse_duration(checkpoint_every),
        max_time=None if max_time is None else parse_duration(max_time),
        trackers=_names(trackers),
        dry_run=dry_run,
    )
    report = run_options(options, observer)
    if remote is not None:
        remote.sync()
    return Results.of(report, folder)


def _names(texts: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names in one comma-separated text or in several."""
    return tuple(
        name.strip() for text in ([texts] if isinstance(texts, str) else texts) for name in text.split(",") if name.strip()
    )


def _joined(items: str | Path | Sequence[str | Path]) -> str:
    """Return items as one comma-separated text; an item with a comma is quoted."""
    if isinstance(items, str):
        return items
    texts = [str(item) for item in ([items] if isinstance(items, Path) else items)]
    return ",".join(f'"{text}"' if "," in text else text for text in texts)
