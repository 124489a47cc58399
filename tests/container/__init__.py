"""The image of deploy/Containerfile, built and run for real: `make container`.

Modules:
    __main__  build the image, run the daemons from it on a real Kafka and a real MinIO, and verify what they stored
    podman  podman with a storage of its own, on machines whose control groups or limits it can't change
"""
