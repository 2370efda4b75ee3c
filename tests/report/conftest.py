"""A site for the tests of its pages."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inrbench.data import write_image, write_ply
from inrbench.registry import Registry
from inrbench.report.site import build_site
from inrbench.spec import CurvePoint
from inrbench.store import append, keep_artifacts

NASTY = "<script>alert('x')</script>\"&'"
"""A name that would run, close an attribute or end a script if it were not escaped."""


def _files(folder: Path) -> None:
    row = np.linspace(0, 1, 24)
    write_image(folder / "truth.png", np.stack([np.add.outer(row[:16], row) / 2] * 3, axis=2))
    write_image(folder / "reconstruction.png", np.full((16, 24, 3), 0.5))
    knot = Registry().task("sdf").mesh("knot")
    write_ply(folder / "reconstruction.ply", knot)
    x = np.linspace(-1, 1, 50)
    np.savez_compressed(folder / "curve.npz", x=x, truth=np.sin(3 * x), prediction=np.sin(3 * x) + 0.01)


@pytest.fixture
def site(attempt, tmp_path):
    """Return the folder of a site with two signals, three methods, two seeds, pictures, and names that contain HTML."""
    results = tmp_path / "results"
    kept = keep_artifacts(results, _files)
    curve = tuple(CurvePoint(step=s, train_seconds=0.1 * s, loss=1 / s, lr=0.1, value=10.0 + s) for s in (1, 4, 16))
    for method, psnr in (("siren", 30.0), ("msa", 31.0), ("finer", 9.5)):
        for signal in "ab":
            for seed in (0, 1):
                one = attempt(psnr + seed, method=method, signal=signal, seed=seed)
                append(results, replace(one, result=replace(one.result, curve=curve, artifacts=kept if signal == "a" else ())))
    append(results, attempt(method="wire", status="diverged"))
    append(results, attempt(20.0, method="wire", signal=NASTY, variant=NASTY, params={"x": 1.0}, task="other",
                            protocol_fingerprint="e" * 12))  # fmt: skip
    build_site(results, tmp_path / "site", Registry())
    return tmp_path / "site"


@pytest.fixture
def siren_recipe():
    """Return a function that writes a recipe of siren on the track ``tuned-4``, and gives its file."""

    def write(results: Path, task: str, protocol: str, falls: str) -> Path:
        path = results / "tuned" / f"{task}-{protocol}-siren.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f'task = "{task}"\nmethod = "siren"\nprotocol = "{protocol}"\nbudget = 4\ntuned_on = ["{task}/b"]\n'
            'validation = "psnr@test"\n[ranges]\nlr = [0.0001, 0.01]\n[params]\n[training]\nlr = "0.001"\n'
            f"[fall_when_off_by_2_and_4]\n{falls}\n"
        )
        return path

    return write
