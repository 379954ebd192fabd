"""The command line of authoring; knows the order of the steps, not how they are done."""

import argparse
import os
import sys
from pathlib import Path

from ..runtime import PROFILES
from . import claims, lesson, readme, source, stored, timings
from .course import AuthoringError, Course, here
from .execute import Run

COMMANDS = {
    "lesson": "build, execute, strip, store both notebooks, record the time, refresh the table",
    "refresh": "the same without executing, after an edit of prose or comments",
    "execute": "build and execute; store nothing",
    "measure": "build and execute; store only the time (for `gpu` on another machine)",
    "build": "print the unexecuted notebook",
    "strip": "derive the learner's notebook again from the stored solution",
    "table": "write the tables into README.md",
    "claims": "print what the lessons claim about their runs, and what was reproduced",
    "timings": "print the timing table",
    "check": "list what is out of step or breaks a rule; exit 1 if anything does",
}
ONE, ALL = ("build",), ("lesson", "refresh", "execute", "measure", "strip")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m course_utils.authoring", description="From lesson sources to notebooks."
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name in ONE + ALL:
            many = "" if name in ONE else ", several, or `all`"
            sub.add_argument("numbers", nargs="+", metavar="N", help=f"a lesson, as 12{many}")
        if name in ("lesson", "execute", "measure"):
            default = os.environ.get("COURSE_PROFILE") or "cpu"
            sub.add_argument("--profile", default=default, help=", ".join(PROFILES))
    return made


def main(arguments: list[str] | None = None, course: Course | None = None) -> int:
    """Run one command; returns the exit status."""
    course = course or here()
    args = parser().parse_args(arguments)
    try:
        return run(course, args)
    except AuthoringError as error:
        print(error, file=sys.stderr)
        return 1


def run(course: Course, args: argparse.Namespace) -> int:
    if args.command == "check":
        found = lesson.problems(course)
        print("\n".join(found) or f"{len(course.sources())} lessons in step")
        return bool(found)
    if args.command == "timings":
        for number, entries in sorted(timings.load(course).items()):
            print(number, timings.sentence(entries), sep="  ")
    if args.command == "claims":
        print(claims.table(course))
    if args.command == "table":
        readme.write_table(course)
    for path in chosen(course, args):
        one(course, path, args)
        if args.command in ("lesson", "refresh", "measure"):
            readme.write_table(course)
    return 0


def chosen(course: Course, args: argparse.Namespace) -> list[Path]:
    numbers = getattr(args, "numbers", [])
    return course.sources() if numbers == ["all"] else [course.find(n) for n in numbers]


def one(course: Course, path: Path, args: argparse.Namespace) -> None:
    """One command on one lesson."""
    if args.command == "build":
        sys.stdout.write(source.dumps(source.build(course, path)).decode())
    elif args.command == "strip":
        lesson.strip_again(course, path)
    elif args.command == "refresh":
        lesson.refresh(course, path)
    elif args.command == "execute":
        report(path, args.profile, lesson.run(course, path, args.profile)[1])
    elif args.command == "measure":
        report(path, args.profile, lesson.measure(course, path, args.profile)[1])
        if course.solved(path).exists() and args.profile != "smoke":
            lesson.refresh(course, path)
    else:
        report(path, args.profile, lesson.make(course, path, args.profile))
        if args.profile == "smoke":
            print("smoke: the lesson ran; nothing was stored")
        else:
            table = timings.load(course)
            found = table[path.name[:2]][args.profile]
            whole, training = found["minutes"], found["training_minutes"]
            print(f"{whole:.2f} quiet minutes, {training:.2f} of them in training (machine at "
                  f"{found['quiet']:.2f})")  # fmt: skip
            for line in timings.over_budget(table, path.name[:2]):
                print(line)
            print(stored.results(course, path), end="")


def report(path: Path, profile: str, cost: Run) -> None:
    slow = ", ".join(f"cell {number} {seconds:.1f} s" for number, seconds in cost.slowest())
    print(
        f"{path.stem} ({profile}): {cost.seconds:.1f} s in cells, {cost.wall_seconds:.1f} s in "
        f"all, {cost.peak_mb:.0f} MB; slowest: {slow}"
    )


if __name__ == "__main__":
    sys.exit(main())
