"""How much of a parser's code a target's corpus reaches: `python -m tests.fuzz.reach TARGET FOLDER`.

A replay of FOLDER/corpus under coverage.py, which also holds each input to the promises once more, without instrumented
code around it. FOLDER/reached.json gives the percentage of lines for each module that the target is about.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

from coverage import Coverage


def reach(name: str, folder: Path) -> dict[str, float]:
    """Return the percentage of the lines of each of the target's modules that its corpus reaches."""
    measured = Coverage(data_file=None, source_pkgs=["auditseal_schemas", "auditseal_archiver", "auditseal_auditor"])
    measured.start()
    try:
        from tests.fuzz.targets import TARGETS
        from tests.fuzz.watch import Watch

        target = TARGETS[name]
        watch = Watch(target)
        for path in sorted((folder / "corpus").iterdir()):
            watch.try_one(path.read_bytes())
    finally:
        measured.stop()
    return {module: _percentage(measured, module) for module in target.modules}


def _percentage(measured: Coverage, module: str) -> float:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    _, lines, _, missed, _ = measured.analysis2(spec.origin)
    return round(100 * (len(lines) - len(missed)) / len(lines), 1)


if __name__ == "__main__":
    (Path(sys.argv[2]) / "reached.json").write_text(json.dumps(reach(sys.argv[1], Path(sys.argv[2]))))
