"""The `auditseal` command."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command, or say which extra holds it: exit code 2."""
    try:
        from auditseal.cli import app  # noqa: PLC0415  (a service that only publishes has no command line)
    except ModuleNotFoundError as error:
        sys.stderr.write(f"auditseal: the command line needs {error.name}: pip install 'auditseal[cli]', or [all]\n")
        sys.exit(2)
    except KeyboardInterrupt:  # while it loads
        sys.exit(INTERRUPTED)
    app()


if __name__ == "__main__":
    main()
