"""``inrbench render``."""

from pathlib import Path

import click

from inrbench.cli.options import plugin_option, results_and_artifacts_option, writing_to
from inrbench.console import say
from inrbench.errors import BadValue


@click.command("render")
@click.argument("run", metavar="RUN_ID")
@click.option("--scale", type=click.IntRange(min=1), default=4, show_default=True, help="Factor over the fitted resolution.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.  [default: RUN_ID-xSCALE]"
)
@click.option(
    "--signal",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The signal's file, if the run fitted a file of your own.",
)
@plugin_option
@results_and_artifacts_option
def command(run: str, scale: int, output: Path | None, signal: Path | None, plugins: tuple[Path, ...], results: Path) -> None:
    """Render a stored network at a higher resolution than it was fitted at.

    RUN_ID may be shortened. Images are written as PNG, videos as MP4, shapes as PLY, functions and equations as NPZ.

    \b
    inrbench render 3f9a1c --scale 4 -o kodim01-x4.png
    """
    import torch

    from inrbench.execute.loading import load_run
    from inrbench.fit import Predictor
    from inrbench.registry import Registry
    from inrbench.store import stored_run

    row = stored_run(results, run)
    network, problem = load_run(row, results, Registry(plugins), signal)
    suffix = problem.evaluation.scaled_suffix
    path = output or Path(f"{row['run_id'][:8]}-x{scale}{suffix}")
    if path.suffix != suffix:
        raise BadValue(f"-o {path}: the name must end with {suffix}")
    with writing_to(path):
        problem.evaluation.save_scaled(Predictor(network, torch.device("cpu")), scale, path)
    say(f"wrote {path}: {row['task']}/{row['signal']} by {row['method']}, at {scale} times the fitted resolution")
