"""What the report says above each table, and above and below each figure."""

from collections.abc import Mapping

TABLE_TITLES: Mapping[str, str] = {
    "localization": "Results",
    "top-loc": "Classes and boxes together",
    "paired-tests": "Paired tests",
    "evaluation-choices": "What each choice of the evaluation costs",
    "model-zoo": "The authors' model zoo, and ours",
    "wsol-methods": "Other methods of localization",
    "models": "Networks",
    "speed": "How long each network took",
    "augmentation": "What each change of the recipe does",
    "erf": "Effective receptive field",
    "gap": "Channels, their weights and their areas",
    "pca": "Principal components of the feature maps",
    "initialization": "Before and along training",
    "remedies": "Remedies against local maps",
    "texture": "Shape and texture",
    "cues": "The part that decides the class",
    "interventions": "Kernel size as the only change",
}
"""Heading of each table; the first is the report's."""

CAPTIONS: Mapping[str, tuple[str, str]] = {
    "heatmaps": (
        "What the maps look like",
        "Test images at equal steps from the worst to the best localized, so that failures show as often as they "
        "happen. White: true box. Yellow: predicted box at the threshold that is best on the test split. Bright: high "
        "score.",
    ),
    "families": (
        "Families and kernel sizes",
        "The paper's first figure. Left, in colour: MaxBoxAcc of this run's networks, with intervals over images; "
        "dashed: boxes that never look at the image. Right, in grey: the 37 networks of the paper, read off its figure "
        "to 0.1 points. A circle's area is the largest kernel, a star the mean of a family. The panels show different "
        "images unless their titles say otherwise, and only where they do not can they be compared.",
    ),
    "threshold-curves": (
        "Box accuracy over the threshold",
        "Share of test images whose largest contour gives a box with IoU of at least 0.5, for one threshold on all "
        "images. The dot is MaxBoxAcc. Grey: boxes that never look at the image.",
    ),
    "evaluation-choices": (
        "What each choice does",
        "Change of MaxBoxAcc in points when one choice of the evaluation is changed and everything else stays, with "
        "the interval over images. Zero: the choice does not matter for these images.",
    ),
    "training": (
        "Fine-tuning",
        "Left: loss on augmented training images. Right: accuracy on val images, which are not trained on.",
    ),
    "cam-diagram": (
        "How a class activation map is computed",
        "A sketch with made-up feature maps, the same in every run. Above: maps are averaged, weighed and added to the "
        "score of a class. Below: the same weights on the maps themselves give the class activation map.",
    ),
    "erf": (
        "Effective receptive field",
        "What each input pixel contributes to the centre of the last feature maps, as RepLKNet's authors draw it: "
        "log10(A + 1) through its maximum, from none (yellow) to most (green). Outlined: the smallest centred square "
        "that holds half of it, its area below. Curves: that area for every share t, by weights; where no square of "
        "the input holds so much, a curve ends. Grey: a contribution spread evenly over the input. Rows of states that "
        "would not fit on a page are left out of the pictures, not of the curves.",
    ),
    "erf-localization": (
        "Effective receptive field against localization",
        "One point for each network: area of the square that holds a share t of the contribution, and MaxBoxAcc with "
        "its interval over images. Above, correlations over all networks, below, within each family, in brackets "
        "bootstrap intervals over networks. A correlation is given from three networks on; with so few, the interval "
        "says that it means nothing.",
    ),
    "gap": (
        "Channels, their weights and their areas",
        "Upper row: channels of all test images in 20 equal bins by the weight of the predicted class, lowest weight "
        "left; markers are hollow where the mean weight is negative. GAP values are divided by the network's own "
        "deviation; the activated area is the share of cells above a share of the channel's maximum. Below: rank "
        "correlations over the channels of an image; maps of the channels of one sign of weight alone, as share of "
        "their mass in the true box through the box's share of the area (1: no better than spread evenly) and as "
        "localizers.",
    ),
    "pca": (
        "Principal components of the feature maps",
        "Components of weighed and scaled channels, as PC1 is made. Left: share of the variance, mean over test "
        "images. Middle: boxes from CAM and from each component, oriented so that the edge of the image is dark. "
        "Right: test images by whether CAM, PC1, both or neither give a right box, each at its own best threshold.",
    ),
    "initialization": (
        "Before and along training",
        "How widely the last feature maps are activated, mean over channels and images. Left of each panel: random "
        "weights, a dot for each seed. Lines: from the weights that training began with to those that it ended with; "
        "bands are intervals over images. Above: share of cells above 0.2 of the channel's maximum. Below: absolute "
        "mean through root mean square, 1 for a flat map and the root of a for one that is active in a share a of its "
        "cells. Hollow and dotted: the same of noise, which shows what owes nothing to what images show.",
    ),
    "remedies": (
        "Remedies against local maps",
        "Thresholded average pooling (TAP), negative weight clamping (NWC) and percentile thresholding (PaS) of Bae et "
        "al. (2020). Left: what each adds to MaxBoxAcc on average over all settings of the others, with paired "
        "intervals over images; at zero it does nothing. For TAP classifiers are fitted anew on frozen features, so "
        "the reference is one fitted in the same way on plain averages; what that alone does stands on top. A star: "
        "mean of several models of a family. Right, for up to 8 models: MaxBoxAcc of every combination.",
    ),
    "texture": (
        "Shape and texture",
        "Accuracy, MaxBoxAcc (true class) and the share of the map inside the true box on corrupted images, with "
        "intervals over images. Shuffled patches keep what is smaller than a patch; a median filter keeps what is "
        "larger than its window. Maps of shuffled images are put back before they are scored; hollow dots: what the "
        "coarse feature grid leaves of the clean image's map on that way, so that the network's own loss is the gap "
        "below. Random phases keep spectrum and colours and no object. Grey lines: most frequent class, centred "
        "Gaussian, map of one value.",
    ),
    "cues": (
        "The part that decides the class",
        "Drawn classes differ in the colours of crown and wing patch alone. Left: how the mass of a map divides among "
        "these cues, the rest of the bird and the background; on top, how the area divides. Middle: mass on the cues "
        "through their share of the area, and through mass by area on the rest of the bird; 1: the map does not "
        "prefer them, larger: local activation. Right: rank correlation over images of that preference with the IoU "
        "of the box; negative where preferring the cues costs boxes.",
    ),
    "interventions": (
        "Kernel size as the only change",
        "Left: trained networks whose depthwise kernels were padded with zeros, which changes no output, and which "
        "were then trained further; arrows lead from the control, the same further training with the kernels as they "
        "are. To the right: the receptive field grew. Bars: paired intervals over images; where one crosses zero, "
        "MaxBoxAcc shows no difference. If the receptive field drove localization, arrows would rise to the right. "
        "Right: outer taps set to zero, without training.",
    ),
}
"""Title and caption of each figure."""
