"""Print the lessons that differ from a base: `python -m tools.changed origin/main`."""

import subprocess
import sys

from tools import course


def changed(base, root=course.ROOT):
    """The paths of the lessons with a file that differs from a commit, or that it does not have."""

    def git(*arguments):
        command = ["git", "-C", root, "-c", "core.quotePath=false", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    diff = git("diff", "--name-only", base, "--")
    if diff.returncode:
        raise course.CourseError(f"git knows no {base!r} to compare with; name a commit: BASE=HEAD")
    new = git("ls-files", "--others", "--exclude-standard")
    files = diff.stdout.splitlines() + new.stdout.splitlines()
    lessons = course.lessons(root)
    return [
        lesson.path for lesson in lessons if any(f.startswith(f"{lesson.path}/") for f in files)
    ]


if __name__ == "__main__":
    try:
        print(*changed(*sys.argv[1:]))
    except course.CourseError as error:
        sys.exit(f"error: {error}")
