"""Send runs to Weights & Biases."""

import os
from pathlib import Path
from typing import Any

from requests.utils import get_netrc_auth

from inrbench.errors import InrbenchError
from inrbench.store.files import below
from inrbench.trackers.run import TrackedRun

PROJECT = "inrbench"


class WandbTracker:
    """Creates one wandb run per attempt, in the project of ``WANDB_PROJECT`` or ``inrbench``.

    Args:
        results: The results folder. Files of wandb are written to its folder ``wandb``.

    Raises:
        InrbenchError: There is no API key, and the mode is not ``offline``.
    """

    def __init__(self, results: Path) -> None:
        import wandb

        self._wandb: Any = wandb
        if os.environ.get("WANDB_MODE", "online") == "online" and not _has_key():
            raise InrbenchError("there is no API key; run: wandb login, or set WANDB_MODE=offline")  # init would wait for input
        self._folder = below(results, "wandb")
        self._folder.mkdir(parents=True, exist_ok=True)

    def log(self, run: TrackedRun) -> None:
        """Send the curve, the final metrics, the costs and the pictures of a run."""
        wandb = self._wandb
        with wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run.attempt_id,
            name=run.title,
            config=dict(run.facts),
            dir=str(self._folder),
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
        ) as sent:
            for point in run.curve:
                sent.log({name: value for name, value in point.items() if name != "step"}, step=int(point["step"]))
            for name, path in run.pictures.items():
                sent.log({name: wandb.Image(str(path))})
            sent.summary.update({**run.metrics, **run.costs})

    def close(self) -> None:
        """Do nothing: each run is sent at once."""


def _has_key() -> bool:
    """Return whether there is an API key: in the environment, or in the file in which ``wandb login`` stores it."""
    address = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    return bool(os.environ.get("WANDB_API_KEY")) or get_netrc_auth(address) is not None
