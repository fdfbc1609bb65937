"""For the notebooks: `data` loads, `plot` draws, `check` asserts, `mxnet_compat` repairs."""

import gc

# A framework brings half a million objects that stay. Searching them again and again for garbage
# takes up to a second of its import: the old ones are now searched ten times less often.
gc.set_threshold(700, 10, 100)
