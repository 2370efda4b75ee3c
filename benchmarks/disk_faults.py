"""Fill the disk, or make it read-only, at each stage of each command: ``python benchmarks/disk_faults.py OUT.json``.

Needs Linux and the right to mount a file system. The results folder is on a file system of its own with four finished runs. A
command is carried out with 0 bytes to 4 MiB left, and on a read-only file system. It must end with a message of one line, without
a traceback; every earlier run must be stored as before, none twice, and every file must be valid. With space again, the same
command must then succeed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inrbench.store import read_runs, verify
from inrbench.store.read import read_all_attempts

SIZE = 24 * 2**20
LEFT = (0, 16384, 2**17, 2**20, 4 * 2**20)
RUN = ["run", "--tasks", "photo", "--signals", "camera", "--protocol", "quick", "--set", "epochs=4", "--device", "cpu",
       "--jobs", "1", "--artifacts", "last"]  # fmt: skip
PLUGIN = '''"""act: a sine.

    y = sin(30 z)
"""

from inrbench import CoordinateMLP, register_method
from inrbench.nn import Sine, siren_init


@register_method("act", formula="sin(30 z)")
def act(net):
    """Build a network.

    Args:
        net: Shape of the network.
    """
    return CoordinateMLP(net, lambda layer: Sine(30.0), init=siren_init(30.0))
'''
COMMANDS = {
    "run": [*RUN, "--methods", "relu", "--seeds", "7,8", "--checkpoint-every", "1s", "--results", "{results}"],
    "results compact": ["results", "compact", "--results", "{results}"],
    "results merge": ["results", "merge", "{other}", "--results", "{results}"],
    "results gc": ["results", "gc", "--delete", "--results", "{results}"],
    "results export": ["results", "export", "--results", "{results}", "-o", "{disk}/rows.csv"],
    "report": ["report", "--results", "{results}", "-o", "{disk}/site"],
    "plot": ["plot", "curves", "--results", "{results}", "-o", "{disk}/curves.png"],
    "submit": ["submit", "{plugin}", "--results", "{results}", "-o", "{disk}/bundle", "--author", "someone"],
}  # fmt: skip


def inrbench(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Carry out a command of inrbench."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "inrbench", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=environment,
    )


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount an empty file system of SIZE bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def rows(results: Path) -> dict[str, object]:
    """Return the stored attempts by id; raise AssertionError for one that is stored twice."""
    table, _ = read_all_attempts(results, ["attempt_id", "run_id", "status", "metrics"])
    found = Counter(table["attempt_id"].to_pylist())
    assert max(found.values(), default=1) == 1, f"stored twice: {found.most_common(1)}"
    return {row["attempt_id"]: row for row in table.to_pylist()}


def check(results: Path, before: dict[str, object]) -> list[str]:
    """Return what is wrong with a store that contained ``before``."""
    faults = list(map(str, verify(results).faults)) + [str(each) for each in read_runs(results).unreadable]
    now = rows(results)
    faults += [f"lost: {attempt}" for attempt in before if now.get(attempt) != before[attempt]]
    return faults


def attempt(name: str, base: Path, scratch: Path, left: int | None) -> dict[str, object]:
    """Carry out a command with some bytes left, or on a read-only file system if ``left`` is None."""
    disk = scratch / "disk"
    with small_disk(disk):
        results = disk / "results"
        shutil.copytree(base, results)
        before = rows(results)
        places = {"results": results, "disk": disk, "other": scratch / "other", "plugin": scratch / "act.py"}
        command = [part.format(**places) for part in COMMANDS[name]]
        if left is None:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        else:
            used = os.statvfs(disk)
            with (disk / "filler").open("wb") as file:
                file.truncate(0)
                os.posix_fallocate(file.fileno(), 0, max(1, used.f_bavail * used.f_frsize - left))
        done = inrbench(command)
        errors = [line for line in done.stderr.splitlines() if line.startswith("inrbench: ")]
        faults = ["a traceback"] * ("Traceback" in done.stdout + done.stderr)
        if done.returncode and len(errors) != 1:
            faults.append(f"exit code {done.returncode} without a reason: {(done.stdout + done.stderr)[-300:]}")
        faults += check(results, before)
        if left is None:
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        else:
            (disk / "filler").unlink()
        after = rows(results)
        if not done.returncode:
            shutil.rmtree(disk / "bundle", ignore_errors=True)  # a submission is not written over another one
        again = inrbench(command)
        if again.returncode:
            faults.append(f"with space again, exit code {again.returncode}: {(again.stdout + again.stderr)[-300:]}")
        faults += check(results, after)
    text = (done.stdout + done.stderr).strip().splitlines()
    return {"exit code": done.returncode, "said": (errors or text[-1:] or [""])[-1][-200:], "faults": faults}


def main(out: Path) -> None:
    """Try all commands, and end with 1 if there is a fault."""
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        base, plugin = scratch / "base", scratch / "act.py"
        plugin.write_text(PLUGIN)
        for results, methods, seeds in ((base, f"siren,{plugin}", "2"), (scratch / "other", "msa", "3")):
            made = inrbench([*RUN, "--methods", methods, "--seeds", seeds, "--results", str(results)])
            assert not made.returncode, made.stdout + made.stderr
        for name in COMMANDS:
            for left in (*LEFT, None):
                found[f"{name}, {'read-only' if left is None else f'{left:,} bytes left'}"] = attempt(name, base, scratch, left)
                faults = sum(len(each["faults"]) for each in found.values())
                summary = {"cases": len(found), "faults": faults, "found": found}
                out.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    for name, each in found.items():
        if each["faults"]:
            print(f"{name}: {each}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
