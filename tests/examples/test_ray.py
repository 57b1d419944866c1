"""The examples for clusters, as far as one machine can test them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import pyvips

from tests.support import gradient, needs_ray, results

pytestmark = [needs_ray, pytest.mark.skipif(sys.platform == "win32", reason="Slurm and its scripts are for POSIX systems")]

EXAMPLES = Path(__file__).parents[2] / "examples" / "ray"
# Everything that Slurm would run on some node runs here.
SRUN = '#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"\n'
SCONTROL = "#!/bin/bash\necho 127.0.0.1\n"


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.slow
def test_a_slurm_job_colorizes_and_ends(tmp_path: Path) -> None:
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    program(stand_ins / "srun", SRUN)
    program(stand_ins / "scontrol", SCONTROL)
    program(stand_ins / "batchcolor", f'#!/bin/bash\nexec {sys.executable} -m batchcolor "$@"\n')
    (tmp_path / "scans").mkdir()
    for n in range(20):
        pyvips.Image.new_from_array(gradient(100, 120 + n)).write_to_file(str(tmp_path / "scans" / f"{n:02}.png"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(stand_ins), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(Path.cwd()),
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1",
        "RAY_PORT": str(port),
    }
    command = ["bash", EXAMPLES / "batchcolor.sbatch", tmp_path / "scans", tmp_path / "colour"]
    ran = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "20 done, 0 failed" in ran.stderr
    assert len([name for name in results(tmp_path / "colour") if name.endswith(".png")]) == 20


def test_the_cluster_file_is_accepted_by_ray() -> None:
    import yaml
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(yaml.safe_load((EXAMPLES / "cluster.yaml").read_text("utf-8"))))
