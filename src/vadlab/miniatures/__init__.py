"""One file a dataset: a tiny tree of drawn videos and labels in its official layout, to try a loader on.

`write(root)` makes it. Every video has `N_FRAMES` frames; every abnormal one is so in the half-open
frames `EVENT`, however its format counts. Names, lists and label formats are the sets' own, the numbers of
videos too where a split depends on them; the pictures are drawn here, and worth nothing but a try.
"""
