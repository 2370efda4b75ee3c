"""Shared fixtures of the tests."""

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyarrow.fs import FileSystem

from inrbench.data import cache_folder
from inrbench.execute import ExecutionSettings, Job
from inrbench.planning import Request, make_plan
from inrbench.registry import Registry
from inrbench.spec import Cost, CurvePoint, Measurement, Metric, Protocol, RunResult, RunSpec
from inrbench.store import Attempt, environment, open_mirror

TINY = {"epochs": "4", "width": "16"}
"""Changes that reduce any protocol to milliseconds."""


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry()


@pytest.fixture
def tiny_jobs() -> Callable[..., list[Job]]:
    """Return a function that makes jobs from fields of a Request; the default is one quick run on function1d."""

    def jobs(**fields: object) -> list[Job]:
        request = Request(**{"methods": "siren", "tasks": "function1d", "protocol": "quick", "signals": "sin200",
                             "changes": TINY, **fields})  # fmt: skip
        return make_plan(request, {})[0].todo

    return jobs


@pytest.fixture
def settings(tmp_path: Path) -> ExecutionSettings:
    return ExecutionSettings(
        results=tmp_path / "results",
        workers=1,
        threads=1,
        timeout=None,
        artifacts="none",
        code=("abc", False),
        known=frozenset(),
    )


PROTOCOL = Protocol(name="test", width=8, n_layers=2, epochs=3, lr=1e-3, lr_min=1e-4, metrics=("psnr@test", "mse@test"))
PSNR = Metric(id="psnr@test", unit="dB", higher_is_better=True)
MSE = Metric(id="mse@test", higher_is_better=False, scale="log")


@pytest.fixture
def attempt() -> Callable[..., Attempt]:
    """Return a function that makes an attempt from a few fields, without training."""
    facts = replace(environment("cpu", 1, 1, ("abc", False)), load_average=0.5)

    def make(
        psnr: float | None = 30.0,
        mse: float = 1e-3,
        status: str = "ok",
        trained: bool | None = None,
        solved: bool = False,
        **spec: object,
    ) -> Attempt:
        fields = {
            "task": "toy", "task_version": "1", "signal": "a", "signal_sha256": "0" * 64, "method": "siren",
            "method_sha256": "1" * 64, "params": {"omega": 30.0}, "variant": "", "protocol": "test",
            "protocol_fingerprint": "f" * 12, "seed": 0, "device_class": "cpu", **spec,
        }  # fmt: skip
        metrics = (Measurement(metric=PSNR, value=psnr, note=None if psnr is not None else "no weights"),
                   Measurement(metric=MSE, value=mse))  # fmt: skip
        cost = Cost(engine_note="least squares by conjugate gradients") if solved else Cost()
        result = RunResult(spec=RunSpec(**fields), status=status, trained=trained, metrics=metrics if status == "ok" else (),
                           message=None if status == "ok" else "why", cost=cost,
                           curve=(CurvePoint(step=7, train_seconds=0.5, loss=0.25, lr=0.1, value=12.0),) if status == "ok" else ())  # fmt: skip
        from datetime import UTC, datetime

        return Attempt(result=result, protocol=PROTOCOL, plugin_origin="builtin", environment=facts,
                       started_at=datetime.now(UTC))  # fmt: skip

    return make


KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint():
    """The address of an S3 server."""
    pytest.importorskip("moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def uri(endpoint, monkeypatch):
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    bucket = f"b{uuid.uuid4().hex}"  # a new one for each test: its mirror may be in the user's cache
    FileSystem.from_uri(f"s3://{bucket}?allow_bucket_creation=true")[0].create_dir(bucket)
    yield f"s3://{bucket}/some/results"
    for mirror in (cache_folder().parent / "mirrors").glob(f"{bucket}-*"):
        shutil.rmtree(mirror)


@pytest.fixture
def machine(uri, monkeypatch, tmp_path):
    """Return a function that opens the mirror of a simulated machine, by name."""

    def on(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        return open_mirror(uri)

    return on


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hide all data sets from this process and its children; return the empty folder that INRBENCH_DATA names."""
    empty = tmp_path / "no-data"
    empty.mkdir()
    monkeypatch.setenv("INRBENCH_DATA", str(empty))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-cache"))
    return empty


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip Kodak tests if the images are not on this machine."""
    from inrbench.data import dataset, locate

    needs_kodak = [item for item in items if "kodak" in item.keywords and item.get_closest_marker("kodak")]
    if needs_kodak and not all(locate("kodak", file).path for file in dataset("kodak").sha256):
        for item in needs_kodak:
            item.add_marker(pytest.mark.skip(reason="no Kodak images: set INRBENCH_DATA or run inrbench data fetch kodak"))


os.environ.setdefault("NO_COLOR", "1")
