"""Command lines of the collection: `python -m scripts.VERB`."""
