"""What runs inside: the launcher, the zygote and its tasks. Standard library only.

The interpreter in there does not know the package `rlar`: `launcher` gives these modules their names by hand.
"""
