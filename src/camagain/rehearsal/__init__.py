"""Rehearsals: a full-scale experiment from its first file to its report in a small size, before days of GPU time.

A rehearsal is the same experiment file with a few settings reduced (`reduce`), on stand-ins for its images (`images`)
and for its files of weights (`weights`), which lie where the real ones would: the same jobs read the same kinds of
files through the same code. Everything is in one folder, which is deleted afterwards. Its numbers mean nothing.
"""
