"""One file per method. Each file's docstring gives the formula, the paper, the equation and every deviation."""
