"""The plan: the runs of a request, and which of them are not stored yet."""

import csv
import fnmatch
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from inrbench.errors import BadValue, BrokenPlugin, DataMissing, NothingSelected, unknown_name
from inrbench.execute.job import ALWAYS_RETRIED, Job
from inrbench.planning.recipe_choice import recipe_of
from inrbench.planning.request import Recipe, Request
from inrbench.registry import Method, Registry, Selection, Task, parse_selection
from inrbench.spec import TUNED, MethodLabel, Protocol, RunSpec, Value, canonical_json, variant_text


@dataclass
class Plan:
    """The runs of a request, in the order in which they will be carried out.

    Args:
        todo: Runs to carry out.
        done: Runs that finished earlier.
        failed: Runs that failed earlier and are not repeated, with their status.
        notes: Messages about what was left out, and why.
    """

    todo: list[Job] = field(default_factory=list)
    done: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def jobs(self) -> list[Job]:
        """All runs of the request."""
        return [*self.todo, *self.done, *(job for job, _ in self.failed)]

    @property
    def total(self) -> int:
        """Number of runs of the request."""
        return len(self.todo) + len(self.done) + len(self.failed)


def make_plan(request: Request, finished: Mapping[str, str], registry: Registry | None = None) -> tuple[Plan, Registry]:
    """Return the plan, and the registry with the user's plugin files.

    Args:
        request: The request.
        finished: run_id -> status of the stored runs.
        registry: Registry with the request's plugin files; None to make one.

    Raises:
        UnknownName: A method, task, suite or signal does not exist.
        BadValue: A value cannot be understood, or nothing is selected (NothingSelected).
        BrokenPlugin: A plugin file cannot be read.
    """
    selections = parse_selection(request.methods)
    registry = Registry(plugin_files_of(request.methods, request.plugin_files)) if registry is None else registry
    plan = Plan(notes=list(request.notes))
    chosen = _methods(registry, selections, plan.notes)
    sections = [s for name in _task_names(registry, request, plan.notes) for s in _sections(registry.task(name), request)]
    known = {signal for section in sections for signal in section.signals}
    _refuse_unknown_signals(registry, request, sections, known)
    sections = [s for s in sections if s.task.name not in request.without and (not request.only or s.task.name in request.only)]
    planned: set[str] = set()
    for section in sections:
        _refuse_meaningless_changes(request, section)
        supported = [
            (c.method, c.given, recipe)
            for c in chosen
            if (c.by_name or c.method.supports(section.task.kind))
            and (recipe := recipe_of(request, section.task, section.protocol, c.method, registry, plan.notes)) is not None
        ]
        jobs = [
            _job(registry, request, section, signal, method, recipe, given)
            for signal, (method, given, recipe) in itertools.product(
                _evaluated_signals(request, section, plan.notes), supported
            )
        ]
        for job in (each.with_seed(seed) for seed in request.seeds for each in jobs):
            run_id = job.spec.run_id
            if run_id in planned:  # planned already: a given parameter equals its default
                continue
            planned.add(run_id)
            status = finished.get(run_id)
            if status == "ok":
                plan.done.append(job)
            elif status is None or status in ALWAYS_RETRIED or request.retry_failed:
                plan.todo.append(job)
            else:
                plan.failed.append((job, status))
    if not plan.total:
        why = "; ".join(plan.notes) or "methods, tasks and signals do not match. See: inrbench list"
        raise NothingSelected(f"nothing is selected: {why}", plan.notes)
    return plan, registry


def plan_all(
    requests: Sequence[Request], finished: Mapping[str, str], probed: Callable[[Sequence[str]], set[str]]
) -> tuple[Plan, list[list[Job]], Registry]:
    """Plan several requests together, so that each run is carried out once.

    Args:
        requests: The requests.
        finished: run_id -> status of the stored runs.
        probed: Function that maps names of probes to the ids of the runs in which all of them were read. A run without them
            is repeated.

    Returns:
        The plan of all requests, the jobs of each request, and the registry of the last request.

    Raises:
        NothingSelected: No request selects anything.
    """
    whole, planned, jobs = Plan(), set[str](), list[list[Job]]()
    registry, empty = None, None
    registries: dict[tuple[Path, ...], Registry] = {}  # reading all plugins takes a tenth of a second
    for request in requests:
        known = finished
        if request.probes:
            read = probed(request.probes)
            known = {run_id: status for run_id, status in finished.items() if status != "ok" or run_id in read}
        try:
            files = plugin_files_of(request.methods, request.plugin_files)
            if files not in registries:
                registries[files] = Registry(files)
            plan, registry = make_plan(request, known, registries[files])
        except NothingSelected as error:  # the other requests may select something
            empty = error
            whole.notes += [note for note in error.notes if note not in (*whole.notes, *request.notes)]
            jobs.append([])
            continue
        whole.todo += [job for job in plan.todo if job.spec.run_id not in planned]
        whole.done += [job for job in plan.done if job.spec.run_id not in planned]
        whole.failed += [(job, status) for job, status in plan.failed if job.spec.run_id not in planned]
        whole.notes += [note for note in plan.notes if note not in whole.notes]
        planned |= {job.spec.run_id for job in plan.jobs}
        jobs.append(plan.jobs)
    if registry is None:
        raise empty or NothingSelected("nothing is selected: there is no request")
    return whole, jobs, registry


def plugin_files_of(methods: str, plugin_files: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files with the user's plugins: those given, and those that a ``--methods`` text names."""
    return (*plugin_files, *(Path(selection.name) for selection in parse_selection(methods) if selection.is_file))


def select_methods(text: str, plugin_files: Sequence[Path]) -> tuple[list[tuple[str, Method, dict[str, Value]]], list[str]]:
    """Return (label, method, given parameters) of each method that a ``--methods`` text names, and notes on those left out."""
    selections = parse_selection(text)
    notes: list[str] = []
    registry = Registry(plugin_files_of(text, plugin_files))
    chosen = _methods(registry, selections, notes)
    return [(_label(c.method.name, c.given), c.method, c.given) for c in chosen], notes


@dataclass(frozen=True)
class _Section:
    """A task, a protocol and the requested signals."""

    task: Task
    protocol: Protocol
    signals: tuple[str, ...]


@dataclass(frozen=True)
class _SelectedMethod:
    """A method with the parameters that the user gave. ``by_name`` is False if only ``all`` selected it."""

    method: Method
    given: dict[str, Value]
    by_name: bool


def _methods(registry: Registry, selections: Sequence[Selection], notes: list[str]) -> list[_SelectedMethod]:
    """Return each selected method with the parameters that the user gave, in order and without duplicates."""
    chosen: dict[tuple[str, str], _SelectedMethod] = {}
    for selection in selections:
        if selection.name == "all":
            if selection.params:
                raise BadValue(f"--methods 'all[...]': name the method that '{selection.params[0][0]}' belongs to")
            names = _importable(registry.methods, registry.method, notes)
        else:
            names = registry.names_in(Path(selection.name)) if selection.is_file else [selection.name]
        for name in names:
            method = registry.method(name)
            params = method.parse(dict(selection.params))
            key = name, canonical_json(params)
            named = selection.name != "all" or (key in chosen and chosen[key].by_name)
            chosen[key] = _SelectedMethod(method, params, named)
    return list(chosen.values())


def _task_names(registry: Registry, request: Request, notes: list[str]) -> list[str]:
    """Return the names of the selected tasks: those of the suite, restricted to named tasks if any, or the named tasks."""
    named = list(dict.fromkeys(_split(request.tasks or "")))
    if request.suite is None and not named:
        raise BadValue(f"nothing is selected: give --suite quick, or --tasks with some of {', '.join(registry.tasks)}")
    if request.suite is None:
        return _importable(registry.tasks, registry.task, notes) if named == ["all"] else named
    suites = {name: registry.task(name).suites for name in _importable(registry.tasks, registry.task, notes)}
    if not any(request.suite in members for members in suites.values()):
        known = {suite for members in suites.values() for suite in members}
        raise unknown_name("suite", request.suite, known, "a suite is a list of tasks; for one task use --tasks NAME")
    members = [name for name in suites if request.suite in suites[name]]
    for name in named:
        if name not in members:
            raise unknown_name(f"task of suite '{request.suite}'", name, members)
    return named or members


def _importable(names: Iterable[str], load: Callable[[str], object], notes: list[str]) -> list[str]:
    """Return the names whose plugins can be imported, with a note for each that cannot."""
    working = []
    for name in names:
        try:
            load(name)
            working.append(name)
        except BrokenPlugin as error:
            notes.append(f"left out: {error}")
    return working


def _sections(task: Task, request: Request) -> list[_Section]:
    protocol = task.protocol(request.suite or request.protocol, request.changes)
    available = task.suites[request.suite] if request.suite else task.signals()
    if request.signals is None:
        return [_Section(task, protocol, available)]
    signals: list[str] = []
    for pattern in _split(request.signals):
        if _is_path(pattern):
            signals += [task.register_file(Path(pattern).resolve())] if task.accepts(Path(pattern)) else []
        else:
            signals += fnmatch.filter(task.signals(), pattern)
    return [_Section(task, protocol, tuple(dict.fromkeys(signals)))]


def _refuse_unknown_signals(registry: Registry, request: Request, sections: Sequence[_Section], known: set[str]) -> None:
    """Raise UnknownName for a signal that no selected task has, and BadValue for a file that none accepts."""
    names = sorted({s.task.name for s in sections})
    for pattern in _split(request.signals or ""):
        if _is_path(pattern):
            if not any(s.task.accepts(Path(pattern)) for s in sections):
                takers = [
                    name
                    for name in _importable(registry.tasks, registry.task, [])
                    if registry.task(name).accepts(Path(pattern))
                ]
                taken = sorted({ending for section in sections for ending in section.task.file_extensions})
                rule = f"take(s) files that end in {', '.join(taken)}" if taken else "take(s) no files"
                advice = f"; with --tasks {' or '.join(takers)} it can be" if takers else ", and no task accepts such a file"
                raise BadValue(f"--signals {pattern}: {' and '.join(names)} {rule}{advice}")
        elif not fnmatch.filter(known, pattern):
            available = [signal for s in sections for signal in s.task.signals()]
            hint = "a file of your own: --signals ./NAME" if any(s.task.file_extensions for s in sections) else ""
            raise unknown_name(f"signal of {' and '.join(names)}", pattern, available, hint)


def _refuse_meaningless_changes(request: Request, section: _Section) -> None:
    """Raise BadValue early for a ``--set`` that leaves the signals without a valid size, and not in each of the runs."""
    own = [signal for signal in section.signals if signal not in section.task.files]  # the user's own file may be invalid
    if request.changes and own:
        with suppress(DataMissing):
            section.task.size(own[0], section.protocol)


def _split(text: str) -> list[str]:
    """Return the items of a comma-separated text. An item that contains a comma is in double quotes."""
    return [item.strip() for row in csv.reader([text], skipinitialspace=True) for item in row if item.strip()]


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or bool(Path(text).suffix)


def _job(
    registry: Registry,
    request: Request,
    section: _Section,
    signal: str,
    method: Method,
    recipe: Recipe,
    given: Mapping[str, Value],
) -> Job:
    """Return the job with seed 0, of which the jobs of all seeds are copies."""
    task = section.task
    usual = {**method.params_for(task.name, task.kind, signal, section.protocol.name), **recipe.params}
    params = {**usual, **given}
    changed = {name: value for name, value in params.items() if value != usual[name]}
    source = registry.source("method", method.name)
    file = task.files.get(signal)
    spec = RunSpec(
        task=task.name,
        task_version=task.version,
        signal=signal,
        signal_sha256=task.signal_sha256(signal),
        method=method.name,
        method_sha256=source.sha256(),
        params=params,
        variant=variant_text({**recipe.training, **recipe.params} if request.track == "search" else changed),
        protocol=section.protocol.name,
        protocol_fingerprint=section.protocol.fingerprint(task.name, task.version),
        seed=0,
        device_class=_device_class(request.device),
        engine=request.engine,
        track=request.track,
        training=recipe.training,
    )
    return Job(
        spec=spec,
        protocol=section.protocol.with_changes(recipe.training),
        device=request.device,
        plugin_files=tuple(str(path) for path in registry.files),
        plugin_origin=source.origin,
        signal_file=str(file) if file else None,
        probes=request.probes,
        notes=(recipe.source,) if recipe.source else (),
        metrics=request.metrics,
    )


def _evaluated_signals(request: Request, section: _Section, notes: list[str]) -> tuple[str, ...]:
    """Return the signals; if the methods were tuned, without those that were used for tuning."""
    task = section.task
    seen = (
        task.tuning_split[1]
        if request.track.startswith(TUNED) and task.tuning_split and task.tuning_split[0] == task.name
        else ()
    )
    if seen and (note := f"{task.name}: {', '.join(seen)} left out of track {request.track}: used for tuning") not in notes:
        notes.append(note)
    return tuple(signal for signal in section.signals if signal not in seen)


def _device_class(device: str) -> Literal["cpu", "cuda"]:
    return "cuda" if device.startswith("cuda") else "cpu"


def _label(name: str, changed: Mapping[str, Value]) -> str:
    return str(MethodLabel(name, variant_text(changed)))
