"""What a command did: its plan, how its runs ended, and the exit code."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from inrbench.errors import OK, OUT_OF_TIME, RUN_FAILED
from inrbench.execute import Job, RunOutcome
from inrbench.planning import Estimate, Plan
from inrbench.runner.remaining import Remaining

EXIT_INTERRUPTED = 130


@dataclass
class RunReport:
    """The result of ``run_requests``.

    Args:
        plan: The plan of all requests together.
        jobs: The jobs of each request, in the order of the requests.
        estimate: How long the plan was expected to take.
        workers: Processes on this machine; None if another executor carries out the runs.
        outcomes: The jobs that were carried out, and how each ended.
        completed: Whether all jobs were carried out; False if the command was stopped.
        dry_run: Whether only the plan was made.
        out_of_time: Whether the command stopped because its time was up.
    """

    plan: Plan
    jobs: Sequence[Sequence[Job]]
    estimate: Estimate
    workers: int | None
    outcomes: list[tuple[Job, RunOutcome]] = field(default_factory=list)
    completed: bool = True
    dry_run: bool = False
    out_of_time: bool = False

    def __post_init__(self) -> None:
        self.remaining = Remaining(self.plan.todo, self.estimate, self.workers)
        """How long the runs still take, while they are carried out and when they were stopped."""

    @property
    def run_ids(self) -> list[list[str]]:
        """The ids of the runs of each request."""
        return [[job.spec.run_id for job in jobs] for jobs in self.jobs]

    @property
    def runs_left(self) -> int:
        """Number of runs of the plan that have not ended."""
        ended = {job.spec.run_id for job, outcome in self.outcomes if outcome.status != "interrupted"}
        return sum(job.spec.run_id not in ended for job in self.plan.todo)

    @property
    def exit_code(self) -> int:
        """0 if all runs are ok, 1 if a run failed or its data are missing, 5 if time was up, 130 if the command was stopped."""
        if self.dry_run:
            return OK
        if self.out_of_time:
            return OUT_OF_TIME
        if not self.completed:
            return EXIT_INTERRUPTED
        failed = any(o.status != "ok" and o.error_type != "NotApplicable" for _, o in self.outcomes)
        return RUN_FAILED if failed or self.plan.failed else OK
