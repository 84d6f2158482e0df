"""Why a number of the LAD paper may not compare with ours: each difference of protocol as a footnote.

Sources: the paper; the LAD authors' release as read for facts; the papers and releases of the other methods.
"""

from __future__ import annotations

__all__ = [
    "ACCURACY",
    "ACCURACY_VIDEOS",
    "CURVE_UNPUBLISHED",
    "LOSS_NAMES",
    "MLEP",
    "ONE_CLASS",
    "OTHER_DATASET",
    "OTHER_PROTOCOL",
    "OURS_TWICE",
    "RERUN",
    "UCF_LABELS",
    "VIDEO_MINMAX",
    "of_measuring",
]

RERUN = "The LAD paper's own run of public source code (its mark *), not the method's own paper."
OURS_TWICE = "The paper prints 86.28 in Table 3 and 86.93 in Tables 4 and 5 for one model on LAD."
MLEP = (
    "Equal to the row of MLEP's paper that trains on normal videos alone, so not a weakly supervised number."
)
OTHER_PROTOCOL = (
    "From another protocol, 50 videos a class in four folds (Sultani et al., CVPR 2018), not the "
    "1,610/290 split."
)
UCF_LABELS = (
    "UCF-Crime has no frame labels to train with: all frames of an abnormal training video count as abnormal."
)
LOSS_NAMES = (
    "Table 5 calls the score loss L1 and the category loss L2; Eqs. 6 and 7 name them the other way "
    "round. Here they are named in words."
)
OTHER_DATASET = "Published for LAD only; on another dataset the trend can be compared, not the number."
CURVE_UNPUBLISHED = "The paper plots this figure without numbers; only what its text tells is given."
ACCURACY = (
    "Accuracy over windows, normal videos included, as the authors' release counts; the paper names no unit."
)
ACCURACY_VIDEOS = "Accuracy over videos, by the mean probability of their windows: ours, not in the paper."
VIDEO_MINMAX = (
    "The method's own code stretches scores to 0..1 in each video, which makes normal videos look "
    "abnormal; our rules do not, unless --rules ffp is asked for."
)

ONE_CLASS = (
    "Published here are the figures of each method's own paper, or as later tables quote them, on the "
    "official one-class split and mostly with scores stretched in each video (rules ffp); most chose their "
    "snapshot on the test set. They are not in the LAD paper."
)

STEPS = (
    "The paper names no number of steps; the release stops at 12,000 and tests on the test set every 200. "
    "Ours keeps the last step and never looks at test videos."
)
SPLIT_UNPUBLISHED = (
    "{name}: the paper drew a random half of the videos and published no lists; ours draws one half for each "
    "seed, so the spread holds the draw too."
)
CLIPS_AT_TEST = (
    "The paper does not say how windows and a video's last frames are treated at test. Rules strict: "
    "windows at a stride of one clip, maximum, every frame counts. Rules lad-code: as the release, whose "
    "windows hold clips from all over the video (a missing transpose), and which leaves out incomplete "
    "groups of K clips."
)
K_OF_RELEASE = (
    "The paper states K = 5; the release's scripts use K = 10 on all sets but LAD. Which K, step and "
    "features gave Table 3's other columns is not known."
)
BATCH_OF_RELEASE = (
    "The paper: batch 60, learning rate 3e-4. The release: 1e-4, and on Avenue and Ped2 5e-5 and 4 + 4 "
    "videos a batch."
)
PIXELS = (
    "The release's extractor feeds I3D unscaled pixels and reads flow_x twice; whether the published numbers "
    "came from it is not known. Ours feeds both as the network was trained (`raw_pixels`, `flow_x_twice`)."
)
NETWORK = (
    "Paper and release differ in the network as well: peepholes, the score loss as sum or mean; the defaults "
    "are those of the release (`peephole`, `reduction`)."
)


def of_measuring(datasets: tuple[str, ...]) -> tuple[str, ...]:
    """What holds for every number that is trained and tested here, on these datasets.

    Args:
        datasets: Catalogue names.
    """
    drawn = [name for name in datasets if name in ("ped2", "avenue", "avenue_ranges")]
    small = [name for name in datasets if name != "lad"]
    return (
        STEPS,
        *(SPLIT_UNPUBLISHED.format(name=name) for name in drawn),
        CLIPS_AT_TEST,
        *((K_OF_RELEASE,) if small else ()),
        BATCH_OF_RELEASE,
        NETWORK,
        PIXELS,
        *((UCF_LABELS,) if "ucf_crime" in datasets else ()),
    )
