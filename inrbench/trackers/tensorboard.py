"""Send runs to TensorBoard: event files in ``tensorboard`` of the results folder."""

import re
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from inrbench.store.files import below
from inrbench.trackers.run import TrackedRun


class TensorBoardTracker:
    """Writes one folder of event files per attempt. An attempt that has a folder is not written again.

    Args:
        results: The results folder.
    """

    def __init__(self, results: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter
        self._folder = below(results, "tensorboard")

    def log(self, run: TrackedRun) -> None:
        """Write the curve, the final metrics, the costs and the pictures of a run."""
        title = re.sub(r"[^\w.=-]+", "-", run.title)
        folder = self._folder / f"{title}-{run.attempt_id}"
        if folder.exists():
            return
        unfinished = folder.with_name(f".{folder.name}")  # renamed when it is complete, so that a run is not half written
        shutil.rmtree(unfinished, ignore_errors=True)
        writer = self._writer(str(unfinished))
        try:
            last = 0
            for point in run.curve:
                last, at = int(point["step"]), run.started + point.get("train_seconds", 0.0)
                for name, value in point.items():
                    if name not in ("step", "train_seconds"):
                        writer.add_scalar(f"curve/{name}", value, last, walltime=at)
            for group, values in (("metrics", run.metrics), ("costs", run.costs)):
                for name, value in values.items():
                    writer.add_scalar(f"{group}/{name}", value, last)
            for name, path in run.pictures.items():
                with Image.open(path) as picture:
                    writer.add_image(name, np.asarray(picture.convert("RGB")), last, dataformats="HWC")
            writer.add_text("facts", "\n".join(f"* {name}: {value}" for name, value in run.facts.items()), last)
        finally:
            writer.close()
        unfinished.rename(folder)

    def close(self) -> None:
        """Do nothing: each run is written at once."""
