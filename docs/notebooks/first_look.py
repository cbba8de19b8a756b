# %% [markdown]
# # A first notebook
#
# Where does a network look, which box comes of it, how good is that box, and how much of the image does the network
# see? On drawn birds, with networks that are already trained: no download, no GPU, half a minute. This page is
# [first_look.py](first_look.py): open it in Jupyter with jupytext, or run it with `python`, in the folder of the
# repository.

# %%
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import camagain
from camagain.datasets.cub import read_cub
from camagain.datasets.images import warp
from camagain.datasets.kinds.synthbirds import SynthBirds
from camagain.datasets.synthbirds import write_synthbirds

# %% [markdown]
# ## Some birds
#
# SynthBirds are drawn with exact boxes, in the layout of CUB-200-2011. `birds` has a row for each image.

# %%
folder = Path(tempfile.mkdtemp())
few = {"train_per_class": 2, "test_per_class": 4, "val_per_class": 1}
settings = SynthBirds(kind="synthbirds", **few)
write_synthbirds(folder, settings, workers=1)
index = read_cub(folder, settings.val_per_class, settings.split_seed)
birds = index[index["split"] == "test"].reset_index(drop=True)
images = [Image.open(folder / path).convert("RGB") for path in birds["path"]]
print(len(birds), "birds of", birds["class_name"].nunique(), "classes")

# %% [markdown]
# ## A network
#
# A name and a file of weights. The file says nothing of the size of images that the network was trained on, so that is
# told. Any other name of timm, a module of yours, or a trained model of a run would do.

# %%
weights = "config/quickstart/resnet_narrow.safetensors"
network = camagain.own_network("resnet_narrow", weights, input=camagain.Input(size=96))

# %% [markdown]
# ## A score map and a box
#
# The map is as large as the network's last feature maps. The box, in yellow, is drawn around its largest part above a
# threshold; the true box is white.

# %%
found = camagain.localize(network, images[0])
true_box = tuple(birds["boxes"][0][0])
print(f"class {found.label} (true: {birds['label'][0]}) with probability {found.probability:.2f}")
print("map", found.map.shape, "box", np.round(found.box(0.2)), "true box", true_box)

# %% [markdown]
# CAM on the left, and beside it PC1, the paper's map, which asks of a class nothing but the signs of its weights.

# %%
maps = [camagain.localize(network, images[0], method=method) for method in ("cam", "pc1")]
pictures = [one.picture(threshold=0.2, true_box=true_box) for one in maps]
side = Image.new("RGB", (1820, 900), "white")
for i, picture in enumerate(pictures):
    side.paste(picture, (920 * i, 0))
side.resize((728, 360)).save("first-look.png")

# %% [markdown]
# ![A drawn bird with its score maps, CAM left and PC1 right, and the predicted and the true box](first-look.png)
#
# ## The threshold
#
# The box depends on it: the higher the threshold, the smaller the box.

# %%
for threshold in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
    x0, y0, x1, y1 = found.box(threshold)
    print(f"threshold {threshold:.2f}: {x1 - x0:3.0f} x {y1 - y0:3.0f} pixels")

# %% [markdown]
# ## A score
#
# No threshold is right for a single image. MaxBoxAcc takes the one that is best for all images: the share of images
# whose box then has an IoU of at least one half. With so few images the interval is wide.

# %%
every = [camagain.localize(network, image) for image in images]
boxes, sizes = [np.array(own) for own in birds["boxes"]], [image.size for image in images]
scored = camagain.score([one.map for one in every], boxes, sizes)
best = scored.scores["max_box_acc"]
print(f"MaxBoxAcc {best['value']:.0f} % [{best['low']:.0f}, {best['high']:.0f}]")
print(f"at threshold {best['threshold']:.3f}")
print(scored.images.nsmallest(3, "iou"))

# %% [markdown]
# ## How much the network sees
#
# The effective receptive field: how much each pixel contributes to the middle of the last feature maps, and the
# smallest centred square that holds a share of it.

# %%
batch = torch.stack([warp(image, network.input) for image in images[:8]])  # (8, 3, 96, 96)
contribution = camagain.contribution_map(network.network, batch)  # (96, 96)
for share, square in camagain.area_ratios(contribution).items():
    width = "wider than the image" if square is None else f"{square[0]} pixels wide"
    print(f"{share:.0%} of the contribution: {width}")
