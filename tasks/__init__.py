"""One file per task family. Each declares its signals, its protocols with the source of every number, and its metrics."""
