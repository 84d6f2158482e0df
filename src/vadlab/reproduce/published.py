"""The LAD paper's published numbers, as printed, and where they stand.

Paper: Wan, Jiang, Fang, Luo, Ding: Anomaly detection in video sequences: a benchmark and computational model,
IET Image Processing 15, 2021, https://doi.org/10.1049/ipr2.12258. AUC and accuracy in %.

Table 1 stands in `vadlab.report.statistics`, Table 2 in `vadlab.splits`. The paper plots Figs. 5, 6 and 7
without numbers; only those are here that its text tells.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "DATASETS",
    "FIGURE_5",
    "FIGURE_6",
    "ONE_CLASS",
    "TABLE_3",
    "TABLE_4",
    "TABLE_5",
    "TABLE_6",
    "Figure",
    "Method",
]

DATASETS = {
    "avenue": "Avenue",
    "ped2": "UCSD Ped2",
    "shanghaitech": "ShanghaiTech",
    "ucf_crime": "UCF-Crime",
    "lad": "LAD",
}
"""Catalogue name to the name in the paper, in the order of its Tables 2 and 3."""


@dataclass(frozen=True)
class Figure:
    """A published number.

    Args:
        value: In %.
        rerun: Whether the LAD paper marks it "*": its own run of public source code.
    """

    value: float
    rerun: bool = False


@dataclass(frozen=True)
class Method:
    """A row of Table 3.

    Args:
        name: As printed.
        supervision: U, W or F.
        detector: Its catalogue name here.
        auc: Catalogue name of the dataset to the AUC.
    """

    name: str
    supervision: str
    detector: str
    auc: dict[str, Figure]


def _aucs(*printed: str) -> dict[str, Figure]:
    """Numbers of a row as printed, in the order of DATASETS; "-" for none."""
    return {
        dataset: Figure(float(text.rstrip("*")), text.endswith("*"))
        for dataset, text in zip(DATASETS, printed, strict=True)
        if text != "-"
    }


TABLE_3 = (
    Method("Sparse", "U", "sparse", _aucs("-", "-", "-", "65.51", "50.31*")),
    Method("ConvAE", "U", "conv_ae", _aucs("-", "-", "-", "50.60", "53.24*")),
    Method("GMM", "U", "gmm", _aucs("-", "-", "-", "56.43*", "41.02*")),
    Method("Stacked RNN", "U", "stacked_rnn", _aucs("70.09*", "52.58*", "67.66*", "-", "49.42*")),
    Method("U-Net", "U", "unet_prediction", _aucs("55.26*", "71.26*", "56.59*", "-", "53.96*")),
    Method("MNAD", "U", "mnad", _aucs("73.58*", "46.72*", "51.13*", "56.20*", "45.84*")),
    Method("OGNet", "U", "ognet", _aucs("63.23*", "69.08*", "69.26*", "-", "55.07*")),
    Method("DeepMIL", "W", "deep_mil", _aucs("87.53*", "90.19*", "86.30", "75.41", "70.18*")),
    Method("MLEP", "W", "mlep", _aucs("89.20", "-", "73.40", "50.01*", "50.57*")),
    Method("AR-Net", "W", "ar_net", _aucs("89.31*", "93.64*", "91.24", "74.36*", "79.84*")),
    Method("Our Method", "F", "aed", _aucs("89.33", "95.12", "92.97", "74.98", "86.28")),
)

ONE_CLASS = {
    "conv_ae": {"avenue": 70.2, "ped2": 90.0, "shanghaitech": 60.85},
    "stacked_rnn": {"avenue": 81.7, "ped2": 92.2, "shanghaitech": 68.0},
    "unet_prediction": {"avenue": 85.1, "ped2": 95.4, "shanghaitech": 72.8},
    "mnad": {"avenue": 88.5, "ped2": 97.0, "shanghaitech": 70.5},
    "ognet": {"ped2": 98.1},
    "mlep": {"avenue": 89.2, "shanghaitech": 73.4},
}
"""AUC on the datasets' own one-class splits, by the method's own paper or as later tables quote it, each
under its own rules. Not numbers of the LAD paper."""

TABLE_4 = {"C3D": 77.21, "I3D RGB": 84.43, "I3D flow": 82.46, "I3D RGB + flow": 86.93}
"""AUC on LAD by features."""

TABLE_5 = {"score": (80.43, 3.1), "category": (50.00, 58.4), "both": (86.93, 59.3)}
"""AUC and accuracy on LAD by what the loss holds."""

TABLE_6 = {
    "TCNN": {"ucf_crime": 28.4},
    "C3D": {"ucf_crime": 23.0, "lad": 45.9},
    "Our Method": {"ucf_crime": 59.6, "lad": 59.3},
}
"""Accuracy of the categories by dataset."""

FIGURE_5 = {2: 86.93 - 3.97, 5: 86.93}
"""K to the AUC on LAD: K = 5 is the best (Table 4's), K = 2 lies 3.97 below it (Sec. 5.4)."""

FIGURE_6 = {10.0: 86.93}
"""lambda_2 to the AUC on LAD: 10 is the best (Sec. 5.4)."""
