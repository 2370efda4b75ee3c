"""One file a method. Each file's docstring gives formula, paper, equation and every deviation."""
