"""Measurements that anyone can repeat: each one against its floor, in the same run, on the same machine."""
