"""What the product promises in figures, measured: `make bench`. A file per subject, and what they share.

Every figure is shown beside a floor that was measured in the same run on the same machine, and judged by their ratio only: an
absolute time would say as much about the machine. Nothing here asserts a time; what must be identical, is asserted.
"""
