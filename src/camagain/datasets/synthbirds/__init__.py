"""SynthBirds: an embedded dataset of drawn birds, fine-grained and cluttered, with exact boxes, masks and parts.

Every image is a function of a few integers: `dice` turns them into random numbers, `habitats`, `clutter` and `perch`
make the scene, `bird`, `shapes` and `plumage` the bird, `classes` its two class colours, `canvas` and `texture` the
pixels, `render` puts them together and `write` writes the layout of CUB-200-2011. The classes differ only in the
colours of crown and wing patch.

The same settings give the same bytes on any machine: random numbers come from raw Philox bits, geometry from single
IEEE 754 operations and a table of directions, pixels from integers, and PNG files are stored without compression.
"""

from camagain.datasets.synthbirds.write import write_synthbirds

__all__ = ["write_synthbirds"]
