"""Pure functions from predictions and references to numbers. A metric's id names its implementation and its parameters."""
