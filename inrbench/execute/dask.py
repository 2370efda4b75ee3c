"""Carry out runs on a Dask cluster, which may itself run on PBS, LSF, SGE, Kubernetes or in a cloud.

Each run is one task. A Dask worker starts it in a process of its own (``inrbench.execute.node``). Only the results folder,
which all workers must share, decides which runs are finished. If a worker is lost, Dask gives its task to another one, which
continues the run from its checkpoint.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inrbench.errors import BadValue, InrbenchError
from inrbench.execute.elsewhere import MAX_SUBMISSIONS, RunsElsewhere, refuse_unknown_resources
from inrbench.execute.job import ExecutionRequest, ExecutionSettings, Job, ProgressObserver

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 30
POLL_SECONDS = 1.0
STOP_SECONDS = 90.0
"""Seconds that runs get to write a checkpoint when they are cancelled."""
RESOURCES = ("scheduler", "scheduler_file", "cpus")


def run_dask(request: ExecutionRequest, observer: ProgressObserver) -> bool:
    """Carry out jobs on a Dask cluster and wait for them. Return False if Ctrl-C stopped the wait.

    After Ctrl-C, submitted runs continue unless the request cancels them; they then write a checkpoint. A later command with
    the same runs waits for them.

    Args:
        request: What to carry out. Its resources are ``scheduler`` (an address such as ``tcp://node:8786``) or
            ``scheduler_file``, and ``cpus``, the number of threads of a run.
        observer: Receives progress and outcomes.

    Raises:
        BadValue: A resource does not exist, or its value is malformed, or a worker has several threads.
        InrbenchError: Dask is not installed, or no scheduler answers.
    """
    cpus = _cpus(request.resources)
    client = _connect(request.resources)
    try:
        _refuse_shared_workers(client)
        tasks = _Tasks(client, request, cpus, RunsElsewhere(request, observer))
        try:
            return tasks.run()
        except KeyboardInterrupt:
            if request.cancel_on_interrupt:
                tasks.cancel()
            else:
                tasks.leave()
            return False
    finally:
        client.close()


class _Tasks:
    """The tasks of one command on the cluster."""

    def __init__(self, client: "Client", request: ExecutionRequest, cpus: int, runs: RunsElsewhere) -> None:
        from distributed import Event

        self._client, self._request, self._runs = client, request, runs
        self._settings = replace(request.settings, workers=1, threads=cpus)
        self._folder = hashlib.sha256(str(request.settings.results).encode()).hexdigest()[:8]
        # a task of an earlier command, which Dask does not start again, watches the event of the same name
        self._stop = Event(f"inrbench-stop-{self._folder}", client=client)
        self._futures: dict[str, Future[Any]] = {}
        self._submissions: dict[str, int] = {}

    def run(self) -> bool:
        """Submit all runs, and wait until each has a row. Return False if the command's time was up before."""
        self._stop.clear()
        for run in list(self._runs.waiting):
            self._submit(run)
        while self._runs.waiting and not self._runs.time_is_up:
            ended = [run for run, future in self._futures.items() if future.done()]  # before the store is read
            self._runs.report()
            for run in ended:
                future = self._futures.pop(run)
                if run in self._runs.waiting and not self._runs.time_is_up:
                    self._submit_again(run, future)
            if self._runs.waiting:
                time.sleep(POLL_SECONDS)
        return not self._runs.waiting

    def leave(self) -> None:
        """Let the tasks continue without this command."""
        from distributed import fire_and_forget

        fire_and_forget(list(self._futures.values()))

    def cancel(self) -> None:
        """Ask the current runs to write a checkpoint, and wait for them. Runs that have not begun do not begin."""
        self._stop.set()
        limit = time.monotonic() + STOP_SECONDS
        while time.monotonic() < limit and not all(future.done() for future in self._futures.values()):
            time.sleep(POLL_SECONDS)
        self._client.cancel(list(self._futures.values()), force=True)

    def _submit(self, run: str) -> None:
        n = self._submissions[run] = self._submissions.get(run, 0) + 1
        self._futures[run] = self._client.submit(
            _on_worker,
            self._runs.waiting[run],
            self._settings,
            self._stop.name,
            key=f"inrbench-{self._folder}-{run}-{n}",
            pure=False,
        )  # Dask knows a task by its key: that of an earlier command is not started again

    def _submit_again(self, run: str, future: "Future[Any]") -> None:
        """Submit a run whose task ended without a row. After ``MAX_SUBMISSIONS`` tries it ends as an error."""
        if self._submissions[run] < MAX_SUBMISSIONS:
            self._submit(run)
            return
        known = {"error": future.exception, "finished": future.result}
        error = known[future.status]() if future.status in known else f"it is {future.status}"
        self._runs.give_up(run, self._settings, "Dask task", f": {error or 'no message'}")


def _on_worker(job: Job, settings: ExecutionSettings, stop: str) -> str | None:
    """Carry out a job, on a worker of the cluster. Return an error message if the process failed."""
    from distributed import Event, get_client

    from inrbench.execute.node import carry_out

    event = Event(stop, client=get_client())
    if event.is_set():
        return None
    return carry_out([job], settings, lambda: bool(event.is_set()))


def _connect(resources: Mapping[str, Any]) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise InrbenchError("--executor dask needs Dask: pip install 'inrbench[dask]'") from error
    refuse_unknown_resources(resources, RESOURCES)
    address, file = resources.get("scheduler"), resources.get("scheduler_file")
    if (address is None) == (file is None):
        raise BadValue(
            "--executor dask needs the address of a scheduler, --resource scheduler=tcp://HOST:8786, "
            "or its file, --resource scheduler_file=PATH"
        )
    where = {"address": address} if address else {"scheduler_file": file}
    try:
        return Client(**where, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # also a time-out
        raise InrbenchError(f"--executor dask: no scheduler answers at {address or file}: {error}") from error


def _refuse_shared_workers(client: "Client") -> None:
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        if worker["nthreads"] > 1:
            raise BadValue(
                f"the Dask worker {worker['name']} has {worker['nthreads']} threads and would carry out as many runs at once; "
                "start workers with --nthreads 1, and give a run more threads with --resource cpus=N"
            )


def _cpus(resources: Mapping[str, Any]) -> int:
    text = str(resources.get("cpus", 1))
    if not text.isdigit() or int(text) < 1:
        raise BadValue(f"--resource cpus={text}: expected a whole number of at least 1")
    return int(text)
