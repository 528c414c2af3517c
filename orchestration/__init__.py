"""Dagster's side: assets that call the layers in order, the schedule, the sensor and the command line.

Belongs here: wiring. Does not belong here: any rule about files, numbers or wording; those are in the layers.
"""
