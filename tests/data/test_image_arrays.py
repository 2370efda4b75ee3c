"""Images in NumPy files may have any number of channels; arrays that cannot be fitted are refused in one line."""

import numpy as np
import pytest

from inrbench.data import image_shape, read_image, write_image
from inrbench.errors import BadValue

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 1), (9, 8, 3), (9, 8, 31)])
def test_arrays_are_read_in_the_unit_range(tmp_path, kind, shape):
    unit = RANDOM.random(shape)
    largest = 1 if kind == "float32" else np.iinfo(kind).max
    array = (unit * largest).astype(kind)
    np.save(tmp_path / "a.npy", array)
    found = read_image(tmp_path / "a.npy", None)
    assert found.shape == (*shape[:2], shape[2] if len(shape) == 3 else 1) == image_shape(tmp_path / "a.npy")
    assert found == pytest.approx(array.reshape(found.shape) / largest, abs=1e-6)


@pytest.mark.parametrize(("array", "said"), [
    (np.full((9, 8, 2), 1.5), "contains floats from 1.5 to 1.5"),
    (np.full((9, 8), np.nan), "not finite"),
    (np.zeros((9, 8), np.int16), "values of type int16; save it as unsigned integers"),
    (np.zeros((9, 8), complex), "values of type complex128"),
    (np.zeros((9, 8, 2, 2)), r"an array of shape \(9, 8, 2, 2\)"),
    (np.zeros((2, 2, 5000)), "at most 1024 channels"),
])  # fmt: skip
def test_other_arrays_are_refused_in_one_line(tmp_path, array, said):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(BadValue, match=said) as error:
        read_image(tmp_path / "a.npy", None)
    assert "\n" not in str(error.value)


def test_a_damaged_header_is_refused_in_one_line(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 8), np.uint8))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content.replace(b"{'descr'", b"(((((((("))
    with pytest.raises(BadValue, match="cannot be read as a NumPy array") as error:
        read_image(tmp_path / "a.npy", None)
    assert "\n" not in str(error.value)


def test_an_archive_of_arrays_is_refused_in_one_line(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, first=np.zeros((9, 8), np.uint8))
    with pytest.raises(BadValue, match="an archive of arrays") as error:
        read_image(tmp_path / "a.npy", None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("channels", "written"), [(1, 1), (2, 1), (3, 3), (31, 3)])
def test_the_first_channels_of_an_image_are_written(tmp_path, channels, written):
    image = RANDOM.random((9, 8, channels))
    write_image(tmp_path / "a.png", image)
    found = read_image(tmp_path / "a.png")
    assert found == pytest.approx(image[..., :written], abs=0.5 / 255 + 1e-6)


def test_a_hyperspectral_image_is_fitted_and_lpips_is_left_out_with_a_note(tiny_jobs, settings, tmp_path):
    from inrbench.execute.worker import execute
    from inrbench.store import read_runs

    np.save(tmp_path / "cube.npy", RANDOM.random((40, 40, 7)).astype(np.float32))
    (job,) = tiny_jobs(tasks="photo", signals=str(tmp_path / "cube.npy"), changes={"epochs": "3", "width": "8"})
    assert execute(job, settings).status == "ok"
    (row,) = read_runs(settings.results).table.to_pylist()
    values = {each["id"]: (each["value"], each["note"]) for each in row["metrics"]}
    assert values["psnr@clip-float"][0] > 0
    value, note = values["lpips@alex-v0.1"]
    assert value is None
    assert "LPIPS" in note or "data missing" in note
