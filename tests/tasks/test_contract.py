"""Requirements on every built-in task, in addition to the checks of ``inrbench check-plugin``."""

import hashlib

import pytest
import torch

from inrbench.data import dataset, locate, require_file
from inrbench.errors import BadValue, DataMissing, UnknownName
from inrbench.problems import Evaluator
from inrbench.registry import Registry

TASKS = sorted(Registry().tasks)


@pytest.fixture(params=TASKS)
def task(request, registry):
    return registry.task(request.param)


def test_tasks_have_a_paper_protocol_and_documentation(task):
    assert {"paper", "quick"} <= set(task.protocols)
    assert len(task.doc) > 100


def test_suites_name_existing_protocols_and_signals(task):
    for suite, signals in task.suites.items():
        assert suite in task.protocols
        assert set(signals) <= set(task.signals())


def test_unknown_signals_are_refused(task):
    with pytest.raises(UnknownName, match="unknown signal"):
        task.signal_sha256("nosuchsignal")


def test_fingerprints_of_protocols_differ(task):
    marks = [protocol.fingerprint(task.name, task.version) for protocol in task.protocols.values()]
    assert len(set(marks)) == len(marks)


def test_grid_pair_has_the_shape_of_the_signal(task):
    try:
        problem = task.problem(task.signals()[0], task.protocols["quick"], 1)
    except DataMissing:
        pytest.skip("data missing")
    truth, prediction = problem.evaluation.grid_pair(lambda x: torch.zeros(len(x), problem.out_features))
    assert truth.shape == prediction.shape
    assert truth.shape[-1] == problem.out_features
    assert truth.std() > 0
    assert not prediction.any()


def test_every_protocol_can_be_evaluated(task):
    """Large settings are made small. The primary metric is the first one."""
    small = {"resolution": "12", "frames": "5", "max_pixels": "200", "batch": "64", "condition_points": "4"}
    for name in task.protocols:
        protocol = task.protocol(name)
        wanted = {
            key: text
            for key, text in small.items()
            if hasattr(protocol.settings, key) or (key == "batch" and task.kind == "pde")
        }
        protocol = protocol.with_changes(wanted)
        signal = task.signals()[-1]  # one that needs no data, if there is one
        try:
            problem = task.problem(signal, protocol, 1)
        except DataMissing:
            continue

        def predict(x: torch.Tensor, n: int = problem.out_features) -> torch.Tensor:
            return torch.zeros(len(x), n)

        evaluator = Evaluator(task.metrics_of(protocol), problem.evaluation)
        measured = evaluator.measure(predict)
        assert [m.metric.id for m in measured] == list(protocol.metrics)
        assert measured[0].value == evaluator.primary(predict)
        assert all(m.value is not None or m.note for m in measured)


def test_missing_and_unsupported_files_are_refused(task, tmp_path):
    with pytest.raises(BadValue, match="no such file" if task.file_extensions else "takes no files as signals"):
        task.register_file(tmp_path / "absent.png")


def test_different_files_with_the_same_name_are_refused(registry, tmp_path):
    photo = registry.task("photo")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(folder.encode())
    assert photo.register_file(tmp_path / "a" / "x.png") == "x.png" == photo.register_file(tmp_path / "a" / "x.png")
    assert photo.signal_sha256("x.png") == hashlib.sha256(b"a").hexdigest()
    with pytest.raises(BadValue, match=r"two signals are called 'x\.png'"):
        photo.register_file(tmp_path / "b" / "x.png")


@pytest.mark.kodak
@pytest.mark.parametrize("protocol", ["paper", "quick"])
def test_kodak_images_have_the_stated_size_and_hash(registry, protocol):
    task = registry.task("kodak")
    chosen = task.protocols[protocol]
    for signal in ("kodim01", "kodim04", "kodim19"):
        assert task.problem(signal, chosen, 0).n_points == task.size(signal, chosen).n_points
        assert task.signal_sha256(signal) == locate("kodak", f"{signal}.png").actual


def test_paper_protocols_of_function1d_and_kodak_match_the_paper(registry):
    function1d, kodak = (registry.task(name).protocols["paper"] for name in ("function1d", "kodak"))
    assert (function1d.width, function1d.n_layers, function1d.epochs, function1d.lr, function1d.lr_min) == (
        256,
        4,
        10_000,
        1e-4,
        1e-7,
    )
    assert function1d.settings.points["multiscale"] == 1024
    assert (kodak.width, kodak.n_layers, kodak.epochs, kodak.lr, kodak.lr_min, kodak.batch) == (400, 4, 1500, 1e-3, 5e-4, None)
    assert kodak.settings.coordinate_range == (0.0, 1.0)


def test_paper_protocols_of_video_and_shapes_match_the_paper(registry):
    video, occupancy, sdf = (registry.task(name).protocols["paper"] for name in ("video", "occupancy", "sdf"))
    assert (video.width, video.n_layers, video.epochs, video.batch, video.lr, video.lr_min) == (400, 3, 500, 20_480, 1e-3, 5e-4)
    assert registry.task("video").size("bigbuckbunny", video).n_points == 100 * 180 * 320
    for protocol in (occupancy, sdf):
        assert (protocol.width, protocol.n_layers, protocol.epochs, protocol.batch) == (256, 3, 200, 500_000)
        assert (protocol.lr, protocol.lr_min, protocol.schedule) == (5e-3, 1e-3, "exponential")
        assert protocol.settings.resolution == 512
    assert registry.task("occupancy").protocols["official"].metrics[1] == "iou@official-training-outputs"


@pytest.mark.parametrize(("changes", "text"), [
    ({"sdf_backend": "magic"}, "expected one of libigl, pysdf"), ({"coordinates": "round"}, "expected one of isotropic, stretched"),
    ({"resolution": "4"}, "resolution must be at least 8"),
    ({"margin": "-1"}, "margin from 0 to 1"),
])  # fmt: skip
def test_invalid_shape_settings_are_refused(registry, changes, text):
    task = registry.task("sdf")
    with pytest.raises(BadValue, match=text):
        task.problem("knot", task.protocol("quick", changes), 0)


def test_orbits_video_moves_and_is_the_same_at_every_resolution(registry):
    import sys

    orbits = sys.modules[type(registry.task("video")).__module__].orbits
    small, large = orbits(3, 45, 80), orbits(3, 135, 240)
    assert abs(small.astype(float) - large[:, 1::3, 1::3]).mean() < 12
    assert (small[0] != small[2]).mean() > 0.5


def test_multiscale_matches_the_paper(registry):
    from math import cos, sin

    import numpy as np

    f = registry.task("function1d").function("multiscale")
    for x in (-0.37, 0.0, 0.9):
        expected = (
            0.5 * sin(2 * x) + sin(100 * x + 1.5) * cos(5 * x - 0.8) + cos(200 * x) * cos(x) + sin(300 * x + 0.3) * sin(5 * x)
        )
        assert f(np.array(x)) == pytest.approx(expected, abs=1e-12)


def test_missing_kodak_data_error_names_the_fetch_command(registry, no_data):
    kodak = registry.task("kodak")
    with pytest.raises(DataMissing, match="run: inrbench data fetch kodak"):
        kodak.problem("kodim01", kodak.protocols["quick"], 0)
    assert kodak.signal_sha256("kodim01") == dataset("kodak").sha256["kodim01.png"]
    with pytest.raises(DataMissing):
        require_file("kodak", "kodim01.png")
