"""Limits on what is read from results folders, bundles and buckets, which may come from untrusted sources.

Refusing a file takes less than 1 GiB of memory in addition to what the process has: ``tests/security/test_bombs.py`` checks it.
"""

KIB, MIB, GIB = 2**10, 2**20, 2**30

MAX_ROWS = 1_000_000
"""Rows of one Parquet file."""
MAX_FOOTER_BYTES = 4 * MIB
"""Bytes of the footer of one Parquet file."""
MAX_ROW_GROUPS = 64
"""Row groups of one Parquet file; files that inrbench writes have one."""
MAX_TEXT = 64 * KIB
"""Bytes of one text in a row."""
MAX_TABLE_BYTES = 768 * MIB
"""Bytes of one Parquet file in memory, once it is read."""
MAX_RESULTS_BYTES = 4 * GIB
"""Bytes of everything that is read from a results folder at once."""
MAX_PIXELS = 50_000_000
"""Pixels of an image that a run stored."""
MAX_ARRAY_BYTES = 64 * MIB
"""Bytes of all arrays of an NPZ file that a run stored, once they are read."""
MAX_ARCHIVE_RATIO = 200
"""Ratio of the unpacked size of an archive to its compressed size."""
MAX_PACKING_RATIO = 1100
"""Ratio of the unpacked size of an image or a volume to the size of its file; deflate reaches 1032."""
MAX_UNPACKED_BYTES = 256 * MIB
"""Bytes of an unpacked image or volume up to which that ratio does not matter."""
MAX_SMALL_FILE_BYTES = 4 * MIB
"""Bytes of a JSON or TOML file: leases, submissions, recipes, timings."""
MAX_NESTING = 20
"""Levels of lists and objects in a stored JSON text."""
MAX_MEDIA_BYTES = GIB
"""Bytes of an artifact that is copied."""
MAX_SUBMISSION_BYTES = 256 * MIB
"""Bytes of all files of a submission."""
MAX_SOUND_BYTES = 32 * MIB
"""Bytes of a sound that a run stored."""
MAX_PAGE_PIXELS = 20_000_000
"""Pixels of all fits that one page of a report compares with their truth."""
MAX_MESH_BYTES = 512 * MIB
"""Bytes of a mesh that is unpacked from a ``.gz`` file."""
MAX_CHECKPOINT_BYTES = 4 * GIB
"""Bytes of a checkpoint: weights, state of the optimisers, losses."""
MAX_WEIGHTS_RATIO = 16
"""Ratio of the memory that a network needs to the size of its stored weights, checked before the network is built."""
