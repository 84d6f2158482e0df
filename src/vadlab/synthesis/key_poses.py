"""The key poses that motions go through, from standing to lying on the back."""

from __future__ import annotations

from vadlab.synthesis.poses import Pose

STAND = Pose()


def _pose(
    *,
    hip: tuple[float, float] = STAND[0:2],
    lean: float = STAND.lean,
    nod: float = STAND.nod,
    left_foot: tuple[float, float] = STAND[4:6],
    right_foot: tuple[float, float] = STAND[6:8],
    left_hand: tuple[float, float, float] = STAND[8:11],
    right_hand: tuple[float, float, float] = STAND[11:14],
) -> Pose:
    """A pose from points: (forward, up), hands (forward, up, outward); what is left out is as in standing."""
    return Pose(*hip, lean, nod, *left_foot, *right_foot, *left_hand, *right_hand)


PHONE = _pose(nod=0.1, right_hand=(0.14, 0.12, -0.06))
READ = _pose(nod=0.4, left_hand=(0.26, -0.24, -0.1), right_hand=(0.28, -0.22, -0.1))
GUARD = _pose(
    hip=(0.0, 0.86),
    lean=0.14,
    left_foot=(0.22, 0.0),
    right_foot=(-0.22, 0.0),
    left_hand=(0.32, -0.02, -0.08),
    right_hand=(0.2, -0.1, -0.06),
)
WIND = GUARD._replace(hip_f=-0.08, lean=-0.02, right_hand_f=-0.22, right_hand_u=-0.1, right_hand_o=0.15)
JAB = GUARD._replace(hip_f=0.16, lean=0.32, right_hand_f=0.56, right_hand_u=0.06, right_hand_o=-0.12)
HOOK = GUARD._replace(hip_f=0.12, lean=0.28, left_hand_f=0.52, left_hand_u=0.1, left_hand_o=-0.2)
CHAMBER = GUARD._replace(lean=-0.15, right_foot_f=0.2, right_foot_u=0.5)
KICK = GUARD._replace(lean=-0.45, hip_u=0.88, right_foot_f=0.82, right_foot_u=0.82, left_foot_f=-0.05)
REEL = _pose(
    hip=(-0.16, 0.84),
    lean=-0.45,
    nod=-0.4,
    left_foot=(0.1, 0.0),
    right_foot=(-0.36, 0.0),
    left_hand=(0.25, 0.12, 0.25),
    right_hand=(0.12, 0.06, 0.3),
)
DOUBLED = _pose(
    hip=(-0.18, 0.78), lean=0.95, nod=0.3, left_hand=(0.02, -0.42, -0.14), right_hand=(0.02, -0.42, -0.14)
)
COWER = _pose(
    hip=(-0.1, 0.46),
    lean=0.85,
    nod=0.5,
    left_foot=(0.12, 0.0),
    right_foot=(-0.12, 0.0),
    left_hand=(0.2, 0.26, -0.12),
    right_hand=(0.2, 0.26, -0.12),
)
SQUAT = _pose(
    hip=(-0.16, 0.4),
    lean=0.6,
    nod=0.15,
    left_foot=(0.1, 0.0),
    right_foot=(-0.12, 0.0),
    left_hand=(0.22, -0.48, -0.1),
    right_hand=(0.2, -0.5, -0.1),
)
STOOP = _pose(hip=(-0.2, 0.72), lean=1.2, nod=0.1, left_hand=(0.1, -0.55, 0.0), right_hand=(0.12, -0.55, 0.0))
SIT = _pose(
    hip=(-0.3, 0.46),
    lean=-0.05,
    left_foot=(0.16, 0.0),
    right_foot=(0.1, 0.0),
    left_hand=(0.28, -0.38, 0.06),
    right_hand=(0.28, -0.38, 0.06),
)
TRIP = _pose(
    hip=(0.22, 0.8),
    lean=0.6,
    nod=-0.3,
    left_foot=(0.12, 0.0),
    right_foot=(-0.35, 0.25),
    left_hand=(0.5, 0.05, 0.15),
    right_hand=(0.45, 0.1, 0.2),
)
LIE_FRONT = _pose(
    hip=(0.82, 0.13),
    lean=1.52,
    left_foot=(0.0, 0.05),
    right_foot=(0.06, 0.05),
    left_hand=(0.32, -0.06, 0.25),
    right_hand=(0.1, -0.08, 0.3),
)
SLIP = _pose(
    hip=(-0.2, 0.74),
    lean=-0.55,
    nod=0.2,
    left_foot=(0.42, 0.35),
    right_foot=(0.1, 0.0),
    left_hand=(0.25, 0.3, 0.35),
    right_hand=(-0.1, 0.2, 0.4),
)
LIE_BACK = _pose(
    hip=(-0.62, 0.13),
    lean=-1.5,
    left_foot=(0.0, 0.03),
    right_foot=(0.2, 0.03),
    left_hand=(-0.05, -0.1, 0.35),
    right_hand=(0.3, -0.06, 0.15),
)
KNEEL = _pose(
    hip=(0.1, 0.5),
    lean=0.45,
    left_foot=(0.38, 0.0),
    right_foot=(-0.28, 0.04),
    left_hand=(0.3, -0.38, 0.06),
    right_hand=(0.3, -0.45, 0.06),
)
CRAWL = _pose(
    hip=(0.35, 0.42),
    lean=1.25,
    nod=-0.3,
    left_foot=(-0.1, 0.0),
    right_foot=(-0.05, 0.0),
    left_hand=(0.1, -0.52, 0.06),
    right_hand=(-0.05, -0.52, 0.06),
)
RAISED = _pose(
    hip=(0.0, 0.9),
    lean=-0.12,
    left_foot=(0.22, 0.0),
    right_foot=(-0.2, 0.0),
    left_hand=(0.05, 0.48, -0.1),
    right_hand=(-0.12, 0.52, 0.06),
)
STRUCK = _pose(
    hip=(0.1, 0.82),
    lean=0.55,
    left_foot=(0.26, 0.0),
    right_foot=(-0.24, 0.0),
    left_hand=(0.46, -0.24, -0.16),
    right_hand=(0.5, -0.22, -0.1),
)
REACH = _pose(
    hip=(0.05, 0.92), lean=0.22, left_foot=(0.2, 0.0), right_foot=(-0.2, 0.0), right_hand=(0.52, -0.1, 0.06)
)
SHAKE = _pose(lean=0.12, left_foot=(0.12, 0.0), right_foot=(-0.12, 0.0), right_hand=(0.42, -0.28, -0.1))
HUG = _pose(hip=(0.05, 0.92), lean=0.16, left_hand=(0.42, -0.02, 0.1), right_hand=(0.42, -0.22, 0.1))
CARRY = _pose(lean=-0.06, left_hand=(0.34, -0.34, -0.04), right_hand=(0.34, -0.34, -0.04))
SHOVE = _pose(
    hip=(0.1, 0.92),
    lean=0.4,
    left_foot=(0.25, 0.0),
    right_foot=(-0.25, 0.0),
    left_hand=(0.54, -0.02, 0.06),
    right_hand=(0.54, -0.02, 0.06),
)
PADS = GUARD._replace(
    lean=0.0,
    left_hand_f=0.42,
    left_hand_u=0.08,
    left_hand_o=0.0,
    right_hand_f=0.42,
    right_hand_u=0.08,
    right_hand_o=0.0,
)
