"""Requirements on every built-in task, in addition to the checks of ``inrbench check-plugin``."""

import hashlib
import math

import numpy as np
import pytest
import torch

from inrbench.data import dataset, locate, require_file
from inrbench.errors import BadValue, DataMissing, UnknownName
from inrbench.problems import Evaluator
from inrbench.registry import Registry
from inrbench.tasks._clips import CLIPS, frames

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
    assert truth.std() > 0
    if task.kind != "radiance":  # its pictures are rendered from density and colours
        assert truth.shape[-1] == problem.out_features
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


@pytest.mark.parametrize("name", CLIPS)
def test_procedural_videos_move_and_are_the_same_at_every_resolution(name):
    small, large = frames(name, 3, 45, 80), frames(name, 3, 135, 240)
    assert abs(small.astype(float) - large[:, 1::3, 1::3]).mean() < 12
    assert (small[0] != small[2]).mean() > 0.05


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


def test_the_suite_standard_has_at_least_six_signals_of_every_task(task):
    """Fewer than six cannot tell methods apart: the paired test has no p-value below 0.05."""
    assert len(task.suites["standard"]) >= 6
    assert len(task.tuning_split[1]) >= 3


def test_donoho_and_johnstone_functions_have_their_published_features(registry):
    """Biometrika 81(3), 1994, table 1: eleven jumps and spikes at the same places, two jumps of the sine."""
    f = registry.task("function1d").function
    at = lambda t: 2 * np.asarray(t, dtype=float) - 1  # noqa: E731
    before, after = f("blocks")(at(0.4 - 1e-6)), f("blocks")(at(0.4 + 1e-6))
    assert after - before == pytest.approx(-4.2 / 5)
    assert f("blocks")(at([0.0, 1.0])) == pytest.approx([0.0, (4 - 5 + 3 - 4 + 5 - 4.2 + 2.1 + 4.3 - 3.1 + 2.1 - 4.2) / 5])
    assert f("bumps")(at(0.65)) == pytest.approx(4.3 / 5, rel=0.01)
    assert f("heavisine")(at(0.1)) == pytest.approx((4 * math.sin(0.4 * math.pi) + 1 - 1) / 6)
    t = np.linspace(0, 1, 100_001)
    crossings = np.diff(np.sign(f("doppler")(at(t)))).nonzero()[0]
    zeros = [2.1 / k - 0.05 for k in range(41, 2, -1)]  # where 2 pi 1.05 / (t + 0.05) is a multiple of pi
    assert t[crossings[1:-1]] == pytest.approx(zeros, abs=2e-5)
    assert f("weierstrass")(np.array([0.0])) == pytest.approx([sum(0.5**k for k in range(6))])


@pytest.mark.parametrize("task_name", ["heat1d", "advection1d", "helmholtz2d", "poisson2d", "allen-cahn2d"])
def test_every_rung_of_a_ladder_is_solved_by_its_solution(registry, task_name):
    """The residual of the exact solution, by central differences, is small against its largest term."""
    task = registry.task(task_name)
    for signal in task.signals():
        equation = task.equations[signal](1.0)
        low, high = np.array(equation.box, dtype=float).T
        x = np.random.default_rng(0).uniform(low + 0.05 * (high - low), high - 0.05 * (high - low), (50, 2))
        assert max_relative_residual(equation, x) < 2e-3, signal


def max_relative_residual(equation, x) -> float:
    """Return the largest residual of the exact solution at points ``(N, 2)``, relative to the largest derivative in it."""
    from types import SimpleNamespace

    h = 2e-5
    u = equation.exact
    steps = np.eye(2) * h
    first = [(u(x + steps[axis]) - u(x - steps[axis])) / (2 * h) for axis in equation.first]
    second = [sum((u(x + steps[axis]) - 2 * u(x) + u(x - steps[axis])) / h**2 for axis in axes) for axes in equation.second]
    values = SimpleNamespace(value=torch.from_numpy(u(x)), first=[torch.from_numpy(d) for d in first],
                             second=[torch.from_numpy(d) for d in second])  # fmt: skip
    residual = equation.residual(values).numpy() - equation.source(x)
    scale = max(abs(equation.source(x)).max(), *(abs(d).max() for d in first), 1e-12)
    return float(abs(residual).max() / scale)


def test_phantoms_are_pictures_in_the_unit_range(registry):
    task = registry.task("ct")
    protocol = task.protocol("standard")
    seen = set()
    for signal in task.signals():
        if signal in ("ct-slice", "mr-slice"):
            continue
        picture = task.problem(signal, protocol, 0).evaluation.fitted
        assert 0.5 < picture.max() <= 1.0
        assert picture.min() == 0.0
        seen.add(picture.tobytes())
    assert len(seen) == 7


@pytest.mark.parametrize("signal", ["ct-slice", "mr-slice"])
def test_real_slices_are_read_from_their_dicom_files(registry, signal):
    pytest.importorskip("pydicom")
    task = registry.task("ct")
    problem = task.problem(signal, task.protocol("standard"), 0)
    assert problem.evaluation.fitted.shape == (64, 64, 1)
    assert task.size(signal, task.protocol("standard")).n_points == 64 * 64
    if signal == "mr-slice":  # not reduced: the values of the file, from 0 to 1, inside the circle
        assert problem.evaluation.fitted.max() > 0.9


@pytest.mark.parametrize("file", dataset("sound").sha256)
def test_spoken_words_have_the_size_that_is_planned(registry, file):
    if locate("sound", file).path is None:
        pytest.skip("data set sound is not on this machine")
    signal = file.removesuffix(".wav").lower().replace("_", "-")
    task = registry.task("audio")
    for protocol in map(task.protocol, ("standard", "paper")):
        assert task.problem(signal, protocol, 0).n_points == task.size(signal, protocol).n_points


def test_procedural_solids_are_closed_and_in_one_piece(registry):
    import trimesh

    task = registry.task("sdf")
    for signal in ("knot", "gyroid", "sponge", "spring", "blobs", "star"):
        mesh = task.mesh(signal)
        solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
        assert solid.is_watertight and solid.is_winding_consistent, signal
        assert solid.volume > 0
        assert solid.body_count == 1
    sponge = trimesh.Trimesh(task.mesh("sponge").vertices, task.mesh("sponge").faces, process=False)
    assert sponge.volume == pytest.approx(20**2), "a Menger sponge of two generations has 20 x 20 of 27 x 27 cubes"


def test_held_out_voxels_are_not_fitted_and_depend_on_the_seed(registry):
    task = registry.task("volume")
    protocol = task.protocol("quick")
    first, same, other = (task.problem("balls", protocol, seed) for seed in (0, 0, 1))
    n = first.evaluation.grid.n_points
    assert first.n_points == n - round(0.1 * n) == task.size("balls", protocol).n_points
    fitted = {tuple(row) for row in first.coordinates.tolist()}
    everything = first.evaluation.grid.coordinates(slice(0, n))
    held = {tuple(row) for row in everything[first.evaluation.heldout].tolist()}
    assert not fitted & held
    assert len(fitted | held) == n
    assert torch.equal(first.coordinates, same.coordinates)
    assert not torch.equal(first.coordinates, other.coordinates)


def test_axes_of_a_volume_have_the_same_scale(registry):
    task = registry.task("volume")
    if locate("volumes", "example4d.nii.gz").path is None:
        pytest.skip("nibabel is not installed")
    problem = task.problem("mri", task.protocol("standard"), 0)
    assert problem.evaluation.grid.shape == (64, 48, 12)
    steps = [(high - low) / (n - 1) for (low, high), n in zip(problem.domain, (64, 48, 12), strict=True)]
    assert steps == pytest.approx([2 / 63] * 3)
    assert problem.out_features == 2


@pytest.mark.parametrize("percent", [5, 40, 90])
def test_noise_has_no_frequency_above_its_bandwidth(registry, percent):
    from inrbench.tasks.pattern import NYQUIST, SIDE, noise

    picture = noise(percent)
    assert (picture.min(), picture.max()) == (0.0, 1.0)
    power = abs(np.fft.fft2(picture - picture.mean())) ** 2
    waves = np.fft.fftfreq(SIDE, 1 / SIDE)
    radius = np.hypot(waves, waves[:, None])
    assert power[radius > NYQUIST * percent / 100].sum() < 1e-12 * power.sum()
    assert power[radius > 0.8 * NYQUIST * percent / 100].sum() > 0.2 * power.sum(), "it fills its band"


def test_zone_plate_reaches_the_nyquist_frequency_at_its_edges():
    from inrbench.tasks.pattern import NYQUIST, SIDE, zone

    row = zone()[SIDE // 2]
    crossings = np.diff(np.sign(row[SIDE * 7 // 8 :] - 0.5)).astype(bool).sum()
    per_fitted_pixel = crossings / (SIDE / 8 / 2)
    assert 0.8 < per_fitted_pixel <= 1.1, "two pixels for each wave, one for each crossing"
    assert NYQUIST == 64
