"""`drplan validate`: the errors in files, without a cluster."""

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = f"""{parser.description}

Each error is a line `FILE: Kind namespace/name: field: what is wrong`. Exit code 0 without errors, 1 with errors,
2 where there is nothing to check. A reference to an object that is in none of the files is not checked, and a line
says so. Objects of other kinds are ignored."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="YAML files or folders; - for standard input")
    parser.add_argument("-n", "--namespace", default="default", help="namespace of objects without one [default]")


def run(options: argparse.Namespace) -> int:
    """Print the errors and return the exit code."""
    from cli.validate import validate

    return validate(options.files, options.namespace or "default")
