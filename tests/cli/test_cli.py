import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from inrbench.cli import main as entry
from inrbench.cli.main import COMMANDS, cli
from inrbench.data import Mesh, read_image, write_ply, write_video
from inrbench.errors import InrbenchError
from inrbench.planning import timed_steps
from inrbench.registry import Registry
from inrbench.runner import runner
from inrbench.store import append, finished_runs, load_results


def invoke(*words: str) -> tuple[int, str]:
    """Return the exit code and the output that a user would see."""
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if isinstance(result.exception, InrbenchError):
        return result.exception.exit_code, f"inrbench: {result.exception}"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return getattr(result.exception, "exit_code", 1), str(result.exception)
    return result.return_value or 0, result.output


PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"


@pytest.mark.parametrize(
    "command",
    [
        (),
        *[(command,) for command in COMMANDS],
        ("data", "fetch"),
        *[("data", each) for each in ("list", "verify", "path")],
        *[("results", each) for each in ("list", "compact", "verify", "merge", "export", "gc", "migrate")],
        *[("new", each) for each in ("method", "task", "plugin-package")],
    ],
)
def test_every_command_has_help_with_an_example(command):
    code, text = invoke(*command, "--help")
    assert code == 0
    assert "Usage:" in text
    assert re.search(rf"^  inrbench {' '.join(command)}", text, re.MULTILINE), "no example"


def test_commands_that_train_nothing_do_not_import_torch():
    plain = ["list", "--help", "--version", "run --help"]
    of_store = ["leaderboard --tasks pattern", "compare siren finer --tasks pattern", "claims msa2026 --summary",
                "results list --tasks pattern", "status"]  # fmt: skip
    commands = [words.split() for words in (*plain, *(f"{words} --results {PUBLISHED}" for words in of_store))]
    code = (
        "import json, sys\n"
        "from inrbench.cli import main\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['inrbench', *words]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code, words\n"
        "    assert 'torch' not in sys.modules, words\n"
    )
    command = [sys.executable, "-c", code, json.dumps(commands)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_list_shows_methods_tasks_and_broken_plugins(tmp_path):
    (tmp_path / "boom.py").write_text("raise RuntimeError('boom')\n@register_method('boom')\ndef f(net): ...\n")
    code, text = invoke("list", "--plugin", str(tmp_path / "boom.py"))
    assert code == 0
    for name in ("msa", "siren", "wire", "kodak", "function1d", "photo"):
        assert f"  {name} " in text
    assert "broken: " in text
    assert "RuntimeError: boom" in text


def test_show_prints_formula_parameters_and_citation():
    code, text = invoke("show", "msa")
    assert code == 0
    for words in ("sin(w_i z_i) / w_i", "s_max = 5.0", "on image: s_min", "@inproceedings{han2026msa", "AAAI"):
        assert words in text
    code, text = invoke("show", "kodak")
    for words in (
        "kodim24",
        "lpips@alex-v0.1, lower is better",
        "protocol paper",
        "source of batch",
        "signals for tuning, of task photo",
    ):
        assert words in text
    code, text = invoke("show", "finer")
    for words in ("None for omega.", "tune tries for omega: 5 to 60, at most a factor of 10 from its usual value"):
        assert words in text
    assert "tune tries for s_min (a power of ten): its usual value -1 to +1" in invoke("show", "msa")[1]
    code, text = invoke("show", "sirn")
    assert (code, "did you mean 'siren'" in text) == (2, True)


QUICK = ["run", "--tasks", "function1d", "--protocol", "quick", "--signals", "sin200", "--methods", "siren",
         "--set", "epochs=3", "--set", "width=8", "--device", "cpu"]  # fmt: skip


def test_run_leaderboard_and_compact_end_to_end(tmp_path):
    results = ["--results", str(tmp_path)]
    code, text = invoke(*QUICK, *results, "--methods", "siren,relu", "--seeds", "2", "--jobs", "2")
    assert code == 0, text
    assert "4 runs: 0 in" in text
    assert "About " in text
    assert "4 of 4 runs: 4 ok." in text
    assert f"See: inrbench leaderboard --results {tmp_path}" in text
    code, text = invoke(*QUICK, *results, "--methods", "siren,relu", "--seeds", "2")
    assert (code, "4 in" in text, "0 to do" in text) == (0, True, True)
    for style, words in (("terminal", ["siren", "MSE train ↓", "0/1: 2 not trained"]), ("markdown", ["siren (did not train)", "</i>"]),
                         ("csv", ["mse@train mean", "siren"])):  # fmt: skip
        code, text = invoke("leaderboard", *results, "--format", style)
        assert code == 0
        assert all(word in text for word in words), text
    code, text = invoke("results", "compact", *results, "--to", str(tmp_path / "p"))
    assert (code, "siren.parquet: 2 runs" in text) == (0, True)
    code, text = invoke("leaderboard", "--results", str(tmp_path / "p"))
    assert (code, "siren" in text) == (0, True)


def test_a_stored_run_is_listed_and_rendered_at_twice_its_size(tmp_path):
    results = ("--results", str(tmp_path / "r"))
    code, text = invoke("run", "--methods", "siren", "--tasks", "photo", "--signals", "camera", "--protocol", "quick",
                        "--set", "epochs=2", "--set", "width=16", "--device", "cpu", "--jobs", "1", *results)  # fmt: skip
    assert (code, "MiB in" in text) == (0, True), text
    code, text = invoke("results", "list", *results)
    run_id, status, signal, method, *_ = text.splitlines()[1].split()
    assert (status, signal, method) == ("ok", "camera", "siren")
    code, text = invoke("render", run_id, "--scale", "2", "-o", str(tmp_path / "x2.png"), *results)
    assert code == 0 and read_image(tmp_path / "x2.png").shape == (256, 256, 1)
    code, text = invoke("render", run_id, "-o", str(tmp_path / "x2.gif"), *results)
    assert (code, "the name must end with .png" in text) == (2, True)
    code, text = invoke("render", "nosuchrun", *results)
    assert (code, "inrbench results list" in text) == (4, True)


@pytest.mark.slow
def test_failed_runs_give_exit_code_1_and_run_again_with_retry_failed(tmp_path):
    plugin = tmp_path / "bad.py"
    plugin.write_text('"""bad: fails"""\nfrom inrbench import register_method\n'
                      '@register_method("bad")\ndef bad(net):\n    raise ValueError("no")\n')  # fmt: skip
    words = [*QUICK, "--methods", f"{plugin},siren", "--results", str(tmp_path / "r"), "--jobs", "1"]
    code, text = invoke(*words)
    assert (code, "1 error, 1 ok" in text, "1 x error: no" in text) == (1, True, True)
    assert "the estimate leaves out 1 run(s) whose time is not known yet" in text
    code, text = invoke(*words)
    assert (code, "1 failed earlier (1 error; again with --retry-failed)" in text) == (1, True)
    code, text = invoke(*words, "--retry-failed")
    assert (code, "1 to do" in text) == (1, True)
    assert "is not known: a plugin of yours is timed by its first run" in text


def test_an_estimate_that_fails_is_not_blamed_on_a_plugin_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(timed_steps, "time_steps", lambda *_: None)
    _, text = invoke(*QUICK, "--methods", "siren", "--results", str(tmp_path / "r"), "--dry-run")
    assert "How long this takes is not known: no steps could be timed beforehand" in text


def test_runs_with_missing_data_are_skipped_with_the_fetch_command(tmp_path, no_data, monkeypatch):
    monkeypatch.setattr("pooch.retrieve", lambda *a, **k: (_ for _ in ()).throw(OSError("offline")))
    code, text = invoke("run", "--methods", "relu", "--tasks", "kodak", "--protocol", "quick", "--signals", "kodim0[12]",
                        "--results", str(tmp_path / "r"), "--device", "cpu", "--jobs", "1")  # fmt: skip
    assert code == 1
    assert "2 x skipped: data missing, run: inrbench data fetch kodak" in text
    assert "the metric 'lpips' will be missing" in text
    assert set(finished_runs(tmp_path / "r").values()) == {"skipped"}


@pytest.mark.parametrize(("words", "code", "text"), [
    (["run", "--tasks", "kodac"], 2, "unknown task 'kodac', did you mean 'kodak'"),
    (["run", "--tasks", "kodak", "--methods", "sirn"], 2, "did you mean 'siren'"),
    (["run", "--tasks", "kodak", "--signals", "kodim25"], 2, "unknown signal of kodak 'kodim25'"),
    (["run"], 2, "nothing is selected"),
    (["run", "--suite", "quick", "--protocol", "paper"], 2, "names its own protocol"),
    (["run", "--suite", "quick", "--seeds", "0"], 2, "at least one seed"),
    (["run", "--suite", "quick", "--seeds", "-1"], 2, "--seeds -1: give how many"),
    (["run", "--suite", "quick", "--set", "epochs=-5"], 2, "epochs must be positive, got -5"),
    (["run", "--suite", "quick", "--set", "epochs"], 2, "write FIELD=VALUE"),
    (["run", "--suite", "quick", "--log", "mlflov", "--dry-run"], 2, "unknown tracker 'mlflov', did you mean 'mlflow'"),
    (["run", "--suite", "quick", "--device", "tpu"], 2, "expected auto, cpu"),
    (["run", "--suite", "quick", "--jobs", "0"], 2, "is not in the range"),
    (["run", "--suite", "quick", "--timeout", "-3"], 2, "is not in the range"),
    (["run", "--no-such-option"], 2, "No such option"),
    (["leaderboard", "--results", "/nowhere"], 1, "no results folder '/nowhere'. Make one with"),
    (["run", "--suite", "quick", "--tasks", "kodac"], 2, "unknown task of suite 'quick' 'kodac'"),
    (["run", "--tasks", "photo", "--set", "value_range=x"], 2, "--set value_range: expected one of [0, 1], [-1, 1], got 'x'"),
    (["run", "--tasks", "photo", "--set", "max_pixels=few"], 2, "expected a whole number or none, got 'few'"),
    (["data", "fetch", "kodac"], 2, "did you mean 'kodak'"),
    (["data", "path", "kodac"], 2, "did you mean 'kodak'"),
    (["new", "method", "siren"], 2, "there is a method 'siren' already"),
    (["new", "task", "photo"], 2, "there is a task 'photo' already"),
    (["check-plugin", "siren,finer"], 2, "checks one plugin at a time"),
    (["run", "--methods", "relu", "--tasks", "photo", "--set", "max_pixels=-1"], 2, "max_pixels must be at least 1"),
])  # fmt: skip
def test_usage_errors_give_one_line_and_their_exit_code(words, code, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got, message = invoke(*words)
    assert got == code
    assert text in message
    assert "\n" not in message.strip()


def test_an_unwritable_results_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    code, text = invoke(*QUICK, "--results", str(tmp_path / "file" / "r"))
    assert (code, "cannot write to" in text) == (1, True)


def test_unsuitable_images_fail_with_a_one_line_message(tmp_path):
    Image.new("RGBA", (64, 64)).save(tmp_path / "rgba.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "good.png")
    code, text = invoke("run", "--methods", "relu", "--tasks", "photo", "--protocol", "quick", "--set", "epochs=1",
                        "--signals", f"{tmp_path}/rgba.png,{tmp_path}/good.png", "--results", str(tmp_path / "r"),
                        "--device", "cpu", "--jobs", "1")  # fmt: skip
    assert code == 1
    assert "rgba.png is transparent in 100% of its pixels; say what lies behind it" in text
    assert "1 error, 1 ok" in text
    (tmp_path / "text.png").write_text("no image")
    code, text = invoke("run", "--tasks", "photo", "--signals", f"{tmp_path}/text.png", "--dry-run")
    assert (code, "note: " in text, "text.png cannot be read as an image" in text) == (0, True, True)


def test_the_plan_says_which_data_are_missing(tmp_path, no_data):
    words = ("--methods", "relu", "--protocol", "quick", "--device", "cpu", "--results", str(tmp_path / "r"), "--dry-run")
    for tasks, name, which in (("kodak", "kodak", "the data of 24 signals"), ("video,photo", "video", "the data of ")):
        _, text = invoke("run", "--tasks", tasks, *words)
        said = [line for line in text.splitlines() if "skipped" in line]
        assert len(said) == 1 and said[0].endswith(f"so these runs will be skipped; run: inrbench data fetch {name}"), text
        assert which in said[0]


@pytest.mark.slow
def test_unsuitable_meshes_and_videos_fail_without_stopping_other_runs(tmp_path, no_data):
    knot = Registry().task("sdf").mesh("knot")
    write_ply(tmp_path / "good.ply", knot)
    write_ply(tmp_path / "open.ply", Mesh(knot.vertices, knot.faces[knot.triangles[:, :, 2].mean(1) > 0]))
    (tmp_path / "broken.stl").write_text("solid nothing")
    settings = ("--set", "epochs=1", "--set", "resolution=16", "--device", "cpu", "--jobs", "1", "--methods", "relu")
    files = ",".join(f"{tmp_path}/{name}" for name in ("open.ply", "broken.stl", "good.ply"))
    code, text = invoke("run", "--tasks", "sdf,occupancy", "--protocol", "quick", *settings, "--signals", files,
                        "--results", str(tmp_path / "r"))  # fmt: skip
    assert code == 1
    assert "preparing sdf/good.ply" in text
    assert "4 error, 2 ok" in text
    assert "2 x error: " in text and "open.ply: the surface is open" in text
    assert "broken.stl" in text
    assert "MiB in" in text
    kept = {path.suffix for path in (tmp_path / "r" / "artifacts").iterdir()}
    assert {".safetensors"} <= kept <= {".safetensors", ".ply", ".png"}

    write_video(tmp_path / "short.mp4", np.zeros((5, 20, 20, 3), dtype=np.uint8))
    (tmp_path / "corrupt.mp4").write_bytes((tmp_path / "short.mp4").read_bytes()[:300])
    code, text = invoke("run", "--tasks", "video", "--protocol", "quick", "--set", "epochs=1", *settings[4:],
                        "--signals", f"{tmp_path}/short.mp4,{tmp_path}/corrupt.mp4", "--results", str(tmp_path / "v"))  # fmt: skip
    assert code == 1
    assert "short.mp4 has 5 frames, 31 are asked for; fewer: --set frames=5" in text
    assert "corrupt.mp4 cannot be read as a video" in text
    code, text = invoke("run", "--tasks", "video", "--protocol", "quick", "--set", "epochs=1", "--set", "frames=5", *settings[4:],
                        "--artifacts", "none", "--signals", f"{tmp_path}/short.mp4", "--results", str(tmp_path / "v"))  # fmt: skip
    assert (code, "1 of 1 run: 1 ok" in text) == (0, True)
    assert not (tmp_path / "v" / "artifacts").exists()


@pytest.mark.slow
def test_a_finished_run_is_repeated_once_for_new_probes(tmp_path):
    words = (*QUICK, "--results", str(tmp_path))
    assert "1 to do" in invoke(*words)[1] or "to do" in invoke(*words)[1]
    assert "0 to do" in invoke(*words)[1]
    code, text = invoke(*words, "--probe", "gradients,ntk")
    assert (code, "0 to do" in text) == (0, False)
    assert "0 to do" in invoke(*words, "--probe", "ntk")[1]
    assert "0 to do" in invoke(*words)[1]
    assert invoke(*QUICK, "--results", str(tmp_path / "new"), "--probe", "ntk")[0] == 0
    readings = load_results(tmp_path, table="probes")
    assert set(readings["probe"]) == {"gradients", "ntk"}
    assert {"step", "name", "value", "method", "signal"} <= set(readings.columns)


def test_leaderboard_of_an_empty_folder_gives_exit_code_4(tmp_path):
    code, text = invoke("leaderboard", "--results", str(tmp_path))
    assert (code, "no results in" in text) == (4, True)


def test_leaderboard_of_a_task_without_runs_names_the_tasks_with_runs(attempt, tmp_path):
    append(tmp_path, attempt())
    code, text = invoke("leaderboard", "--tasks", "kodak", "--results", str(tmp_path))
    assert (code, "unknown task in" in text, "toy" in text) == (2, True, True)


@pytest.mark.slow
def test_a_long_dry_run_warns_and_suggests_the_quick_protocol(tmp_path):
    code, text = invoke(
        "run", "--methods", "all", "--tasks", "kodak", "--device", "cpu", "--dry-run", "--results", str(tmp_path)
    )
    assert code == 0
    assert re.search(r"\d{3} runs: 0 in .* already, \d{3} to do\.", text)
    assert "That is long. --protocol quick takes seconds per run, though it reproduces no paper" in text
    assert not list(tmp_path.iterdir())


def test_data_commands(no_data):
    code, text = invoke("data", "list")
    assert (code, "kodak  (0 of 24 files here)" in text, "licence: " in text) == (0, True, True)
    code, text = invoke("data", "verify", "kodak")
    assert (code, "kodim01.png: missing, run: inrbench data fetch kodak" in text) == (3, True)
    folder = no_data / "kodak"
    folder.mkdir()
    (folder / "kodim01.png").write_bytes(b"broken")
    code, text = invoke("data", "verify", "kodak")
    assert (code, f"{folder}/kodim01.png: corrupt, sha256 " in text) == (3, True)
    assert invoke("data", "path", "kodak") == (0, f"{folder}\n")


@pytest.mark.kodak
def test_kodak_data_on_this_machine_is_valid():
    code, text = invoke("data", "verify", "kodak")
    assert (code, text) == (0, "kodak: all files intact\n")


def test_errors_give_an_exit_code_and_one_line_on_standard_error():
    done = subprocess.run([sys.executable, "-m", "inrbench", "show", "sirn"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("inrbench: unknown method or task 'sirn'")
    assert done.stderr.count("\n") == 1
    debug = subprocess.run(
        [sys.executable, "-m", "inrbench", "--debug", "show", "sirn"], capture_output=True, text=True, check=False
    )
    assert "Traceback" in debug.stderr
    assert callable(entry)


def test_results_commands_end_to_end(tmp_path):
    results = ("--results", str(tmp_path / "r"))
    code, _ = invoke("run", "--methods", "siren,relu", "--tasks", "function1d", "--protocol", "quick", "--signals", "sin200",
                     "--seeds", "2", "--set", "epochs=3", "--set", "width=8", "--jobs", "1", *results)  # fmt: skip
    assert code == 0
    code, text = invoke("results", "verify", *results)
    assert (code, "none with a fault" in text) == (0, True)
    code, text = invoke("results", "compact", *results)
    assert (code, text.count("2 attempts")) == (0, 2)
    assert invoke("results", "compact", *results) == (0, "nothing to merge\n")
    assert len(finished_runs(tmp_path / "r")) == 4
    code, text = invoke("results", "merge", str(tmp_path / "r"), "--results", str(tmp_path / "s"))
    assert (code, text.startswith("4 attempts")) == (0, True)
    for suffix in ("csv", "json"):
        code, text = invoke("results", "export", *results, "--table", "metrics", "-o", str(tmp_path / f"out.{suffix}"))
        assert code == 0, text
    assert "mse@train" in (tmp_path / "out.csv").read_text()
    assert {each["method"] for each in json.loads((tmp_path / "out.json").read_text())} == {"siren", "relu"}
    assert invoke("results", "export", *results, "-o", str(tmp_path / "out.xls"))[0] == 2
    assert invoke("results", "gc", *results) == (0, "no orphans\n")
    next((tmp_path / "r").rglob("*.parquet")).write_bytes(b"PAR1")
    code, text = invoke("results", "verify", *results)
    assert (code, "1 with a fault" in text) == (3, True)


def test_run_compacts_the_store_when_it_has_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "COMPACT_ABOVE", 3)
    command = ("run", "--methods", "siren", "--tasks", "function1d", "--protocol", "quick", "--signals", "sin200", "--set",
               "epochs=3", "--set", "width=8", "--jobs", "1", "--results", str(tmp_path / "r"))  # fmt: skip
    for seeds, files in (("2", 2), ("4", 1)):
        assert invoke(*command, "--seeds", seeds)[0] == 0
        assert len(list((tmp_path / "r" / "store").rglob("*.parquet"))) == files
    assert "4 in" in invoke(*command, "--seeds", "4")[1]


def test_new_files_pass_check_plugin_and_faults_are_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, text = invoke("new", "method", "my_act")
    assert (code, "wrote my_act.py" in text, "then: inrbench check-plugin ./my_act.py" in text) == (0, True, True)
    code, text = invoke("check-plugin", "./my_act.py", "--no-trial", "--no-compile")
    assert (code, "17 ok, 0 warnings, 0 failed." in text) == (0, True), text
    code, text = invoke("check-plugin", "./my_act.py[omega=7]", "--no-trial", "--no-compile")
    assert (code, "method my_act[omega=7.0]" in text) == (0, True)
    bad = (tmp_path / "my_act.py").read_text().replace("z / 2 + torch", "z.mean(0) + torch")
    (tmp_path / "my_act.py").write_text(bad)
    code, text = invoke("check-plugin", "./my_act.py", "--no-compile")
    assert (code, "no normalisation over the points" in text, "no trial" in text) == (3, True, True)
    code, text = invoke("new", "task", "my_task")
    assert (code, "--tasks my_task --protocol quick" in text) == (0, True)
    assert invoke("check-plugin", "./my_task.py")[0] == 0
    assert invoke("check-plugin", "function1d", "--no-trial")[0] == 0
    code, text = invoke("new", "plugin-package", "my-acts")
    assert (code, "pip install -e 'my-acts[test]'" in text) == (0, True)


ONE_SEED = r" 1 +1 *\n"
"""The end of a leaderboard row with one seed and one signal."""


@pytest.mark.slow
def test_check_plugin_trial_reuses_the_runs_of_the_baselines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    invoke("new", "method", "my_act")
    code, text = invoke("check-plugin", "./my_act.py", "--no-compile", "--baselines", "relu")
    assert code == 0, text
    assert len(re.findall(ONE_SEED, text)) == 4
    source = (tmp_path / "my_act.py").read_text()
    for changed, done_before in ((source + "# a comment, the same runs\n", 4), (source.replace("z / 2 +", "z / 3 +"), 2)):
        (tmp_path / "my_act.py").write_text(changed)
        code, text = invoke("check-plugin", "./my_act.py", "--no-compile", "--baselines", "relu")
        assert (code, f"4 runs: {done_before} in" in text, len(re.findall(ONE_SEED, text))) == (0, True, 4), text


def test_env_and_completion_commands():
    code, text = invoke("env")
    assert code == 0
    for words in ("inrbench ", "python ", "torch ", "usable cores", "plugins "):
        assert words in text
    for shell in ("bash", "zsh", "fish"):
        code, text = invoke("completion", shell)
        assert (code, "_INRBENCH_COMPLETE" in text) == (0, True)
    completing = {
        **os.environ,
        "_INRBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "inrbench run --methods siren,fi",
        "COMP_CWORD": "3",
    }
    done = subprocess.run([sys.executable, "-c", "import sys; sys.argv = ['inrbench']; from inrbench.cli import main; main()"],
                          env=completing, capture_output=True, text=True, check=False)  # fmt: skip
    assert "siren,finer" in done.stdout


def test_output_without_a_terminal_is_not_coloured(tmp_path, attempt):
    append(tmp_path, attempt())
    for environment in ({}, {"NO_COLOR": "1"}):
        done = subprocess.run([sys.executable, "-m", "inrbench", "leaderboard", "--results", str(tmp_path)], capture_output=True,
                              text=True, check=True, env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **environment})  # fmt: skip
        assert "siren" in done.stdout
        assert "\x1b" not in done.stdout + done.stderr


def test_set_accepts_several_fields_at_once(tmp_path):
    for words in (("--set", "epochs=2,width=8", "--set", "lr=1e-3"), ("--set", "epochs=2", "--set", "width=8,lr=1e-3")):
        code, text = invoke("run", "--methods", "relu", "--tasks", "photo", "--protocol", "quick", "--signals", "camera",
                            "--set", "coordinate_range=(-1,1)", *words, "--dry-run")  # fmt: skip
        assert (code, "epochs=2+lr=1e-3+width=8" in text) == (0, True), text


def test_regress_on_a_missing_folder_compares_nothing(tmp_path):
    code, text = invoke("regress", "--results", str(tmp_path / "none"))
    assert (code, "nothing was compared: there is no folder" in text) == (4, True)


def test_run_accepts_a_file_name_with_a_comma(tmp_path):
    Image.effect_noise((64, 64), 90).save(tmp_path / "a,b.png")
    code, text = invoke("run", "--methods", "relu", "--tasks", "photo", "--protocol", "quick", "--dry-run", "--signals",
                        f'camera,"{tmp_path}/a,b.png"')  # fmt: skip
    assert (code, "2 runs" in text) == (0, True), text


@pytest.mark.skipif(sys.platform != "linux", reason="file names are arbitrary bytes on Linux only")
def test_a_file_name_that_is_not_utf8_is_refused_in_one_line(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.png"
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(os.fsdecode(path))
    done = subprocess.run(
        [sys.executable, "-m", "inrbench", "run", "--methods", "relu", "--tasks", "photo", "--signals", path],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is not UTF-8" in done.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_leaderboard_works_on_terminals_without_utf8(encoding):
    done = subprocess.run(
        [sys.executable, "-m", "inrbench", "leaderboard", "--results", str(PUBLISHED), "--tasks", "function1d"],
        capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "MSE train (down)" in done.stdout.decode(encoding)


def test_an_unwritable_cache_gives_a_note_and_fails_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "inrbench", *QUICK, "--methods", "relu", "--results", str(tmp_path / "r")],
        capture_output=True, text=True, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "file" / "x")}, cwd=tmp_path,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "note: the cache cannot be written" in done.stdout
    assert "1 of 1 run: 1 ok" in done.stdout
