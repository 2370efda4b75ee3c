"""Send runs to MLflow: the server of ``MLFLOW_TRACKING_URI``, or a database in ``mlflow`` of the results folder."""

import logging
import os
import shutil
import tempfile
import time
from pathlib import Path

from inrbench.store.files import below
from inrbench.trackers.run import TrackedRun

EXPERIMENT = "inrbench"
ATTEMPT_TAG = "inrbench.attempt_id"
MAX_TEXT = 250
"""Characters of a parameter's value; older servers refuse longer ones."""


class MlflowTracker:
    """Creates one MLflow run per attempt, in the experiment of ``MLFLOW_EXPERIMENT_NAME`` or ``inrbench``.

    Args:
        results: The results folder.
    """

    def __init__(self, results: Path) -> None:
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):  # they report each step of creating a database
            logging.getLogger(name).setLevel(logging.WARNING)
        folder, location = below(results, "mlflow"), None
        address = os.environ.get("MLFLOW_TRACKING_URI")
        if not address:
            folder.mkdir(parents=True, exist_ok=True)
            address, location = f"sqlite:///{folder.resolve() / 'mlflow.db'}", (folder.resolve() / "artifacts").as_uri()
        self._client = MlflowClient(address)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self._client.get_experiment_by_name(name)
        self._experiment = found.experiment_id if found else self._client.create_experiment(name, artifact_location=location)

    def log(self, run: TrackedRun) -> None:
        """Send parameters, curve, final metrics, costs and pictures. An attempt that was sent already is left alone."""
        from mlflow.entities import Metric, Param

        for earlier in self._client.search_runs([self._experiment], f"tags.`{ATTEMPT_TAG}` = '{run.attempt_id}'"):
            if earlier.info.status in ("FINISHED", "FAILED"):
                return
            self._client.delete_run(earlier.info.run_id)  # it was sent in part
        started = round(1000 * run.started)
        tags = {ATTEMPT_TAG: run.attempt_id, "inrbench.run_id": run.run_id}
        made = self._client.create_run(self._experiment, start_time=started, tags=tags, run_name=run.title).info.run_id
        metrics = [
            Metric(_key(f"curve/{name}"), value, round(started + 1000 * point.get("train_seconds", 0.0)), int(point["step"]))
            for point in run.curve
            for name, value in point.items()
            if name not in ("step", "train_seconds")
        ]
        now = round(1000 * time.time())
        metrics += [Metric(_key(name), value, now, 0) for name, value in {**run.metrics, **run.costs}.items()]
        params = [Param(_key(name), str(value)[:MAX_TEXT]) for name, value in run.facts.items()]
        self._client.log_batch(made, metrics=metrics, params=params)
        with tempfile.TemporaryDirectory() as folder:
            for name, path in run.pictures.items():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            self._client.log_artifacts(made, folder)
        self._client.set_terminated(made, "FINISHED" if run.facts["status"] == "ok" else "FAILED")

    def close(self) -> None:
        """Do nothing: each run is sent at once."""


def _key(name: str) -> str:
    """Return a name with the characters that MLflow accepts."""
    return name.replace("@", "/")
