"""What a task plugin is: signals, protocols, and how a signal becomes a problem."""

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
    """Features in and out of a network, points in an epoch, and how often the network is evaluated for one."""

    in_features: int
    out_features: int
    n_points: int
    evals_per_point: int = 1


class Task(ABC):
    """A benchmark problem family. A plugin file subclasses it and is read from top to bottom.

    The class attributes are data; ``problem`` is the only work. Importing a task imports no torch.
    """

    name: ClassVar[str] = ""
    """Set by ``register_task``."""
    kind: ClassVar[str]
    """Which of a method's settings apply:
    ``function``, ``image``, ``restoration``, ``ct``, ``video``, ``shape``, ``audio``, ``pde``."""
    version: ClassVar[str]
    """Raised when the task changes the meaning of its numbers, with a line in ``changes``."""
    changes: ClassVar[Mapping[str, str]]
    """Version -> what changed."""
    metrics: ClassVar[tuple[Metric, ...]] = ()
    """Metrics of its own that its protocols name; those of ``inrbench.metrics`` are known to every task."""
    protocols: ClassVar[Mapping[str, Protocol]]
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Which of the signals a suite takes, under the protocol of the suite's name."""
    tuning_split: ClassVar[tuple[str, tuple[str, ...]] | None] = None
    """Task and signals that ``inrbench tune`` may look at, none of which is then judged in the track ``tuned``."""
    tuning_metric: ClassVar[str] = ""
    """The metric that it chooses by: one measured off the points that were fitted."""
    trained_below: ClassVar[float] = 0.9
    """A run has trained if its error on what it fits is below this share of the best constant's (of an equation: of zero's)."""
    file_extensions: ClassVar[tuple[str, ...]] = ()
    """Endings, in small letters, of the user's own files that can be signals; none if there can be none."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        """The user's files, by signal name."""

    @abstractmethod
    def signals(self) -> tuple[str, ...]:
        """Return the names of the built-in signals, in the order of tables."""

    @abstractmethod
    def signal_sha256(self, signal: str) -> str:
        """Return the hash of what will be fitted: a file's bytes, or a procedural signal's definition.

        Must be quick and read no data set: it is asked for every planned run. Raises DataMissing where it cannot know.
        """

    @abstractmethod
    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load a signal under a protocol. ``data_seed`` seeds whatever is drawn at random, the same for every method.

        Raises DataMissing, DataCorrupt or BadValue (an unreadable or unsuitable file).
        """

    @abstractmethod
    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return how large the problem is. Must be quick and work without the data set: it is for estimates of time."""

    def prepare(self, signal: str, protocol: Protocol, progress: Callable[[float], None]) -> None:  # noqa: B027
        """Do once, before any run, what all runs of a signal would wait for and what is kept on disk. Most tasks have none.

        ``progress`` is told the fraction that is done, if there is anything to do. ``problem`` must work without this too.
        """

    def register_file(self, path: Path) -> str:
        """Return the signal name, the file's own, under which a user's file can be fitted.

        Raises BadValue if the task takes no files, there is no such file, or another of that name was taken.
        """
        if not self.file_extensions:
            raise BadValue(f"task '{self.name}' takes no files as signals, got '{path}'. It has: {', '.join(self.signals())}")
        if not path.is_file():
            raise BadValue(f"no such file: {path}")
        try:
            path.name.encode()
        except UnicodeEncodeError as error:
            raise BadValue(f"the name of {path} is not UTF-8, and results are known by it; rename the file") from error
        if not self.accepts(path):
            raise BadValue(f"task '{self.name}' takes files that end in {', '.join(self.file_extensions)}, got '{path}'")
        if self.files.setdefault(path.name, path) != path:
            raise BadValue(f"two signals are called '{path.name}': {self.files[path.name]} and {path}. Rename one")
        return path.name

    def accepts(self, path: Path) -> bool:
        """Whether the file's ending is one that the task takes."""
        return path.suffix.lower() in self.file_extensions

    def protocol(self, name: str, changes: Mapping[str, str] | None = None) -> Protocol:
        """Return the named protocol, with fields changed by ``--set`` if any. Raises UnknownName or BadValue."""
        if name not in self.protocols:
            raise unknown_name(f"protocol of task '{self.name}'", name, self.protocols, f"see: inrbench show {self.name}")
        return self.protocols[name].with_changes(changes or {})

    def metric(self, metric_id: str) -> Metric:
        """Return a metric by id: one of its own, or a built-in one. Raises UnknownName."""
        known = {**builtin_metrics(), **{metric.id: metric for metric in self.metrics}}
        if metric_id not in known:
            raise unknown_name(f"metric of task '{self.name}'", metric_id, known)
        return known[metric_id]

    def metrics_of(self, protocol: Protocol) -> tuple[Metric, ...]:
        """Return the metrics of a protocol, the primary one first. Raises UnknownName."""
        return tuple(self.metric(metric_id) for metric_id in protocol.metrics)

    @property
    def settings_type(self) -> type[Settings]:
        """The class of the settings of its protocols."""
        return type(next(iter(self.protocols.values())).settings)

    @property
    def doc(self) -> str:
        """The docstring of the file that registers it."""
        module = inspect.getmodule(type(self))
        return inspect.cleandoc((module and module.__doc__) or type(self).__doc__ or "")


T = TypeVar("T", bound=Task)


def register_task(name: str) -> Callable[[type[T]], type[T]]:
    """Give a Task subclass its name. ``name`` must be a literal string, so that it can be listed without running the file."""

    def register(task: type[T]) -> type[T]:
        task.name = name
        return task

    return register
