"""Running work on Dask: cluster, shards, atomic commits, child processes (floor 2)."""
