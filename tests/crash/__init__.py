"""The crash harness: servers, databases and disks that fail under load, and proof that nothing acknowledged is lost.

`./run test tests/crash` kills a few times, `./run test tests/crash --campaign` many times. The options are in
conftest.py.
"""
