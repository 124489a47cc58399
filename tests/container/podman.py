"""Podman with a storage of its own. It runs as root, and also inside a machine that gives root few rights."""

import resource
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HYBRID = Path("/sys/fs/cgroup/unified")
"""Where a system keeps version 2 of control groups beside version 1, which crun refuses."""
_V2_ALONE = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
_IN_A_POD = ("--read-only", "--read-only-tmpfs=false", "--user", "65532:65532", "--cap-drop", "all")
"""As the Helm chart has it: not even /tmp can be written, unless a volume is there."""


class Podman:
    """One storage of images and containers in a folder."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; make nothing."""
        alone = ["unshare", "--mount", "sh", "-c", _V2_ALONE, "sh"] if HYBRID.is_dir() else []
        storage = ["--root", str(folder / "graph"), "--runroot", str(folder / "run")]
        self._command = [*alone, "podman", *storage, "--cgroup-manager", "cgroupfs"]

    def call(self, *words: str, seconds: float = 60) -> str:
        """Run a command of podman and return what it printed, without the last newline.

        Raises:
            RuntimeError: It failed; the text is its complaint.
        """
        done = subprocess.run([*self._command, *words], capture_output=True, text=True, check=False, timeout=seconds)
        if done.returncode:
            raise RuntimeError(
                f"podman {words[0]} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout.strip()

    def build(self, source: Path, base: str, tag: str, seconds: float = 1800) -> None:
        """Build deploy/Containerfile of a repository on a base image, over the host's network."""
        words = ["--isolation", "chroot", "--network", "host", "--ulimit", _limit("nofile", resource.RLIMIT_NOFILE)]
        words += ["--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "--build-arg", f"BASE={base}", "--tag", tag]
        self.call("build", *words, "--file", str(source / "deploy" / "Containerfile"), str(source), seconds=seconds)

    def start(
        self, name: str, image: str, words: Sequence[str], mounts: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Start a container in the background, with as few rights as a pod of the Helm chart has.

        Args:
            name: The container's name.
            image: Its image.
            words: The words of the command, which is the image's entry point.
            mounts: Volumes as `--volume` takes them.
            environment: Its variables.
        """
        self.call("run", "--detach", "--name", name, *_rights(), *_options(mounts, environment), image, *words)

    def once(self, image: str, words: Sequence[str], mounts: Sequence[str], environment: Mapping[str, str]) -> str:
        """Run a command of the image to its end with the same rights, and return what it printed."""
        return self.call("run", "--rm", *_rights(), *_options(mounts, environment), image, *words, seconds=120)

    def stop(self, name: str, seconds: int) -> int:
        """Send SIGTERM, and SIGKILL after so many seconds; return the exit code of the container."""
        self.call("stop", "--time", str(seconds), name, seconds=seconds + 60)
        return int(self.call("wait", name))

    def logs(self, name: str) -> str:
        """Return the last lines of a container's log, or podman's complaint."""
        command = [*self._command, "logs", "--tail", "30", name]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60
        )
        return done.stdout


def _rights() -> list[str]:
    limits = [_limit("nofile", resource.RLIMIT_NOFILE), _limit("nproc", resource.RLIMIT_NPROC)]
    asked = [word for limit in limits for word in ("--ulimit", limit)]
    alone = ["--network", "host", "--cgroups", "disabled", "--security-opt", "no-new-privileges"]
    return [*_IN_A_POD, *alone, "--log-driver", "k8s-file", *asked]


def _limit(name: str, number: int) -> str:
    """Return this process's own limit: podman would raise it, which a machine's root may not be allowed to."""
    soft, hard = (4096 if value == resource.RLIM_INFINITY else min(value, 4096) for value in resource.getrlimit(number))
    return f"{name}={soft}:{hard}"


def _options(mounts: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    volumes = [word for mount in mounts for word in ("--volume", mount)]
    return volumes + [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
