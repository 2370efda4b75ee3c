"""``python tests/wheel.py DIST PYTHON``: check that a built wheel and sdist are small, and that the wheel works by itself.

PYTHON is an interpreter that has the dependencies. The wheel is unpacked into a folder that precedes them on the path, and all
commands run outside the checkout, so a file that is missing in the wheel causes an error.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LARGEST = 3_000_000
PARTS = ("methods/msa.py", "tasks/kodak.py", "results/papers/han2026msa.toml", "data/catalogue.toml", "py.typed",
         "scaffold/templates/method.py.txt", "scaffold/templates/package/pyproject.toml.txt", "report/site/static/site.css")  # fmt: skip
SUITE = ("run", "--suite", "quick", "--methods", "siren,relu", "--set", "epochs=2", "--set", "width=8", "--device", "cpu")


def main(dist: Path, python: Path) -> None:
    """Raise AssertionError for a fault."""
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    for file in (wheel, source):
        assert file.stat().st_size < LARGEST, f"{file.name} has {file.stat().st_size:,} bytes"
        sys.stdout.write(f"{file.name}: {file.stat().st_size:,} bytes\n")
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        tops = {name.split("/")[0].split("-")[0] for name in names}
        assert tops == {"inrbench"}, f"generic names in site-packages: {tops}"
        missing = [part for part in PARTS if f"inrbench/{part}" not in names]
        assert not missing, f"the wheel lacks {missing}"
        site = Path(folder) / "site"
        archive.extractall(site)
        try_out(site, python, Path(folder))


def try_out(site: Path, python: Path, folder: Path) -> None:
    """Use the unpacked wheel like an installed package."""
    libraries = subprocess.check_output([python, "-c", "import numpy; print(numpy.__path__[0])"], text=True).strip()
    paths = [str(site), str(Path(libraries).parent)]
    # only site loads the hooks of an editable install, and -S disables site
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def inrbench(*words: str) -> str:
        command = [python, "-S", "-m", "inrbench", *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    code = "import inrbench, inrbench.methods as m; print(inrbench.__file__, m.__file__)"
    printed = subprocess.check_output([python, "-S", "-c", code], cwd=folder, env=environment, text=True).split()
    assert all(path.startswith(str(site)) for path in printed), printed
    assert "siren" in inrbench("list")
    assert " ok" in inrbench(*SUITE)
    assert "siren (did not train)" in inrbench("leaderboard", "--format", "markdown"), "two epochs of eight units"
    inrbench("report", "-o", "pages")
    inrbench("new", "method", "mine")
    assert "0 failed" in inrbench("check-plugin", "./mine.py", "--no-trial", "--no-compile")
    assert "msa2026: 88 claims" in inrbench("claims", "msa2026")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
