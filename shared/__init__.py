"""For the notebooks: `data` loads, `plot` draws, `check` asserts, `mxnet_compat` repairs."""
