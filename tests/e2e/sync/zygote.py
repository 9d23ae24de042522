"""A process that has everything imported, and forks one run of a rule after the other: so that kills come fast.

It reads a rule's name from each line of its input, and answers with the pid of the run, then with how that ended.
"""

import os
import sys
from pathlib import Path

from demitasse.app.site import open_site
from demitasse.kernel import json
from demitasse.observability.logs import configure_logs
from demitasse.sync.model import Counts


def run(path: Path, rule: str) -> None:
    """Run a rule to its end, and write what it did into a file."""
    site = open_site(path)
    ran = site.services.sync.runner().run(rule)
    counts = {name: getattr(ran.counts, name) for name in Counts.__slots__}
    (path / "ran.json").write_bytes(json.encode({**counts, "duration_s": ran.duration_s}))
    site.close()


def main() -> None:
    """Fork a run for each line."""
    configure_logs(is_terminal=False)
    path = Path(sys.argv[1])
    open_site(path).close()  # every module that a run needs is loaded now
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(path, line.strip())
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
