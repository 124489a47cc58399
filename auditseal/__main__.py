"""The `auditseal` command."""

import sys


def main() -> None:
    """Run the command, or say which extra holds it."""
    try:
        import typer  # noqa: F401, PLC0415  (a service that only publishes has no command line)
    except ModuleNotFoundError:
        sys.exit("auditseal: the command line isn't installed: pip install 'auditseal[cli]', or [all]")
    from auditseal.cli import app  # noqa: PLC0415

    app()


if __name__ == "__main__":
    main()
