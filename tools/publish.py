"""Push the built site to the branch ``site`` of the checkout's origin.

The branch holds one commit: the pages (with the stamped notebooks under
``notebooks/``) that ``make book`` built from the commit named in its message. It
runs in the job "publish" of checks.yml, whose checkout knows how to push.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stamp import BRANCH, FOLDER, origin

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
IDENTITY = ["-c", "user.name=Publisher", "-c", "user.email=publisher@localhost"]


def git(*arguments: str, index: str | None = None) -> str:
    """Run git on the checkout, with the built site as its working tree."""
    environment = os.environ | ({"GIT_INDEX_FILE": index} if index else {})
    command = ["git", *IDENTITY, f"--git-dir={ROOT / '.git'}", f"--work-tree={SITE}"]
    return subprocess.run(
        [*command, *arguments],
        cwd=SITE,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()


def commit_site(message: str) -> str:
    """Return the id of a commit without parents that holds the built site."""
    with tempfile.TemporaryDirectory() as folder:
        index = str(Path(folder) / "index")  # the checkout's own stays untouched
        git("add", "--all", "--force", ".", index=index)
        tree = git("write-tree", index=index)
    return git("commit-tree", tree, "-m", message)


def main() -> int:
    """Commit the built site and push it."""
    address = origin()
    if address is None:
        print("Nothing pushed: the origin of this checkout is not on GitHub.")
        return 1
    if not (SITE / FOLDER).is_dir():
        print("Nothing pushed: run make book first.")
        return 1
    commit = commit_site(f"Site of {address.commit}")
    git("push", "--quiet", "--force", "origin", f"{commit}:refs/heads/{BRANCH}")
    print(f"Pushed to the branch {BRANCH}: {address.pages}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
