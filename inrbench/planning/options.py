"""The options of ``inrbench run``. The command line and ``inrbench.run`` build the same object."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from inrbench.errors import BadValue, NothingFound, unknown_name
from inrbench.execute import CHECKPOINT_SECONDS, Artifacts
from inrbench.planning.device import resolve_device
from inrbench.planning.recipes import tuned_requests
from inrbench.planning.request import Request
from inrbench.spec import TUNED, ProtocolLabel, Track

STANDARD = "standard"
"""The protocol and suite whose methods are tuned by default: their settings decide its ranks."""
TRACKS = ("paper", "authors", TUNED)
"""Tracks of runs; beside them, ``tuned-BUDGET`` selects the recipes of one budget."""
Order = Literal["planned", "shortest", "longest", "random"]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of a run command: which runs, and how they are carried out.

    Args:
        methods: Methods with parameter grids: ``msa[s_max=3.0,4.0],./my_act.py``, or ``all``.
        tasks: Comma-separated tasks, or ``all``.
        suite: A named list of tasks and protocols; not together with ``protocol``.
        protocol: Protocol of ``tasks``; ``paper`` if it is not given.
        changes: Fields of the protocol -> values as text (``--set``).
        signals: Comma-separated names, patterns or files; None for all.
        seeds: The seeds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:i``.
        engine: How a step is computed: ``fast`` or ``reference``.
        track: How methods are trained: ``paper``, ``authors``, ``tuned`` (all budgets) or ``tuned-4`` (one budget); None for
            ``tuned`` with the protocol ``standard`` for the tasks that were tuned, and for ``paper`` otherwise.
        probes: Comma-separated probes to read during the runs.
        plugins: Files with the user's methods and tasks.
        retry_failed: Also repeat runs that failed earlier.
        results: The results folder.
        jobs: Runs at the same time; None for one per CPU core, or one on a GPU.
        share_gpu: Runs at the same time on one GPU; None for one.
        timeout: Seconds after which a run is stopped; None for no limit.
        memory_limit: Host memory in GiB that a run may take; None for no limit.
        artifacts: What runs store: ``last`` (the last reconstruction and weights), ``all`` (also reconstructions along the
            curve) or ``none``.
        executor: Where runs are carried out: ``local``, ``slurm``, ``dask``, or the name of an executor from a plugin package.
        resources: What to request from a cluster.
        cancel_on_interrupt: Whether Ctrl-C also cancels runs on a cluster.
        order: Order of the runs: ``planned``, ``shortest``, ``longest`` or ``random``; None for ``planned``, or ``shortest`` if
            there is a ``max_time``.
        checkpoint_every: Seconds between two checkpoints of a run.
        max_time: Seconds after which the command stops; its runs write a checkpoint. None for no limit.
        trackers: Names of experiment trackers that receive each run when it has ended.
        dry_run: Only make the plan and the estimate.
    """

    methods: str = "all"
    tasks: str | None = None
    suite: str | None = None
    protocol: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    signals: str | None = None
    seeds: Sequence[int] = (0,)
    device: str = "auto"
    engine: Literal["fast", "reference"] = "fast"
    track: Track | None = None
    probes: str = ""
    plugins: Sequence[Path] = ()
    retry_failed: bool = False
    results: Path = Path("results")
    jobs: int | None = None
    share_gpu: int | None = None
    timeout: float | None = None
    memory_limit: float | None = None
    artifacts: Artifacts = "last"
    executor: str = "local"
    resources: Mapping[str, Any] = field(default_factory=dict)
    cancel_on_interrupt: bool = False
    order: Order | None = None
    checkpoint_every: float = CHECKPOINT_SECONDS
    max_time: float | None = None
    trackers: Sequence[str] = ()
    dry_run: bool = False

    def requests(self) -> list[Request]:
        """Return the requests: one, or several for the track ``tuned``.

        The track ``tuned`` has one request per tuning budget. By default, the protocol ``standard`` also has one of ``paper``.

        Raises:
            BadValue: Options contradict each other, or a device does not exist.
            UnknownName: There is no such probe or track.
            NothingFound: Nothing was tuned for the protocol.
        """
        from inrbench.fit import probe_names

        if self.suite and self.protocol:
            raise BadValue(f"--suite {self.suite} names its own protocol; leave out --protocol, or name tasks with --tasks")
        protocol = self.suite or self.protocol or "paper"
        track = self.track or "paper"
        if track not in TRACKS and re.fullmatch(rf"{TUNED}-\d+", track) is None:
            raise unknown_name("track", track, [*TRACKS, f"{TUNED}-BUDGET"])
        request = Request(
            methods=self.methods,
            tasks=self.tasks,
            suite=self.suite,
            protocol=self.protocol or "paper",
            changes=self.changes,
            signals=self.signals,
            seeds=self.seeds,
            device=resolve_device(self.device, here=self.executor == "local"),
            plugin_files=self.plugins,
            retry_failed=self.retry_failed,
            engine=self.engine,
            probes=probe_names(self.probes),
            track=track,
        )
        if track.startswith(TUNED):
            return tuned_requests(request, self.results)
        if self.track is None and ProtocolLabel.parse(protocol).name == STANDARD:
            return self._tuned_if_possible(request)
        return [request]

    def _tuned_if_possible(self, request: Request) -> list[Request]:
        """Return the requests of the track ``tuned`` for the tasks that were tuned, and one of ``paper`` for the others."""
        try:
            tuned = tuned_requests(request, self.results)
        except NothingFound as error:
            return [replace(request, notes=(f"{error}; the track is paper",))]
        tasks = {each.track: frozenset(task for task, _ in each.recipes) for each in tuned}
        known = frozenset[str]().union(*tasks.values())
        named = frozenset((request.tasks or "").replace(" ", "").split(",")) - {"", "all"}
        found = [replace(each, only=tasks[each.track]) for each in tuned if not named or named & tasks[each.track]]
        if named and named <= known:
            return found
        others = ", ".join(sorted(named - known)) or f"tasks other than {', '.join(sorted(known))}"
        note = f"nothing was tuned for {others} under protocol '{STANDARD}'; the track is paper"
        return [*found, replace(request, without=known, notes=(note,))]
