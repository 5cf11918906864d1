"""A block of the 3.x line that can keep results; prints its slug."""

import json
import sys

from prefect.filesystems import LocalFileSystem

WORD = sys.argv[1]

if __name__ == "__main__":
    LocalFileSystem(basepath="/tmp/results").save(f"storage-{WORD}")
    print(json.dumps({"slug": f"local-file-system/storage-{WORD}"}))
