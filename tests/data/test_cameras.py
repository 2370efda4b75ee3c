"""Scenes in the form of NeRF's Blender data; files without poses or with left-handed axes are refused in one line."""

import json

import numpy as np
import pytest
from PIL import Image

from inrbench.data import read_scene, scene_files
from inrbench.data.cameras import around, looking_at_origin
from inrbench.errors import BadValue


def write_scene(folder, poses, name="transforms_train.json", **changes):
    """Write a camera file with a picture for each pose, and return its path."""
    frames = []
    for number, pose in enumerate(poses):
        pixels = np.zeros((10, 12, 4), np.uint8)
        pixels[2:6, 3:8] = (200, 100, 0, 255)
        Image.fromarray(pixels).save(folder / f"{name[:-5]}-{number}.png")
        frames.append({"file_path": f"./{name[:-5]}-{number}", "transform_matrix": np.asarray(pose).tolist()})
    path = folder / name
    path.write_text(json.dumps({"camera_angle_x": 0.7, "frames": frames, **changes}))
    return path


POSES = [looking_at_origin(position) for position in around(9, 4.0)]


def test_pictures_are_on_white_and_cameras_have_the_given_angle(tmp_path):
    scene = read_scene(write_scene(tmp_path, POSES), 64, 8)
    view = scene.training[0]
    assert view.picture.shape == (10, 12, 3)
    assert view.picture[0, 0] == pytest.approx([1, 1, 1]), "transparent pixels are white"
    assert view.picture[3, 4] == pytest.approx([200 / 255, 100 / 255, 0])
    assert 2 * np.arctan(12 / 2 / view.camera.focal) == pytest.approx(0.7)
    assert scene.radius == pytest.approx(4 / 3)


def test_test_views_come_from_their_own_file_or_are_every_eighth(tmp_path):
    path = write_scene(tmp_path, POSES)
    scene = read_scene(path, 64, 8)
    assert (len(scene.training), len(scene.test)) == (7, 2)
    assert "every eighth view is a test view" in scene.notes[0]
    write_scene(tmp_path, POSES[:3], "transforms_test.json")
    scene = read_scene(path, 64, 8)
    assert (len(scene.training), len(scene.test), scene.notes) == (9, 3, ())


def mirrored(pose):
    return pose @ np.diag([-1, 1, 1, 1])


@pytest.mark.parametrize(("make", "said"), [
    (lambda folder: write_scene(folder, [mirrored(pose) for pose in POSES]), "the axes of frame 0 are left-handed"),
    (lambda folder: write_scene(folder, [pose * 0 for pose in POSES]), "is not a rotation"),
    (lambda folder: write_scene(folder, [pose[:3] for pose in POSES]), "must be 4x4 finite numbers"),
    (lambda folder: write_scene(folder, POSES, frames=[{"file_path": "a"}]), "has no 'transform_matrix'"),
    (lambda folder: write_scene(folder, POSES, camera_angle_x=4.0), "camera_angle_x must be between 0 and pi"),
    (lambda folder: write_scene(folder, POSES, camera_angle_x="wide"), "cannot be read as JSON"),
    (lambda folder: write_scene(folder, POSES[:2]), r"has 2 view\(s\); at least 3 are needed"),
    (lambda folder: write_scene(folder, POSES, frames=[]), r"has 0 view\(s\)"),
    (lambda folder: write_scene(folder, POSES, frames=[
        {"file_path": "../secret", "transform_matrix": POSES[0].tolist()}]), "outside of its folder"),
    (lambda folder: write_scene(folder, POSES, frames=[
        {"file_path": "none", "transform_matrix": POSES[0].tolist()}] * 9), "no such picture"),
    (lambda folder: folder / "gone.json", "no such file"),
    (lambda folder: write_scene(folder, POSES, frames=[
        {"file_path": "a\0b", "transform_matrix": POSES[0].tolist()}] * 9), "is not the name of a file|no such picture"),
    (lambda folder: write_scene(folder, POSES, frames=[
        {"file_path": "/", "transform_matrix": POSES[0].tolist()}] * 9), "is not the name of a file|outside of its folder"),
    (lambda folder: write_scene(folder, POSES, frames=[
        {"file_path": "\ud800", "transform_matrix": POSES[0].tolist()}] * 9), "is not the name of a file|no such picture"),
    (lambda folder: write_scene(folder, POSES, camera_angle_x=10**400), "cannot be read as JSON"),
])  # fmt: skip
def test_files_that_are_no_scene_are_refused_in_one_line(tmp_path, make, said):
    with pytest.raises(BadValue, match=said) as error:
        read_scene(make(tmp_path), 64, 8)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"camera_angle_x": 0.7}', '{"camera_angle_x": 0.7, "frames": 3}'])
def test_other_json_files_are_refused(tmp_path, text):
    path = tmp_path / "transforms.json"
    path.write_text(text)
    with pytest.raises(BadValue):
        read_scene(path, 64, 8)


def test_large_pictures_are_reduced_and_test_views_are_spread(tmp_path):
    path = write_scene(tmp_path, POSES)
    write_scene(tmp_path, POSES, "transforms_test.json")
    scene = read_scene(path, 12, 4)
    assert len(scene.test) == 3
    for number in range(9):
        Image.fromarray(np.full((40, 48, 3), 255, np.uint8)).save(tmp_path / f"transforms_train-{number}.png")
    view = read_scene(path, 12, 4).training[0]
    assert view.picture.shape == (10, 12, 3)
    assert 2 * np.arctan(12 / 2 / view.camera.focal) == pytest.approx(0.7), "the angle of view stays"


def test_grey_pictures_of_16_bits_keep_their_values(tmp_path):
    path = write_scene(tmp_path, POSES)
    Image.fromarray(np.full((10, 12), 20000, np.uint16)).save(tmp_path / "transforms_train-1.png")
    assert read_scene(path, 64, 8).training[0].picture == pytest.approx(np.full((10, 12, 3), 20000 / 65535), abs=1e-5)


def test_names_with_a_dot_are_those_of_png_files(tmp_path):
    path = write_scene(tmp_path, POSES)
    text = json.loads(path.read_text())
    for number, frame in enumerate(text["frames"]):
        (tmp_path / f"transforms_train-{number}.png").rename(tmp_path / f"r_0.{number:03}.png")
        frame["file_path"] = f"r_0.{number:03}"
    path.write_text(json.dumps(text))
    assert len(read_scene(path, 64, 8).training) == 7


def test_the_hash_of_a_scene_covers_its_pictures(tmp_path):
    from inrbench.registry import Registry

    task = Registry().task("radiance")
    signal = task.register_file(write_scene(tmp_path, POSES))
    before = task.signal_sha256(signal)
    assert len(scene_files(task.files[signal])) == 10
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(tmp_path / "transforms_train-4.png")
    assert task.signal_sha256(signal) != before
