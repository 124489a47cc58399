"""A fork that Python isn't told of, as a C library may do it, for the programs of tests.

CPython itself hangs in the child if another thread waits for its lock during the fork: nothing makes its lock anew. So
the producer's thread mustn't wake just then. In the parent it polls for seconds at a time, and is given time to begin.
"""

RAW_FORK = """
import ctypes, time
import auditseal_producer.channel as its_channel
usual_seconds, its_channel._POLL_SECONDS = its_channel._POLL_SECONDS, 2.0
def raw_fork():
    time.sleep(0.3)
    child = ctypes.PyDLL(None).fork()  # Python isn't told of it, and its lock stays held
    if child == 0:
        its_channel._POLL_SECONDS = usual_seconds
    return child
"""
