"""Warm starts: jobs of a run start from a process that has loaded their libraries already.

Most jobs of a small run take less time than the import of torch, numba and pandas. Snakemake starts one process that
loads them once (`launch`, `server`). The command `camagain` is then a client (`client`): it asks that process to fork,
the fork does the job, and the client ends as the job ended. Where anything is unlike in the two, or no process answers,
the client does the job itself, as a command does that a person typed.
"""
