"""Runs are sent to real trackers from the store, and a tracker that fails loses nothing."""

import json
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import inrbench
from inrbench.cli.main import cli
from inrbench.errors import BadValue, UnknownName
from inrbench.execute.worker import execute
from inrbench.runner import QuietObserver
from inrbench.store import read_runs
from inrbench.trackers import Sender, TrackedRun, load_tracker, tracked_run, tracker_names

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the trackers' own dependencies
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
PICTURE = {"epochs": "4", "width": "8", "max_pixels": "1024"}


@pytest.fixture
def stored(tiny_jobs, settings) -> dict:
    """Return the row of a run with a curve, metrics and pictures."""
    (job,) = tiny_jobs(tasks="photo", signals="camera", changes=PICTURE)
    execute(job, replace(settings, artifacts="last"))
    (row,) = read_runs(settings.results).table.to_pylist()
    return row


def send(name: str, row: dict, results: Path, times: int = 2) -> TrackedRun:
    """Send a run more than once: the second time must change nothing."""
    run = tracked_run(row, results)
    for _ in range(times):
        tracker = load_tracker(name, results)
        tracker.log(run)
        tracker.close()
    return run


def test_a_tracked_run_has_what_the_row_has(stored, settings):
    run = tracked_run(stored, settings.results)
    assert run.facts["method"] == "siren"
    assert run.facts["param.omega"] == "30.0"
    assert [point["step"] for point in run.curve] == [point["step"] for point in stored["curve"]]
    assert run.metrics == {each["id"]: each["value"] for each in stored["metrics"] if each["value"] is not None}
    assert {"reconstruction.png", "truth.png"} <= run.pictures.keys()


def test_values_that_are_not_finite_are_left_out(stored, settings):
    stored["curve"][0]["loss"] = float("nan")
    stored["metrics"][0]["value"] = None
    run = tracked_run(stored, settings.results)
    assert "loss" not in run.curve[0]
    assert stored["metrics"][0]["id"] not in run.metrics


def test_tensorboard_receives_curve_metrics_and_pictures(stored, settings):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = send("tensorboard", stored, settings.results)
    (folder,) = (settings.results / "tensorboard").iterdir()
    assert folder.name == f"photo-camera-siren-seed-0-{run.attempt_id}"
    events = EventAccumulator(str(folder)).Reload()
    assert [(each.step, each.value) for each in events.Scalars("curve/loss")] == [
        (point["step"], pytest.approx(point["loss"])) for point in stored["curve"]
    ]
    primary = stored["primary_metric"]
    assert events.Scalars(f"metrics/{primary}")[0].value == pytest.approx(run.metrics[primary])
    assert {"reconstruction.png", "truth.png"} <= set(events.Tags()["images"])


@pytest.mark.parametrize("store", ["database", "files"])
def test_mlflow_receives_parameters_curve_metrics_and_pictures(stored, settings, monkeypatch, tmp_path, store):
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    address = f"sqlite:///{settings.results.resolve() / 'mlflow' / 'mlflow.db'}"
    if store == "files":
        address = (tmp_path / "files").as_uri()
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    run = send("mlflow", stored, settings.results)
    client = MlflowClient(address)
    experiment = client.get_experiment_by_name("inrbench")
    (found,) = client.search_runs([experiment.experiment_id])
    assert (found.info.status, found.info.run_name) == ("FINISHED", run.title)
    assert found.data.params["param.omega"] == "30.0"
    history = client.get_metric_history(found.info.run_id, "curve/loss")
    assert [(each.step, each.value) for each in history] == [(p["step"], pytest.approx(p["loss"])) for p in stored["curve"]]
    primary = stored["primary_metric"]
    assert found.data.metrics[primary.replace("@", "/")] == pytest.approx(run.metrics[primary])
    assert {"reconstruction.png", "truth.png"} <= {each.path for each in client.list_artifacts(found.info.run_id)}


def test_wandb_offline_receives_curve_and_metrics(stored, settings, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = send("wandb", stored, settings.results, times=1)
    (folder,) = (settings.results / "wandb" / "wandb").glob("offline-run-*")
    assert folder.name.endswith(run.attempt_id)
    (log,) = folder.glob("*.wandb")
    names = [name.encode() for name in (run.title, "train_seconds", *run.metrics)]
    limit = time.monotonic() + 30  # another process writes the file, sometimes after the end of the run was confirmed
    while (absent := [name for name in names if name not in log.read_bytes()]) and time.monotonic() < limit:
        time.sleep(0.2)
    assert not absent
    assert list((folder / "files" / "media" / "images").rglob("*.png"))


def test_wandb_without_a_key_does_not_wait_for_input(stored, settings, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("HOME", str(settings.results))
    monkeypatch.setenv("NETRC", str(settings.results / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    sender = Sender(["wandb"], settings.results)
    sender.send(stored["run_id"])
    (note,) = sender.close()
    assert "there is no API key; run: wandb login, or set WANDB_MODE=offline" in note


def test_a_tracker_that_is_not_installed_is_noted_and_the_run_goes_on(settings, monkeypatch):
    notes = []

    class Observer(QuietObserver):
        def note(self, text):
            notes.append(text)

    monkeypatch.setitem(sys.modules, "mlflow", None)
    found = inrbench.run(
        "relu", "function1d", protocol="quick", signals="sin200", changes={"epochs": 3, "width": 8}, device="cpu", jobs=1,
        trackers=["mlflow", "tensorboard"], results=settings.results, observer=Observer(),
    )  # fmt: skip
    assert found.to_pandas()["status"].tolist() == ["ok"]
    (note,) = notes
    assert note.startswith("--log mlflow: it is not installed (")
    assert note.endswith(
        "pip install 'inrbench[mlflow]'; 1 run(s) were not sent, but are stored; send stored runs with: inrbench results track --log mlflow"
    )
    assert len(list((settings.results / "tensorboard").iterdir())) == 1


def test_a_server_that_does_not_answer_is_noted(stored, settings, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    sender = Sender(["mlflow"], settings.results)
    sender.send(stored["run_id"])
    (note,) = sender.close()
    assert note.startswith("--log mlflow: MlflowException: API request to http://127.0.0.1:1")


def test_a_tracker_that_hangs_does_not_stop_the_command(settings, stored, monkeypatch):
    release = threading.Event()

    class Hanging:
        def __init__(self, results: Path) -> None:
            release.wait(30)

    monkeypatch.setattr("inrbench.trackers.sender.load_tracker", lambda name, results: Hanging(results))
    sender = Sender(["tensorboard"], settings.results)
    sender.send(stored["run_id"])
    assert sender.close(patience=0.1) == [
        "--log tensorboard: it did not finish within 0 s; send stored runs with: inrbench results track --log tensorboard"
    ]
    release.set()


def test_a_tracker_that_does_not_exist_is_refused_before_any_run(settings):
    with pytest.raises(UnknownName, match="tracker 'tensorbord'.*tensorboard"):
        Sender(["tensorbord"], settings.results)
    assert tracker_names() == ["mlflow", "tensorboard", "wandb"]


def test_stored_runs_can_be_sent_later(stored, settings):
    words = ["results", "track", "--log", "tensorboard", "--results", str(settings.results)]
    for _ in range(2):
        with warnings.catch_warnings():
            done = CliRunner().invoke(cli, words, standalone_mode=False)
        assert (done.output.strip(), done.return_value) == ("1 runs, tracker tensorboard: all sent.", 0), done
    assert len(list((settings.results / "tensorboard").iterdir())) == 1
    (settings.results / "tensorboard").rename(settings.results / "elsewhere")
    (settings.results / "tensorboard").symlink_to(settings.results / "elsewhere")
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == 1
    assert "is a symbolic link, which is not followed" in json.dumps(done.output)


@pytest.mark.parametrize("name", ["/tmp/escaped.png", "../../escaped.png", "a/../../escaped.png", "a\\..\\escaped.png", ""])
def test_pictures_with_names_outside_their_folder_are_left_out(stored, settings, name):
    """Rows may come from an untrusted source, and a tracker writes files with these names."""
    stored["artifacts"][0]["name"] = name
    assert name not in tracked_run(stored, settings.results).pictures


@pytest.mark.parametrize("column", ["run_id", "attempt_id"])
def test_rows_with_malformed_ids_are_refused(stored, settings, column):
    stored[column] = "x/../../../escaped"
    with pytest.raises(BadValue, match="are malformed"):
        tracked_run(stored, settings.results)


def test_a_run_that_was_written_in_part_is_written_again(stored, settings, monkeypatch):
    """A tracker that fails in the middle must not count as one that has the run."""
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = tracked_run(stored, settings.results)
    broken = replace(run, pictures={"picture.png": settings.results / "missing.png"})
    for name in ("tensorboard", "mlflow"):
        tracker = load_tracker(name, settings.results)
        with pytest.raises(FileNotFoundError):
            tracker.log(broken)
        tracker.log(run)
    assert len([path for path in (settings.results / "tensorboard").iterdir() if not path.name.startswith(".")]) == 1
    client = MlflowClient(f"sqlite:///{settings.results.resolve() / 'mlflow' / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("inrbench").experiment_id])
    assert found.info.status == "FINISHED"


def test_many_runs_are_read_from_the_store_together(stored, settings, monkeypatch):
    from inrbench.trackers import sender as module

    reads, begin = [], threading.Event()

    class Collecting:
        def __init__(self, results: Path) -> None:
            begin.wait(30)

        def log(self, run: TrackedRun) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr(module, "load_tracker", lambda name, results: Collecting(results))
    monkeypatch.setattr(module, "read_attempts", lambda results, ids: reads.append(set(ids)) or [])
    sender = Sender(["tensorboard"], settings.results)
    for i in range(50):
        sender.send(f"{i:032x}")
    begin.set()
    assert sender.close() == []
    assert sum(map(len, reads)) == 50
    assert len(reads) <= 3
