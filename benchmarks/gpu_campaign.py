"""Measure everything that needs a GPU, in slices: ``python benchmarks/gpu_campaign.py OUT [--resume EARLIER] [--minutes 9]``.

The machine needs Python with torch and the packages of inrbench, but no network and no installation of inrbench itself. The
stages run in this order, each until it is done or the time is up; the next slice continues where the last one stopped:

tests     the tests marked ``gpu``; those of gradients in several processes if pytest-xdist is there
profile   speed cards of the methods, with the bare matrix products of the same card and steps in the authors' style beside them
kodak     the paper protocol, image by image, the five methods of the paper for each; the first image also on the track authors
occupancy the paper protocol
video     the paper protocol
chunks    a step of kodak's paper protocol in chunks of 8k to 128k points, and steps of all modes for small and large problems
standard  the standard protocols, where there are any, with three more seeds

The methods are the five of the paper; ``--methods`` names others, and ``--stages`` a part of the stages.

Written to OUT: ``summary.json`` with the card, the state and the seconds of each stage; one log per stage; ``results``, a results
folder; ``chunks.json`` and ``profile-*.json``. ``--small --device cpu`` goes through all stages in minutes, with
tiny networks; its numbers mean nothing.
"""

import argparse
import atexit
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
METHODS = "msa,siren,wire,finer,staf"
IMAGES = [f"kodim{i:02d}" for i in range(1, 25)]
MARGIN = 30.0
"""Seconds before the end of a slice in which nothing new is started."""
SMALL = ["--set", "epochs=2,width=8"]
MODULES = {
    "torch": "torch", "numpy": "numpy", "pandas": "pandas", "pyarrow": "pyarrow", "scipy": "scipy", "skimage": "scikit-image",
    "PIL": "pillow", "click": "click", "jinja2": "jinja2", "rich": "rich", "tabulate": "tabulate", "pooch": "pooch",
    "platformdirs": "platformdirs", "safetensors": "safetensors", "psutil": "psutil", "pebble": "pebble",
    "matplotlib": "matplotlib", "lpips": "lpips", "tifffile": "tifffile",
}  # fmt: skip
"""Modules that all stages import -> their packages."""
MODULES_OF_STAGES = {
    "tests": {"pytest": "pytest"},
    "occupancy": {"igl": "libigl", "trimesh": "trimesh"},
    "video": {"av": "av"},
    "standard": {"igl": "libigl", "trimesh": "trimesh", "av": "av"},
}
"""Stage -> further modules that it imports -> their packages."""


class TimeUp(Exception):
    """The slice has no time left."""


class Campaign:
    """One slice: its folders, its time, and what earlier slices have done."""

    def __init__(self, out: Path, minutes: float, device: str, small: bool, methods: str, artifacts: str) -> None:
        self.out, self.device, self.small, self.methods, self.artifacts = out, device, small, methods, artifacts
        self.end = time.monotonic() + 60 * minutes
        self.results = out / "results"
        self.summary: dict[str, Any] = {"stages": {}}
        if (out / "summary.json").is_file():
            self.summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        path = os.pathsep.join([str(importable()), os.environ.get("PYTHONPATH", "")])
        # safe path: the checkout, in which the commands run, has a folder inrbench without methods and tasks
        self.environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}

    @property
    def seconds_left(self) -> float:
        return self.end - time.monotonic() - MARGIN

    def run(self, stage: str, *words: str, ok: tuple[int, ...] = (0,), out: Path | None = None) -> int:
        """Run a command of Python until it ends or the time is up, and append its output to the stage's log.

        ``out``: File for its standard output, if that is not for the log.
        """
        if self.seconds_left <= 0:
            raise TimeUp
        with (self.out / f"{stage}.log").open("ab") as log:
            log.write(f"$ {' '.join(words)}\n".encode())
            log.flush()
            with out.open("wb") if out else nullcontext(log) as target:
                process = subprocess.Popen(
                    [sys.executable, *words], stdout=target, stderr=log, env=self.environment, cwd=ROOT, start_new_session=True
                )
                try:
                    code = process.wait(self.seconds_left + MARGIN / 3)
                except subprocess.TimeoutExpired:
                    stop(process)
                    raise TimeUp from None
        if code not in ok:
            raise RuntimeError(f"exit code {code}: {' '.join(words)}")
        return code

    def inrbench(self, stage: str, *words: str, may_be_empty: bool = False) -> None:
        """Run runs of inrbench, which stop by themselves when the time is up. Failed runs are rows, not errors.

        ``may_be_empty``: Whether it is no error if no method has such runs.
        """
        limit = max(5, int(self.seconds_left - 10))
        place = [
            "--device",
            self.device,
            "--results",
            str(self.results),
            "--artifacts",
            self.artifacts,
            "--max-time",
            f"{limit}s",
        ]
        changes = SMALL if self.small else []
        code = self.run(
            stage,
            "-m",
            "inrbench",
            "run",
            *words,
            *place,
            *changes,
            "--checkpoint-every",
            "1m",
            ok=(0, 1, 5, *([2] if may_be_empty else [])),
        )
        if code == 5:
            raise TimeUp

    def save(self) -> None:
        (self.out / "summary.json").write_text(json.dumps(self.summary, indent=1) + "\n", encoding="utf-8")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a command and its children; first in a way that lets it write checkpoints."""
    process.terminate()
    try:
        process.wait(MARGIN / 2)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def importable() -> Path:
    """Return a folder from which inrbench can be imported without an installation; it is deleted at the end.

    Its package contains links to the folders of the checkout, and its metadata declares the entry points.
    """
    folder = Path(tempfile.mkdtemp(prefix="inrbench-campaign-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    package = folder / "inrbench"
    package.mkdir()
    for path in (ROOT / "inrbench").iterdir():
        if path.name != "__pycache__":
            (package / path.name).symlink_to(path)
    for name in ("methods", "tasks", "results"):
        (package / name).symlink_to(ROOT / name)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / "inrbench-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: inrbench\nVersion: 0\n", encoding="utf-8")
    sections = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(sections), encoding="utf-8")
    return folder


def missing_packages(stages: list[str]) -> list[str]:
    """Return the packages that the stages need and that are not installed."""
    needed = MODULES | {module: package for stage in stages for module, package in MODULES_OF_STAGES.get(stage, {}).items()}
    return sorted(package for module, package in needed.items() if importlib.util.find_spec(module) is None)


# stages


def tests(campaign: Campaign) -> None:
    # warnings of a newer dependency say nothing about the GPU; failures are in the log, and the other stages still run.
    # -v: the log names each test when it ends, also if the time is up before pytest prints its summary
    words = ["-m", "pytest", "tests/execute/test_gpu.py", "-m", "gpu", "-v", "-p", "no:cacheprovider", "-W", "default"]
    if importlib.util.find_spec("xdist") is None:
        campaign.run("tests", *words, ok=(0, 1))
        return
    processes = str(max(1, (os.cpu_count() or 2) - 2))  # compiling takes longest, and each process compiles on its own
    campaign.run("tests", *words, "-k", "gradients", "-n", processes, ok=(0, 1))
    campaign.run("tests", *words, "-k", "not gradients", ok=(0, 1))  # some need the GPU for themselves


def chunks(campaign: Campaign) -> None:
    words = [__file__, "--scan", str(campaign.out / "chunks.json"), "--device", campaign.device]
    campaign.run("chunks", *words, *(["--small"] if campaign.small else []))


def profile(campaign: Campaign) -> None:
    cards = {
        "image": ["--shape", "4x400", "--points", "393216"],
        "function": ["--shape", "4x256", "--points", "1024"],
        "pde": ["--shape", "4x100", "--points", "4096"],
    }
    for kind, card_words in cards.items():
        target = campaign.out / f"profile-{kind}.json"
        if target.is_file():
            continue
        words = card_words
        if campaign.small:
            words = ["--shape", "2x8", "--points", "256", "--rounds", "1", "--methods", "siren" if kind != "pde" else "pinn"]
        else:
            words = [*words, "--methods", campaign.methods]
            words += ["--official", "benchmarks/official_steps.py"] if kind == "image" else []
        command = ["-m", "inrbench", "profile", "--kind", kind, *words, "--device", campaign.device, "--format", "json"]
        try:
            campaign.run("profile", *command, "--results", str(campaign.results), out=target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def kodak(campaign: Campaign) -> None:
    protocol = ["--protocol", _paper(campaign)]
    for image in IMAGES[:1] if campaign.small else IMAGES:
        task = ["--tasks", "photo", "--signals", "camera"] if campaign.small else ["--tasks", "kodak", "--signals", image]
        # the order of the methods may be one of their settings, so one image is also fitted as their authors fit theirs
        for track in ("paper", "authors") if image == IMAGES[0] else ("paper",):
            campaign.inrbench(
                "kodak", "--methods", campaign.methods, *task, *protocol, "--track", track, may_be_empty=track != "paper"
            )


def occupancy(campaign: Campaign) -> None:
    signals = ["--signals", "gyroid"] if campaign.small else []
    campaign.inrbench(
        "occupancy", "--methods", campaign.methods, "--tasks", "occupancy", "--protocol", _paper(campaign), *signals
    )


def video(campaign: Campaign) -> None:
    signals = ["--signals", "orbits"] if campaign.small else []
    campaign.inrbench("video", "--methods", campaign.methods, "--tasks", "video", "--protocol", _paper(campaign), *signals)


def standard(campaign: Campaign) -> None:
    if campaign.small:
        campaign.inrbench("standard", "--methods", "siren", "--tasks", "function1d", "--protocol", "quick", "--seeds", "3,4,5")
    else:
        campaign.inrbench("standard", "--methods", "all", "--suite", "standard", "--seeds", "3,4,5")


def _paper(campaign: Campaign) -> str:
    return "quick" if campaign.small else "paper"


STAGES: dict[str, Callable[[Campaign], None]] = {
    each.__name__: each for each in (tests, profile, kodak, occupancy, video, chunks, standard)
}


def scan(out: Path, device_name: str, small: bool) -> None:
    """Time steps in chunks of several sizes, and in all modes; written to a JSON file."""
    import torch

    from inrbench.fit.step import FastStep
    from inrbench.nn import network_size
    from inrbench.profiling import random_regression
    from inrbench.profiling.timing import _repeats, _seconds
    from inrbench.registry import Registry
    from inrbench.spec import NetworkSpec

    device = torch.device("cuda:0" if device_name.startswith("cuda") else "cpu")
    registry = Registry()

    def seconds(method: str, width: int, points: int, mode: str, chunk: int | None = None) -> dict[str, object]:
        problem = random_regression(points, 2, 3)
        problem.to(device)
        torch.manual_seed(0)
        network = registry.method(method)(NetworkSpec(in_features=2, out_features=3, width=width, n_layers=4)).to(device)
        step = FastStep(network, problem, mode)  # type: ignore[arg-type]
        step.chunk_points = chunk or step.chunk_points
        step.prepare()
        step.warm_up()
        batch = (problem.coordinates, problem.values)
        repeats = _repeats(lambda: step(batch, 1e-5), device)
        times = sorted(_seconds(lambda: step(batch, 1e-5), device, repeats) for _ in range(5))
        return {
            "method": method, "width": width, "points": points, "mode": mode, "chunk_points": step.chunk_points,
            "seconds": times[2], "lowest": times[0], "highest": times[-1], "note": step.facts().note,
            "parameters": network_size(network).trainable,
        }  # fmt: skip

    width, points = (8, 2048) if small else (400, 393_216)
    sizes = (512, 1024) if small else (8192, 16_384, 32_768, 65_536, 131_072)
    modes = ("eager",) if small else ("eager", "compiled", "cuda_graph")
    shapes = ((8, 256),) if small else ((64, 1024), (256, 1024), (256, 16_384), (256, 65_536))
    found = {
        "chunks": [
            seconds(method, width, points, modes[-1] if small else "compiled", size)
            for method in ("siren", "wire")
            for size in sizes
        ],
        "modes": [seconds(method, w, n, mode) for method in ("siren", "wire") for w, n in shapes for mode in modes],
    }
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def card(device: str) -> dict[str, object]:
    """Return what identifies the machine."""
    import torch

    facts: dict[str, object] = {"python": sys.version.split()[0], "torch": torch.__version__, "device": device}
    if device.startswith("cuda") and torch.cuda.is_available():
        facts["card"] = torch.cuda.get_device_name(0)
        facts["memory_bytes"] = torch.cuda.get_device_properties(0).total_memory
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--resume", type=Path, help="folder that an earlier slice has written")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny networks, to try the script")
    parser.add_argument("--methods", default=METHODS, help="methods, comma-separated")
    parser.add_argument("--artifacts", default="none", help="which files of runs to keep, as in inrbench run")
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--scan", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.scan:
        scan(given.scan, given.device, given.small)
        return
    if given.out is None:
        parser.error("the folder OUT is missing")
    stages = given.stages.split(",")
    if missing := missing_packages(stages):
        sys.exit(f"these packages are not installed here: {', '.join(missing)}; bring wheels, and pip install --no-index them")
    given.out = given.out.resolve()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.resume:
        shutil.copytree(given.resume, given.out, dirs_exist_ok=True)
    campaign = Campaign(given.out, given.minutes, given.device, given.small, given.methods, given.artifacts)
    campaign.summary.setdefault("machines", []).append(card(given.device))
    for name in stages:
        state = campaign.summary["stages"].setdefault(name, {"state": "not begun", "seconds": 0.0})
        if state["state"] == "done":
            continue
        start = time.monotonic()
        try:
            STAGES[name](campaign)
            state["state"] = "done"
        except TimeUp:
            state["state"] = "begun"
        except Exception as error:  # a stage that fails must not stop the next one
            state["state"] = f"failed: {error}"[:500]
        state["seconds"] = round(state["seconds"] + time.monotonic() - start, 1)
        campaign.save()
        print(f"{name}: {state['state']}, {state['seconds']} s", flush=True)
        if state["state"] == "begun":
            break


if __name__ == "__main__":
    main()
