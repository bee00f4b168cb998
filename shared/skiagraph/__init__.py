"""Shared transforms, networks, metrics and tools of the Skiagraph collection of MONAI bundles."""
