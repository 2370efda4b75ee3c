"""What is known about a run while it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inrbench.errors import first_line
from inrbench.fit import Checkpoints, Clock, FitResult, StepFacts
from inrbench.nn import NetworkSize
from inrbench.spec import Artifact, Cost, Measurement
from inrbench.store import keep_artifacts


@dataclass
class RunState:
    """What is known about a run so far. It is stored even if the run fails halfway."""

    clock: Clock
    checkpoints: Checkpoints = field(init=False)
    size: NetworkSize | None = None
    step_bytes: int | None = None
    """Lower bound of the memory for the activations of a step, in bytes."""
    fitted: FitResult | None = None
    host_peak_bytes: int | None = None
    gpu_peak_bytes: tuple[int, int] | None = None
    gpu_shared: bool | None = None
    metrics: list[Measurement] | tuple[()] = ()
    artifacts: list[Artifact] = field(default_factory=list)
    error_share: float | None = None
    trained: bool | None = None
    notes: list[str] = field(default_factory=list)
    note: str | None = None

    def keep(self, results: Path, write: Callable[[Path], None], prefix: str = "") -> None:
        """Store artifacts. If one cannot be written, note it; the run itself must not fail.

        Args:
            results: The results folder.
            write: Function that writes the files into a folder.
            prefix: Text before the names of the files.
        """
        try:
            self.artifacts += keep_artifacts(results, write, prefix)
        except Exception as error:
            self.note = f"no artifacts: {first_line(error)}"

    def memory_hint(self, limit: float | None) -> str:
        """Return a hint for a run that ran out of memory: what it needs by estimate, and its limit."""
        allowed = "" if limit is None else f", and {limit:g} GiB are allowed (--memory-limit)"
        if self.step_bytes is None:
            return f"fitting had not started{allowed}"
        return f"the activations of a step need at least {self.step_bytes / 2**30:.2g} GiB by estimate{allowed}"

    def cost(self, wall_seconds: float) -> Cost:
        """Return the cost of the run.

        Seconds and steps include the parts before an interruption; memory is then not known.
        """
        seconds, steps = self.clock.seconds, self.fitted.steps if self.fitted else 0
        resumed = self.checkpoints.resumptions
        allocated, reserved = (None, None) if resumed else self.gpu_peak_bytes or (None, None)
        spent: dict[str, Any] = {f"{part}_seconds": value for part, value in seconds.items()}
        return Cost(
            **spent,
            wall_seconds=wall_seconds + self.checkpoints.earlier_seconds,
            steps=steps,
            points_seen=self.fitted.points_seen if self.fitted else 0,
            steps_per_second=steps / seconds["train"] if steps else None,
            flops_per_step=self.fitted.flops_per_step if self.fitted else None,
            n_params=self.size.trainable if self.size else None,
            n_params_stored=self.size.stored if self.size else None,
            n_params_deployed=self.size.deployed if self.size else None,
            model_bytes=self.size.bytes if self.size else None,
            host_peak_bytes=None if resumed else self.host_peak_bytes,
            gpu_peak_allocated_bytes=allocated,
            gpu_peak_reserved_bytes=reserved,
            gpu_shared=self.gpu_shared,
            resumptions=resumed,
            **(_engine_columns(self.fitted.step) if self.fitted else {}),
        )


def _engine_columns(facts: StepFacts) -> dict[str, Any]:
    return {
        "compiled": facts.compiled,
        "graphs": facts.graphs,
        "engine_note": facts.note,
        "chunk_points": facts.chunk_points,
        "matmul_backend": facts.backend.name,
        "matmul_error": facts.backend.error,
    }
