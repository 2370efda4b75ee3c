"""The worker: carry out one job and store its row. Every run ends in exactly one status, whatever happens in it."""

import gc
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

import inrbench
from inrbench.data import cache_folder
from inrbench.errors import BadValue, DataMissing, InrbenchError, NotApplicable, plugin_location
from inrbench.execute.gpu import GpuWatch
from inrbench.execute.job import STOPPED_CODE, ExecutionSettings, Job, RunOutcome
from inrbench.execute.limits import memory_limit
from inrbench.execute.run_state import RunState
from inrbench.execute.setup import (
    build_network,
    metrics_to_compute,
    random_stream,
    refuse_changed_plugin,
    refuse_undeclared_training,
)
from inrbench.fit import (
    DTYPES,
    Checkpoints,
    Clock,
    Diverged,
    Interrupted,
    MemoryMeter,
    Predictor,
    activation_bytes,
    allocate_workspaces,
    check_network,
    curve_points_of,
    fit,
    keep_freed_memory,
    refuse_changed_fp32,
    restore_fp32,
)
from inrbench.nn import LinearModel, network_size, save_weights
from inrbench.private import folder_of_this_process, private_folder
from inrbench.problems import Evaluator, Problem
from inrbench.registry import Registry
from inrbench.spec import (
    HARNESS_VERSION,
    Artifact,
    Progress,
    RunResult,
    Status,
    derived_seed,
)
from inrbench.store import Attempt, Environment, append, checkpoint_path, environment

RELEASE_SECONDS = 5.0
"""Seconds to wait for GPU memory that a killed process has not yet released."""
WEIGHTS_FILE = "weights.safetensors"
OUT_OF_MEMORY = (
    "out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "cannot allocate memory", "alloc_failed",
)  # fmt: skip
"""Parts of messages. The last one is in the errors of cuBLAS, cuDNN and cuSOLVER."""


def start_worker(settings: ExecutionSettings) -> None:
    """Prepare a fresh worker process: it ends with its parent, prints nothing, and loads its libraries before any run."""
    # compiled code is stored on disk, so that later runs of the same shape can use it
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(compiled_folder()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "register_at_fork"):  # also in processes that a plugin forks
        os.register_at_fork(after_in_child=threading.Thread(target=_end_with_parent, daemon=True).start)
    with Path(os.devnull).open("w") as nowhere:  # output of plugins must not disturb the progress display
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    tqdm.set_lock(threading.RLock())  # torch.compile uses tqdm, whose usual lock would be reported as leaked at the end
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    warm = nn.Sequential(nn.Linear(2, 64), nn.Linear(64, 3))
    warm(torch.zeros(4096, 2)).square().sum().backward()
    torch.optim.Adam(warm.parameters(), fused=True).step()


def compiled_folder() -> Path:
    """Return the user's folder of compiled code, or one for this process if that folder is not private to the user."""
    try:
        return private_folder(cache_folder().parent / "compiled")
    except (BadValue, OSError):  # the command has reported it already
        return folder_of_this_process("inrbench-compiled-")


def execute(
    job: Job,
    settings: ExecutionSettings,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    terminated: Callable[[], bool] = lambda: False,
) -> RunOutcome:
    """Carry out a job, store its row and return the outcome. An error in the job becomes its status.

    Args:
        job: The job.
        settings: What all jobs share.
        on_progress: Receives the progress after every step.
        should_stop: Returns whether the run should write a checkpoint and end as ``interrupted``.
        terminated: Returns whether this process received SIGTERM. An interrupted run then stores no row: the sender
            of the signal knows why it ended.

    Raises:
        StoreError: The row cannot be stored.
    """
    started_at, start = datetime.now(UTC), time.perf_counter()
    precision = _restore_torch_defaults(settings.threads)
    facts = environment(job.device, settings.threads, settings.workers, settings.code)
    state = RunState(Clock(torch.device(job.device)))
    state.checkpoints = _checkpoints(job, settings, state, should_stop)
    carry_out = partial(_carry_out, job, state, on_progress, settings, precision)
    error = _attempt(job, state, settings, carry_out)
    if status_of(error) == "oom" and job.device.startswith("cuda") and not state.clock.seconds["train"]:
        error = None  # its traceback holds the frames of the first try, and with them its memory
        gc.collect()
        time.sleep(RELEASE_SECONDS)
        torch.cuda.empty_cache()
        state.notes[:] = ["started twice: at first there was no GPU memory, perhaps because a process had not yet released it"]
        error = _attempt(job, state, settings, carry_out)
    if isinstance(error, Interrupted) and terminated():
        os._exit(STOPPED_CODE)
    status = status_of(error)
    if status != "interrupted":
        state.checkpoints.discard()
    message = (str(error).strip() or repr(error)) + (plugin_location(error) if _unexpected(error) else "") if error else None
    result = RunResult(
        spec=job.spec,
        status=status,
        error_type=type(error).__name__ if error else None,
        message=f"{message}; {state.memory_hint(settings.memory)}" if status == "oom" else message,
        traceback="".join(traceback.format_exception(error)) if _unexpected(error) else None,
        metrics=tuple(state.metrics),
        error_share=state.error_share,
        trained=state.trained,
        notes=(*state.notes, *state.checkpoints.notes),
        curve=state.fitted.curve if state.fitted else (),
        probes=state.fitted.probes if state.fitted else (),
        artifacts=tuple(state.artifacts),
        cost=state.cost(time.perf_counter() - start),
    )
    note = "; ".join(filter(None, (state.note, *state.checkpoints.notes))) or None
    return replace(store_result(job, settings, result, facts, started_at), note=note)


def _attempt(job: Job, state: RunState, settings: ExecutionSettings, carry_out: Callable[[], None]) -> BaseException | None:
    """Carry out a job within its limits; return the error that it raised, or None."""
    error: BaseException | None = None
    process = os.getpid()
    try:
        limit = None if settings.memory is None else int(settings.memory * 2**30)
        with _watch_gpu(state, job.device), memory_limit(limit):
            carry_out()
    except BaseException as caught:  # also SystemExit: a plugin may call sys.exit
        error = caught
    if os.getpid() != process:  # this is a child process that a plugin has forked
        os._exit(0)
    return error


def store_result(
    job: Job, settings: ExecutionSettings, result: RunResult, facts: Environment, started_at: datetime
) -> RunOutcome:
    """Append an attempt to the store and return its outcome.

    Args:
        job: The job.
        settings: What all jobs share.
        result: What the run measured, and how it ended.
        facts: The machine and the software of the run.
        started_at: When the run started.

    Raises:
        StoreError: The row cannot be stored.
    """
    attempt = Attempt(
        result=result,
        protocol=job.protocol,
        plugin_origin=job.plugin_origin,
        environment=facts,
        started_at=started_at,
    )
    append(settings.results, attempt)
    return RunOutcome.from_row(attempt.row())


def status_of(error: BaseException | None) -> Status:
    """Return the status of a run that ended with this error, or without an error if it is None."""
    if error is None:
        return "ok"
    if isinstance(error, Diverged):
        return "diverged"
    if isinstance(error, Interrupted):
        return "interrupted"
    if isinstance(error, DataMissing | NotApplicable):
        return "skipped"
    text = str(error).lower()
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in text for words in OUT_OF_MEMORY):
        return "oom"
    return "error"


def _unexpected(error: BaseException | None) -> bool:
    """Return whether a traceback helps: the errors of this project explain in one line what is wrong."""
    return error is not None and not isinstance(error, InrbenchError | Diverged | Interrupted)


def _carry_out(
    job: Job,
    state: RunState,
    on_progress: Callable[[Progress], None],
    settings: ExecutionSettings,
    precision: dict[str, str],
) -> None:
    spec, device, clock = job.spec, torch.device(job.device), state.clock
    registry = Registry(job.plugin_files)
    refuse_changed_plugin(job, registry)
    task = registry.task(spec.task)
    if job.signal_file:
        task.register_file(Path(job.signal_file))

    allocate_workspaces(device)
    meter = MemoryMeter(device)
    with clock("data"):
        stream = random_stream(task, spec.signal, job.protocol)
        data_seed = derived_seed("data", spec.task, stream, spec.seed)
        problem = task.problem(spec.signal, job.protocol, data_seed)
        problem.as_dtype(DTYPES[job.protocol.precision])
        problem.to(device)
    evaluator = Evaluator(metrics_to_compute(job, task), problem.evaluation)
    state.notes += [*job.notes, *problem.notes]
    network = build_network(spec, job.protocol, registry, problem, stream)
    refuse_undeclared_training(registry.method(spec.method), network)
    problem.validate_network(network)
    network.to(device)
    refuse_changed_fp32(precision)
    state.step_bytes = activation_bytes(problem, job.protocol, spec.engine, device)
    state.notes += check_network(network, problem)
    state.size = network_size(network)
    state.fitted = fit(
        network,
        problem,
        job.protocol,
        evaluator=evaluator,
        device=device,
        data_seed=data_seed,
        clock=clock,
        meter=meter,
        engine=spec.engine,
        probes=job.probes,
        curve_points=curve_points_of(spec.track),
        trial=spec.track == "search",
        on_progress=on_progress,
        on_curve_point=partial(_keep_reconstruction, state, problem, settings.results) if settings.artifacts == "all" else None,
        checkpoints=state.checkpoints,
    )
    refuse_changed_fp32(precision)
    if isinstance(network, LinearModel) and state.fitted.steps >= network.max_iterations:
        state.notes.append(f"least squares stopped after {state.fitted.steps} iterations, before it converged")
    if state.fitted.own_training:
        state.notes.append(f"training: own ({state.fitted.own_training})")
    state.host_peak_bytes, state.gpu_peak_bytes = meter.host_peak_bytes(), meter.gpu_peak_bytes()
    if state.fitted.diverged_at is not None:
        steps = job.protocol.epochs * problem.steps_per_epoch
        raise Diverged(state.fitted.diverged_at, steps, state.fitted.nonfinite_gradient)
    with clock("eval"):
        predict = Predictor(network, device)
        state.metrics = evaluator.measure(predict)
        share = problem.error_share(network, predict)
    if share is not None:
        state.error_share, state.trained = share, share < task.trained_below
        if not state.trained and (why := registry.method(spec.method).known_failure(task.name, task.kind)):
            state.notes.append(f"did not train: {why}")
    if settings.artifacts != "none":
        for write in (partial(problem.evaluation.save_artifacts, predict), partial(_save_weights, network)):
            state.keep(settings.results, write)


def _checkpoints(job: Job, settings: ExecutionSettings, state: RunState, should_stop: Callable[[], bool]) -> Checkpoints:
    """Return the checkpoint file of a run. The artifacts along its curve are stored with it."""

    def restore(artifacts: list[dict[str, Any]]) -> None:
        state.artifacts[:] = [Artifact(**each) for each in artifacts]

    identity = {
        "run": job.spec.run_id,
        "version of inrbench": inrbench.__version__,
        "harness version": str(HARNESS_VERSION),
        "version of torch": torch.__version__,
        "device": job.device.partition(":")[0],
        "set of probes": ",".join(job.probes) or "none",
    }
    return Checkpoints(
        checkpoint_path(settings.results, job.spec.run_id),
        identity,
        settings.checkpoint_seconds,
        should_stop,
        collect=lambda: [asdict(each) for each in state.artifacts],
        restore=restore,
        about={
            "number of threads": str(settings.threads),
            "commit of inrbench": f"{settings.code[0]}{' with changes' if settings.code[1] else ''}",
        },
    )


@contextmanager
def _watch_gpu(state: RunState, device: str) -> Iterator[None]:
    """Record whether others use the GPU of a run. On a CPU, do nothing: the load of the machine is recorded."""
    if not device.startswith("cuda"):
        yield
        return
    torch.cuda.set_device(device)
    watch = GpuWatch(torch.device(device))
    try:
        yield
    finally:
        state.gpu_shared = watch.end()


def _restore_torch_defaults(threads: int) -> dict[str, str]:
    """Reset global settings of torch that a plugin may have changed in an earlier run of this process.

    Return those of the float32 precision.
    """
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.autograd.set_detect_anomaly(False)
    return restore_fp32()


def _save_weights(network: nn.Module, folder: Path) -> None:
    save_weights(network, folder / WEIGHTS_FILE)


def _keep_reconstruction(state: RunState, problem: Problem, results: Path, step: int, predict: Predictor) -> None:
    state.keep(results, partial(problem.evaluation.save_artifacts, predict), f"step-{step:07d}/")


def _end_with_parent() -> None:
    """End this process when its parent has died, so that nothing keeps running after a kill -9 of the parent."""
    parent = parent_process()
    if parent is not None:
        with suppress(Exception):
            parent.join()
        os._exit(1)
