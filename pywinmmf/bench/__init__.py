"""The benchmark: figures as ratios to bare C on the same machine, next to other installed libraries."""
