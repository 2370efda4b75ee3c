"""The limits on what is read from results folders, bundles and buckets, which strangers may have made.

What is refused takes less than 1 GiB of memory beside what the process has: ``tests/security/test_bombs.py`` holds it.
"""

KIB, MIB, GIB = 2**10, 2**20, 2**30

MAX_ROWS = 1_000_000
"""Rows of one Parquet file."""
MAX_FOOTER_BYTES = 4 * MIB
"""Bytes of the footer of one Parquet file."""
MAX_ROW_GROUPS = 64
"""Row groups of one Parquet file; ours have one."""
MAX_TEXT = 64 * KIB
"""Bytes of one text of a row."""
MAX_TABLE_BYTES = 768 * MIB
"""Bytes of one Parquet file once it is read."""
MAX_RESULTS_BYTES = 4 * GIB
"""Bytes of all that is read of a results folder at once."""
MAX_PIXELS = 50_000_000
"""Pixels of a picture that a run left."""
MAX_ARRAY_BYTES = 64 * MIB
"""Bytes of all arrays of an NPZ file that a run left, once they are read."""
MAX_ARCHIVE_RATIO = 200
"""How many times its own size a compressed archive may unpack to."""
MAX_SMALL_FILE_BYTES = 4 * MIB
"""Bytes of a JSON or TOML file: leases, submissions, recipes, speed cards."""
MAX_NESTING = 20
"""Levels of lists and objects in a stored JSON text."""
MAX_MEDIA_BYTES = GIB
"""Bytes of an artifact that is copied."""
MAX_WEIGHTS_RATIO = 16
"""How many times its stored weights a network may need before it is built for them."""
