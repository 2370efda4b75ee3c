"""``python -m inrbench``."""

from inrbench.cli import main

if __name__ == "__main__":
    main()
