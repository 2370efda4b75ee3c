import numpy as np
import pytest

from inrbench.data import locate, read_video, require_file, video_shape, write_video
from inrbench.errors import BadValue


def clip(n: int = 8, height: int = 36, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([np.stack([x * 3, y * 5, np.full_like(x, 20 * t)], axis=-1) for t in range(n)]).astype(np.uint8)


def test_a_written_video_is_read_back(tmp_path):
    frames = clip()
    write_video(tmp_path / "a.mp4", frames)
    assert video_shape(tmp_path / "a.mp4") == (36, 64)
    read = read_video(tmp_path / "a.mp4", 8, None)
    assert read.shape == frames.shape
    assert np.abs(read.astype(float) - frames).mean() < 8, "in order, in RGB, up to the loss of the codec"


def test_frames_are_reduced_by_block_means(tmp_path):
    write_video(tmp_path / "a.mp4", clip())
    whole, small = read_video(tmp_path / "a.mp4", 3, None), read_video(tmp_path / "a.mp4", 3, 300)
    assert small.shape == (3, 12, 21, 3), "factor 3 is the smallest that fits; incomplete blocks are cut off"
    assert small[1, 2, 3].tolist() == np.rint(whole[1, 6:9, 9:12].mean((0, 1))).tolist()


def test_odd_video_sizes_are_reduced_to_even_ones(tmp_path):
    write_video(tmp_path / "a.mp4", clip(3, 45, 81))
    assert video_shape(tmp_path / "a.mp4") == (44, 80)


def test_invalid_videos_are_refused_in_one_line(tmp_path):
    write_video(tmp_path / "good.mp4", clip())
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = (tmp_path / "good.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    for name, text in (("absent.mp4", "no such video"), ("text.mp4", "cannot be read as a video"),
                       ("empty.mp4", "cannot be read as a video"), ("cut.mp4", "cannot be read as a video")):  # fmt: skip
        with pytest.raises(BadValue, match=text) as error:
            read_video(tmp_path / name, 3, None)
        assert "\n" not in str(error.value)
    with pytest.raises(BadValue, match=r"good\.mp4 has 8 frames, 9 are asked for; fewer: --set frames=8"):
        read_video(tmp_path / "good.mp4", 9, None)


@pytest.mark.parametrize("damaged", [0, 5, 11])
def test_a_clip_with_a_damaged_frame_is_refused(tmp_path, damaged):
    """Decoders conceal damage unless they are asked not to.

    The frame's length is overwritten too: H.264 has no checksum, and damage to its coded pixels alone is not always noticed.
    """
    import av

    noise = np.random.default_rng(0).integers(0, 256, (12, 90, 160, 3), dtype=np.uint8)
    write_video(tmp_path / "good.mp4", noise)
    with av.open(str(tmp_path / "good.mp4")) as container:
        starts = [packet.pos for packet in container.demux(video=0) if packet.size]
    data = bytearray((tmp_path / "good.mp4").read_bytes())
    data[starts[damaged] : starts[damaged] + 400] = b"\xff" * 400
    (tmp_path / "bad.mp4").write_bytes(data)
    with pytest.raises(BadValue, match=r"bad\.mp4 is damaged"):
        read_video(tmp_path / "bad.mp4", 12, None)


def test_a_list_of_files_is_not_read_as_a_video(tmp_path):
    """FFmpeg recognises lists of files by their content, and would read the files that they name."""
    write_video(tmp_path / "secret.mp4", clip())
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    with pytest.raises(BadValue, match="cannot be read as a video"):
        read_video(tmp_path / "a.mp4", 3, None)


def test_a_file_with_only_audio_is_refused(tmp_path):
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(BadValue, match=r"a\.mp4 has no video in it"):
        read_video(tmp_path / "a.mp4", 3, None)


@pytest.mark.skipif(not locate("video", "bigbuckbunny.mp4").path, reason="no clip: run inrbench data fetch video")
def test_the_clip_of_the_paper_has_the_size_of_the_paper():
    frames = read_video(require_file("video", "bigbuckbunny.mp4"), 4, 57_600)
    assert frames.shape == (4, 180, 320, 3)


def test_a_clip_with_an_unknown_codec_is_refused_in_one_line(tmp_path):
    write_video(tmp_path / "a.mp4", clip())
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.count(b"avc1") >= 1
    (tmp_path / "b.mp4").write_bytes(content.replace(b"avc1", b"xyz1"))
    with pytest.raises(BadValue, match=r"b\.mp4 (cannot be read as a video|is damaged|has no frames)") as error:
        read_video(tmp_path / "b.mp4", 3, None)
    assert "\n" not in str(error.value)
