import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from vadlab.engine import ClipModel, fast_bf16
from vadlab.engines import openvino
from vadlab.errors import UsageError

MODEL = ClipModel(lambda form: nn.Flatten(), (1, 2, 2, 1), "float32", 4, "none")


def test_without_the_package_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError, match=r"pip install 'vadlab\[openvino\]'"):
        openvino.OpenVINO(MODEL, device=torch.device("cpu"))


def test_another_device_is_refused() -> None:
    with pytest.raises(UsageError, match="CPU"):
        openvino.OpenVINO(MODEL, device=torch.device("cuda"))


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
@pytest.mark.skipif(fast_bf16(torch.device("cpu")), reason="this processor calculates in bf16")
def test_bf16_is_refused_where_it_would_be_fp32() -> None:
    openvino.OpenVINO(MODEL, device=torch.device("cpu"))
    with pytest.raises(UsageError, match="does not calculate in bf16"):
        openvino.OpenVINO(MODEL, precision="bf16", device=torch.device("cpu"))


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
@pytest.mark.parametrize("ours", [True, False])
def test_importing_it_sends_and_writes_nothing(ours: bool, tmp_path: Path) -> None:
    """Its own import reports to its makers; the second case shows that the test would notice."""
    code = f"""
import sys
import torch
from vadlab.engines import openvino as engine
seen = []
watched = ("socket.", "subprocess.", "os.mkdir", "os.fork", "os.posix_spawn")
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith(watched) else None)
import socket
def refuse(*args): raise OSError("no network")
socket.getaddrinfo = socket.socket.connect = refuse
if {ours}:
    engine.library()
else:
    import openvino
print(bool(seen), "openvino_telemetry" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1"},
    )
    assert run.stdout.split() == [str(not ours), str(not ours)]
    assert any(tmp_path.iterdir()) is not ours
