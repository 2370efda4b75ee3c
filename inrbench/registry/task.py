"""Task plugins: signals, protocols, and how a signal becomes a problem."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from inrbench.errors import BadValue, unknown_name
from inrbench.metrics import builtin_metrics
from inrbench.spec import Metric, Protocol, Settings

if TYPE_CHECKING:
    from inrbench.problems import Problem


@dataclass(frozen=True)
class ProblemSize:
    """The size of a problem.

    Args:
        in_features: Inputs of the network.
        out_features: Outputs of the network.
        n_points: Points per epoch.
        evals_per_point: Evaluations of the network per point.
    """

    in_features: int
    out_features: int
    n_points: int
    evals_per_point: int = 1


class Task(ABC):
    """A family of benchmark problems. A plugin file subclasses it.

    The class attributes are data, and ``problem`` does all the work. Importing a task does not import torch.
    """

    name: ClassVar[str] = ""
    """Name of the task, set by ``register_task``."""
    kind: ClassVar[str]
    """Kind of the task, which selects a method's settings:
    ``function``, ``image``, ``restoration``, ``ct``, ``video``, ``volume``, ``shape``, ``radiance``,
    ``audio``, ``pde``.
    """
    version: ClassVar[str]
    """Version, increased when the meaning of the task's numbers changes, with a line in ``changes``."""
    changes: ClassVar[Mapping[str, str]]
    """Version -> what changed."""
    metrics: ClassVar[tuple[Metric, ...]] = ()
    """The task's own metrics that its protocols name. Every task can also use those of ``inrbench.metrics``."""
    protocols: ClassVar[Mapping[str, Protocol]]
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Suite -> signals of the task in this suite. They run under the protocol with the suite's name."""
    tuning_split: ClassVar[tuple[str, tuple[str, ...]] | None] = None
    """Task and signals that ``inrbench tune`` may use. The track ``tuned`` is not evaluated on these signals."""
    tuning_metric: ClassVar[str] = ""
    """The metric by which ``inrbench tune`` chooses; "" for the protocol's primary metric, by which methods are ranked, too."""
    trained_below: ClassVar[float] = 0.9
    """Limit of the error on the fitted data below which a run has trained, as a share of the best constant's error.

    For an equation it is a share of the zero function's error.
    """
    file_extensions: ClassVar[tuple[str, ...]] = ()
    """Endings, in lower case, of the user's files that can be signals; empty if the task takes no files."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        """The user's files, by signal name."""

    @abstractmethod
    def signals(self) -> tuple[str, ...]:
        """Return the names of the built-in signals, in the order in which tables list them."""

    @abstractmethod
    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the fitted data: of a file's bytes, or of a procedural signal's definition.

        It is called for every planned run, so it must be quick and must not read a data set. Raises DataMissing if the hash
        cannot be known.
        """

    @abstractmethod
    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load a signal under a protocol.

        Args:
            signal: Name of the signal.
            protocol: The protocol.
            data_seed: Seed of everything in the problem that is random; the same for every method.

        Raises:
            DataMissing: The data are not on this machine.
            DataCorrupt: A file does not have the expected content.
            BadValue: A file is unreadable or unsuitable.
        """

    @abstractmethod
    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the size of the problem, for estimates of time. Must be quick and work without the data set."""

    def prepare(self, signal: str, protocol: Protocol, progress: Callable[[float], None]) -> None:  # noqa: B027
        """Do once, before any run, the work that all runs of a signal need and whose result is stored on disk.

        Most tasks do not need it. ``problem`` must also work without it.

        Args:
            signal: Name of the signal.
            protocol: The protocol.
            progress: Function that is called with the completed fraction, from 0 to 1, if there is work to do.
        """

    def register_file(self, path: Path) -> str:
        """Register a user's file as a signal and return the signal's name, which is the name of the file.

        Raises BadValue if the task takes no files, the file does not exist, or a different file of that name is registered.
        """
        if not self.file_extensions:
            raise BadValue(f"task '{self.name}' takes no files as signals, got '{path}'. Signals: {', '.join(self.signals())}")
        if not path.is_file():
            raise BadValue(f"no such file: {path}")
        try:
            path.name.encode()
        except UnicodeEncodeError as error:
            raise BadValue(f"the name of {path} is not UTF-8, but results use it; rename the file") from error
        if not self.accepts(path):
            raise BadValue(f"task '{self.name}' takes files that end in {', '.join(self.file_extensions)}, got '{path}'")
        if self.files.setdefault(path.name, path) != path:
            raise BadValue(f"two signals are called '{path.name}': {self.files[path.name]} and {path}. Rename one")
        return path.name

    def accepts(self, path: Path) -> bool:
        """Return whether the task takes files with the ending of ``path``."""
        return path.suffix.lower() in self.file_extensions

    def protocol(self, name: str, changes: Mapping[str, str] | None = None) -> Protocol:
        """Return the named protocol, with the changes of ``--set`` if there are any. Raises UnknownName or BadValue."""
        if name not in self.protocols:
            raise unknown_name(f"protocol of task '{self.name}'", name, self.protocols, f"see: inrbench show {self.name}")
        return self.protocols[name].with_changes(changes or {})

    def metric(self, metric_id: str) -> Metric:
        """Return a metric of the task or a built-in metric by its id. Raises UnknownName."""
        known = {**builtin_metrics(), **{metric.id: metric for metric in self.metrics}}
        if metric_id not in known:
            raise unknown_name(f"metric of task '{self.name}'", metric_id, known)
        return known[metric_id]

    def metrics_of(self, protocol: Protocol) -> tuple[Metric, ...]:
        """Return the metrics of a protocol, the primary one first. Raises UnknownName."""
        return tuple(self.metric(metric_id) for metric_id in protocol.metrics)

    @property
    def settings_type(self) -> type[Settings]:
        """The class of the settings in the task's protocols."""
        return type(next(iter(self.protocols.values())).settings)

    @property
    def doc(self) -> str:
        """The docstring of the file that registers the task."""
        module = inspect.getmodule(type(self))
        return inspect.cleandoc((module and module.__doc__) or type(self).__doc__ or "")


T = TypeVar("T", bound=Task)


def register_task(name: str) -> Callable[[type[T]], type[T]]:
    """Give a Task subclass its name, which must be a literal string so that it can be listed without running the file."""

    def register(task: type[T]) -> type[T]:
        task.name = name
        return task

    return register
